"""What people see of an array: its shape, statistics and first values, within a budget.

Large arrays are sampled with a stride along their axes, so that what is touched doesn't grow with
them. Numbers that JSON can't hold are told as text.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from aqueduct_core.abc import JSON, Budget

__all__ = ["describe", "statistics", "statistics_of_all"]

_BINS = 10
_ITEMS_PER_SECOND = 4_000_000  # sorted, summed and binned; sets the sample from budget.seconds
_QUANTILES = (0.25, 0.5, 0.75)
_QUANTILE_NAMES = [*map(str, _QUANTILES)]
_TOP = 5
_EXACT = 2.0**53  # whole numbers below it are floats exactly
_ROOM_FOR_SHAPE = 4_096  # with less room than this, no quantiles and no histogram


def describe(array: Any, budget: Budget) -> dict[str, JSON]:
    """Shape, dtype, bytes, statistics and preview of an array, as plain JSON."""
    found: dict[str, JSON] = {
        "shape": list(array.shape),
        "dtype": _shorten(str(array.dtype)),
        "bytes": int(array.nbytes),
    }
    mask: Any = None
    if isinstance(array, np.ma.MaskedArray) and np.ma.getmask(array) is not np.ma.nomask:
        mask = np.ma.getmask(array)
    data = np.ndarray.view(array, np.ndarray)
    limit = max(256, int(budget.seconds * _ITEMS_PER_SECOND))
    step = _steps(data.shape, limit)
    sample = data[step]
    hidden = None if mask is None else mask[step]
    if sample.size < data.size:
        found["sampled"] = int(sample.size)
    brief = budget.size < _ROOM_FOR_SHAPE
    if sample.dtype.kind in "iuf":
        with np.errstate(all="ignore"):
            found["statistics"] = statistics(sample, hidden, brief=brief)
    elif data.dtype.names is None:
        found["statistics"] = statistics(sample, hidden, brief=brief)
    else:
        with np.errstate(all="ignore"):
            found["statistics"] = _field_statistics(sample, hidden, budget)
    found["preview"] = _preview(data, mask, budget)
    return found


def statistics(
    sample: np.ndarray[Any, Any], mask: Any = None, *, brief: bool = False
) -> dict[str, JSON]:
    """Nulls, range, mean, spread, quantiles and histogram of some values of a simple dtype.

    Args:
        sample: The values.
        mask: Which of them are missing.
        brief: Leave out quantiles and histogram.
    """
    values = sample.reshape(-1) if mask is None else sample[~mask]
    masked = sample.size - values.size
    kind = values.dtype.kind
    if kind in "iuf":
        return _numbers(values, masked, brief)
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


def _numbers(values: np.ndarray[Any, Any], masked: int, brief: bool) -> dict[str, JSON]:
    numbers = values.astype(np.float64)
    numbers.sort()  # NaN come last
    count = int(numbers.searchsorted(np.nan)) if values.dtype.kind == "f" else numbers.size
    found: dict[str, JSON] = {"nulls": masked + numbers.size - count}
    numbers = numbers[:count]
    if count and not (math.isfinite(numbers[0]) and math.isfinite(numbers[-1])):
        numbers = numbers[np.isfinite(numbers)]
        found["infinite"] = count - numbers.size
        count = numbers.size
    if not count:
        return found
    first, last = numbers.item(0), numbers.item(-1)
    ends = first, last
    if values.dtype.kind != "f":
        exact = max(-first, last) < _EXACT
        ends = (int(first), int(last)) if exact else (values.min().item(), values.max().item())
    found["min"], found["max"] = map(_number, ends)
    mean = float(np.add.reduce(numbers)) / count
    found["mean"] = _number(mean)
    if brief:
        return found
    spread = numbers - mean
    # Not np.dot: after it a thread of the BLAS would spin on a core that others need.
    found["std"] = _number((float(np.einsum("i,i->", spread, spread)) / count) ** 0.5)
    places = [int(q * (count - 1) + 0.5) for q in _QUANTILES]
    found["quantiles"] = dict(zip(_QUANTILE_NAMES, map(numbers.item, places), strict=True))
    width = (last - first) / _BINS
    if 0 < width < math.inf:
        edges = [*(first + width * step for step in range(_BINS)), last]
        ends_of_bins = [0, *numbers.searchsorted(edges[1:-1]).tolist(), count]
        counts = [end - start for start, end in pairwise(ends_of_bins)]
        found["histogram"] = {"edges": edges, "counts": counts}
    return found


def statistics_of_all(
    columns: Sequence[tuple[np.ndarray[Any, Any], Any]],
) -> list[dict[str, JSON]]:
    """The same as `statistics` for many columns of numbers, in a few passes over all of them.

    Args:
        columns: Values of one length, each with the mask of those that are missing, or None.
    """
    if not columns or not columns[0][0].size:
        return [{"nulls": 0} for _ in columns]
    numbers = np.empty((len(columns), columns[0][0].size))
    for row, (values, mask) in zip(numbers, columns, strict=True):
        row[:] = values
        if mask is not None:
            row[mask] = np.nan
    numbers.sort(axis=1)  # NaN come last
    counts = np.full(len(numbers), numbers.shape[1])
    short = np.flatnonzero(np.isnan(numbers[:, -1])).tolist()
    for place in short:
        counts[place] = numbers[place].searchsorted(np.nan)
    last = np.maximum(counts - 1, 0)
    lines = np.arange(len(columns))
    ends = np.stack((numbers[:, 0], numbers[lines, last]), axis=1)
    for place in short:
        numbers[place, counts[place] :] = 0.0
    means = np.add.reduce(numbers, axis=1) / np.maximum(counts, 1)
    spread = numbers - means[:, None]
    for place in short:
        spread[place, counts[place] :] = 0.0
    deviations = np.sqrt(np.einsum("ij,ij->i", spread, spread) / np.maximum(counts, 1))
    quantiles = numbers[lines[:, None], (np.outer(last, _QUANTILES) + 0.5).astype(np.intp)]
    edges = np.linspace(ends[:, 0], ends[:, 1], _BINS + 1, axis=1)
    below = np.zeros(edges.shape, np.intp)
    below[:, -1] = counts
    for row, count, inner, found_below in zip(
        numbers, counts.tolist(), edges[:, 1:-1], below[:, 1:-1], strict=True
    ):
        found_below[:] = row[:count].searchsorted(inner)
    bins = below[:, 1:] - below[:, :-1]
    found = []
    rows = zip(
        *map(_listed, (counts, ends, means, deviations, quantiles, edges, bins)), strict=True
    )
    for (values, mask), told in zip(columns, rows, strict=True):
        least, most = told[1]
        whole = values.dtype.kind != "f"
        # Infinite numbers, and those that are no float, are looked at one column at a time.
        usual = math.isfinite(least) and math.isfinite(most)
        usual = usual and not (whole and max(-least, most) >= _EXACT)
        found.append(_of_row(values.size, whole, *told) if usual else statistics(values, mask))
    return found


def _listed(values: np.ndarray[Any, Any]) -> list[Any]:
    found: list[Any] = values.tolist()
    return found


def _of_row(
    size: int,
    whole: bool,
    count: int,
    ends: list[float],
    mean: float,
    deviation: float,
    quantiles: list[float],
    edges: list[float],
    bins: list[int],
) -> dict[str, JSON]:
    found: dict[str, JSON] = {"nulls": size - count}
    found["min"], found["max"] = map(int, ends) if whole else ends
    found["mean"] = mean if math.isfinite(mean) else str(mean)
    found["std"] = deviation if math.isfinite(deviation) else str(deviation)
    found["quantiles"] = dict(zip(_QUANTILE_NAMES, quantiles, strict=True))
    if 0 < (edges[-1] - edges[0]) / _BINS < math.inf:
        found["histogram"] = {"edges": edges, "counts": bins}
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
    if data.ndim == 1 and mask is None and data.dtype.char in "bBhHilqIfd":
        items = data.tolist()
        return [item if -math.inf < item < math.inf else str(item) for item in items]
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
    if isinstance(value, (np.integer, int)):
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
