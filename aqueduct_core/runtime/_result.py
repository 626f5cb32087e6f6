"""What is known about an operator after it ran: the content of `result.json`."""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from aqueduct_core.dag import CallSite, is_library, own_traceback, user_frames
from aqueduct_core.errors import FormatVersionError
from aqueduct_core.manifest import ArtifactRef

__all__ = ["Failure", "OperatorState", "Result"]

FORMAT = 1
_FRAMES = 50  # of each end of a traceback: a recursion is as clear from its ends

OperatorState: TypeAlias = Literal["succeeded", "warning", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Failure:
    """What an operator raised.

    Attributes:
        type: The exception's class.
        message: Its text.
        frames: The stack from the user's function inwards.
        code: The line of each frame.
        traceback: The traceback as Python prints it, without the frames of this package.
    """

    type: str
    message: str
    frames: tuple[CallSite, ...]
    code: tuple[str, ...]
    traceback: str

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """A failure from the exception that was caught."""
        frames = user_frames(error)
        if len(frames) > 2 * _FRAMES:
            frames = frames[:_FRAMES] + frames[-_FRAMES:]
        own = own_traceback(error.__traceback__)
        text = "".join(traceback.format_exception(type(error), error, own))
        code = tuple(linecache.getline(frame.file, frame.line).strip() for frame in frames)
        kind = type(error)
        name = kind.__qualname__
        if kind.__module__ != "builtins":
            name = f"{kind.__module__}.{name}"
        return cls(name, str(error), tuple(frames), code, text)

    @property
    def site(self) -> str:
        """The innermost line of the user's own code, `models/churn.py:12`, or nothing."""
        own = [frame for frame in self.frames if not is_library(frame.file)]
        return str((own or list(self.frames))[-1]) if self.frames else ""

    def __str__(self) -> str:
        where = f" at {self.site}" if self.site else ""
        return f"{self.type}: {self.message}{where}" if self.message else f"{self.type}{where}"

    def to_json(self) -> dict[str, Any]:
        return {
            "type": self.type,
            "message": self.message,
            "frames": [
                {"file": frame.file, "line": frame.line, "function": frame.function, "code": code}
                for frame, code in zip(self.frames, self.code, strict=True)
            ],
            "traceback": self.traceback,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Failure:
        frames = data["frames"]
        return cls(
            type=data["type"],
            message=data["message"],
            frames=tuple(CallSite(item["file"], item["line"], item["function"]) for item in frames),
            code=tuple(item["code"] for item in frames),
            traceback=data["traceback"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One operator in one run.

    Attributes:
        operator: The operator's UUID.
        name: Its name in the workflow.
        kind: `op`, `metric`, `check`, `query`, `save` or `parameter`.
        run: The run key.
        state: `succeeded`, `warning`, `failed` or `skipped`.
        started: When it started, ISO 8601 in UTC.
        seconds: How long each phase took: `load`, `run`, `store`.
        outputs: The stored outputs by name.
        reason: Why it was skipped, or what the warning or failure is, in a sentence.
        error: What it raised, if it did.
        severity: What a failing check means.
        passed: What a check found.
        detail: What a save wrote.
        environment: Python, host and package version.
        attempt: Counts from 1.
    """

    operator: str
    name: str
    kind: str
    run: str
    state: OperatorState
    started: str
    seconds: Mapping[str, float] = field(default_factory=dict)
    outputs: Mapping[str, ArtifactRef] = field(default_factory=dict)
    reason: str | None = None
    error: Failure | None = None
    severity: str | None = None
    passed: bool | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    attempt: int = 1

    @property
    def duration(self) -> float:
        """Seconds of all phases together."""
        return sum(self.seconds.values())

    def to_json(self) -> dict[str, Any]:
        """The result as plain JSON."""
        return {
            "format": FORMAT,
            "operator": self.operator,
            "name": self.name,
            "kind": self.kind,
            "run": self.run,
            "state": self.state,
            "attempt": self.attempt,
            "started": self.started,
            "seconds": dict(self.seconds),
            "outputs": {name: ref.serialize() for name, ref in self.outputs.items()},
            "reason": self.reason,
            "error": None if self.error is None else self.error.to_json(),
            "severity": self.severity,
            "passed": self.passed,
            "detail": dict(self.detail),
            "environment": dict(self.environment),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Result:
        """A result from what `to_json` returned.

        Raises:
            FormatVersionError: A newer version wrote it.
        """
        if data["format"] > FORMAT:
            raise FormatVersionError(
                f"the result of {data.get('name')!r} has format {data['format']}; {FORMAT} is the "
                "newest known here",
                hint="pip install --upgrade aqueduct-core",
            )
        same = ("operator", "name", "kind", "run", "state", "started", "seconds", "reason")
        more = ("severity", "passed", "detail", "environment", "attempt")
        error = data["error"]
        return cls(
            **{name: data[name] for name in (*same, *more)},
            outputs={name: ArtifactRef.deserialize(ref) for name, ref in data["outputs"].items()},
            error=None if error is None else Failure.from_json(error),
        )
