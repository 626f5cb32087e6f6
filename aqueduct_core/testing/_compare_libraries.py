"""Strict comparison of what NumPy, pandas, Arrow, polars and Pillow make; one function per library."""

from __future__ import annotations

from typing import Any

from aqueduct_core.testing._compare import Check, Pairs, attributes, by_content, require
from aqueduct_core.testing._compare_arrow import arrow, polars

__all__ = ["LIBRARIES"]


def _numpy(path: str, a: Any, b: Any) -> Pairs:
    import numpy as np

    if isinstance(a, np.dtype):
        from aqueduct_core.serializers._dtypes import same_dtype

        require(same_dtype(a, b), path, "dtype", a, b)
        return
    if a is np.ma.masked:
        require(a is b, path, "constant", a, b)
        return
    if type(a).__module__.partition(".")[0] != "numpy":
        yield from attributes(path, a, b)  # of somebody's subclass
    if isinstance(a, np.ma.MaskedArray):
        yield path + ".mask", np.ma.getmaskarray(a), np.ma.getmaskarray(b)
        yield path + ".fill_value", a.fill_value, b.fill_value
        yield path + ".data", np.asarray(a.data), np.asarray(b.data)
        return
    if not isinstance(a, np.ndarray | np.generic):
        yield from by_content(path, a, b)
        return
    yield from _items(path, a, b)


def _items(path: str, a: Any, b: Any) -> Pairs:
    import numpy as np

    yield path + ".dtype", a.dtype, b.dtype
    require(a.shape == b.shape, path, "shape", a.shape, b.shape)
    if isinstance(a, np.ndarray):
        for flag in ("C_CONTIGUOUS", "F_CONTIGUOUS"):
            require(a.flags[flag] or not b.flags[flag], path, flag, a.flags[flag], b.flags[flag])
    if a.dtype.names is not None:  # the bytes between fields are nobody's, either
        for name in a.dtype.names:
            yield f"{path}[{name!r}]", a[name], b[name]
        return
    if a.dtype.hasobject:
        for index in np.ndindex(a.shape):
            yield f"{path}{list(index)}", a[index], b[index]
        return
    if type(a) in (np.str_, np.bytes_):
        require(a == b and len(a) == len(b), path, "value", a, b)
        return
    left, right = np.asarray(a), np.asarray(b)
    if left.dtype.char in "gG":  # the bytes between two long doubles are nobody's
        equal = np.array_equal(left, right, equal_nan=True)
        require(equal and np.array_equal(np.signbit(left.real), np.signbit(right.real)),
                 path, "long doubles", a, b)  # fmt: skip
    else:
        require(left.tobytes() == right.tobytes(), path, "items", a, b)


def _pandas(path: str, a: Any, b: Any) -> Pairs:
    from aqueduct_core.testing._compare_pandas import compare_pandas

    return compare_pandas(path, a, b)


def _pillow(path: str, a: Any, b: Any) -> Pairs:
    from PIL import Image

    from aqueduct_core.testing._compare_image import image_differences

    if not isinstance(a, Image.Image):
        yield from by_content(path, a, b)
        return
    differences = image_differences(b, a)
    require(not differences, path, "; ".join(differences), a, b)


LIBRARIES: dict[str, Check] = {
    "numpy": _numpy,
    "pandas": _pandas,
    "pyarrow": arrow,
    "polars": polars,
    "PIL": _pillow,
}
