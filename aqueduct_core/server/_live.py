"""What happens, as it happens: one look at the database for all who are watching."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress

from starlette.concurrency import run_in_threadpool

from aqueduct_core.client import Session
from aqueduct_core.errors import AqueductError
from aqueduct_core.tracking import Event

__all__ = ["Live"]

_PAUSE = 0.5  # seconds between two looks
_QUIET = 15.0  # after so many seconds without news watchers are told that there are none
_REMEMBERED = 5_000


class Live:
    """The feed of events, for any number of watchers in one event loop.

    Args:
        session: The workspace.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._recent: deque[Event] = deque(maxlen=_REMEMBERED)
        self._last = 0
        self._watchers = 0
        self._news = asyncio.Event()
        self._closed = False
        self._looking: asyncio.Task[None] | None = None

    async def watch(self, after: int | None = None) -> AsyncGenerator[list[Event]]:
        """What happens from now on, in order and without gaps, until the server stops.

        An empty list says that nothing has happened for a while.

        Args:
            after: Also what has happened since this event.
        """
        self._watchers += 1
        try:
            last = await self._begin() if after is None else after
            await self._begin()
            while not self._closed:
                news = self._news
                found = await self._since(last)
                if found:
                    last = found[-1].id
                    yield found
                    continue
                try:
                    await asyncio.wait_for(news.wait(), _QUIET)
                except TimeoutError:
                    yield []
        finally:
            self._watchers -= 1

    def close(self) -> None:
        """Let all watchers go; called in the event loop."""
        self._closed = True
        self._news.set()

    async def _begin(self) -> int:
        """Look at the database from now on; returns the last event."""
        if self._looking is None or self._looking.done():
            self._last = await run_in_threadpool(self._session.tracking.last_event)
            self._recent.clear()
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._look())
        return self._last

    async def _since(self, last: int) -> list[Event]:
        if last >= self._last:
            return []
        if self._recent and self._recent[0].id <= last + 1:
            return [event for event in self._recent if event.id > last]
        return await run_in_threadpool(self._session.tracking.events, last)

    async def _look(self) -> None:
        while self._watchers and not self._closed:
            # A database that can't be reached now may be there the next time.
            with suppress(AqueductError):
                found = await run_in_threadpool(self._session.tracking.events, self._last)
                if found:
                    self._recent.extend(found)
                    self._last = found[-1].id
                    news, self._news = self._news, asyncio.Event()
                    news.set()
            await asyncio.sleep(_PAUSE)
