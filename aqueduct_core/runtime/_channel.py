"""JSON messages between a supervisor and its worker, one per line of a socket.

To the worker:
    setup    the workspace: store, signing key, connections; once
    batch    operators to run, one after the other
    revoke   give back what of the batch hasn't been started

From the worker:
    ready    it has imported what it needs
    result   of one operator of the batch, in order
    left     operators of the batch that it did not start
    broken   the batch could not be run at all; a sentence says why
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from socket import socket
from threading import Lock
from typing import Any

__all__ = ["Batch", "Channel"]

_CHUNK = 1 << 18


class Channel:
    """One end of the connection. Any thread may send; one receives.

    Args:
        sock: The connected socket, whose owner the channel becomes.
    """

    def __init__(self, sock: socket) -> None:
        self._socket = sock
        self._sending = Lock()
        self._rest = b""

    def fileno(self) -> int:
        """For a selector."""
        return self._socket.fileno()

    def send(self, message: Mapping[str, Any]) -> None:
        """Send one message.

        Raises:
            OSError: The other end is gone.
        """
        data = json.dumps(message).encode() + b"\n"
        with self._sending:
            self._socket.sendall(data)

    def receive(self) -> list[dict[str, Any]] | None:
        """Wait for bytes, and return the messages that are complete; None when the other end is gone."""
        try:
            data = self._socket.recv(_CHUNK)
        except ConnectionError:
            return None
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        """Let go of the socket; the other end notices."""
        self._socket.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Operators of one run for one worker.

    Attributes:
        flow: The workflow's UUID.
        digest: The version's digest.
        run: The run key.
        operators: Names and attempts, each after those of the batch that it needs.
        parameters: The values that this run overrides.
        expected: The artifact types that operators gave the last time, by operator and output.
        saves: Whether these are saves into one data system, which come true together or not at all.
    """

    flow: str
    digest: str
    run: str
    operators: tuple[tuple[str, int], ...]
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    expected: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    saves: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "flow": self.flow,
            "digest": self.digest,
            "run": self.run,
            "operators": list(self.operators),
            "parameters": dict(self.parameters),
            "expected": dict(self.expected),
            "saves": self.saves,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Batch:
        operators = tuple((name, attempt) for name, attempt in data["operators"])
        return cls(**{**data, "operators": operators})
