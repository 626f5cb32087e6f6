"""What a killed or competing writer leaves: the old artifact or the new one, never a mix."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

from aqueduct_core.store import ArtifactStore
from tests.store.toys import Blob, Streamed, Tree, new_registry

KILLS = 100
# Starts a writer for each line, and tells its number; then that it is gone.
WRITERS = """
import os, sys
from aqueduct_core.store import ArtifactStore
from tests.store import test_kill, toys
store = ArtifactStore(sys.argv[1], registry=toys.new_registry())
for line in sys.stdin:
    writer = os.fork()
    while not writer:
        store.put(test_kill.value_of(int(line)), "k")
        line = int(line) + 1
    print(writer, flush=True)
    os.waitpid(writer, 0)
    print("gone", flush=True)
"""


def value_of(turn: int) -> Tree:
    """A value of which every byte tells which one it is, with parts of every kind."""
    mark = turn.to_bytes(4, "big")
    return Tree(
        [
            Blob(mark),  # inline
            Blob(mark * 3_000),  # packed
            Blob(mark * 2_500),
            Blob(mark * 400_000),  # an object of its own
            Streamed(mark * 400_000),  # spooled
        ]
    )


def round_of(value: Tree) -> int:
    mark = bytes(value[0])
    assert value == value_of(int.from_bytes(mark, "big"))
    return int.from_bytes(mark, "big")


def test_a_writer_killed_anywhere_never_tears_an_artifact(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path / "store", registry=new_registry())
    store.put(value_of(0), "k")
    root = Path(__file__).parents[2]
    latest, longest = 0, 0.02
    delays = random.Random(7)
    command = [sys.executable, "-c", WRITERS, str(tmp_path / "store")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=root, text=True, bufsize=1, **pipes) as writers:
        assert writers.stdin is not None
        assert writers.stdout is not None
        for _ in range(KILLS):
            writers.stdin.write(f"{latest + 1}\n")
            writer = int(writers.stdout.readline())
            time.sleep(delays.uniform(0, longest))
            os.kill(writer, signal.SIGKILL)
            assert writers.stdout.readline() == "gone\n"
            seen = round_of(store.get("k"))
            assert seen >= latest
            # About the time of one save, however busy the machine is: kills hit all places in it.
            longest = min(longest * 1.2, 2.0) if seen == latest else max(longest / 1.2, 0.005)
            latest = seen
    assert latest > 0
    assert not store.verify()
    left = [info.key for info in store.storage.list("tmp/")]
    assert left, "no kill hit a write: the delays are wrong"
    swept = store.gc(grace=timedelta(0))
    assert swept.objects >= len(left)
    assert not list(store.storage.list("tmp/"))
    assert round_of(store.get("k")) == latest


def test_readers_see_one_writer_or_the_other(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path, registry=new_registry())
    store.put(value_of(0), "k")
    done = threading.Event()
    failures: list[BaseException] = []

    def write(offset: int) -> None:
        try:
            for turn in range(offset, offset + 40):
                store.put(value_of(turn), "k")
        except BaseException as error:
            failures.append(error)
            raise

    def read() -> None:
        try:
            while not done.is_set():
                round_of(store.get("k"))
        except BaseException as error:
            failures.append(error)
            raise

    writers = [threading.Thread(target=write, args=(offset,)) for offset in (100, 200)]
    reader = threading.Thread(target=read)
    reader.start()
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    done.set()
    reader.join()
    assert not failures
    assert round_of(store.get("k")) in (139, 239)
    assert not store.verify()
