"""The tags of instances of classes: enums, named tuples, dataclasses, pydantic models.

A class is named `module:Qualified.Name`, and only one that is found again under that name is taken.
Instances are rebuilt from their state, as pickle does; no constructor and no validation runs. A class
that does anything of its own when it is copied or pickled isn't taken.
"""

from __future__ import annotations

import copyreg
import dataclasses
import enum
import sys
from collections.abc import Callable
from importlib import import_module
from types import MemberDescriptorType
from typing import Any

from aqueduct_core.errors import ConversionError, UnsafeArtifactError
from aqueduct_core.serializers.tagged._base import (
    FIXED,
    READERS,
    SHELLS,
    TAG,
    Build,
    corrupt,
    field,
    hashed_by_content,
)
from aqueduct_core.serializers.tagged._decode import Decoder
from aqueduct_core.serializers.tagged._encode import Encoder, key_is_plain

__all__ = ["fields_of", "find", "name_of"]

_HEAP = 1 << 9  # the flag of classes that are made by a class statement
_UNUSUAL = ("__getnewargs__", "__getnewargs_ex__", "__del__", "__getattribute__")
_NOT_FOUND = object()


def find(kind: type) -> tuple[Build | None, bool]:
    """How to build the nodes of a class's instances, and whether they hold other values."""
    name = name_of(kind)
    if name is None:
        return None, False
    if issubclass(kind, enum.Enum):
        return _enum(name), False
    if is_namedtuple(kind):
        return _namedtuple(name), True
    if is_dataclass(kind):
        return _dataclass(name, copyreg._slotnames(kind)), True  # type: ignore[attr-defined]  # pickle's own
    if is_pydantic(kind):
        base = sys.modules["pydantic"].BaseModel
        slots = [slot for slot in copyreg._slotnames(kind) if not hasattr(base, slot)]  # type: ignore[attr-defined]  # pickle's own
        return _pydantic(name, slots), True
    return None, False


def name_of(kind: type) -> str | None:
    """The name under which a class can be found again, if it can."""
    module, path = kind.__module__, kind.__qualname__
    if type(module) is not str or module == "__main__" or "<" in path:
        return None
    name = f"{module}:{path}"
    if not key_is_plain(name) or _lookup(module, path) is not kind:
        return None
    return name


def resolve(name: str, decoder: Decoder) -> type:
    """The class of a name.

    Raises:
        UnsafeArtifactError: Its module isn't imported, and the artifact isn't trusted.
        ConversionError: The module has no such class.
    """
    found = decoder.classes.get(name)
    if found is None:
        found = decoder.classes[name] = _resolve(name, decoder.trusted)
    return found


def fields_of(name: str, decoder: Decoder) -> list[str]:
    """The names of the items of a named tuple's class."""
    kind: Any = resolve(name, decoder)
    return list(kind._fields) if is_namedtuple(kind) else []


def is_namedtuple(kind: type) -> bool:
    """Whether instances are fully told by their items."""
    fields = getattr(kind, "_fields", None)
    return (
        issubclass(kind, tuple)
        and type(fields) is tuple
        and all(type(name) is str for name in fields)
        and _is_usual(kind, tuple, allowed=("__getnewargs__",))
    )


def is_dataclass(kind: type) -> bool:
    """Whether it is a dataclass whose instances are fully told by their attributes."""
    return (
        "__dataclass_fields__" in kind.__dict__
        and not issubclass(kind, enum.Enum)
        and kind.__new__ is object.__new__
        and _is_usual(kind, object)
    )


def is_pydantic(kind: type) -> bool:
    """Whether it is a pydantic 2 model that pickles as pydantic made it."""
    base = getattr(sys.modules.get("pydantic"), "BaseModel", None)
    if base is None or not issubclass(kind, base):
        return False
    roots = (base, getattr(sys.modules["pydantic"], "RootModel", base))
    own = ("__getstate__", "__setstate__", "__new__", "__reduce__", "__reduce_ex__")
    return any(
        all(getattr(kind, name) is getattr(root, name) for name in own) for root in roots
    ) and not any(name in _names(kind, base) for name in _UNUSUAL)


def _is_usual(kind: type, base: type, allowed: tuple[str, ...] = ()) -> bool:
    """Whether a class keeps no state that its attributes (and items) don't show."""
    if kind in copyreg.dispatch_table:
        return False
    for name in ("__reduce__", "__reduce_ex__"):
        if getattr(kind, name) is not getattr(object, name):
            return False
    for parent in kind.__mro__:
        if parent not in (base, object) and not parent.__flags__ & _HEAP:
            return False  # a builtin with state of its own: an exception, a dict, a number
    names = _names(kind, base)
    if any(name in names and name not in allowed for name in _UNUSUAL):
        return False
    return all(_is_generated(kind, name) for name in ("__getstate__", "__setstate__"))


def _is_generated(kind: type, name: str) -> bool:
    """Whether a method is absent, object's, or the one of frozen dataclasses with slots."""
    method = getattr(kind, name, None)
    usual = (
        None,
        getattr(object, name, None),
        getattr(dataclasses, f"_dataclass{name[1:-2]}", None),
    )
    return method in usual


def _names(kind: type, base: type) -> set[str]:
    """What a class and its parents define, down to a base."""
    return {name for parent in kind.__mro__ if parent not in base.__mro__ for name in vars(parent)}


def _enum(name: str) -> Build:
    def build(value: Any, encoder: Encoder) -> Any:
        kind = type(value)
        if type(value.name) is str and kind.__members__.get(value.name) is value:
            return {TAG: "enum", "class": name, "name": encoder.node(value.name)}
        # A combination of flags has a value and no member of its own.
        if (
            not _combines(kind)
            or type(value._value_) is not int
            or kind(value._value_) is not value
        ):
            return None
        return {TAG: "enum", "class": name, "value": encoder.node(value._value_)}

    return build


def _combines(kind: Any) -> bool:
    usual: Any = enum.Flag._missing_
    return issubclass(kind, enum.Flag) and kind._missing_.__func__ is usual.__func__


def _namedtuple(name: str) -> Build:
    def build(value: Any, encoder: Encoder) -> Any:
        if len(value) != len(value._fields) or getattr(value, "__dict__", None):
            return None
        return {TAG: "namedtuple", "class": name, "items": encoder.items(tuple.__iter__(value))}

    return build


def _dataclass(name: str, slots: list[str]) -> Build:
    def build(value: Any, encoder: Encoder) -> Any:
        state = dict(getattr(value, "__dict__", ()))
        for slot in slots:
            item = getattr(value, slot, _NOT_FOUND)
            if item is not _NOT_FOUND:
                state[slot] = item
        if not all(map(key_is_plain, state)):
            return None
        node = {TAG: "dataclass", "class": name, "fields": encoder.fields(state)}
        return _with_unset(node, _field_names(type(value)), state)

    return build


def _pydantic(name: str, slots: list[str]) -> Build:
    def build(value: Any, encoder: Encoder) -> Any:
        if any(hasattr(value, slot) for slot in slots):
            return None  # pydantic's state is without them
        state = value.__getstate__()
        node: dict[str, Any] = {TAG: "pydantic", "class": name}
        for key, part in state.items():
            label = _PYDANTIC.get(key)
            if label is None:
                return None
            if label == "set":
                node[label] = sorted(part)
            elif part is None:
                node[label] = None
            elif all(map(key_is_plain, part)):
                node[label] = encoder.fields(part)
            else:
                return None
        return _with_unset(node, type(value).model_fields, node["fields"])

    return build


def _field_names(kind: Any) -> list[str]:
    return [declared.name for declared in dataclasses.fields(kind)]


def _with_unset(node: dict[str, Any], declared: Any, there: Any) -> dict[str, Any]:
    """Say so if a field has no value, which is another thing than a field that was added since."""
    unset = [name for name in declared if name not in there]
    return {**node, "unset": unset} if unset else node


def _check_unset(node: dict[str, Any], kind: Any, declared: Any) -> None:
    """Refuse to make an object without a field that it should have."""
    known = {*field(node, "fields", dict), *node.get("unset", ())}
    for name in declared:
        default = getattr(kind, name, _NOT_FOUND)
        if name not in known and (default is _NOT_FOUND or type(default) is MemberDescriptorType):
            raise ConversionError(
                f"{node['class']!r} has a field {name!r}, of which the artifact has no value",
                hint="give the field a default, or use the version of its package that saved the "
                "artifact",
            )


_PYDANTIC = {
    "__dict__": "fields",
    "__pydantic_fields_set__": "set",
    "__pydantic_extra__": "extra",
    "__pydantic_private__": "private",
}


def _resolve(name: str, trusted: bool) -> type:
    module, colon, path = name.partition(":")
    if not colon or not module or module == "__main__":
        corrupt(f"{name[:80]!r} is not the name of a class")
    if module not in sys.modules:
        if not trusted:
            raise UnsafeArtifactError(
                f"it holds an instance of {path} from {module}, which isn't imported here; nothing "
                "that data names is imported unless the artifact is trusted",
                hint=f"import {module} first, or open the store with the signing_key that signed "
                "the artifact",
            )
        try:
            import_module(module)
        except ImportError as error:
            raise ConversionError(
                f"the module {module!r} of the class {path} can't be imported: {error}",
                hint=f"install the package that provides {module!r}",
            ) from error
    found = _lookup(module, path)
    if not isinstance(found, type):
        raise ConversionError(
            f"the module {module!r} has no class {path!r}",
            hint="the class was renamed, moved or removed since the artifact was saved; give its "
            "old name to it in that module, or use the code that saved it",
        )
    return found


def _lookup(module: str, path: str) -> Any:
    found: Any = sys.modules.get(module)
    for step in path.split("."):
        # vars() runs no code, as __getattr__ and descriptors would.
        found = getattr(found, "__dict__", {}).get(step, _NOT_FOUND)
    return found


def _class(node: dict[str, Any], decoder: Decoder, fits: Callable[[type], bool]) -> Any:
    name = field(node, "class", str)
    kind = resolve(name, decoder)
    if not fits(kind):
        raise ConversionError(
            f"the class {name!r} is no longer of the kind {node[TAG]!r} it was when the artifact "
            "was saved",
            hint="use the version of its package that saved it",
        )
    return kind


def _read_enum(node: dict[str, Any], decoder: Decoder) -> Any:
    kind = _class(node, decoder, lambda kind: issubclass(kind, enum.Enum))
    if "value" in node:
        value = decoder.node(node["value"])
        if type(value) is not int or not _combines(kind):
            corrupt("this is not a combination of flags")
        return kind(value)
    name = decoder.node(node.get("name"))
    member = kind.__members__.get(name)
    if member is None:
        raise ConversionError(
            f"the enum {node['class']!r} has no member {name!r}",
            hint="use the version of its package that saved the artifact",
        )
    return member


def _read_namedtuple(node: dict[str, Any], decoder: Decoder) -> Any:
    kind = _class(node, decoder, is_namedtuple)
    items = decoder.items(node)
    if len(items) != len(kind._fields):
        raise ConversionError(
            f"{node['class']!r} has {len(kind._fields)} fields; the artifact has {len(items)}",
            hint="use the version of its package that saved the artifact",
        )
    return tuple.__new__(kind, items)


def _make_dataclass(node: dict[str, Any], decoder: Decoder) -> Any:
    return object.__new__(_class(node, decoder, is_dataclass))


def _fill_dataclass(made: Any, node: dict[str, Any], decoder: Decoder) -> None:
    _check_unset(node, type(made), _field_names(type(made)))
    slots = copyreg._slotnames(type(made))  # type: ignore[attr-defined]  # pickle's own
    attributes = getattr(made, "__dict__", None)
    for name, value in decoder.fields(node).items():
        if name in slots:
            object.__setattr__(made, name, value)
        elif attributes is not None:
            attributes[name] = value
        else:
            raise ConversionError(
                f"{node['class']!r} has no field {name!r}",
                hint="use the version of its package that saved the artifact",
            )


def _make_pydantic(node: dict[str, Any], decoder: Decoder) -> Any:
    kind = _class(node, decoder, is_pydantic)
    return kind.__new__(kind)


def _fill_pydantic(made: Any, node: dict[str, Any], decoder: Decoder) -> None:
    _check_unset(node, type(made), type(made).model_fields)
    state: dict[str, Any] = {}
    for key, label in _PYDANTIC.items():
        if label not in node:
            continue
        if label == "set":
            names = field(node, label, list)
            if not all(type(name) is str for name in names):
                corrupt("the names of fields must be text")
            state[key] = set(names)
        else:
            state[key] = None if node[label] is None else decoder.fields(node, label)
    made.__setstate__(state)


def _is_fixed(fits: Callable[[type], bool]) -> Callable[[dict[str, Any], Decoder], bool]:
    return lambda node, decoder: hashed_by_content(_class(node, decoder, fits))


READERS.update({"enum": _read_enum, "namedtuple": _read_namedtuple})
SHELLS.update(
    {
        "dataclass": (_make_dataclass, _fill_dataclass),
        "pydantic": (_make_pydantic, _fill_pydantic),
    }
)
FIXED.update({"dataclass": _is_fixed(is_dataclass), "pydantic": _is_fixed(is_pydantic)})
