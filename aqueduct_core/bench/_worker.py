"""Measure ways of storing one value, in a process that does nothing else.

    python -m aqueduct_core.bench._worker job.json result.json

Ways take turns, in alternating order, so that whatever else the machine does hits all of them. The first
round isn't counted: it imports, allocates and checks what comes back. Loading includes reading a byte of
every page of what came back.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from aqueduct_core.bench._memory import peak
from aqueduct_core.bench._places import place_for
from aqueduct_core.bench._source import load_value
from aqueduct_core.bench._touch import size_of, touch
from aqueduct_core.bench._ways import Way
from aqueduct_core.errors import AqueductError
from aqueduct_core.testing import assert_identical

__all__ = ["fidelity", "main"]

_QUICK = 0.5  # seconds; ways that have taken less are asked again,
_MOST = 25  # up to so many times
_SHOWN = 200  # characters of a reason


def times(value: Any, ways: list[Way], rounds: int, patience: float) -> list[dict[str, Any]]:
    """Seconds, bytes and fidelity of all ways that can store the value."""
    found = {way: _first(value, way) for way in ways}
    spent: dict[Way, list[tuple[float, float]]] = {
        way: [] for way in ways if "refused" not in found[way]
    }
    number = 0
    while turn := [way for way in spent if _wants_more(spent[way], rounds, patience)]:
        number += 1
        for way in turn if number % 2 else reversed(turn):
            spent[way].append(_once(value, way))
    for way, pairs in spent.items():
        for index, verb in enumerate(("save", "load")):
            found[way][verb] = spread([pair[index] for pair in pairs])
    return [found[way] for way in ways]


def _wants_more(pairs: list[tuple[float, float]], rounds: int, patience: float) -> bool:
    total = sum(map(sum, pairs))
    return total < patience and (len(pairs) < rounds or (total < _QUICK and len(pairs) < _MOST))


def _first(value: Any, way: Way) -> dict[str, Any]:
    """The round that isn't counted; says why, if the value can't be stored this way."""
    found: dict[str, Any] = {"way": way.to_json()}
    try:
        with place_for(way) as place:
            place.save(value)
            loaded = place.load()
            touch(loaded)
            found |= {"stored": place.stored(), **place.how()}
            found["fidelity"] = fidelity(loaded, value)
    except Exception as error:  # noqa: BLE001 - serializers, and the value's own pickling, raise anything
        reason = error.message if isinstance(error, AqueductError) else str(error)
        found["refused"] = _short(f"{type(error).__name__}: {reason}")
    return found


def _once(value: Any, way: Way) -> tuple[float, float]:
    gc.collect()
    with place_for(way) as place:
        start = time.perf_counter()
        place.save(value)
        saved = time.perf_counter()
        loaded = place.load()
        touch(loaded)
        return saved - start, time.perf_counter() - saved


def spread(seconds: list[float]) -> dict[str, Any]:
    """The median, and what half of the rounds lie between."""
    low, _, high = quantiles(seconds, n=4) if len(seconds) > 1 else seconds * 3
    return {
        "median": median(seconds),
        "low": max(low, min(seconds)),
        "high": min(high, max(seconds)),
        "best": min(seconds),
        "rounds": len(seconds),
    }


def fidelity(loaded: Any, value: Any) -> str:
    """`exact`, or what is different."""
    try:
        assert_identical(loaded, value)
    except AssertionError as error:
        return _short(str(error))
    except Exception as error:  # noqa: BLE001 - a value's own methods
        return _short(f"can't be compared: {type(error).__name__}: {error}")
    return "exact"


def memory(value: Any, ways: list[Way]) -> list[dict[str, Any]]:
    """Peak memory beyond the value; of the first way only, what follows would profit from it."""
    (way,) = ways
    with place_for(way) as place:
        _attempt(place.save, _part_of(value))  # imports, pools
        _attempt(place.load)
    with place_for(way) as place:
        with peak() as saving:
            place.save(value)
        with peak() as loading:
            kept = place.load()
            touch(kept)
        del kept
    return [{"way": way.to_json(), "memory": {"save": saving[0], "load": loading[0]}}]


def _part_of(value: Any) -> Any:
    """A little of a value, of the same type, where that is easy."""
    try:
        part = value[:10]
    except Exception:  # noqa: BLE001 - whatever a type raises that can't be sliced
        return value
    return part if type(part) is type(value) else value


def _attempt(action: Callable[..., Any], *arguments: Any) -> None:
    try:
        action(*arguments)
    except AqueductError:  # a part of a value needn't be one
        return


def main(job_file: str, result_file: str) -> None:
    """Do what a job says, and write what was found."""
    job = json.loads(Path(job_file).read_text())
    value = load_value(job["source"], quick=job["quick"])
    ways = [Way(**way) for way in job["ways"]]
    if job["memory"]:
        results = memory(value, ways)
    else:
        results = times(value, ways, job["rounds"], job["patience"])
    kind = type(value)
    document = {
        "results": results,
        "size": size_of(value),
        "class": f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins."),
    }
    Path(result_file).write_text(json.dumps(document))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"


if __name__ == "__main__":
    main(*sys.argv[1:])
