"""From a value to tagged JSON: the walk, and the containers of the standard library.

Two walks share the builders. The usual one builds a tree. When it meets a container for the second
time, or one nested too deeply for the parsers of other languages, the value is walked anew as a
graph (`_graph`), where every container that needs it gets a number to be referred to by.
"""

from __future__ import annotations

import reprlib
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Collection, Iterable
from types import SimpleNamespace
from typing import Any

from aqueduct_core.errors import UnserializableError
from aqueduct_core.serializers._jsontext import dumps, has_utf8
from aqueduct_core.serializers.tagged._base import BUILDERS, TAG, Build, find_leaf

__all__ = ["ATOMS", "FACTORIES", "Attribute", "Encoder", "Entangled", "class_name", "key_is_plain"]

DEEPEST = 64  # containers inside each other; a tagged one takes up to three levels of JSON

ATOMS = frozenset({str, int, float, bool, type(None)})
_LONGEST_PATH = 40
_MANY_KEYS = 16
_ALWAYS_PLAIN = frozenset({bool, type(None)})

# What a defaultdict may make: these and nothing else can be named in data.
FACTORIES: dict[str, Callable[[], Any]] = {
    f.__name__: f
    for f in (list, dict, set, frozenset, tuple, int, float, complex, bool, str, bytes, bytearray,
              OrderedDict, Counter, deque, defaultdict)
}  # fmt: skip
_FACTORY_NAMES = {factory: name for name, factory in FACTORIES.items()}

Outside = Callable[[Any, str], Any]
Bulk = Callable[[Collection[Any]], list[Any]]


class Entangled(Exception):
    """The value is no tree, or too deep for one."""


class Attribute(str):
    """A step of a path that is an attribute, not a key."""

    __slots__ = ()


class Inside:
    """A step to what has no place of its own: a dict's key, an element of a set."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __str__(self) -> str:
        return f".{{{reprlib.repr(self.value)}}}"


class Encoder:
    """Builds the tree of nodes for one value.

    Attributes:
        at: The path of the value that is being looked at; still so when the walk raises.
        met: The ids of the containers so far.
        numbered: Whether nodes may be references, whose text depends on what else there is.

    Args:
        outside: Makes the node of a value that has no tag, given the value and its path; None to
            refuse such values.
        special: Builders that come before all others.
        bulk: For some types, what makes the nodes of many values at once; None stands for a value
            that `outside` has to see.
        met: Takes the ids of the containers.
    """

    numbered = False

    def __init__(
        self,
        outside: Outside | None = None,
        special: dict[type, Build] | None = None,
        bulk: dict[type, Bulk] | None = None,
        met: set[int] | None = None,
    ) -> None:
        self.at: list[Any] = []
        self._outside = outside
        self._special = special or {}
        self._bulk = bulk or {}
        self._known: dict[type, tuple[Build | None, bool]] = {}
        self.met: set[int] = set() if met is None else met
        self._depth = 0

    def node(self, value: Any) -> Any:
        """The node of any value.

        Raises:
            UnserializableError: There is none.
        """
        kind = type(value)
        build, holds = self._known.get(kind) or self.known(kind)
        if build is None:
            return self.outside(value)
        if holds and not (kind is tuple and ATOMS.issuperset(map(type, value)) and len(value) < 9):
            return self.enter(value, build)
        node = build(value, self)
        return self.outside(value) if node is None and value is not None else node

    def known(self, kind: type) -> tuple[Build | None, bool]:
        """The builder for a type, and whether its values hold others."""
        found = self._known.get(kind)
        if found is None:
            found = self._known[kind] = self._find(kind)
        return found

    def enter(self, value: Any, build: Build) -> Any:
        """The node of a container."""
        if id(value) in self.met or self._depth >= DEEPEST:
            raise Entangled
        self.met.add(id(value))
        self._depth += 1
        node = build(value, self)
        self._depth -= 1
        return self.outside(value) if node is None else node

    def outside(self, value: Any) -> Any:
        """The node of a value that has no tag of its own."""
        if self._outside is not None:
            return self._outside(value, self.path())
        raise UnserializableError(
            f"a {class_name(type(value))} has no exact JSON form: {reprlib.repr(value)}",
            path=self.path(),
            hint="convert it to plain values, or store it as an artifact of its own",
        )

    def items(self, values: Any) -> list[Any]:
        """The nodes of a sequence."""
        if type(values) in (list, tuple) and len(values) > 1:
            found = self.alike(values, range(len(values)))
            if found is not None:
                return found
        nodes = []
        at = self.at
        for index, value in enumerate(values):
            if type(value) in _ALWAYS_PLAIN:
                nodes.append(value)
            else:
                at.append(index)
                nodes.append(self.node(value))
                at.pop()
        return nodes

    def alike(self, values: Collection[Any], steps: Iterable[Any]) -> list[Any] | None:
        """The nodes of values of one type, if there is a quick way for that type."""
        kind = type(next(iter(values)))
        if kind not in self._bulk or set(map(type, values)) != {kind}:
            return None
        nodes = self._bulk[kind](values)
        if all(nodes):  # no node of an array is empty
            return nodes
        for index, (step, value) in enumerate(zip(steps, values, strict=True)):
            if nodes[index] is None:
                self.at.append(step)
                nodes[index] = self.outside(value)
                self.at.pop()
        return nodes

    def pairs(self, mapping: Any) -> list[Any]:
        """The nodes of a mapping whose keys may be anything."""
        nodes = []
        for key, value in mapping.items():
            self.at.append(Inside(key))
            first = self.node(key)
            self.at[-1] = key
            nodes.append([first, self.node(value)])
            self.at.pop()
        return nodes

    def fields(self, mapping: dict[str, Any]) -> dict[str, Any]:
        """The nodes of an object's attributes."""
        nodes = {}
        for name, value in mapping.items():
            self.at.append(Attribute("." + name))
            nodes[name] = self.node(value)
            self.at.pop()
        return nodes

    def sorted_items(self, values: Iterable[Any]) -> list[Any]:
        """The nodes of a set in an order that depends on them alone: equal sets, equal bytes."""
        nodes = []
        for value in values:
            self.at.append(Inside(value))
            node = self.node(value)
            nodes.append((self.text_of(value) if self.numbered else dumps(node), node))
            self.at.pop()
        return [node for _, node in sorted(nodes, key=lambda pair: pair[0])]

    def text_of(self, value: Any) -> bytes:
        """The text of a value apart from the whole."""
        try:
            return dumps(Encoder(lambda _value, _path: None, self._special).node(value))
        except (Entangled, RecursionError):
            return b""

    def steps(self) -> list[Any]:
        """Where the walk is."""
        return self.at

    def path(self) -> str:
        """Where the walk is, as Python would get there; the middle of a very long path is left out."""
        steps = [
            str(step) if type(step) in (Attribute, Inside) else f"[{reprlib.repr(step)}]"
            for step in self.steps()
        ]
        if len(steps) > _LONGEST_PATH:
            half = _LONGEST_PATH // 2
            steps[half:-half] = [f"...{len(steps) - 2 * half} more..."]
        return "".join(steps)

    def _find(self, kind: type) -> tuple[Build | None, bool]:
        if kind in self._special:
            return self._special[kind], False
        if kind in BUILDERS:
            return BUILDERS[kind], True
        leaf = find_leaf(kind)
        if leaf is not None:
            return leaf
        from aqueduct_core.serializers.tagged import _classes

        return _classes.find(kind)


def class_name(kind: type) -> str:
    """A class as people write it."""
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


def key_is_plain(key: Any) -> bool:
    """Whether this can be the key of a JSON object: exactly a str that has an UTF-8 form."""
    return type(key) is str and key != TAG and has_utf8(key)


def _keys_are_plain(mapping: dict[Any, Any]) -> bool:
    """Whether all keys are such; of many at once, which is quicker."""
    if len(mapping) < _MANY_KEYS:
        return all(map(key_is_plain, mapping))
    return set(map(type, mapping)) == {str} and TAG not in mapping and has_utf8("".join(mapping))


def _list(value: list[Any], encoder: Encoder) -> Any:
    return encoder.items(value)


def _tuple(value: tuple[Any, ...], encoder: Encoder) -> Any:
    return {TAG: "tuple", "items": encoder.items(value)}


def _dict(value: dict[Any, Any], encoder: Encoder) -> Any:
    if not _keys_are_plain(value):
        return {TAG: "dict", "items": encoder.pairs(value)}
    if len(value) > 1:
        alike = encoder.alike(value.values(), value)
        if alike is not None:
            return dict(zip(value, alike, strict=True))
    nodes = {}
    at = encoder.at
    for key, item in value.items():
        if type(item) in _ALWAYS_PLAIN:
            nodes[key] = item
        else:
            at.append(key)
            nodes[key] = encoder.node(item)
            at.pop()
    return nodes


def _set(value: set[Any], encoder: Encoder) -> Any:
    return {TAG: "set", "items": encoder.sorted_items(value)}


def _frozenset(value: frozenset[Any], encoder: Encoder) -> Any:
    return {TAG: "frozenset", "items": encoder.sorted_items(value)}


def _ordered(value: OrderedDict[Any, Any], encoder: Encoder) -> Any:
    if value.__dict__:
        return None
    return {TAG: "OrderedDict", "items": encoder.pairs(value)}


def _counter(value: Counter[Any], encoder: Encoder) -> Any:
    if value.__dict__:
        return None
    return {TAG: "Counter", "items": encoder.pairs(value)}


def _defaultdict(value: defaultdict[Any, Any], encoder: Encoder) -> Any:
    factory = value.default_factory
    try:
        name = None if factory is None else _FACTORY_NAMES[factory]
    except (KeyError, TypeError):
        return None
    return {TAG: "defaultdict", "factory": name, "items": encoder.pairs(value)}


def _deque(value: deque[Any], encoder: Encoder) -> Any:
    return {TAG: "deque", "maxlen": value.maxlen, "items": encoder.items(value)}


def _chainmap(value: ChainMap[Any, Any], encoder: Encoder) -> Any:
    if vars(value).keys() != {"maps"} or type(value.maps) is not list:
        return None
    encoder.at.append(Attribute(".maps"))
    node = {TAG: "ChainMap", "maps": encoder.items(value.maps)}
    encoder.at.pop()
    return node


def _namespace(value: SimpleNamespace, encoder: Encoder) -> Any:
    if not all(type(name) is str for name in vars(value)):
        return None
    if not all(map(key_is_plain, vars(value))):
        return None
    return {TAG: "SimpleNamespace", "fields": encoder.fields(vars(value))}


def _slice(value: slice, encoder: Encoder) -> Any:
    fields = {name: getattr(value, name) for name in ("start", "stop", "step")}
    return {TAG: "slice", **encoder.fields(fields)}


BUILDERS.update(
    {
        list: _list,
        tuple: _tuple,
        dict: _dict,
        set: _set,
        frozenset: _frozenset,
        OrderedDict: _ordered,
        Counter: _counter,
        defaultdict: _defaultdict,
        deque: _deque,
        ChainMap: _chainmap,
        SimpleNamespace: _namespace,
        slice: _slice,
    }
)
