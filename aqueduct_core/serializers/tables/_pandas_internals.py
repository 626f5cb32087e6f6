"""Everything that reaches behind the public interface of pandas, each with a public fallback.

What is gained is speed and memory: arrays are taken out and put in without being copied or looked
through. Where a name is gone from pandas, the slower public way is taken.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

__all__ = [
    "block_starts",
    "blocks_of",
    "frame_of",
    "masked_parts",
    "one_series",
    "plain_array",
    "set_freq",
    "sparse_array",
    "sparse_positions",
    "zoned_array",
]

Blocks = list[tuple[Any, "np.ndarray[Any, Any]"]]


def plain_array(values: Any) -> Any:
    """The NumPy array behind an extension array that is nothing but one; else the array itself."""
    kind = type(values)
    if kind is pd.arrays.NumpyExtensionArray:
        return np.asarray(values)
    if kind is pd.arrays.TimedeltaArray or (
        kind is pd.arrays.DatetimeArray and isinstance(values.dtype, np.dtype)
    ):
        array = getattr(values, "_ndarray", None)
        return array if type(array) is np.ndarray else values.view("i8").view(values.dtype)
    return values


def blocks_of(frame: pd.DataFrame) -> Blocks:
    """A frame's columns as they lie in memory: pairs of an array and the positions of its columns.

    NumPy arrays are 2-D, one row for each column; others are 1-D.
    """
    manager = getattr(frame, "_mgr", None)
    found = getattr(manager, "blocks", None)
    if found is None:
        columns = (plain_array(frame.iloc[:, i].array) for i in range(frame.shape[1]))
        return [
            (array.reshape(1, -1) if isinstance(array, np.ndarray) else array, np.array([i]))
            for i, array in enumerate(columns)
        ]
    blocks: Blocks = []
    for block in found:
        values, places = plain_array(block.values), block.mgr_locs.as_array
        if isinstance(values, np.ndarray) or values.ndim == 1:
            blocks.append((values, places))
        else:  # times with a zone may share one 2-D array
            blocks += [(values[i], places[i : i + 1]) for i in range(len(places))]
    return blocks


def frame_of(blocks: Blocks, index: pd.Index, columns: pd.Index) -> pd.DataFrame:
    """The frame of blocks such as `blocks_of` gives; none is copied."""
    try:
        from pandas.api.internals import create_dataframe_from_blocks
    except ImportError:
        arrays: dict[int, Any] = {}
        for values, places in blocks:
            rows = values if values.ndim == 2 else [values]
            arrays.update(zip(places.tolist(), rows, strict=True))
        frame = pd.DataFrame({i: arrays[i] for i in sorted(arrays)}, index=index, copy=False)
        frame.columns = columns
        return frame
    return create_dataframe_from_blocks(blocks, index, columns)


def zoned_array(instants: np.ndarray[Any, Any], dtype: pd.DatetimeTZDtype) -> Any:
    """Instants in UTC, given as `datetime64`, as an array of times with a zone."""
    make = getattr(pd.arrays.DatetimeArray, "_simple_new", None)
    if make is not None:
        return make(instants, dtype=dtype)
    return pd.DatetimeIndex(instants).tz_localize("UTC").tz_convert(dtype.tz).array


def set_freq(values: Any, freq: Any) -> None:
    """Give an index or array of times its `freq`, without checking each value against it."""
    # It is the index that has it since pandas 3.1, and was the array before.
    owners = (values, getattr(values, "_data", None))
    owner = next((owner for owner in owners if hasattr(type(owner), "_freq")), None)
    if owner is None:
        values.freq = freq
    else:
        owner._freq = freq


def masked_parts(values: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The values of a masked array, and which of them are missing."""
    data, mask = getattr(values, "_data", None), getattr(values, "_mask", None)
    if isinstance(data, np.ndarray) and isinstance(mask, np.ndarray):
        return data, mask
    dtype = values.dtype.numpy_dtype
    return values.to_numpy(dtype, na_value=dtype.type(0)), values.isna()


def sparse_positions(values: Any) -> np.ndarray[Any, Any]:
    """Where the stored values of a sparse array stand."""
    positions = values.sp_index.to_int_index().indices
    return np.asarray(positions, np.int32)


def one_series(parts: list[np.ndarray[Any, Any]], dtype: Any) -> pd.Series:
    """Arrays of one dtype, end to end."""
    whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return pd.Series(whole, dtype=dtype, copy=False)


def block_starts(values: Any) -> np.ndarray[Any, Any] | None:
    """Where the blocks of a sparse array begin, if some lie side by side, as after a `concat`."""
    index = values.sp_index
    if values.kind != "block" or index.equals(index.to_int_index().to_block_index()):
        return None
    return np.asarray(index.blocs, np.int32)


def sparse_array(
    stored: Any,
    positions: np.ndarray[Any, Any],
    size: int,
    dtype: pd.SparseDtype,
    kind: str,
    blocks: np.ndarray[Any, Any] | None,
) -> Any:
    """A sparse array of `size` values, of which those at `positions` are stored.

    Args:
        stored: The values that are stored.
        positions: Where they stand.
        size: How many values there are, with those that aren't stored.
        dtype: The dtype.
        kind: `integer` or `block`.
        blocks: Where blocks begin if not all are as long as they can be.
    """
    from pandas._libs.sparse import BlockIndex, IntIndex

    index = IntIndex(size, positions)  # checks order and bounds
    if kind == "block":
        index = index.to_block_index()
        if blocks is not None:
            ends = np.append(np.searchsorted(positions, blocks)[1:], len(positions))
            lengths = np.diff(ends, prepend=0).astype(np.int32)
            index = BlockIndex(size, blocks, lengths)
            if not np.array_equal(index.to_int_index().indices, positions):
                raise ValueError("the blocks of a sparse column aren't where its values are")
    make = getattr(pd.arrays.SparseArray, "_simple_new", None)
    if make is not None:
        return make(stored, index, dtype)
    return pd.arrays.SparseArray(stored, sparse_index=index, dtype=dtype)
