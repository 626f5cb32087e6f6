"""Capturing functions: all that it takes to run them elsewhere, and to tell what changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from aqueduct_core.dag._fingerprint import Fingerprints, Node, Walk
from aqueduct_core.dag._modules import is_own_file
from aqueduct_core.dag._pickled import PickledFunction, pickle_function
from aqueduct_core.dag._references import by_reference
from aqueduct_core.dag._sources import Source, shown_function, source_of
from aqueduct_core.digest import digest_of
from aqueduct_core.errors import AqueductError, MissingExtraError, UnserializableError
from aqueduct_core.serializers.pickle import why_unpicklable

__all__ = ["Captured", "Captures"]

_LARGE = 10_000_000  # bytes of a value that had better be an argument
_SHOWN = (type(None), bool, int, float)  # other values could be secrets
_MADE = "dataclasses."  # what the methods that it makes keep for themselves is nobody's value


@dataclass(frozen=True, slots=True, eq=False)
class Captured:
    """A function with everything of the user's own that it needs.

    Attributes:
        task: What a spec says about it: `digest` of all that it does, equal for equal code and
            values; its text as `source`; `helpers`, the texts of the functions and classes that it
            refers to; `values`, small numbers as they are, the type and digest of others.
        code: The name of its artifact: a digest of what it does and of the source it shows.
        pickled: The function itself.
        modules: The names of all modules that it needs.
        notes: What its author should know.
    """

    task: Mapping[str, Any]
    code: str
    pickled: PickledFunction
    modules: frozenset[str]
    notes: tuple[str, ...]


class Captures:
    """Captures functions; each once, however many operators use it."""

    def __init__(self) -> None:
        self._fingerprints = Fingerprints()
        self._done: dict[int, tuple[Any, Captured]] = {}
        self._sources: dict[int, Source | None] = {}

    def of(self, function: Callable[..., Any]) -> Captured:
        """Capture a function.

        Raises:
            UnserializableError: It refers to something that can't be captured.
            GraphError: It refers to an artifact, an operator, or something of a client.
        """
        found = self._done.get(id(function))
        if found is None:
            found = self._done[id(function)] = (function, self._capture(function))
        return found[1]

    def _capture(self, function: Callable[..., Any]) -> Captured:
        walk = self._fingerprints.walk(function)
        shown = shown_function(function)
        home = getattr(shown, "__module__", None)
        source = self._source(shown) if _is_shown(shown) else None
        helpers = [*self._helpers(walk, shown, home)]
        try:
            pickled, modules = pickle_function(
                function,
                modules=_needed(walk),
                imports=[module for node in walk.nodes for module in node.imports],
                classes=self._fingerprints.classes(walk),
                lines=self._lines(walk, shown),
            )
        except Exception as error:
            raise _failed(function, error) from error
        task = {
            "digest": walk.digest,
            "source": None if source is None else source.text,
            "helpers": _numbered((name, text.text) for name, text in helpers),
            "values": _numbered(_values(walk, shown)),
        }
        return Captured(
            task=task,
            code=digest_of(json.dumps(task, sort_keys=True).encode()).partition(":")[2],
            pickled=pickled,
            modules=frozenset(modules).union(*(node.packages for node in walk.nodes)),
            notes=tuple(_notes(function, walk)),
        )

    def _source(self, obj: Any) -> Source | None:
        # Closures share their code. The fingerprints keep the object, and so its id.
        key = id(obj.__code__ if isinstance(obj, FunctionType) else obj)
        if key not in self._sources:
            self._sources[key] = source_of(obj)
        return self._sources[key]

    def _helpers(self, walk: Walk, shown: Any, home: Any) -> Iterator[tuple[str, Source]]:
        inside = {
            id(edge.node)
            for node, edge in walk.edges
            if node.kind == "class" and node.obj is not None
        }
        for node in walk.nodes:
            if node.kind not in ("function", "class") or id(node) in inside:
                continue
            if node.obj is shown or not _is_shown(node.obj):
                continue
            source = self._source(node.obj)
            if source is not None:
                yield _without(home, _full_name(node.obj)), source

    def _lines(self, walk: Walk, shown: Any) -> dict[str, dict[int, str]]:
        found: dict[str, dict[int, str]] = {}
        objects = [node.obj for node in walk.nodes if node.kind == "function"]
        for obj in [shown, *objects]:
            source = self._source(obj) if _is_shown(obj) else None
            if source is not None:
                found.setdefault(source.file, {})[source.line] = source.raw
        return found


def _numbered(found: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Texts by name; other texts of the same name, as closures have, are numbered."""
    named: dict[str, str] = {}
    for name, text in found:
        free, number = name, 2
        while named.setdefault(free, text) != text:
            free, number = f"{name} ({number})", number + 1
    return named


def _is_shown(obj: Any) -> bool:
    """Whether the source of a function or class is the user's business."""
    if isinstance(obj, FunctionType):
        return is_own_file(obj.__code__.co_filename) or not by_reference(obj)
    return isinstance(obj, type) and not by_reference(obj)


def _full_name(obj: Any) -> str:
    if isinstance(obj, FunctionType):  # functools.wraps gives a function the name of another
        return f"{obj.__globals__.get('__name__')}.{obj.__code__.co_qualname}"
    return f"{obj.__module__}.{obj.__qualname__}"


def _without(home: Any, name: str) -> str:
    """A name, without the module if it's the function's own: scripts run under several names."""
    return name.removeprefix(f"{home}.")


def _needed(walk: Walk) -> dict[str, set[str]]:
    """What of the user's modules has to be there, by module."""
    found: dict[str, set[str]] = {}
    for node in walk.nodes:
        for module, name in node.uses:
            found.setdefault(module.__name__, set()).add(name)
        if node.kind == "module":
            names = found.setdefault(node.obj.__name__, set())
            names.update(e.label for e in node.edges if id(e.node) not in walk.left_out)
    return found


def _values(walk: Walk, shown: Any) -> Iterator[tuple[str, str]]:
    home = getattr(shown, "__module__", None)
    own = _full_name(shown) if isinstance(shown, (FunctionType, type)) else ""
    for node, edge in walk.edges:
        if edge.node.kind != "value" or node.kind == "value" or not edge.name:
            continue
        if edge.name.startswith(_MADE):
            continue
        name = _without(home, edge.name)
        if own and node.obj is shown and edge.name.startswith((f"{own}.", f"{own}(")):
            name = edge.name.removeprefix(own).strip(".()")  # its own defaults and closure
        if not name.rpartition(".")[2].startswith("__"):
            yield name, _value_text(edge.node)


def _value_text(node: Node) -> str:
    if type(node.obj) in _SHOWN:
        return repr(node.obj)
    return f"{type(node.obj).__name__} {node.digest}"


def _notes(function: Any, walk: Walk) -> Iterator[str]:
    name = getattr(function, "__name__", type(function).__name__)
    for node, edge in walk.edges:
        if edge.node.size > _LARGE and node.kind != "value":
            yield (
                f"{name}: {edge.phrase} holds {edge.node.size / 1e6:.0f} MB, which are stored with "
                "the function each time it changes; as an argument it is stored once"
            )


def _failed(function: Any, error: Exception) -> AqueductError:
    name = getattr(function, "__qualname__", type(function).__qualname__)
    if isinstance(error, MissingExtraError):
        return error
    found = error if isinstance(error, UnserializableError) else why_unpicklable(function, error)
    return UnserializableError(f"{name} can't be captured: {found.message}", hint=found.hint)
