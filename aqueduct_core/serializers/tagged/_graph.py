"""Values that are no trees: shared members, cycles, nests of any depth.

    {"$type": "graph", "objects": [node, ...], "root": node}

Inside, `{"$type": "ref", "id": 2}` stands for the third object. Only what is met more than once, closes
a cycle or lies too deep becomes an object; everything else stays where it is.

The order of the objects is the order to build them in. A container that can change exists, empty,
from the start; any other must come before what refers to it.
"""

from __future__ import annotations

from typing import Any

from aqueduct_core.errors import UnserializableError
from aqueduct_core.serializers.tagged._base import FIXED, SHELLS, TAG, Build, hashed_by_content
from aqueduct_core.serializers.tagged._encode import Bulk, Encoder, Entangled, Outside, class_name

__all__ = ["encode"]

_DEEPEST = 128  # levels of JSON before a container becomes an object of its own


def encode(
    value: Any,
    outside: Outside | None = None,
    special: dict[type, Build] | None = None,
    bulk: dict[type, Bulk] | None = None,
    met: set[int] | None = None,
) -> Any:
    """The node of any value: a tree if it is one, else a graph.

    Args:
        value: The value.
        outside: See `Encoder`.
        special: See `Encoder`.
        bulk: See `Encoder`.
        met: Takes the ids of all containers in the value.

    Raises:
        UnserializableError: Something in it has no node.
    """
    met = set() if met is None else met
    encoder = Encoder(outside, special, bulk, met)
    try:
        return encoder.node(value)
    except (Entangled, RecursionError):
        met.clear()
        return _Graph(outside, special, None, met).encode(value)


class _Ref:
    """Stands for a container until it is known whether it is an object of its own."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


class _Graph(Encoder):
    numbered = True

    def __init__(
        self,
        outside: Outside | None,
        special: dict[type, Build] | None,
        bulk: dict[type, Bulk] | None,
        met: set[int],
    ) -> None:
        super().__init__(outside, special, bulk, met)
        self._numbers: dict[int, int] = {}
        self._values: list[Any] = []
        self._builds: list[Build] = []
        self._homes: list[tuple[int, list[Any]]] = []  # the object that each stands in, and where
        self._here = -1
        self._nodes: list[Any] = []
        self._times: list[int] = []

    def enter(self, value: Any, build: Build) -> Any:
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self._values)
            self.met.add(id(value))
            self._values.append(value)
            self._builds.append(build)
            self._homes.append((self._here, self.at.copy()))
            self._times.append(0)
        self._times[number] += 1
        return _Ref(number)

    def encode(self, value: Any) -> Any:
        top = self.node(value)
        while len(self._nodes) < len(self._values):
            number = self._here = len(self._nodes)
            self.at = []
            built = self._builds[number](self._values[number], self)
            self._nodes.append(self.outside(self._values[number]) if built is None else built)
        shared = {number for number, times in enumerate(self._times) if times > 1}
        try:
            return _Plan(self, shared).write(top)
        except _Knot:
            # A tuple in a cycle holds a list that holds the tuple: the list must be an object too.
            shared |= {n for n in range(len(self._values)) if self.changeable(n)}
        try:
            return _Plan(self, shared).write(top)
        except _Knot as knot:
            self._here, self.at = knot.number, []
            raise UnserializableError(
                f"this {class_name(type(self._values[knot.number]))} contains itself without any "
                "list, dict or other changeable container on the way",
                path=self.path(),
                hint="put a list or a dict into the cycle, or refer to the object by a name",
            ) from None

    def steps(self) -> list[Any]:
        """Where the walk is, seen from the whole value."""
        groups = [self.at]
        here = self._here
        while here >= 0:
            here, steps = self._homes[here]
            groups.append(steps)
        return [step for steps in reversed(groups) for step in steps]

    def changeable(self, number: int) -> bool:
        """Whether the reader can make the object first and fill it later."""
        node = self._nodes[number]
        if type(node) is list or TAG not in node:
            return True
        if node[TAG] not in SHELLS:
            return False
        # What is hashed by its content must be complete before it becomes a key.
        return node[TAG] not in FIXED or not hashed_by_content(type(self._values[number]))


class _Knot(Exception):
    def __init__(self, number: int) -> None:
        self.number = number


class _Plan:
    """Decides what becomes an object, and in which order objects are built."""

    def __init__(self, graph: _Graph, shared: set[int]) -> None:
        self._graph = graph
        self._shared = shared
        self._objects: dict[int, Any] = {}
        self._needs: dict[int, list[int]] = {}
        self._refs: list[tuple[dict[str, Any], int]] = []
        self._pending: list[int] = []

    def write(self, top: Any) -> Any:
        root = self._inline(top, 2, [])
        while self._pending:
            number = self._pending.pop()
            needs: list[int] = []
            self._objects[number] = self._inline(self._graph._nodes[number], 3, needs)
            self._needs[number] = needs
        order = self._order()
        position = {number: index for index, number in enumerate(order)}
        for ref, number in self._refs:
            ref["id"] = position[number]
        return {TAG: "graph", "objects": [self._objects[n] for n in order], "root": root}

    def _inline(self, node: Any, depth: int, needs: list[int]) -> Any:
        """A copy of a node with every reference either replaced by its object or written out."""
        kind = type(node)
        if kind is _Ref:
            number = node.number
            if number in self._shared or depth > _DEEPEST:
                return self._refer(number, needs)
            return self._inline(self._graph._nodes[number], depth, needs)
        if kind is dict:
            return {key: self._inline(item, depth + 1, needs) for key, item in node.items()}
        if kind is list:
            return [self._inline(item, depth + 1, needs) for item in node]
        return node

    def _refer(self, number: int, needs: list[int]) -> dict[str, Any]:
        if number not in self._objects:
            self._objects[number] = None
            self._pending.append(number)
        needs.append(number)
        ref: dict[str, Any] = {TAG: "ref", "id": -1}
        self._refs.append((ref, number))
        return ref

    def _order(self) -> list[int]:
        """Objects after what they need.

        An unchangeable object must come after the unchangeable ones in it. All else is only better
        (a key is complete before it is hashed), so there a cycle may be cut anywhere.
        """
        fixed = {number: not self._graph.changeable(number) for number in self._objects}
        order: list[int] = []
        state: dict[int, str] = {}
        stack: list[tuple[int, bool]] = []
        later: list[int] = []
        unfinished = 0
        for start in self._objects:
            stack.append((start, False))
            while stack:
                number, leaving = stack.pop()
                if not leaving:
                    if number in state:
                        if fixed[number] and state[number] == "entered":
                            raise _Knot(number)
                        continue
                    state[number] = "entered"
                    stack.append((number, True))
                    unfinished += fixed[number]
                    for need in self._needs[number]:
                        if fixed[need] or not unfinished:
                            stack.append((need, False))
                        else:
                            later.append(need)
                    continue
                order.append(number)
                state[number] = "left"
                unfinished -= fixed[number]
                if not unfinished:
                    stack.extend((need, False) for need in later)
                    later.clear()
        return order
