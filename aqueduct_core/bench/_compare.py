"""Whether anything is worse than it was: this report against an earlier one.

Times of two days can't be compared as they are: the machine may be another, or busier. So each is taken
relative to the baseline of its own run, a pickle in a file, which took turns with it; where there is no
baseline, as for what can't be pickled, times are taken as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aqueduct_core.bench._ways import BASELINE
from aqueduct_core.errors import ParameterError

__all__ = ["Change", "compare"]

_BYTES = 1.01  # stored bytes may differ by a manifest's date, but not by more
_FLOOR = 4 << 20  # less memory than this is noise


@dataclass(frozen=True, slots=True)
class Change:
    """Something that is worse than it was.

    Attributes:
        value: What was stored.
        way: How.
        what: What is worse: `save`, `load`, `stored`, `memory of save`, `fidelity`, ...
        before: What it was.
        now: What it is.
    """

    value: str
    way: str
    what: str
    before: str
    now: str


def compare(
    now: Mapping[str, Any], before: Mapping[str, Any], *, tolerance: float = 0.25
) -> list[Change]:
    """What is worse, of everything that is in both reports.

    A time counts as worse only if every round was slower than the earlier median by more than the tolerance,
    and most were slower than most of the earlier ones.

    Args:
        now: This report.
        before: The earlier one.
        tolerance: By how much times and memory may be worse: 0.25 for a quarter.

    Raises:
        ParameterError: The earlier report isn't one, or has nothing in common with this one.
    """
    changes: list[Change] = []
    common = 0
    try:
        if before["options"]["quick"] != now["options"]["quick"]:
            raise ParameterError(
                "one report is of quick cases, and the other is not",
                hint="measure both with --quick, or neither",
            )
        for value in [name for name in now["values"] if name in before["values"]]:
            mine, theirs = _by_name(now["values"][value]), _by_name(before["values"][value])
            units = _unit(mine, theirs)
            for way in [name for name in mine if name in theirs and name != BASELINE]:
                common += 1
                found = _worse(mine[way], theirs[way], units, tolerance)
                changes += [Change(value, way, *item) for item in found]
    except (KeyError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise ParameterError(
            f"the earlier report can't be read: {error!r}", hint="it is what --json prints"
        ) from error
    if not common:
        raise ParameterError(
            "the earlier report has nothing in common with this one",
            hint="measure the same values, in the same ways",
        )
    return changes


def _by_name(value: Mapping[str, Any]) -> dict[str, Any]:
    return {result["way"]["name"]: result for result in value["results"]}


def _unit(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, float]:
    """How much slower this run was as a whole, by its baseline."""
    one, other = mine.get(BASELINE, {}), theirs.get(BASELINE, {})
    if "save" not in one or "save" not in other:
        return {"save": 1.0, "load": 1.0}
    return {verb: one[verb]["median"] / other[verb]["median"] for verb in ("save", "load")}


def _worse(
    mine: Mapping[str, Any], theirs: Mapping[str, Any], units: Mapping[str, float], tolerance: float
) -> Iterator[tuple[str, str, str]]:
    if "refused" in theirs:
        return
    if "refused" in mine:
        yield "refused", "stored", mine["refused"]
        return
    if theirs["fidelity"] == "exact" != mine["fidelity"]:
        yield "fidelity", "exact", mine["fidelity"]
    if mine["stored"] > theirs["stored"] * _BYTES:
        yield "stored", f"{theirs['stored']:,} B", f"{mine['stored']:,} B"
    for verb in ("save", "load"):
        was = theirs[verb]["median"] * units[verb]
        slower = mine[verb]["best"] > was * (1 + tolerance)
        if slower and mine[verb]["low"] > theirs[verb]["high"] * units[verb]:
            yield verb, f"{was * 1e3:.3g} ms", f"{mine[verb]['median'] * 1e3:.3g} ms"
        if "memory" in mine and "memory" in theirs:
            used, before = mine["memory"][verb], theirs["memory"][verb]
            if used > before * (1 + tolerance) + _FLOOR:
                yield f"memory of {verb}", f"{before / 1e6:.1f} MB", f"{used / 1e6:.1f} MB"
