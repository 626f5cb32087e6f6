"""Python source for plain values and calls, as a formatter would lay it out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["WIDTH", "Call", "Name", "assignment", "source", "text"]

WIDTH = 100
_STEP = 4
_MANY = 4  # named arguments that stand one on a line


@dataclass(frozen=True, slots=True)
class Name:
    """A name that stands for itself."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A call of a function with values, names and further calls; `**` names what is unpacked last."""

    function: str
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def names(self) -> Iterator[str]:
        """The names that it needs."""
        yield self.function
        for value in (*self.args, *self.kwargs.values()):
            yield from _names(value)

    def render(self, indent: int, before: int = 0) -> str:
        """Its source; `before` is the width of what stands before it on its line."""
        named = all(name.isidentifier() or name == "**" for name in self.kwargs)
        members = [source(value, indent + _STEP) for value in self.args]
        if named:
            members += [
                f"{name}{'' if name == '**' else '='}{source(value, indent + _STEP)}"
                for name, value in self.kwargs.items()
            ]
        else:
            members.append(f"**{source(dict(self.kwargs), indent + _STEP)}")
        return _enclosed(f"{self.function}(", members, ")", indent, before)


def assignment(name: str, call: Call, indent: int) -> str:
    """`name = call(...)`."""
    return f"{' ' * indent}{name} = {call.render(indent, len(name) + 3)}"


def source(value: Any, indent: int = 0) -> str:
    """The source of a value: JSON, a name or a call."""
    if isinstance(value, Name):
        return value.name
    if isinstance(value, Call):
        return value.render(indent)
    if isinstance(value, str):
        return text(value, indent)
    if isinstance(value, Mapping):
        members = [
            f"{text(str(key))}: {source(item, indent + _STEP)}" for key, item in value.items()
        ]
        return _enclosed("{", members, "}", indent)
    if isinstance(value, list | tuple):
        return _enclosed("[", [source(item, indent + _STEP) for item in value], "]", indent)
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    raise TypeError(f"{type(value).__name__} has no place in a DAG file")


def text(value: str, indent: int | None = None) -> str:
    """A string literal, in double quotes where that is simplest; long ones line by line."""
    lines = value.splitlines(keepends=True)
    if indent is None or len(lines) < 2:
        return _quoted(value)
    pad = " " * (indent + _STEP)
    return "(\n" + "".join(f"{pad}{_quoted(line)}\n" for line in lines) + " " * indent + ")"


def _quoted(value: str) -> str:
    # ascii() shows everything that an editor, or a reader, could take for something else.
    found = ascii(value) if any(map(_is_tricky, value)) else repr(value)
    if found.startswith("'") and '"' not in found:
        return f'"{found[1:-1]}"'
    return found


def _is_tricky(character: str) -> bool:
    return not character.isprintable()


def _enclosed(
    opening: str, members: Sequence[str], closing: str, indent: int, before: int = 0
) -> str:
    line = f"{opening}{', '.join(members)}{closing}"
    is_short = len(line) + indent + before <= WIDTH - _STEP and "\n" not in line
    if is_short and (len(members) < _MANY or not any("=" in item for item in members[:-1])):
        return line
    pad = " " * (indent + _STEP)
    return f"{opening}\n" + "".join(f"{pad}{item},\n" for item in members) + " " * indent + closing


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, Name):
        yield value.name.partition(".")[0]
    elif isinstance(value, Call):
        yield from value.names()
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _names(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _names(item)
