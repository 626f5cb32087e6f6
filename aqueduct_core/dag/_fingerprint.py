"""What a function is made of: its code and whatever of the user's own it refers to.

Everything that a function refers to becomes a node: helper functions, classes, whole modules, values.
A node has a digest of its own, and edges to the nodes it refers to. The digest of a function covers all
nodes that can be reached from it, in the order of a walk that is the same in every process. So the
same code and the same values give the same digest, whoever else refers to them, and cycles (functions
that call each other) are nothing special.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import resolve_name
from types import CellType, FunctionType, ModuleType
from typing import Any

from aqueduct_core.dag._classes import class_members, class_token
from aqueduct_core.dag._code import Import, code_digest, references
from aqueduct_core.dag._modules import find_module, is_own_module
from aqueduct_core.dag._references import (
    by_reference,
    is_handle,
    refuse_handle,
    unwrap_operator,
)
from aqueduct_core.dag._values import digest_value
from aqueduct_core.digest import digest_of
from aqueduct_core.errors import AqueductError, GraphError, UnserializableError
from aqueduct_core.serializers.pickle import why_unpicklable
from aqueduct_core.serializers.pickle._reasons import LEFT_OUT, REOPEN, Refusal

__all__ = ["Edge", "Fingerprints", "Node", "Walk"]

# What every module has; it says where a module is, not what it does.
_MODULE_OWN = frozenset(
    [
        "__annotate__",
        "__annotations__",
        "__builtins__",
        "__cached__",
        "__conditional_annotations__",
        "__doc__",
        "__file__",
        "__loader__",
        "__name__",
        "__package__",
        "__path__",
        "__spec__",
    ]
)


@dataclass(slots=True, eq=False)
class Edge:
    """That one node refers to another.

    Attributes:
        label: How: the name of a global variable, a closure's, an attribute.
        node: The other node.
        phrase: The same for people: `the global 'model'`.
        name: What the other is called, with its module: `features.WINDOW`.
        optional: Whether the other can be left out when it can't be captured.
    """

    label: str
    node: Node
    phrase: str = ""
    name: str = ""
    optional: bool = False


@dataclass(slots=True, eq=False)
class Node:
    """Something that functions refer to.

    Attributes:
        obj: The object itself.
        kind: `function`, `class`, `module`, `value`, `reference`, or `problem`.
        digest: The digest of what it is, without what it refers to.
        edges: What it refers to.
        uses: The user's modules that it refers to, each with the name of what it takes from it.
        imports: The user's modules that it imports when it runs.
        packages: The modules of installed packages that it needs.
        size: Bytes, for values.
        error: Why it can't be captured, for problems.
    """

    obj: Any
    kind: str = ""
    digest: str = ""
    edges: list[Edge] = field(default_factory=list)
    uses: list[tuple[ModuleType, str]] = field(default_factory=list)
    imports: list[ModuleType] = field(default_factory=list)
    packages: set[str] = field(default_factory=set)
    size: int = 0
    error: Exception | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """All that can be reached from one function.

    Attributes:
        digest: The function's digest.
        nodes: All nodes, the function's first.
        edges: All edges between them, with where they come from.
        left_out: What can't be captured of modules that are captured as a whole.
    """

    digest: str
    nodes: list[Node]
    edges: list[tuple[Node, Edge]]
    left_out: frozenset[int]


class Fingerprints:
    """Finds out what functions are made of; what they share is looked at once."""

    def __init__(self) -> None:
        self._nodes: dict[int, Node] = {}
        self._unfilled: list[Node] = []
        self._sound: set[int] = set()
        self._classes: dict[int, str] = {}

    def walk(self, function: Any) -> Walk:
        """Everything that a function is made of.

        Raises:
            UnserializableError: It refers to something that can't be captured.
            GraphError: It refers to something that belongs around a workflow.
        """
        root = self._node(function)
        while self._unfilled:
            self._fill(self._unfilled.pop())
        problem = self._problem(root)
        if problem is not None:
            raise _told(function, problem, problem[-1][1].node if problem else root)
        return self._collect(root)

    def classes(self, walk: Walk) -> dict[type, str]:
        """The user's classes that were met, with ids that are the same for equal classes."""
        found = {}
        for node in walk.nodes:
            if node.kind == "class":
                if id(node) not in self._classes:
                    self._classes[id(node)] = self._collect(node).digest
                found[node.obj] = self._classes[id(node)]
        return found

    def _node(self, obj: Any) -> Node:
        obj = unwrap_operator(obj)
        found = self._nodes.get(id(obj))
        if found is None:
            found = self._nodes[id(obj)] = Node(obj)  # which keeps the object, and so its id
            self._unfilled.append(found)
        return found

    def _fill(self, node: Node) -> None:
        obj = node.obj
        if isinstance(obj, (FunctionType, type)) and by_reference(obj):
            node.kind, node.digest = "reference", f"{obj.__module__}:{obj.__qualname__}"
            node.packages.add(obj.__module__)
        elif isinstance(obj, FunctionType):
            self._fill_function(node, obj)
        elif isinstance(obj, type):
            self._fill_class(node, obj)
        elif isinstance(obj, ModuleType):
            self._fill_module(node, obj)
        else:
            self._fill_value(node, obj)

    def _fill_function(self, node: Node, function: FunctionType) -> None:
        node.kind, node.digest = "function", code_digest(function.__code__)
        if hasattr(function, "_clear_cache") and hasattr(function, "registry"):
            function._clear_cache()  # of functools.singledispatch: classes, held weakly
        found = references(function.__code__)
        space = function.__globals__
        where = f"{space.get('__name__')}.{function.__code__.co_qualname}"
        for name in sorted(found.names):
            if name in space and name not in _MODULE_OWN:
                edge = Edge(name, node, f"the global {name!r}", f"{space.get('__name__')}.{name}")
                self._bind(node, edge, space[name], found.names[name])
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        for name, cell in cells:
            if cell == CellType():  # a variable that has no value yet
                continue
            phrase = f"the variable {name!r} of the function around it"
            edge = Edge(f"closure {name}", node, phrase, f"{where}.{name}")
            self._bind(node, edge, cell.cell_contents, found.cells.get(name, {()}))
        for name, value in _defaults(function):
            self._add(
                node, f"default {name}", f"the default of {name!r}", value, f"{where}({name})"
            )
        for name, value in sorted(vars(function).items()):
            self._add(node, f".{name}", f"its attribute {name!r}", value, f"{where}.{name}")
        for item in found.imports:
            self._import(node, item, space)

    def _fill_class(self, node: Node, cls: type) -> None:
        node.kind, node.digest = "class", digest_of(class_token(cls).encode())
        for number, base in enumerate(cls.__bases__):
            self._add(node, f"base {number}", "its base class", base)
        if type(cls) is not type:
            self._add(node, "metaclass", "its metaclass", type(cls))
        for name, value in class_members(cls):
            whole = f"{cls.__module__}.{cls.__qualname__}.{name}"
            self._add(node, f".{name}", f"the class attribute {name!r}", value, whole)

    def _fill_module(self, node: Node, module: ModuleType) -> None:
        if not is_own_module(module):
            node.kind, node.digest = "reference", module.__name__
            node.packages.add(module.__name__)
            return
        node.kind, node.digest = "module", digest_of(b"module")
        for name, value in sorted(vars(module).items()):
            if name not in _MODULE_OWN:
                whole = f"{module.__name__}.{name}"
                node.edges.append(Edge(name, self._node(value), whole, whole, optional=True))

    def _fill_value(self, node: Node, value: Any) -> None:
        node.kind = "value"
        try:
            refuse_handle(value)
            found = digest_value(value, is_handle)
        except Exception as error:  # noqa: BLE001 - whatever pickling raises; it is told at the end
            node.kind, node.error = "problem", error
            return
        node.digest, node.size = found.digest, found.size
        node.packages.add(type(value).__module__)
        for number, obj in enumerate(found.refs):
            self._add(node, str(number), "", obj)

    def _add(self, node: Node, label: str, phrase: str, value: Any, name: str = "") -> None:
        node.edges.append(Edge(label, self._node(value), phrase, name))

    def _bind(self, node: Node, edge: Edge, value: Any, chains: set[tuple[str, ...]]) -> None:
        """Add what a name stands for, as far as it is used: with these chains of attributes.

        Args:
            node: What refers to it.
            edge: How; the node it leads to is still to be put in.
            value: What the name stands for.
            chains: The chains of attributes that it is used with.
        """
        if isinstance(value, ModuleType) and is_own_module(value) and () not in chains:
            for name, *rest in sorted(chains):
                self._take(node, edge.label, value, name, tuple(rest))
            return
        if unwrap_operator(value) is not value and any(chain[:1] != ("local",) for chain in chains):
            edge.node = _refused(value)
        else:
            edge.node = self._node(value)
        node.edges.append(edge)
        if isinstance(value, ModuleType):
            node.packages.update(_submodules(value, chains))

    def _take(
        self, node: Node, label: str, module: ModuleType, name: str, rest: tuple[str, ...]
    ) -> None:
        """Add an attribute of one of the user's modules."""
        if name in _MODULE_OWN or name not in vars(module):
            return  # whether it is there by then is seen when the function runs
        node.uses.append((module, name))
        whole = f"{module.__name__}.{name}"
        self._bind(node, Edge(f"{label}.{name}", node, whole, whole), vars(module)[name], {rest})

    def _import(self, node: Node, item: Import, space: Mapping[str, Any]) -> None:
        """Add what an import statement inside a function brings."""
        try:
            name = resolve_name("." * item.level + item.module, space.get("__package__") or "")
            module = find_module(name)
        except Exception as error:  # noqa: BLE001 - an import can raise anything
            reason = f"importing {item.module!r} fails: {type(error).__name__}: {error}"
            hint = "the module is part of the workflow: it has to be importable when it's published"
            problem = Node(item, "problem", error=UnserializableError(reason, hint=hint))
            node.edges.append(Edge(f"import {item.module}", problem, "an import"))
            return
        if module is None:
            node.packages.add(name)
            return
        parents = name.split(".")
        found = [find_module(".".join(parents[:end])) for end in range(1, len(parents) + 1)]
        node.imports += [item for item in found if item is not None]
        for parent, child in zip(found, parents[1:], strict=False):
            if parent is not None:
                node.uses.append((parent, child))
        if item.names is None:
            self._add(node, f"import {name}", f"the module {name}", module)
            return
        for taken in item.names:
            if taken not in vars(module) and (submodule := find_module(f"{name}.{taken}")):
                node.imports.append(submodule)
            self._take(node, f"import {name}", module, taken, ())

    def _problem(self, root: Node) -> list[tuple[Node, Edge]] | None:
        """The way to something that is needed and can't be captured; None if there's nothing."""
        came: dict[int, tuple[Node, Edge] | None] = {id(root): None}
        waiting = [root]
        while waiting:
            node = waiting.pop()
            if node.kind == "problem":
                return [*_way(node, came)]
            for edge in node.edges:
                other = edge.node
                if edge.optional or id(other) in came or id(other) in self._sound:
                    continue
                came[id(other)] = (node, edge)
                waiting.append(other)
        self._sound.update(came)
        return None

    def _collect(self, root: Node) -> Walk:
        numbers = {id(root): 0}
        nodes, edges = [root], []
        left_out: set[int] = set()
        record: list[Any] = []
        for node in nodes:  # grows meanwhile
            told = []
            for edge in node.edges:
                other = edge.node
                if edge.optional and self._problem(other) is not None:
                    left_out.add(id(other))
                    continue
                if id(other) not in numbers:
                    numbers[id(other)] = len(nodes)
                    nodes.append(other)
                edges.append((node, edge))
                told.append([edge.label, numbers[id(other)]])
            record.append([node.kind, node.digest, told])
        digest = digest_of(json.dumps(record).encode())
        return Walk(digest, nodes, edges, frozenset(left_out))


def _refused(value: Any) -> Node:
    try:
        refuse_handle(value)
    except GraphError as error:
        return Node(value, "problem", error=error)
    raise AssertionError("a handle is refused")


def _defaults(function: FunctionType) -> Iterator[tuple[str, Any]]:
    code, values = function.__code__, function.__defaults__ or ()
    yield from zip(
        code.co_varnames[code.co_argcount - len(values) : code.co_argcount], values, strict=True
    )
    yield from sorted((function.__kwdefaults__ or {}).items())


def _submodules(module: ModuleType, chains: set[tuple[str, ...]]) -> Iterator[str]:
    """The names of the modules inside a package that chains of attributes lead to."""
    for chain in chains:
        found: Any = module
        for name in chain:
            found = getattr(found, name, None)
            if not isinstance(found, ModuleType):
                break
            yield found.__name__


def _told(function: Any, problem: list[tuple[Node, Edge]], culprit: Node) -> AqueductError:
    """The error for a function that can't be captured: how it leads to what can't, and why."""
    error = culprit.error
    assert error is not None
    if not isinstance(error, (GraphError, UnserializableError)) or isinstance(error, Refusal):
        error = why_unpicklable(culprit.obj, error)
    name = getattr(function, "__qualname__", type(function).__qualname__)
    steps = [edge.phrase for _, edge in problem if edge.phrase]
    way = f"{name} uses {', which uses '.join(steps)}: " if steps else f"{name}: "
    path = (
        f"at value{error.path}: " if isinstance(error, UnserializableError) and error.path else ""
    )
    hint = error.hint
    if hint in (LEFT_OUT, REOPEN) and steps and steps[-1].startswith("the global "):
        hint = "make it inside of the function: each process that runs it needs one of its own"
    kind = GraphError if isinstance(error, GraphError) else UnserializableError
    return kind(f"{way}{path}{error.message}", hint=hint)


def _way(node: Node, came: Mapping[int, tuple[Node, Edge] | None]) -> Iterator[tuple[Node, Edge]]:
    steps = []
    step = came[id(node)]
    while step is not None:
        steps.append(step)
        step = came[id(step[0])]
    yield from reversed(steps)
