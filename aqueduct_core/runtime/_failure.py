"""Failures: what an operator raised, or what ended its process, told so that it can be mended."""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any

from aqueduct_core.dag import CallSite, is_library, own_traceback
from aqueduct_core.errors import AqueductError

__all__ = ["Failure", "Frame"]

_FRAMES = 50  # of each end of a traceback: a recursion is as clear from its ends
_CONTEXT = 2  # lines before and after the failing one
_LONGEST_MESSAGE = 10_000
_LONGEST_TRACEBACK = 100_000
_MOST_CAUSES = 20  # of a chain, and of a group
_SHORTEST_SECRET = 4  # what is shorter would blacken half of the text


@dataclass(frozen=True, slots=True)
class Frame:
    """One call on the stack of an exception. The values of variables are never looked at.

    Attributes:
        file: The file's path, or a name like `<stdin>`.
        line: The line's number.
        function: The function it is in.
        code: The line.
        before: The lines before it.
        after: The lines after it.
    """

    file: str
    line: int
    function: str
    code: str = ""
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    @property
    def site(self) -> CallSite:
        """Where it is."""
        return CallSite(self.file, self.line, self.function)

    def to_json(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "line": self.line,
            "function": self.function,
            "code": self.code,
            "before": list(self.before),
            "after": list(self.after),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Frame:
        return cls(
            data["file"],
            data["line"],
            data["function"],
            data["code"],
            tuple(data.get("before", ())),
            tuple(data.get("after", ())),
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """What an operator raised.

    Attributes:
        type: The exception's class.
        message: Its text.
        frames: The stack from the user's function inwards; empty if none of the user's code is
            on it.
        traceback: The traceback as Python prints it, without the frames of this package that lead
            to the user's function. Only the outermost failure has one; it tells of the others, too.
        causes: What it was raised from, the nearest first.
        exceptions: The members, if it is an exception group.
    """

    type: str
    message: str
    frames: tuple[Frame, ...] = ()
    traceback: str = ""
    causes: tuple[Failure, ...] = ()
    exceptions: tuple[Failure, ...] = ()

    @classmethod
    def of(cls, error: BaseException, secrets: Iterable[str] = ()) -> Failure:
        """A failure from the exception that was caught.

        Args:
            error: The exception.
            secrets: Texts that are blackened wherever an exception's text holds them.
        """
        clean = _cleaner(secrets)
        text = clean("".join(_format(error)))
        chain = [_single(cause, clean) for cause in _causes(error)]
        members = [_single(member, clean) for member in _members(error)]
        return cls(
            type=_class_name(error),
            message=clean(_message(error)),
            frames=_frames(error),
            traceback=_cut(text, _LONGEST_TRACEBACK),
            causes=tuple(chain),
            exceptions=tuple(members),
        )

    @property
    def site(self) -> str:
        """The innermost line of the user's own code, `models/churn.py:12`, or nothing."""
        own = [frame for frame in self.frames if not is_library(frame.file)]
        return str((own or list(self.frames))[-1].site) if self.frames else ""

    def __repr__(self) -> str:
        return f"<Failure {self}>"

    def __str__(self) -> str:
        where = f" at {self.site}" if self.site else ""
        return f"{self.type}: {self.message}{where}" if self.message else f"{self.type}{where}"

    def to_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {
            "type": self.type,
            "message": self.message,
            "frames": [frame.to_json() for frame in self.frames],
        }
        if self.traceback:
            data["traceback"] = self.traceback
        if self.causes:
            data["causes"] = [cause.to_json() for cause in self.causes]
        if self.exceptions:
            data["exceptions"] = [member.to_json() for member in self.exceptions]
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Failure:
        return cls(
            type=data["type"],
            message=data["message"],
            frames=tuple(Frame.from_json(item) for item in data["frames"]),
            traceback=data.get("traceback", ""),
            causes=tuple(cls.from_json(item) for item in data.get("causes", ())),
            exceptions=tuple(cls.from_json(item) for item in data.get("exceptions", ())),
        )


def _single(error: BaseException, clean: Callable[[str], str]) -> Failure:
    members = tuple(_single(member, clean) for member in _members(error))
    message = clean(_message(error))
    return Failure(_class_name(error), message, _frames(error), exceptions=members)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen = {id(error)}
    for _ in range(_MOST_CAUSES):
        cause = _cause(error)
        if cause is None or id(cause) in seen:
            return
        seen.add(id(cause))
        yield cause
        error = cause


def _cause(error: BaseException) -> BaseException | None:
    if error.__cause__ is not None or error.__suppress_context__:
        return error.__cause__
    return error.__context__


def _members(error: BaseException) -> tuple[BaseException, ...]:
    return error.exceptions[:_MOST_CAUSES] if isinstance(error, BaseExceptionGroup) else ()


def _format(error: BaseException) -> Iterator[str]:
    """The traceback as Python prints it, each exception without what led to the user's code.

    What an error of this package comes from is left out if it isn't the user's code: its text says
    what happened, and the inside of a library that this package calls explains nothing.
    """
    formatted = traceback.TracebackException(type(error), error, _own(error), compact=True)
    pairs = [(formatted, error)]
    while pairs:
        told, exception = pairs.pop()
        told.stack = traceback.StackSummary.extract(traceback.walk_tb(_own(exception)))
        cause = _cause(exception)
        shown = told.__cause__ if exception.__cause__ is not None else told.__context__
        if cause is not None and isinstance(exception, AqueductError) and not _is_users(cause):
            told.__cause__ = told.__context__ = None
        elif cause is not None and shown is not None:
            pairs.append((shown, cause))
        if told.exceptions and isinstance(exception, BaseExceptionGroup):
            pairs += zip(told.exceptions, exception.exceptions, strict=False)
    return formatted.format()


def _is_users(error: BaseException) -> bool:
    """Whether the user's own code is on the stack of an exception, or of what it comes from."""
    return any(
        not is_library(frame.f_code.co_filename)
        for item in (error, *_causes(error))
        for frame, _ in traceback.walk_tb(_own(item))
    )


def _own(error: BaseException) -> TracebackType | None:
    """The part of its traceback that tells the user something."""
    own = own_traceback(error.__traceback__)
    if own is None:
        return None
    frames = [frame for frame, _ in traceback.walk_tb(own)]
    if not _internal(frames[-1]):
        return own
    users = (not _internal(one) and not is_library(one.f_code.co_filename) for one in frames)
    # Raised by this package outside of the user's code: the text says it all.
    return own if any(users) else None


def _internal(frame: FrameType) -> bool:
    module = frame.f_globals.get("__name__", "")
    return module.startswith("aqueduct_core.") and not module.startswith("aqueduct_core.cli")


def _frames(error: BaseException) -> tuple[Frame, ...]:
    calls = traceback.StackSummary.extract(traceback.walk_tb(_own(error)), lookup_lines=False)
    chosen = [*calls]
    if len(chosen) > 2 * _FRAMES:
        chosen = chosen[:_FRAMES] + chosen[-_FRAMES:]
    return tuple(_frame(call.filename, call.lineno or 0, call.name) for call in chosen)


def _frame(file: str, line: int, function: str) -> Frame:
    def text(number: int) -> str:
        return linecache.getline(file, number).rstrip() if number > 0 else ""

    last = len(linecache.getlines(file))
    before = tuple(map(text, range(max(1, line - _CONTEXT), line)))
    after = tuple(map(text, range(line + 1, min(last, line + _CONTEXT) + 1)))
    return Frame(file, line, function, text(line).strip(), before, after)


def _class_name(error: BaseException) -> str:
    kind = type(error)
    own = kind.__module__ in ("builtins", "__main__")
    return kind.__qualname__ if own else f"{kind.__module__}.{kind.__qualname__}"


def _message(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception as broken:  # noqa: BLE001 - the user's own __str__
        text = f"<its text can't be shown: {type(broken).__name__}>"
    notes = [note for note in getattr(error, "__notes__", ()) if isinstance(note, str)]
    return _cut("\n".join([text, *notes]), _LONGEST_MESSAGE)


def _cut(text: str, longest: int) -> str:
    text = text.encode("utf-8", "backslashreplace").decode()  # a lone surrogate is no JSON
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half:,} characters left out ...]\n{text[-half:]}"


def _cleaner(secrets: Iterable[str]) -> Callable[[str], str]:
    found = sorted({text for text in secrets if len(text) >= _SHORTEST_SECRET}, key=len)[::-1]

    def clean(text: str) -> str:
        for secret in found:
            text = text.replace(secret, "***")
        return text

    return clean
