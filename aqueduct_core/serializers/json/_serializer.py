"""Nests of everything: JSON with tags, and apart from it what isn't JSON."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any

from aqueduct_core.abc import JSON, Budget, Sink, Source
from aqueduct_core.errors import CorruptArtifactError, UnserializableError
from aqueduct_core.serializers._jsontext import dumps, loads
from aqueduct_core.serializers._rebuild import Together
from aqueduct_core.serializers.json._arrays import ArrayReader, ArrayWriter
from aqueduct_core.serializers.json._plain import plain_text
from aqueduct_core.serializers.json._together import is_data, shares
from aqueduct_core.serializers.tagged._base import TAG
from aqueduct_core.serializers.tagged._decode import Decoder
from aqueduct_core.serializers.tagged._encode import ATOMS, Encoder
from aqueduct_core.serializers.tagged._graph import encode

__all__ = ["JsonSerializer"]

_CONTAINERS = (dict, list, tuple, set, frozenset)
_NUMBERS = (int, float, complex, Decimal, Fraction)


class JsonSerializer:
    """Values of the standard library, of NumPy and pandas scalars, of dataclasses and the like.

    What is plain JSON is written as such (`meta["plain"]`). All else is tagged (see `tagged`), and a
    member that has no tag is stored with its own serializer. Small arrays share one part.
    """

    name = "json"
    version = 1
    types = (type(None), bool, int, float, complex, list, tuple, dict, set, frozenset, object)
    artifact = "json"
    suffix = ".json"

    def plain(self, meta: Mapping[str, Any], /) -> bool:
        """Whether nothing in the text is tagged."""
        return meta.get("plain") is True

    def accepts(self, obj: Any, /) -> bool:
        """Whether there is a tag for this very object; what is in it may be anything."""
        kind = type(obj)
        if kind in _CONTAINERS or kind in ATOMS:
            return True
        encoder = _Shallow()
        build, _ = encoder.known(kind)
        if build is None:
            return False
        try:
            return build(obj, encoder) is not None
        except UnserializableError:
            return False

    def dump(self, obj: Any, sink: Sink, /) -> Mapping[str, JSON]:
        """Write the text, and the part `arrays` if there are any."""
        meta: dict[str, JSON] = {}
        artifact = _scalar_type(obj)
        if artifact is not None:
            meta["artifact"] = artifact
        pieces = plain_text(obj)
        if pieces is not None:
            sink.write(*pieces)
            return {**meta, "plain": True}
        arrays = ArrayWriter()
        members = _Members()
        met: set[int] = set()
        node = encode(obj, members.node, arrays.builders(), arrays.bulk(), met)
        if members and members.entangled(met.union(arrays.ids())):
            # A pickle of the whole keeps what a pickle of each member would take apart.
            sink.write(dumps({TAG: "member", "index": 0}))
            return {"artifact": "object", "members": [members.whole(obj, sink)]}
        table = arrays.table()
        if table is not None:
            arrays.write(sink)
            node = {"value": node, "arrays": table}
            meta["arrays"] = True
        if members or arrays.count:
            meta["artifact"] = "collection"
        places = members.nest(sink)
        if places != list(range(len(places))):
            meta["members"] = places
        sink.write(dumps(node))
        return meta

    def load(self, source: Source, /) -> Any:
        """Parse the text; decode it unless it was plain."""
        value = loads(source.view())
        if source.meta.get("plain") is True:
            return value
        node, decoder, arrays = _opened(value, source)
        if arrays is not None:
            arrays.make_all()
        return decoder.decode(node)

    def load_at(self, source: Source, path: Sequence[Any], /) -> Any:
        """One member, without loading the others.

        Args:
            source: Where the value is.
            path: Keys, positions and names of attributes, from the outside in: `["a", 0]`.

        Raises:
            MemberNotFoundError: There is no such member; the text names what there is.
        """
        from aqueduct_core.serializers.json._paths import member_at, plain_member_at

        value = loads(source.view())
        if source.meta.get("plain") is True:
            return plain_member_at(value, path)
        node, decoder, _ = _opened(value, source)
        return member_at(node, path, decoder)

    def describe(self, obj: Any, budget: Budget, /) -> Mapping[str, JSON]:
        """Class, length, the types of members, and a preview."""
        from aqueduct_core.serializers.json._describe import describe

        return describe(obj, budget)


class _Members:
    """The values in a nest that have no tag."""

    def __init__(self) -> None:
        self._found: list[tuple[Any, str]] = []
        self._known: dict[int, int] = {}
        self._among = False

    def __len__(self) -> int:
        return len(self._found)

    def node(self, member: Any, path: str) -> JSON:
        index = self._known.setdefault(id(member), len(self._found))
        if index == len(self._found):
            self._found.append((member, path))
        return {TAG: "member", "index": index}

    def entangled(self, met: set[int]) -> bool:
        """Whether some that will be pickled refer to what is stored otherwise."""
        objects = [member for member, _ in self._found if not is_data(member)]
        if not objects:
            return False
        data = {id(member) for member, _ in self._found if is_data(member)}
        with_others, self._among = shares(objects, met | data)
        return with_others

    def nest(self, sink: Sink) -> list[JSON]:
        """Store all; returns where each is."""
        objects = [member for member, _ in self._found if not is_data(member)]
        if not self._among:
            return [sink.nest(member, path) for member, path in self._found]
        index = self._together(objects, sink)
        items = iter(range(len(objects)))
        return [
            sink.nest(member, path) if is_data(member) else [index, next(items)]
            for member, path in self._found
        ]

    def whole(self, obj: Any, sink: Sink) -> JSON:
        """Store all in one with what they stand in."""
        return [self._together([obj], sink), 0]

    def _together(self, values: list[Any], sink: Sink) -> int:
        try:
            return sink.nest(Together(values))
        except UnserializableError:
            for member, path in self._found:  # one of them is to blame, and will say so itself
                sink.nest(member, path)
            raise


class _Shallow(Encoder):
    """Looks at an object without looking at what is in it."""

    def __init__(self) -> None:
        super().__init__(lambda _value, _path: 0)

    def enter(self, _value: Any, _build: Any) -> Any:
        return 0

    def items(self, _values: Any) -> list[Any]:
        return []

    def pairs(self, _mapping: Any) -> list[Any]:
        return []

    def sorted_items(self, _values: Any) -> list[Any]:
        return []

    def fields(self, _mapping: Any) -> dict[str, Any]:
        return {}


def _opened(value: Any, source: Source) -> tuple[Any, Decoder, ArrayReader | None]:
    arrays = None
    if source.meta.get("arrays") is True:
        if not isinstance(value, dict) or value.keys() != {"value", "arrays"}:
            raise CorruptArtifactError("the document has no table of arrays")
        arrays = ArrayReader(value["arrays"], source.view)
        value = value["value"]
    nested = source.nested
    if "members" in source.meta:
        nested = partial(_nested, source)
    return value, Decoder(nested, source.trusted, arrays), arrays


def _nested(source: Source, index: int) -> Any:
    """A member that is not where its number says."""
    places = source.meta["members"]
    if not isinstance(places, list) or not 0 <= index < len(places):
        raise CorruptArtifactError("it refers to a member that isn't there")
    place = places[index]
    if not isinstance(place, list):
        return source.nested(place)
    number, item = place
    together = source.nested(number)
    if type(together) is not Together:
        raise CorruptArtifactError("a member is not what it should be")
    return together.values[item]


def _scalar_type(obj: Any) -> str | None:
    kind = type(obj)
    if kind in _CONTAINERS:
        return None
    if kind is bool:
        return "bool"
    if kind in _NUMBERS:
        return "numeric"
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(obj, numpy.generic):
        return None
    if isinstance(obj, numpy.bool_):
        return "bool"
    return "numeric" if isinstance(obj, numpy.number) and kind is not numpy.timedelta64 else None
