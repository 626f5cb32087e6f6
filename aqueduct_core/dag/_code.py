"""Compiled code: what it refers to, and a digest of what it does.

The digest covers everything that a code object does and nothing of where it stands: neither file nor
line numbers, names of functions, comments or the order of sets.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CodeType
from typing import Any
from weakref import WeakKeyDictionary

from aqueduct_core.digest import digest_of

__all__ = ["Import", "References", "code_digest", "references"]

# Generators, coroutines, *args, **kwargs; not the flags that say how a function was compiled.
_FLAGS = 0x3AF
_ATTRIBUTE = ("LOAD_ATTR", "LOAD_METHOD")
_GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
_CELL = ("LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF")
_SKIPPED = ("EXTENDED_ARG", "CACHE", "PUSH_NULL", "NOP")
_WHOLE: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Import:
    """An import statement inside a function.

    Attributes:
        module: What stands after `import` or `from`.
        level: The number of dots before it.
        names: What is taken from it; None for a plain `import`.
    """

    module: str
    level: int
    names: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class References:
    """What code refers to outside of itself.

    Attributes:
        names: For each global name the chains of attributes it is used with, `np.linalg.norm` as
            `("linalg", "norm")`; an empty chain where the object itself is used.
        cells: The same for variables of functions around.
        imports: The import statements, those of nested functions included.
    """

    names: dict[str, set[tuple[str, ...]]] = field(default_factory=dict)
    cells: dict[str, set[tuple[str, ...]]] = field(default_factory=dict)
    imports: list[Import] = field(default_factory=list)


# Closures share their code, and to look into it takes longer than all the rest.
_references: WeakKeyDictionary[CodeType, References] = WeakKeyDictionary()
_digests: WeakKeyDictionary[CodeType, str] = WeakKeyDictionary()


def references(code: CodeType) -> References:
    """What a code object and those inside it refer to."""
    found = _references.get(code)
    if found is None:
        found = References()
        for inner in _nested(code):
            _scan(inner, found)
        _references[code] = found
    return found


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _scan(code: CodeType, found: References) -> None:
    steps = [step for step in dis.get_instructions(code) if step.opname not in _SKIPPED]
    for index, step in enumerate(steps):
        if step.opname in _GLOBAL:
            found.names.setdefault(step.argval, set()).add(_chain(steps, index + 1))
        elif step.opname in _CELL:
            found.cells.setdefault(step.argval, set()).add(_chain(steps, index + 1))
        elif step.opname == "IMPORT_NAME":
            level, names = steps[index - 2].argval, steps[index - 1].argval
            found.imports.append(Import(step.argval, int(level or 0), names))


def _chain(steps: list[dis.Instruction], start: int) -> tuple[str, ...]:
    chain = []
    for step in steps[start:]:
        if step.opname not in _ATTRIBUTE:
            break
        chain.append(step.argval)
    return tuple(chain) or _WHOLE


def code_digest(code: CodeType) -> str:
    """A digest of what code does, equal for equal code wherever it stands."""
    found = _digests.get(code)
    if found is None:
        found = digest_of(repr(_token(code)).encode("utf-8", "surrogatepass"))
        _digests[code] = found
    return found


def _token(code: CodeType) -> tuple[Any, ...]:
    if "__firstlineno__" in code.co_names and sys.version_info >= (3, 13):
        body: Any = _class_body(code)
    else:
        body = code.co_code, tuple(map(_constant, code.co_consts))
    return (
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_flags & _FLAGS,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        code.co_exceptiontable,
        body,
    )


def _class_body(code: CodeType) -> list[tuple[str, Any]]:
    """The steps of a class statement, without the line it begins at.

    From Python 3.13 on a class holds its line number, and the names of attributes that its methods
    set, in an order that changes from process to process.
    """
    steps = [step for step in dis.get_instructions(code) if step.opname not in _SKIPPED]
    found: list[tuple[str, Any]] = []
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        target = following.argval if following and following.opname == "STORE_NAME" else None
        if target == "__firstlineno__":
            continue
        value = step.argval
        if target == "__static_attributes__" and isinstance(value, tuple):
            value = tuple(sorted(value))
        if step.opcode in dis.hasconst:
            value = _constant(value)
        elif step.opcode in dis.hasjrel or step.opcode in dis.hasjabs:
            value = None  # told by the exception table and the steps themselves
        found.append((step.opname, value))
    return found


def _constant(value: Any) -> tuple[str, Any]:
    kind = type(value).__name__
    if isinstance(value, CodeType):
        return kind, _token(value)
    if isinstance(value, tuple):
        return kind, tuple(map(_constant, value))
    if isinstance(value, frozenset):
        return kind, sorted(map(repr, map(_constant, value)))
    if isinstance(value, slice):
        return kind, tuple(map(_constant, (value.start, value.stop, value.step)))
    return kind, repr(value)
