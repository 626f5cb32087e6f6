"""The text of functions and classes, for people to read and to compare."""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
import textwrap
import threading
from dataclasses import dataclass
from tokenize import TokenError
from types import FunctionType, MethodType
from typing import Any

_PARSING = threading.Lock()  # in Python 3.11 two threads that parse at once can disturb each other

__all__ = ["Source", "shown_function", "source_of", "syntax_of"]


@dataclass(frozen=True, slots=True)
class Source:
    """A piece of source.

    Attributes:
        file: The file it is in.
        line: Its first line there.
        raw: The text as it stands there.
    """

    file: str
    line: int
    raw: str

    @property
    def text(self) -> str:
        """The text, starting at the left margin and ending in one line break."""
        lines = [line.rstrip() for line in textwrap.dedent(self.raw).splitlines()]
        return "\n".join(lines).strip("\n") + "\n"


def source_of(obj: Any) -> Source | None:
    """The source of a function or class; None where there is none, as for builtins and `exec`."""
    target = obj.__code__ if isinstance(obj, FunctionType) else obj
    if target is not obj and target.co_filename == "<string>":
        return None  # since Python 3.13 this is the text of `python -c`, whatever exec compiled
    try:
        with _PARSING:
            if isinstance(obj, FunctionType):
                lines, line, file = _lines_of(obj)
            else:
                lines, line = inspect.getsourcelines(target)
                file = inspect.getfile(target)
    except (OSError, TypeError, SyntaxError, IndexError, TokenError):
        # The last three: the file was changed since, and what stands there now is no function.
        return None
    return Source(file, max(line, 1), "".join(lines))


def _lines_of(function: FunctionType) -> tuple[list[str], int, str]:
    """The lines of a function, the number of the first, and their file.

    What `inspect.getsourcelines` gives for its code, without looking for its module among all that
    are imported, which takes longer than all the rest.
    """
    code = function.__code__
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename, function.__globals__)[code.co_firstlineno - 1 :]
    if not lines:
        raise OSError(f"{code.co_filename} has no line {code.co_firstlineno}")
    return inspect.getblock(lines), code.co_firstlineno, code.co_filename


def syntax_of(obj: Any) -> str | None:
    """What the source of a function or class says, without comments and layout; None without source."""
    source = source_of(obj)
    if source is None:
        return None
    try:
        with _PARSING:
            return ast.dump(ast.parse(source.text))
    except SyntaxError:
        return source.text  # more, or less, than what it was meant to be


def shown_function(function: Any) -> Any:
    """The function or class whose source shows what a callable does."""
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif isinstance(function, MethodType):
            function = function.__func__
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        elif inspect.isbuiltin(function) or isinstance(function, (FunctionType, type)):
            return function
        else:
            return type(function) if callable(function) else function
