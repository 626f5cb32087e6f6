"""How a server answers: each page over a million results, and many people at once.

Usage: python -m benchmarks.server [--scale 1.0] [--seconds 120] [--readers 200] [--writers 20]

A PostgreSQL server is started for it, as for the tests, and filled; then `aqueduct server` runs in a
process of its own. First each page is opened some times by one person: `server ms` is what the
server's own log says. Then readers open pages and ask the API, with some seconds of thought between
two questions, while writers publish new versions and, each fifth time, run them. The exit code is the
number of pages that are too slow or too large, and of requests that failed.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from aqueduct_core.dag import flow_id
from aqueduct_core.tracking import Tracking
from benchmarks.tracking_data import fill, shapes
from tests.databases import PostgresServer
from tests.server.process import Process

__all__ = ["pages"]

TARGET_MS, TARGET_KB = 200, 100
REPEATS = 7
KEY = "5e" * 32


def pages(tracking: Tracking) -> dict[str, str]:
    """What people open, of the busiest workflow and of the largest one."""
    busy, wide = flow_id("every five minutes"), flow_id("wide")
    newest = tracking.runs(busy, limit=1)[0].id
    large = tracking.runs(wide, limit=1)[0].id
    run, huge = f"/flows/{busy}/runs/{newest}", f"/flows/{wide}/runs/{large}"
    return {
        "workflows": "/flows",
        "workflows, searched": "/flows?search=team",
        "a workflow": f"/flows/{busy}",
        "a workflow of 1,000 operators": f"/flows/{wide}",
        "its runs": f"/flows/{busy}/runs",
        "its versions": f"/flows/{busy}/versions",
        "its metrics": f"/flows/{busy}/metrics",
        "a metric": f"/flows/{busy}/metrics/op 5",
        "a check": f"/flows/{busy}/checks/op 7",
        "a run of 20 operators": run,
        "a run of 1,000 operators": huge,
        "an operator": f"{run}/operators/op 1",
        "two runs compared": f"{run}/compare",
        "data": "/data",
        "integrations": "/integrations",
        "settings": "/settings",
        "API: all runs": "/api/v1/runs",
        "API: failed runs": f"/api/v1/flows/{busy}/runs?state=failed",
        "API: results of a run": f"/api/v1{run}/operators",
        "API: a metric": f"/api/v1/flows/{busy}/metrics/op 5",
    }


@dataclass(slots=True)
class Tally:
    """What became of requests of one kind."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def row(self, name: str) -> str:
        """A row of the table."""
        times = sorted(self.seconds) or [0.0]
        half, most = times[len(times) // 2], times[min(len(times) - 1, int(len(times) * 0.95))]
        told = " | ".join(f"{value * 1e3:.0f}" for value in (half, most, times[-1]))
        return f"| {name} | {len(self.seconds):,} | {len(self.errors)} | {told} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="1.0 is a million results")
    parser.add_argument("--url", help="a database that was filled before")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--readers", type=int, default=200)
    parser.add_argument("--writers", type=int, default=20)
    parser.add_argument(
        "--thought", type=float, default=5.0, help="seconds between two questions of one person"
    )
    options = parser.parse_args()
    with ExitStack() as stack:
        url = options.url or stack.enter_context(PostgresServer()).create()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        with Tracking(url, secret=bytes.fromhex(KEY)) as tracking:
            if options.url is None:
                print(f"{fill(tracking, shapes(options.scale)):,} results\n", flush=True)
            chosen = pages(tracking)
            _, key = tracking.create_api_key("benchmark", "admin")
        shared = {
            "AQUEDUCT_DATABASE": url,
            "AQUEDUCT_STORE": str(folder / "store"),
            "AQUEDUCT_SIGNING_KEY": KEY,
        }
        server = Process(folder / "home", "--no-scheduler", environment=shared)
        stack.callback(server.end)
        faults = _open_each(server, key, chosen)
        if options.seconds:
            faults += _load(server, key, list(chosen.values()), options)
    return min(faults, 100)


def _open_each(server: Process, key: str, chosen: Mapping[str, str]) -> int:
    """Open each page alone; returns how many miss their target."""
    headers = {"authorization": f"Bearer {key}", "accept": "text/html"}
    missed = 0
    print("| page | KB | on the wire | server ms | slowest |\n|---|---:|---:|---:|---:|")
    with httpx.Client(base_url=server.address, headers=headers, timeout=120) as caller:
        for number, (name, path) in enumerate(chosen.items()):
            for turn in range(REPEATS):
                answer = caller.get(path, headers={"x-request-id": f"{number}-{turn}"})
                answer.raise_for_status()
            took = _logged(server, number)[1:]  # the first one warms caches
            median, size = statistics.median(took), len(answer.content) / 1e3
            wire = answer.num_bytes_downloaded / 1e3
            figures = f"{size:.1f} | {wire:.1f} | {median:.0f} | {max(took):.0f}"
            print(f"| {name} | {figures} |", flush=True)
            is_page = not path.startswith("/api/")
            missed += median > TARGET_MS or (is_page and size > TARGET_KB)
    return missed


def _logged(server: Process, number: int) -> list[float]:
    """What the server says that the requests for a page took."""
    wanted = [f"{number}-{turn}" for turn in range(REPEATS)]
    end = time.monotonic() + 10
    while True:
        found = {item.get("request_id"): item for item in list(server.log)}
        if all(ident in found for ident in wanted):
            return [float(found[ident]["milliseconds"]) for ident in wanted]
        assert time.monotonic() < end, "the log of the server lacks requests"
        time.sleep(0.02)


def _load(server: Process, key: str, paths: Sequence[str], options: argparse.Namespace) -> int:
    """Let many people in; returns how many requests failed."""
    context = multiprocessing.get_context("spawn")
    told: Any = context.Queue()
    used = _cpu_seconds(server)
    arguments = (server.address, key, options.writers, options.seconds, options.thought, told)
    writing = context.Process(target=_write, args=arguments)
    writing.start()
    tallies: dict[str, Tally] = asyncio.run(
        _read_all(server.address, key, paths, options.readers, options.seconds, options.thought)
    )
    tallies |= told.get()
    writing.join()
    what = (
        f"{options.readers} readers and {options.writers} writers, {options.thought:g} s of thought"
    )
    print(f"\n{what}, for {options.seconds:g} s\n")
    print("| requests | number | errors | p50 ms | p95 ms | slowest |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, tally in tallies.items():
        print(tally.row(name), flush=True)
    used = _cpu_seconds(server) - used
    count = sum(len(tally.seconds) for tally in tallies.values())
    print(
        f"\nThe server had {used / options.seconds:.2f} of {os.cpu_count()} cores, and used "
        f"{used / max(count, 1) * 1e3:.0f} ms of them for each of these."
    )
    failed = [f"{name}: {error}" for name, tally in tallies.items() for error in tally.errors]
    for text in failed[:20]:
        print(text, file=sys.stderr)
    lines = [item for item in list(server.log) if item.get("status", 0) >= 500]
    for line in lines[:20]:
        print(line, file=sys.stderr)
    return len(failed) + len(lines)


def _cpu_seconds(server: Process) -> float:
    """What the server has used so far, without its workers."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _read_all(
    address: str, key: str, paths: Sequence[str], count: int, seconds: float, thought: float
) -> dict[str, Tally]:
    tallies: dict[str, Tally] = defaultdict(Tally)
    end = time.monotonic() + seconds
    limits = httpx.Limits(max_connections=count, max_keepalive_connections=count)
    headers = {"authorization": f"Bearer {key}", "accept": "text/html"}
    async with httpx.AsyncClient(
        base_url=address, headers=headers, limits=limits, timeout=60
    ) as caller:
        await asyncio.gather(*(_read(caller, paths, end, thought, tallies) for _ in range(count)))
    return dict(tallies)


async def _read(
    caller: httpx.AsyncClient,
    paths: Sequence[str],
    end: float,
    thought: float,
    tallies: dict[str, Tally],
) -> None:
    await asyncio.sleep(random.uniform(0, thought))
    while time.monotonic() < end:
        path = random.choice(paths)
        tally = tallies["API" if path.startswith("/api/") else "pages"]
        begin = time.perf_counter()
        try:
            answer = await caller.get(path)
            if answer.status_code != 200:
                tally.errors.append(f"{path}: {answer.status_code}")
        except httpx.HTTPError as error:
            tally.errors.append(f"{path}: {error!r}")
        tally.seconds.append(time.perf_counter() - begin)
        await asyncio.sleep(random.uniform(0.5, 1.5) * thought)


def _write(address: str, key: str, count: int, seconds: float, thought: float, told: Any) -> None:
    """Publish and run, as so many people do."""
    published, ran = Tally(), Tally()
    end = time.monotonic() + seconds
    with ThreadPoolExecutor(count) as pool:
        for number in range(count):
            arguments = (address, key, number, end, thought, published, ran)
            pool.submit(_publish, *arguments)
    told.put({"publishing a new version": published, "starting a run": ran})


def _publish(
    address: str,
    key: str,
    number: int,
    end: float,
    thought: float,
    published: Tally,
    ran: Tally,
) -> None:
    import aqueduct_core as aq
    from aqueduct_core.errors import AqueductError

    @aq.op
    def value(n: int) -> int:
        return n

    turn = 0
    with aq.Client(key, address) as client:
        while time.monotonic() < end:
            turn += 1
            begin = time.perf_counter()
            tally = published
            try:
                made = value(turn)
                flow = client.publish_flow(f"writer {number}", made, run_now=False, quiet=True)
                published.seconds.append(time.perf_counter() - begin)
                if turn % 5 == 0:
                    begin, tally = time.perf_counter(), ran
                    flow.trigger(wait=False, quiet=True)
                    ran.seconds.append(time.perf_counter() - begin)
            except AqueductError as error:
                tally.errors.append(str(error))
            time.sleep(random.uniform(0.5, 1.5) * thought)


if __name__ == "__main__":
    sys.exit(main())
