"""Measure contestants on one case, in a process of its own; prints JSON.

    python -m benchmarks.measure "image 36 MB" limit fast --rounds 7

Contestants take turns, in alternating order, so that whatever else the machine does hits all of them.
Each round has a fresh folder, which is removed before the system gets to write it out. Loading includes
reading a byte of every page of what came back.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from aqueduct_core.bench._memory import peak
from benchmarks.byhand import ByHand
from benchmarks.cases import CASES, Case, same, size, touch
from benchmarks.limit import Limit
from benchmarks.ours import Ours
from benchmarks.peers import PEERS, Contestant

PATIENCE = 20.0  # seconds; a contestant that has taken longer has its answer
POLICIES = ("fast", "balanced", "small")


class Place(Protocol):
    """A folder in which a contestant keeps values."""

    def save(self, value: Any, key: str) -> None: ...
    def load(self, key: str) -> Any: ...


@dataclass(slots=True)
class Result:
    """What one contestant reached on one case.

    Attributes:
        save: Seconds, the median of all rounds.
        load: Seconds.
        best_save: Seconds, the best round.
        best_load: Seconds.
        stored: Bytes on disk.
        exact: Whether what came back equals what went in.
    """

    save: float
    load: float
    best_save: float
    best_load: float
    stored: int
    exact: bool


@dataclass(slots=True)
class Memory:
    """What one contestant needed beyond the value, in bytes.

    Attributes:
        save: Highest resident memory while saving, over what it was before.
        load: The same while loading; includes the value itself unless it is mapped.
    """

    save: int
    load: int


def opener(name: str, case: Case) -> Callable[[Path], Place]:
    """What makes the contestant's place from a folder."""
    if name == "limit":
        return partial(Limit, kind=case.kind)
    if name == "by hand":
        return partial(ByHand, kind=case.kind)
    if name in POLICIES:
        return partial(Ours, policy=name)
    return partial(Contestant, peer=PEERS[name])


def measure(
    case: Case, names: list[str], rounds: int, *, quick: bool, base: Path
) -> dict[str, Any]:
    """Times and sizes of all contestants."""
    values = [case.value(quick=quick, seed=seed) for seed in range(case.repeat)]
    openers = {name: opener(name, case) for name in names}
    saves: dict[str, list[float]] = {name: [] for name in names}
    loads: dict[str, list[float]] = {name: [] for name in names}
    stored: dict[str, int] = {}
    exact: dict[str, bool] = {}
    for round_ in range(rounds + 1):
        for name in names if round_ % 2 else reversed(names):
            with folder_in(base) as folder:
                place = openers[name](folder)
                if round_ == 0:  # imports, first allocations and the check; not timed
                    exact[name] = check(place, values[0])
                    stored[name] = disk_usage(folder)
                    continue
                if sum(saves[name]) + sum(loads[name]) > PATIENCE:
                    continue
                save, load = once(place, values)
                saves[name].append(save)
                loads[name].append(load)
    return {
        name: asdict(
            Result(
                save=statistics.median(saves[name]),
                load=statistics.median(loads[name]),
                best_save=min(saves[name]),
                best_load=min(loads[name]),
                stored=stored[name],
                exact=exact[name],
            )
        )
        for name in names
    } | {"size": size(values[0])}


def once(place: Place, values: list[Any]) -> tuple[float, float]:
    """Seconds to save and to load, each the median over the values."""
    saves, loads = [], []
    gc.collect()
    for index, value in enumerate(values):
        start = time.perf_counter()
        place.save(value, f"value{index}")
        saves.append(time.perf_counter() - start)
    for index in range(len(values)):
        start = time.perf_counter()
        value = place.load(f"value{index}")
        touch(value)
        loads.append(time.perf_counter() - start)
        del value
    return statistics.median(saves), statistics.median(loads)


def check(place: Place, value: Any) -> bool:
    """Whether a value comes back as it was; some peers change it."""
    place.save(value, "value0")
    try:
        return same(value, place.load("value0"))
    except AssertionError:
        return False


def memory(case: Case, name: str, *, quick: bool, base: Path) -> dict[str, int]:
    """Peak memory of one contestant; run it in a process that did nothing else."""
    opened = opener(name, case)
    with folder_in(base) as folder:
        check(opened(folder), case.make(max(1, case.count // 100), 1))  # imports, pools
    value = case.value(quick=quick)
    with folder_in(base) as folder:
        place = opened(folder)
        with peak() as saving:
            place.save(value, "value0")
        with peak() as loading:
            kept = place.load("value0")
        del kept
    return asdict(Memory(saving[0], loading[0]))


@contextmanager
def folder_in(base: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=base, prefix="bench-") as folder:
        yield Path(folder)


def disk_usage(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", choices=CASES)
    parser.add_argument("contestant", nargs="+")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--memory", action="store_true", help="peak memory instead of time")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    case = CASES[options.case]
    if options.memory:
        (name,) = options.contestant
        result: dict[str, Any] = memory(case, name, quick=options.quick, base=options.folder)
    else:
        result = measure(
            case, options.contestant, options.rounds, quick=options.quick, base=options.folder
        )
    os.write(1, json.dumps(result).encode() + b"\n")


if __name__ == "__main__":
    main()
