from __future__ import annotations

import ctypes
import faulthandler
import io
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aqueduct_core as aq
from aqueduct_core.abc import Storage
from aqueduct_core.runtime import Capture, Job, Workspace, _capture, collect_logs, run_operator
from aqueduct_core.runtime._spool import FIRST, LAST, Spool, bounded
from aqueduct_core.storage import open_storage
from aqueduct_core.testing import Fault, FaultyStorage
from tests.processes import PATIENCE
from tests.runtime.flows import output, publish, run_one


@pytest.fixture
def capture(tmp_path: Path) -> Capture:
    folder = tmp_path / "spools"
    folder.mkdir()
    return Capture(folder)


@pytest.fixture
def storage() -> Storage:
    return open_storage("memory://")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs are renewed all the time."""
    monkeypatch.setattr(_capture, "_TICK", 0.001)
    monkeypatch.setattr(_capture, "_watch", _capture._Watch())


def captured(capture: Capture, storage: Storage, block: Callable[[], Any]) -> tuple[str, str]:
    """What a block prints."""
    with capture.into(storage, "log") as logs:
        block()
    texts = [
        bytes(storage.get(logs.keys[name])).decode() if name in logs.keys else ""
        for name in ("stdout", "stderr")
    ]
    storage.delete("log/stdout.log", "log/stderr.log")
    return texts[0], texts[1]


def c_print() -> None:
    ctypes.CDLL(None).printf(b"from C, not flushed\n")


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (lambda: print("a line"), ("a line\n", "")),
        (lambda: print("no end", end=""), ("no end", "")),
        (lambda: print("to stderr", file=sys.stderr), ("", "to stderr\n")),
        (lambda: os.system("echo from a shell; echo wrong >&2"), ("from a shell\n", "wrong\n")),
        (lambda: subprocess.run(["echo", "child"], check=True), ("child\n", "")),
        (lambda: os.write(1, b"descriptor\n"), ("descriptor\n", "")),
        (c_print, ("from C, not flushed\n", "")),
        (lambda: sys.__stdout__.write("the original"), ("the original", "")),  # type: ignore[union-attr] # it's there
        (lambda: print("\ud800"), ("\\ud800\n", "")),
    ],
)
def test_whatever_is_printed_is_captured(
    capture: Capture, storage: Storage, block: Callable[[], Any], expected: tuple[str, str]
) -> None:
    assert captured(capture, storage, block) == expected
    assert captured(capture, storage, lambda: None) == ("", "")


def test_the_order_of_python_and_child_processes_is_kept(
    capture: Capture, storage: Storage
) -> None:
    def block() -> None:
        print("one")
        os.system("echo two")
        print("three")

    assert captured(capture, storage, block)[0] == "one\ntwo\nthree\n"


def test_faulthandler_and_warnings_of_compiled_code_are_captured(
    capture: Capture, storage: Storage
) -> None:
    found = captured(capture, storage, lambda: faulthandler.dump_traceback(2))
    assert "most recent call first" in found[1]


def test_a_replaced_stdout_is_captured_and_put_back(
    capture: Capture, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = io.StringIO()
    monkeypatch.setattr(sys, "stdout", ours)
    assert captured(capture, storage, lambda: print("to the log"))[0] == "to the log\n"
    print("to us")
    assert sys.stdout is ours
    assert ours.getvalue() == "to us\n"


def test_handlers_that_were_set_up_by_one_operator_work_in_the_next(
    capture: Capture, storage: Storage
) -> None:
    logger = logging.getLogger("aqueduct.test")
    captured(capture, storage, lambda: logger.addHandler(logging.StreamHandler()))
    assert captured(capture, storage, lambda: logger.error("later"))[1] == "later\n"


def hostile() -> None:
    print("before")
    sys.stdout.close()
    sys.stderr = None  # type: ignore[assignment] # as some programs do
    os.close(1)


def test_an_operator_that_closes_its_streams_harms_nobody(
    capture: Capture, storage: Storage
) -> None:
    before = sys.stdout, sys.stderr
    assert captured(capture, storage, hostile)[0] == "before\n"
    assert (sys.stdout, sys.stderr) == before
    assert captured(capture, storage, lambda: print("next"))[0] == "next\n"


def test_what_raises_is_captured_up_to_there(capture: Capture, storage: Storage) -> None:
    with pytest.raises(KeyboardInterrupt), capture.into(storage, "log") as logs:
        print("before")
        raise KeyboardInterrupt
    assert bytes(storage.get(logs.keys["stdout"])) == b"before\n"


def test_a_child_that_outlives_its_operator_writes_into_no_other_log(
    capture: Capture, storage: Storage
) -> None:
    read, write = os.pipe()

    def start() -> subprocess.Popen[bytes]:
        script = f"echo started; read line <&{read}; echo late"
        child = subprocess.Popen(["sh", "-c", script], pass_fds=[read])
        while b"started" not in Path(capture._folder, "stdout").read_bytes():
            time.sleep(0.001)
        return child

    children: list[subprocess.Popen[bytes]] = []
    found = captured(capture, storage, lambda: children.append(start()))
    assert found[0] == "started\n"

    def following() -> None:
        print("mine")
        os.write(write, b"go\n")
        children[0].wait()

    assert captured(capture, storage, following)[0] == "mine\n"
    os.close(read)
    os.close(write)


def test_a_daemon_that_left_its_parent_writes_into_no_other_log(
    capture: Capture, storage: Storage, tmp_path: Path
) -> None:
    go, done = tmp_path / "go", tmp_path / "done"
    script = f"(while [ ! -e {go} ]; do sleep 0.01; done; echo late; touch {done}) & exit 0"
    assert captured(capture, storage, lambda: subprocess.run(script, shell=True, check=True)) == (
        "",
        "",
    )

    def following() -> None:
        print("mine")
        go.touch()
        while not done.exists():
            time.sleep(0.001)

    assert captured(capture, storage, following)[0] == "mine\n"


def test_logs_can_be_read_while_the_operator_runs(
    capture: Capture, storage: Storage, quick: None
) -> None:
    def wait_for(text: bytes) -> None:
        while storage.stat("log/stdout.log") is None or text not in bytes(
            storage.get("log/stdout.log")
        ):
            time.sleep(0.001)

    def block() -> None:
        print("first")
        wait_for(b"first\n")
        os.system("echo second")
        wait_for(b"first\nsecond\n")

    assert captured(capture, storage, block)[0] == "first\nsecond\n"


def test_a_remote_storage_is_written_to_at_most_every_few_seconds(
    capture: Capture, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = FaultyStorage(open_storage("memory://"))
    remote.profile = "remote"
    monkeypatch.setattr(_capture, "_REMOTE", 1_000.0)  # however long it is until it was looked at
    looked = threading.Event()
    cut = Spool.cut

    def watched(spool: Spool) -> None:
        looked.set()
        cut(spool)

    monkeypatch.setattr(Spool, "cut", watched)
    with capture.into(remote, "log"):
        print("something")
        looked.clear()
        looked.wait()
        assert [verb for verb, _ in remote.calls if verb == "put"] == []
    assert [verb for verb, _ in remote.calls if verb == "put"] == ["put"]


def test_silence_leaves_no_file(capture: Capture, storage: Storage) -> None:
    for _ in range(3):
        assert captured(capture, storage, lambda: None) == ("", "")
    assert [*storage.list()] == []


def test_one_thread_looks_after_all_operators_of_a_process(storage: Storage) -> None:
    before = {*threading.enumerate()}
    for number in range(20):
        captured(Capture(), storage, lambda number=number: print(number))
    assert len({*threading.enumerate()} - before) <= 1


def test_the_thread_ends_when_there_is_nothing_to_look_after(
    capture: Capture, storage: Storage, quick: None
) -> None:
    captured(capture, storage, lambda: None)
    thread = _capture._watch._thread
    assert thread is not None
    thread.join(PATIENCE)
    assert not thread.is_alive()
    captured(capture, storage, lambda: None)
    assert _capture._watch._thread is not thread


def spool_of(tmp_path: Path, *pieces: bytes) -> Spool:
    spool = Spool(tmp_path / "spool")
    for piece in pieces:
        os.write(spool.descriptor, piece)
    return spool


def test_short_streams_are_kept_whole(tmp_path: Path) -> None:
    data = os.urandom(FIRST + LAST)
    assert spool_of(tmp_path, data).read() == data


def test_of_long_streams_the_beginning_and_the_end_are_kept(tmp_path: Path) -> None:
    first, middle, last = b"a" * FIRST, b"b" * 12_345, b"c" * LAST
    found = spool_of(tmp_path, first, middle, last).read()
    marker = b"\n[...               12,345 bytes are left out here ...]\n"
    assert found == first + marker + last


def test_cutting_a_stream_again_and_again_counts_all_that_is_left_out(tmp_path: Path) -> None:
    spool = spool_of(tmp_path, b"a" * FIRST)
    left_out = 0
    for letter in b"bcdef":
        os.write(spool.descriptor, bytes([letter]) * (5 * LAST))
        spool.cut()
        assert spool.size() < FIRST + 2 * LAST
        left_out += 5 * LAST
    found = spool.read()
    assert found.startswith(b"a" * FIRST + b"\n[...")
    assert found.endswith(b"]\n" + b"f" * LAST)
    assert f"{left_out - LAST:,} bytes".encode() in found
    assert bounded(spool.descriptor) == found


def test_what_is_printed_while_a_stream_is_cut_is_kept_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = spool_of(tmp_path, b"a" * FIRST)
    write, rounds, chatter = os.pwrite, 4, b"z" * 1_000

    def while_somebody_prints(descriptor: int, data: memoryview, offset: int) -> int:
        if len(data) > len(chatter):
            os.write(spool.descriptor, chatter)
        return write(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", while_somebody_prints)
    for _ in range(rounds):
        os.write(spool.descriptor, b"b" * (5 * LAST))
        spool.cut()
    printed = FIRST + rounds * (5 * LAST + len(chatter))
    found = spool.read()
    assert found[FIRST:].startswith(f"\n[... {printed - FIRST - LAST:>20,} bytes".encode())
    assert found.count(b"bytes are left out here") == 1
    assert found.endswith(b"b" + chatter)


def test_a_flood_stays_small_in_the_store(capture: Capture, storage: Storage) -> None:
    def flood() -> None:
        line = b"x" * 99 + b"\n"
        for _ in range(30):
            os.write(1, line * 10_000)
        print("the end")

    found = captured(capture, storage, flood)[0]
    assert len(found) < FIRST + LAST + 100
    assert found.endswith("the end\n")
    assert "bytes are left out here" in found


def test_binary_garbage_is_kept_as_it_is(capture: Capture, storage: Storage) -> None:
    garbage = bytes(range(256)) * 3
    with capture.into(storage, "log") as logs:
        os.write(2, garbage)
    assert bytes(storage.get(logs.keys["stderr"])) == garbage


def test_what_a_killed_process_printed_is_collected(tmp_path: Path, storage: Storage) -> None:
    spools = tmp_path / "spools"
    spools.mkdir()
    script = f"""
import faulthandler, os, signal
from pathlib import Path
from aqueduct_core.runtime import Capture
from aqueduct_core.storage import open_storage
faulthandler.enable()
with Capture(Path({str(spools)!r})).into(open_storage("memory://"), "log"):
    print("last words")
    os.kill(os.getpid(), signal.SIGSEGV)
"""
    child = subprocess.run([sys.executable, "-c", script], check=False)
    assert child.returncode == -11
    keys = collect_logs(storage, "log", spools)
    assert bytes(storage.get(keys["stdout"])) == b"last words\n"
    assert b"Segmentation fault" in bytes(storage.get(keys["stderr"]))
    assert collect_logs(storage, "log", tmp_path) == {}


def test_the_logs_of_an_operator_are_found_by_its_result(
    workspace: Workspace, capture: Capture
) -> None:
    @aq.op
    def chatty() -> int:
        print("hello")
        return 1

    @aq.op
    def silent() -> int:
        return 1

    result = run_one(workspace, chatty(), attempt=3, capture=capture)
    key = f"operators/{result.operator}/r1/attempts/3/stdout.log"
    assert result.logs == {"stdout": key}
    assert bytes(workspace.store.storage.get(key)) == b"hello\n"
    assert run_one(workspace, silent(), capture=capture).logs == {}


def test_a_failing_operator_keeps_its_logs(workspace: Workspace, capture: Capture) -> None:
    @aq.op
    def fails() -> int:
        print("so far")
        raise ValueError

    result = run_one(workspace, fails(), capture=capture)
    assert bytes(workspace.store.storage.get(result.logs["stdout"])) == b"so far\n"


def test_logs_that_can_not_be_stored_fail_nothing(capture: Capture, workspace: Workspace) -> None:
    @aq.op
    def chatty() -> int:
        print("hello")
        return 1

    version = publish(workspace.store, chatty())
    key = f"operators/{version.ids['chatty']}/r1/attempts/"
    storage = FaultyStorage(workspace.store.storage, [Fault("put", times=None, key=key)])
    workspace.store.storage = storage
    result = run_operator(workspace, Job(version, "chatty", "r1"), capture=capture)
    assert (result.state, result.logs) == ("succeeded", {})
    assert output(workspace, result) == 1
    assert "injected" in result.detail["logs"]
