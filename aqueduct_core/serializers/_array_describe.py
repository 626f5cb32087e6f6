"""What people see of an array: its shape, statistics and first values, within a budget.

Large arrays are sampled with a stride along their axes, so that what is touched doesn't grow with
them. Numbers that JSON can't hold are told as text.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from aqueduct_core.abc import JSON, Budget

__all__ = ["describe", "statistics"]

_BINS = 10
_ITEMS_PER_SECOND = 4_000_000  # sorted, summed and binned; sets the sample from budget.seconds
_QUANTILES = (0.25, 0.5, 0.75)
_TOP = 5


def describe(array: Any, budget: Budget) -> dict[str, JSON]:
    """Shape, dtype, bytes, statistics and preview of an array, as plain JSON."""
    found: dict[str, JSON] = {
        "shape": list(array.shape),
        "dtype": _shorten(str(array.dtype)),
        "bytes": int(array.nbytes),
    }
    mask = None
    if isinstance(array, np.ma.MaskedArray) and np.ma.getmask(array) is not np.ma.nomask:
        mask = np.ma.getmask(array)
    data = np.ndarray.view(array, np.ndarray)
    limit = max(256, int(budget.seconds * _ITEMS_PER_SECOND))
    step = _steps(data.shape, limit)
    sample = data[step]
    hidden = None if mask is None else mask[step]
    if sample.size < data.size:
        found["sampled"] = int(sample.size)
    with np.errstate(all="ignore"):
        if data.dtype.names is None:
            found["statistics"] = statistics(sample, hidden)
        else:
            found["statistics"] = _field_statistics(sample, hidden, budget)
        found["preview"] = _preview(data, mask, budget)
    return found


def statistics(sample: np.ndarray[Any, Any], mask: Any = None) -> dict[str, JSON]:
    """Nulls, range, mean, spread, quantiles and histogram of some values of a simple dtype."""
    values = sample.reshape(-1) if mask is None else sample[~mask]
    masked = sample.size - values.size
    kind = values.dtype.kind
    if kind in "iuf":
        return _numbers(values, masked)
    if kind == "b":
        true = int(np.count_nonzero(values))
        return {"nulls": masked, "distinct": len({true > 0, true == values.size}), "true": true}
    if kind in "mM":
        return _times(values, masked)
    if kind == "c":
        return {"nulls": masked + int(np.count_nonzero(values != values))}
    if kind in "SUT":
        return _texts(values, masked)
    return {"nulls": masked}


def _numbers(values: np.ndarray[Any, Any], masked: int) -> dict[str, JSON]:
    found: dict[str, JSON] = {"nulls": masked}
    if values.dtype.kind == "f":
        present = values[values == values]
        found["nulls"] = masked + int(values.size - present.size)
        finite = present[np.isfinite(present)]
        if finite.size < present.size:
            found["infinite"] = int(present.size - finite.size)
        values = finite
    if not values.size:
        return found
    ordered = np.sort(values)
    numbers = ordered.astype(np.float64)
    found["min"], found["max"] = _number(ordered[0]), _number(ordered[-1])
    found["mean"], found["std"] = _number(numbers.mean()), _number(numbers.std())
    found["quantiles"] = {
        str(q): _number(numbers[int(q * (numbers.size - 1) + 0.5)]) for q in _QUANTILES
    }
    edges = np.linspace(numbers[0], numbers[-1], _BINS + 1)
    if np.isfinite(edges).all() and edges[0] < edges[-1]:
        ends = np.searchsorted(numbers, edges[1:-1])
        counts = np.diff(ends, prepend=0, append=numbers.size)
        found["histogram"] = {"edges": edges.tolist(), "counts": counts.tolist()}
    return found


def _times(values: np.ndarray[Any, Any], masked: int) -> dict[str, JSON]:
    present = values[~np.isnat(values)]
    found: dict[str, JSON] = {"nulls": masked + int(values.size - present.size)}
    if present.size:
        found["min"], found["max"] = str(present.min()), str(present.max())
    return found


def _texts(values: np.ndarray[Any, Any], masked: int) -> dict[str, JSON]:
    items = values[:2_000].tolist()
    present = [item for item in items if isinstance(item, (str, bytes))]
    found: dict[str, JSON] = {"nulls": masked + len(items) - len(present)}
    if not present:
        return found
    counts = Counter(present)
    found["min"], found["max"] = _text(min(present)), _text(max(present))
    found["distinct"] = len(counts)
    found["top"] = [[_text(item), count] for item, count in counts.most_common(_TOP)]
    return found


def _field_statistics(sample: Any, mask: Any, budget: Budget) -> dict[str, JSON]:
    found: dict[str, JSON] = {}
    for name in sample.dtype.names[: budget.rows]:
        if sample.dtype[name].names is None:
            hidden = None if mask is None else _field(mask, name)
            found[_shorten(name)] = statistics(sample[name], hidden)
    return found


def _field(mask: Any, name: str) -> Any:
    return mask[name] if mask.dtype.names is not None else mask


def _steps(shape: tuple[int, ...], limit: int) -> tuple[Any, ...]:
    """Slices that leave at most about `limit` items, thinning the longest axes first."""
    steps = [1] * len(shape)
    lengths = list(shape)
    while np.prod(lengths, dtype=np.float64) > limit:
        longest = max(range(len(lengths)), key=lengths.__getitem__)
        steps[longest] *= 2
        lengths[longest] = -(-shape[longest] // steps[longest])
    return (..., *(slice(None, None, step) for step in steps))


def _preview(data: Any, mask: Any, budget: Budget) -> JSON:
    room = max(1, budget.size // 64)
    cut = []
    for axis, length in enumerate(data.shape):
        allowed = min(length, budget.rows if axis == 0 else 8, room)
        cut.append(slice(0, allowed))
        room = max(1, room // max(1, allowed))
    first = data[(..., *cut)]
    hidden = None if mask is None or mask.dtype.names is not None else mask[(..., *cut)]
    return _cells(first, hidden)


def _cells(data: Any, mask: Any) -> JSON:
    if data.ndim:
        masks = [None] * len(data) if mask is None else mask
        return [_cells(data[i, ...], masks[i]) for i in range(len(data))]
    if mask is not None and bool(mask):
        return None
    return _cell(data[()])


def _cell(value: Any) -> JSON:
    if isinstance(value, (np.bool_, bool)):
        return bool(value)
    if isinstance(value, np.number) and not isinstance(value, (np.complexfloating, np.timedelta64)):
        return _number(value)
    if value is None:
        return None
    if isinstance(value, (str, bytes)):
        return _text(value)
    return _shorten(str(value))


def _number(value: Any) -> JSON:
    if isinstance(value, np.integer):
        whole = int(value)
        return whole if -(2**63) <= whole < 2**63 else float(whole)
    number = float(value)
    return number if abs(number) < float("inf") else str(number)


def _text(value: str | bytes) -> str:
    return _shorten(repr(value)[:120] if isinstance(value, bytes) else value)


def _shorten(text: str, limit: int = 100) -> str:
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    # Half of a surrogate pair is no text that JSON can be trusted with.
    return text.encode("utf-8", "replace").decode()
