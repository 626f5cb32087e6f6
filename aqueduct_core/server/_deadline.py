"""No request is kept waiting for ever: what takes too long to answer is answered for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from anyio import to_thread
from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aqueduct_core.server._errors import problem
from aqueduct_core.server._security import SAFE
from aqueduct_core.server._settings import Settings

__all__ = ["Deadline", "asks_others"]

_SPARE = 64  # threads, at most, that stand in for those that nobody waits for any more
_HINT = "it goes on in the server, and may still come about: look again later, or ask for less"

F = TypeVar("F", bound=Callable[..., Any])
_asking: set[Any] = set()


def asks_others(handler: F) -> F:
    """Mark what asks databases, buckets or clusters, which take the time that they take."""
    _asking.add(handler)
    return handler


class Deadline:
    """Answers 504 for what has not begun to answer in time.

    What has begun may take as long as it likes: downloads and live updates are streams. While a
    body is still coming, its sender is waited for and not the handler. A thread can't be stopped: a
    handler that nobody waits for goes on, and another thread takes its place meanwhile.

    Args:
        app: What answers.
        settings: How the server is set up.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._left: set[asyncio.Future[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(scope, receive, send, self._settings)
        task = asyncio.ensure_future(self._app(scope, answer.receive, answer.send))
        try:
            await asyncio.wait({task, answer.late}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()
            raise
        finally:
            answer.stop()
        if answer.late.cancelled():
            await task
            return
        self._leave(task)
        seconds = answer.limit
        detail = f"this took longer than {seconds:g} seconds"
        refusal = problem(Request(scope), 504, detail, hint=_HINT, more={"error": "ServerError"})
        await refusal(scope, receive, send)

    def _leave(self, task: asyncio.Future[None]) -> None:
        """Let a handler go on without anybody who waits for it."""
        self._left.add(task)
        limiter = to_thread.current_default_thread_limiter()
        spare = len(self._left) <= _SPARE
        limiter.total_tokens += spare

        def ended(task: asyncio.Future[None]) -> None:
            self._left.discard(task)
            limiter.total_tokens -= spare
            if not task.cancelled():
                task.exception()  # nobody is told

        task.add_done_callback(ended)


class _Answer:
    """The answer to a request, until it begins.

    Attributes:
        late: Done when the time is over; cancelled when the answer has begun, or ended.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, settings: Settings) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._is_complete = False  # the body
        self._is_waiting = False  # for more of the body
        self.late: asyncio.Future[None] = self._loop.create_future()
        soonest = min(settings.read_timeout, settings.work_timeout)
        self._timer = self._loop.call_later(soonest, self._look)

    @property
    def limit(self) -> float:
        """Seconds that it may take; what handles a request is known after a moment."""
        settings = self._settings
        is_quick = self._scope["method"] in SAFE and self._scope.get("endpoint") not in _asking
        return settings.read_timeout if is_quick else settings.work_timeout

    def stop(self) -> None:
        """Watch it no longer."""
        self._timer.cancel()
        if not self.late.done():
            self.late.cancel()

    async def receive(self) -> Message:
        """The next part of the request."""
        self._is_waiting = not self._is_complete
        try:
            message = await self._receive()
        finally:
            self._is_waiting = False
        if not self._is_complete:
            self._is_complete = not message.get("more_body", False)
            self._since = self._loop.time()
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer, unless it comes too late."""
        if self.late.done() and not self.late.cancelled():
            return
        self.stop()
        await self._send(message)

    def _look(self) -> None:
        now = self._loop.time()
        left = self.limit if self._is_waiting else self._since + self.limit - now
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
        else:
            with suppress(asyncio.InvalidStateError):  # it has begun in this very moment
                self.late.set_result(None)
