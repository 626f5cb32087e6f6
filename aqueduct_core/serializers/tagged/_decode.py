"""From tagged JSON to the value: the walk, and the containers of the standard library.

Whatever the nodes say, the worst they can do is raise: sizes are those of the text itself, classes
are only looked up, and an object that would take too long to hash is refused.
"""

from __future__ import annotations

from collections import ChainMap, Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from aqueduct_core.errors import AqueductError, CorruptArtifactError
from aqueduct_core.serializers.tagged._base import (
    FIXED,
    READERS,
    SHELLS,
    TAG,
    Fill,
    Make,
    Read,
    corrupt,
    field,
    find_reader,
)
from aqueduct_core.serializers.tagged._encode import ATOMS, FACTORIES

__all__ = ["Decoder"]

_UNBUILT = object()
_UNTAGGED = object()
_HEAVIEST = 1_000_000  # members of one key that is made of shared objects


class Decoder:
    """Builds the value of one document.

    Args:
        nested: Gives the member that `{"$type": "member", "index": n}` stands for.
        trusted: Whether classes that are named may be imported.
        arrays: Gives the array that `{"$type": "array", "index": n}` stands for.
    """

    def __init__(
        self,
        nested: Callable[[int], Any] | None = None,
        trusted: bool = False,
        arrays: Callable[[Any], Any] | None = None,
    ) -> None:
        self.nested = nested
        self.trusted = trusted
        self.arrays = arrays
        self.classes: dict[str, Any] = {}
        self._table: list[Any] = []
        self._weights: list[int] = []
        self._weight = 0

    def decode(self, node: Any) -> Any:
        """The value of a whole document.

        Raises:
            CorruptArtifactError: The node isn't one that the encoder makes.
        """
        objects: list[Any] = []
        if type(node) is dict and node.get(TAG) == "graph":
            objects = field(node, "objects", list)
            node = node.get("root")
        return self._guarded(node, objects, range(len(objects)))

    def decode_part(self, node: Any, objects: list[Any]) -> Any:
        """The value of a node from inside a document, given all objects of that.

        Raises:
            CorruptArtifactError: The node isn't one that the encoder makes.
        """
        wanted: set[int] = set()
        pending = [node]
        while pending:
            found = pending.pop()
            if type(found) is dict:
                number = found.get("id")
                if found.get(TAG) == "ref" and type(number) is int and number not in wanted:
                    if not 0 <= number < len(objects):
                        corrupt("a reference points to nothing")
                    wanted.add(number)
                    pending.append(objects[number])
                pending.extend(found.values())
            elif type(found) is list:
                pending.extend(found)
        return self._guarded(node, objects, sorted(wanted))

    def _guarded(self, node: Any, objects: list[Any], numbers: Sequence[int]) -> Any:
        try:
            self._build(objects, numbers)
            return self.node(node)
        except AqueductError:
            raise
        except RecursionError as error:
            raise CorruptArtifactError("the JSON is nested too deeply to be ours") from error
        except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
            raise CorruptArtifactError(f"the JSON does not describe a value: {error}") from error

    def _build(self, objects: list[Any], numbers: Sequence[int]) -> None:
        """Build objects that references stand for."""
        self._table = [_UNBUILT] * len(objects)
        self._weights = [1] * len(objects)
        fills: dict[int, Fill] = {}
        for number in numbers:
            steps = self._steps(objects[number])
            if steps is not None:
                self._table[number] = steps[0](objects[number], self)
                fills[number] = steps[1]
        for number in numbers:
            before = self._weight
            if number in fills:
                fills[number](self._table[number], objects[number], self)
            else:
                self._table[number] = self.node(objects[number])
            # Added up, and not found out by walking: shared parts make it grow exponentially.
            self._weights[number] = min(1 + self._weight - before, 2 * _HEAVIEST)

    def node(self, node: Any) -> Any:
        """The value of any node."""
        kind = type(node)
        if kind is list:
            return [x if type(x) in ATOMS else self.node(x) for x in node]
        if kind is not dict:
            return node
        tag = node.get(TAG, _UNTAGGED)
        if tag is _UNTAGGED:
            return {k: x if type(x) in ATOMS else self.node(x) for k, x in node.items()}
        if tag == "array" and self.arrays is not None:  # there may be very many
            return self.arrays(node.get("index"))
        if type(tag) is not str:
            corrupt(f"{tag!r} is not a tag")
        read = READERS.get(tag) or find_reader(tag)
        if read is not None:
            return read(node, self)
        steps = SHELLS.get(tag)
        if steps is None:
            corrupt(f"there is no tag {tag[:40]!r}")
        made = steps[0](node, self)
        steps[1](made, node, self)
        return made

    def key(self, node: Any) -> Any:
        """The value of a node that is going to be hashed."""
        if type(node) in ATOMS:
            return node
        before = self._weight
        value = self.node(node)
        if self._weight - before > _HEAVIEST:
            corrupt("a key refers to itself too often to be hashed")
        return value

    def items(self, node: dict[str, Any], name: str = "items") -> list[Any]:
        """The values of a list of nodes."""
        return [x if type(x) in ATOMS else self.node(x) for x in field(node, name, list)]

    def pairs(self, node: dict[str, Any]) -> list[tuple[Any, Any]]:
        """The keys and values of a mapping."""
        found = []
        for pair in field(node, "items", list):
            if type(pair) is not list:
                corrupt("the items of a mapping must be pairs")
            key, value = pair
            found.append((self.key(key), self.node(value)))
        return found

    def fields(self, node: dict[str, Any], name: str = "fields") -> dict[str, Any]:
        """The values of an object's attributes."""
        nodes = field(node, name, dict)
        return {k: x if type(x) in ATOMS else self.node(x) for k, x in nodes.items()}

    def ref(self, node: dict[str, Any]) -> Any:
        number = field(node, "id", int)
        if not 0 <= number < len(self._table) or self._table[number] is _UNBUILT:
            corrupt("a reference points to nothing")
        self._weight += self._weights[number]
        return self._table[number]

    def _steps(self, node: Any) -> tuple[Make, Fill] | None:
        if type(node) is list:
            return _LIST
        if type(node) is not dict:
            return None
        if TAG not in node:
            return _DICT
        tag = node[TAG]
        if type(tag) is not str or (tag in FIXED and FIXED[tag](node, self)):
            return None
        return SHELLS.get(tag)


def _graph(_node: dict[str, Any], _decoder: Decoder) -> Any:
    corrupt("a graph stands inside of another")


def _member(node: dict[str, Any], decoder: Decoder) -> Any:
    if decoder.nested is None:
        corrupt("it refers to a member, and there are none")
    return decoder.nested(field(node, "index", int))


def _array(_node: dict[str, Any], _decoder: Decoder) -> Any:
    corrupt("it refers to an array, and there are none")


def _tuple(node: dict[str, Any], decoder: Decoder) -> Any:
    return tuple(decoder.items(node))


def _elements(node: dict[str, Any], decoder: Decoder) -> list[Any]:
    return [decoder.key(item) for item in field(node, "items", list)]


def _frozenset(node: dict[str, Any], decoder: Decoder) -> Any:
    return _all_kept(frozenset(_elements(node, decoder)), node)


def _slice(node: dict[str, Any], decoder: Decoder) -> Any:
    return slice(*(decoder.node(node[name]) for name in ("start", "stop", "step")))


def _all_kept(made: Any, node: dict[str, Any]) -> Any:
    if len(made) != len(node["items"]):
        corrupt(f"two items of a {node[TAG]} are the same")
    return made


def _fill_list(made: list[Any], node: list[Any], decoder: Decoder) -> None:
    made.extend(x if type(x) in ATOMS else decoder.node(x) for x in node)


def _fill_object(made: dict[str, Any], node: dict[str, Any], decoder: Decoder) -> None:
    for key, item in node.items():
        made[key] = decoder.node(item)


def _fill_pairs(made: Any, node: dict[str, Any], decoder: Decoder) -> None:
    for key, item in decoder.pairs(node):
        made[key] = item
    _all_kept(made, node)


def _fill_set(made: set[Any], node: dict[str, Any], decoder: Decoder) -> None:
    made.update(_elements(node, decoder))
    _all_kept(made, node)


def _fill_deque(made: deque[Any], node: dict[str, Any], decoder: Decoder) -> None:
    made.extend(decoder.items(node))
    _all_kept(made, node)


def _fill_chainmap(made: ChainMap[Any, Any], node: dict[str, Any], decoder: Decoder) -> None:
    made.maps[:] = decoder.items(node, "maps")


def _fill_namespace(made: SimpleNamespace, node: dict[str, Any], decoder: Decoder) -> None:
    vars(made).update(decoder.fields(node))


def _make_defaultdict(node: Any, _decoder: Decoder) -> Any:
    name = node.get("factory")
    if name is None:
        return defaultdict(None)
    if type(name) is not str or name not in FACTORIES:
        corrupt(f"{name!r} is not what a defaultdict may make")
    return defaultdict(FACTORIES[name])


def _make_deque(node: Any, _decoder: Decoder) -> Any:
    longest = node.get("maxlen")
    if longest is not None and type(longest) is not int:
        corrupt(f"{longest!r} is not a length")
    return deque(maxlen=longest)


_LIST: tuple[Make, Fill] = (lambda _node, _decoder: [], _fill_list)
_DICT: tuple[Make, Fill] = (lambda _node, _decoder: {}, _fill_object)

_NEW: dict[str, Read] = {
    "member": _member,
    "array": _array,
    "graph": _graph,
    "ref": lambda node, decoder: decoder.ref(node),
    "tuple": _tuple,
    "frozenset": _frozenset,
    "slice": _slice,
}
READERS.update(_NEW)
SHELLS.update(
    {
        "dict": (lambda _node, _decoder: {}, _fill_pairs),
        "set": (lambda _node, _decoder: set(), _fill_set),
        "OrderedDict": (lambda _node, _decoder: OrderedDict(), _fill_pairs),
        "Counter": (lambda _node, _decoder: Counter(), _fill_pairs),
        "defaultdict": (_make_defaultdict, _fill_pairs),
        "deque": (_make_deque, _fill_deque),
        "ChainMap": (lambda _node, _decoder: ChainMap(), _fill_chainmap),
        "SimpleNamespace": (lambda _node, _decoder: SimpleNamespace(), _fill_namespace),
    }
)
