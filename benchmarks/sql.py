"""How fast tables are read from and written into databases, against the drivers alone and against pandas.

Usage: python -m benchmarks.sql [--rows 1000000] [--rounds 3] [--stream 10000000] [--only postgres]

Every contestant runs in a process of its own, and they take turns. Told is the best round: the time on the
clock, the time of this machine's processor without that of a server, and how much memory was needed beyond
what there was before (for reading, the result is part of it). Servers are started as for the
tests.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pandas.testing import assert_frame_equal

from benchmarks.sql_cases import DATABASES as FIRST
from benchmarks.sql_cases import Contest, mixed_table
from benchmarks.sql_more import DATABASES as MORE

__all__ = ["Measured", "measured"]

DATABASES: Mapping[str, type[Contest]] = {**FIRST, **MORE}

# What is measured of whom: at most so much of that contestant's. `driver` gives an Arrow table, with
# whatever types it has; `frame` is the driver and, by hand, the DataFrame that ours is.
TARGETS = {
    ("read", "frame"): 1.1,
    ("read", "pandas"): 1 / 3,
    ("write", "driver"): 1.2,
    ("write", "pandas"): 1 / 10,
}
MEMORY = 1.5  # of the table in Arrow
STREAM_MEMORY = 300 << 20


@dataclass(frozen=True, slots=True)
class Measured:
    """One round.

    Attributes:
        wall: Seconds on the clock.
        cpu: Seconds of the processor, of this process alone.
        memory: Bytes at the highest point, beyond those before.
    """

    wall: float
    cpu: float
    memory: int


def measured(call: Callable[[], Any]) -> Measured:
    """Call once."""
    before = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the highest point is forgotten
    wall, cpu = time.perf_counter(), time.process_time()
    kept = call()
    found = Measured(
        time.perf_counter() - wall, time.process_time() - cpu, _memory("VmHWM") - before
    )
    del kept
    return found


def _memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(f"{name}:"))


def _one(options: argparse.Namespace) -> None:
    """Measure one contestant, and print it."""
    database = DATABASES[options.only](options.url)
    call = database.contestants(options.what, options.rows)[options.who]
    print(json.dumps(asdict(measured(call))))


def _apart(name: str, url: str, what: str, who: str, rows: int) -> Measured:
    arguments = [name, "--url", url, "--what", what, "--who", who, "--rows", str(rows)]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.sql", "--only", *arguments],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def _report(name: str, what: str, best: Mapping[str, Measured], size: int) -> list[str]:
    missed = []
    ours = best["ours"]
    print(f"\n{name}, {what}: {size / 1e6:.0f} MB in Arrow\n")
    print("| contestant | wall s | cpu s | memory / table | ours / it | target |")
    print("|---|---:|---:|---:|---:|---:|")
    for who, found in best.items():
        target = TARGETS.get((what, who))
        if who == "pandas" and name != "postgres":  # whose driver is slow for it
            target = None
        ratio = ours.wall / found.wall
        told = "" if target is None else f"{target:.2f}"
        print(
            f"| {who} | {found.wall:.2f} | {found.cpu:.2f} | {found.memory / size:.2f} "
            f"| {ratio:.2f} | {told} |"
        )
        if target is not None and ratio > target:
            missed.append(f"{name}, {what}: {ratio:.2f} of {who}, where {target:.2f} is wanted")
    if ours.memory > MEMORY * size:
        missed.append(f"{name}, {what}: memory {ours.memory / size:.2f}, where {MEMORY} is wanted")
    return missed


def _race(name: str, url: str, rows: int, rounds: int) -> list[str]:
    missed = []
    size = mixed_table(rows).nbytes
    for what in ("write", "read"):
        contestants = DATABASES[name](url).contestants(what, 10)
        if "frame" in contestants:  # who has less to do would win
            assert_frame_equal(contestants["ours"](), contestants["frame"]())
        found: dict[str, list[Measured]] = {who: [] for who in contestants}
        for _ in range(rounds):
            for who in contestants:
                found[who].append(_apart(name, url, what, who, rows))
        best = {
            who: Measured(
                min(item.wall for item in all_),
                min(item.cpu for item in all_),
                min(item.memory for item in all_),
            )
            for who, all_ in found.items()
        }
        missed += _report(name, what, best, size)
    return missed


def _stream(name: str, url: str, rows: int) -> list[str]:
    found = _apart(name, url, "stream", "ours", rows)
    print(
        f"\n{name}, {rows:,} rows streamed into a store: {found.wall:.1f} s, "
        f"{found.memory / 2**20:.0f} MiB of memory"
    )
    if found.memory > STREAM_MEMORY:
        return [f"{name}: a stream took {found.memory / 2**20:.0f} MiB"]
    return []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stream", type=int, default=10_000_000)
    parser.add_argument("--only", choices=list(DATABASES))
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--what", help=argparse.SUPPRESS)
    parser.add_argument("--who", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.who:
        _one(options)
        return 0
    missed = []
    for name in [options.only] if options.only else list(DATABASES):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            url = options.url or DATABASES[name].start(stack, folder)
            missed += _race(name, url, options.rows, options.rounds)
            if options.stream:
                missed += _stream(name, url, options.stream)
    for line in missed:
        print(line, file=sys.stderr)
    return len(missed)


if __name__ == "__main__":
    sys.exit(main())
