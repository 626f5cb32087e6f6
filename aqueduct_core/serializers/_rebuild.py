"""What our pickles call when they are loaded.

The names in this module stand in stored pickles: they must stay importable, with these arguments,
for ever.
"""

from __future__ import annotations

import ast
import copyreg
import functools
import sys
import typing
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any

__all__ = [
    "Together",
    "array_attributes",
    "array_of_c",
    "array_subclass",
    "cached_property",
    "dtype",
    "empty_like",
    "exception",
    "exception_attributes",
    "exception_state",
    "forward_reference",
    "image",
    "lru_cache",
    "masked_array",
    "masked_void",
    "memmap",
    "month_day_nano",
    "partial_method",
    "traceback",
    "type_alias",
    "type_parameter",
]


class Together:
    """Several objects that are pickled as one, because they share what can change."""

    __slots__ = ("values",)

    def __init__(self, values: list[Any]) -> None:
        self.values = values

    def __reduce__(self) -> tuple[type[Together], tuple[list[Any]]]:
        return Together, (self.values,)


def exception(cls: type[BaseException], base: type[BaseException], arguments: Any) -> BaseException:
    """An exception whose own constructor wants other arguments than those that it keeps."""
    made = cls.__new__(cls, *arguments)
    base.__init__(made, *arguments)
    return made


def exception_attributes(error: BaseException, attributes: Mapping[str, Any]) -> None:
    """Give an exception its attributes, whatever its class thinks of that."""
    error.__dict__.update(attributes)


def exception_state(
    error: BaseException,
    packed: tuple[Any, Callable[[Any, Any], object] | None, Mapping[str, Any]],
) -> None:
    """Give an exception the state that its class pickles, and what all classes leave out."""
    state, setter, extras = packed
    if setter is not None:
        setter(error, state)
    elif state is not None:
        error.__setstate__(state)
    for name, value in extras.items():
        BaseException.__setattr__(error, name, value)  # that of its class may refuse it


def traceback(entries: Iterable[tuple[Any, ...]]) -> TracebackType | None:
    """A traceback that prints like the one that was stored; its frames hold no variables.

    Only the interpreter makes frames, so each entry is the frame of a `raise` statement that is
    compiled to be in the same file, line and function.
    """
    chain: TracebackType | None = None
    for filename, name, qualname, module, *position in reversed([*entries]):
        frame = _raised_in(filename, (name, qualname), module, position)
        chain = TracebackType(chain, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return chain


def month_day_nano(parts: tuple[int, ...]) -> Any:
    """An interval of Arrow's calendar; its class can't be found under its name."""
    import pyarrow as pa

    return pa.MonthDayNano(parts)


def memmap(array: Any) -> Any:
    """An array in memory as the `numpy.memmap` that it was."""
    import numpy as np

    mapped: Any = array.view(np.memmap)
    mapped.mode = "c"
    mapped._mmap = array.base  # unless it is set, slices of a memmap are plain arrays
    return mapped


def array_subclass(cls: Any, array: Any) -> Any:
    """An array as one of a class of the user's."""
    import numpy as np

    return np.ndarray.view(array, cls)


def array_attributes(array: Any, attributes: Mapping[str, Any]) -> None:
    """Give an array the attributes that NumPy doesn't pickle."""
    slots = copyreg._slotnames(type(array))  # type: ignore[attr-defined]  # pickle's own
    for name, value in attributes.items():
        if name in slots:
            object.__setattr__(array, name, value)
        else:
            array.__dict__[name] = value


def array_of_c(item: Any, length: int, module: str) -> Any:
    """The class of arrays of C's; its module is that of whoever asks for it first."""
    scope = {"__name__": module, "item": item, "length": length}
    return eval("item * length", scope)  # noqa: S307  # nothing but a product


def image(name: str, meta: Mapping[str, Any], data: Any, members: list[Any]) -> Any:
    """An image inside another object."""
    from aqueduct_core.serializers.image import ImageFileSerializer, RawImageSerializer
    from aqueduct_core.serializers.pickle._images import Stored

    known = (ImageFileSerializer(), RawImageSerializer())
    reader = next(serializer for serializer in known if serializer.name == name)
    return reader.load(Stored(meta, data, members))


def masked_array(data: Any, mask: Any, fill: Any, hard: bool) -> Any:
    """A masked array; a mask of None is `nomask`, a fill value of None the default."""
    import numpy as np

    hidden = np.ma.nomask if mask is None else mask
    array: Any = np.ma.MaskedArray(data, mask=hidden, copy=False, hard_mask=hard)
    array._fill_value = fill  # as it was, whatever its dtype: NumPy's defaults have their own
    return array


def masked_void(data: Any, mask: Any, fill: Any, hard: bool) -> Any:
    """A record of a structured masked array, whose mask is a record, too."""
    return masked_array(data.reshape(1), mask.reshape(1), fill, hard)[0]


def dtype(node: Any) -> Any:
    """A NumPy dtype from its description."""
    from aqueduct_core.serializers._dtypes import dtype_from_json

    return dtype_from_json(node, trusted=True)


def lru_cache(function: Any, maxsize: int | None, typed: bool) -> Any:
    """A function with an empty `functools.lru_cache`."""
    return functools.lru_cache(maxsize, typed)(function)


def cached_property(function: Any, name: str | None) -> functools.cached_property[Any]:
    """A `functools.cached_property` that knows its name already."""
    found = functools.cached_property(function)
    found.attrname = name
    return found


def partial_method(
    function: Any, arguments: tuple[Any, ...], keywords: Mapping[str, Any]
) -> functools.partialmethod[Any]:
    """A `functools.partialmethod`, whose pickle Python 3.14 can't load."""
    return functools.partialmethod(function, *arguments, **keywords)


def forward_reference(name: str, is_argument: bool, is_class: bool) -> typing.ForwardRef:
    """A name that stands for a type."""
    return typing.ForwardRef(name, is_argument=is_argument, is_class=is_class)


def type_parameter(
    kind: str, name: str, module: str, constraints: tuple[Any, ...], settings: Mapping[str, Any]
) -> Any:
    """A `TypeVar`, `ParamSpec` or `TypeVarTuple`; older Pythons know no variance to infer and no default."""
    unknown = {"infer_variance": (3, 12), "default": (3, 13)}
    known = {
        key: value
        for key, value in settings.items()
        if sys.version_info >= unknown.get(key, (3, 11))
    }
    made = getattr(typing, kind)(name, *constraints, **known)
    made.__module__ = module
    return made


def type_alias(name: str, module: str, box: list[Any], parameters: tuple[Any, ...]) -> Any:
    """What a `type` statement makes. The box may be filled later, by an alias that names itself."""
    if parameters:
        make: Any = vars(typing)["TypeAliasType"]
        return make(name, box[0] if box else Any, type_params=parameters)
    scope: dict[str, Any] = {"__name__": module, "_box": box, "_any": Any}
    exec(f"type {name} = _box[0] if _box else _any", scope)  # noqa: S102  # a name and nothing else
    return scope[name]


def empty_like(cls: type) -> Any:
    """An empty collection."""
    return cls()


def _raised_in(
    filename: str, names: tuple[str, str], module: str, position: list[int]
) -> TracebackType:
    line, end_line, column, end_column = position
    place = {
        "lineno": line,
        "col_offset": column,
        "end_lineno": end_line,
        "end_col_offset": end_column,
    }
    statement = ast.Raise(exc=ast.Name("stored", ast.Load(), **place), cause=None, **place)
    code = compile(ast.Module([statement], []), filename, "exec")
    code = code.replace(co_name=names[0], co_qualname=names[1])
    frame = None
    try:
        exec(code, {"stored": _StoredError, "__name__": module})  # noqa: S102  # nothing but a raise
    except _StoredError as error:
        frame = error.__traceback__
    assert frame is not None
    assert frame.tb_next is not None  # the first is ours, the second the one in `filename`
    return frame.tb_next


class _StoredError(Exception):
    pass
