"""Connections to database servers that stay open for whoever needs one next.

SQLAlchemy's pool lends them, to one user at a time. Here is what it leaves to others: each is looked at
before it is used again, those that nobody uses are closed after a while, a child process leaves its parent's alone,
and none outlives the integration that it was made for.
"""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Callable
from contextlib import suppress
from threading import Lock, Thread
from time import monotonic, sleep
from typing import Any, Protocol

from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import Pool, QueuePool

__all__ = ["IDLE", "OPTIONS", "Kept", "Lender", "close_idle", "keep"]

IDLE = 60.0  # seconds after which a connection that nobody uses is closed
_KEPT = 4  # connections of a pool that wait for their next use; as many as are needed are made

# What `create_engine` is told. Those that were used last are used next, so that the others are let go.
OPTIONS: dict[str, Any] = {
    "poolclass": QueuePool,
    "pool_size": _KEPT,
    "max_overflow": -1,
    "pool_use_lifo": True,
    "pool_reset_on_return": None,  # the integration does more than a rollback
}


class Holder(Protocol):
    """What has a pool: SQLAlchemy's engine, or a `Lender`."""

    pool: Pool

    def dispose(self, close: bool = True) -> None:
        """Take a new pool; what is in the old one is closed if it is asked for."""


class Lender:
    """A pool of connections that SQLAlchemy doesn't make itself.

    Args:
        connect: Makes one.
    """

    def __init__(self, connect: Callable[[], Any]) -> None:
        self.pool: Pool = QueuePool(
            connect, pool_size=_KEPT, max_overflow=-1, use_lifo=True, reset_on_return=None
        )

    def dispose(self, close: bool = True) -> None:
        if close:
            self.pool.dispose()
        self.pool = self.pool.recreate()


class Kept:
    """Looks after the connections of a pool."""

    def __init__(self, holder: Holder, ping: Callable[[Any], object]) -> None:
        self.holder = holder
        self._ping = ping
        self._lock = Lock()
        self._used = monotonic()
        self._is_watched = False

    def look_at(self, connection: Any, record: Any, _proxy: Any) -> None:
        """See that a connection that was used before is still there: the server may have restarted."""
        if "used" in record.info:
            try:
                self._ping(connection)
            except Exception as error:  # whatever it is, another connection takes its place
                raise DisconnectionError from error

    def put_back(self, _connection: Any, record: Any) -> None:
        record.info["used"] = True
        with self._lock:
            self._used = monotonic()
            if not self._is_watched:
                watch = Thread(target=self._watch, name="aqueduct-connections", daemon=True)
                with suppress(RuntimeError):  # the interpreter ends, which closes them as well
                    watch.start()
                    self._is_watched = True

    def close_idle(self) -> None:
        """Close those that nobody uses now."""
        self.holder.pool.dispose()  # the pool can go on; those that are lent come back to it

    def forget(self) -> None:
        """In a child process: leave the parent's connections to it, for as long as the child lives.

        Nothing that would be done here, not even at the end of the interpreter, may reach the server.
        """
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self.holder.pool))
        self._lock, self._is_watched = Lock(), False
        self.holder.dispose(close=False)

    def _watch(self) -> None:
        """Close what isn't used; there is a thread for it only as long as there is something."""
        while True:
            with self._lock:
                left = self._used + IDLE - monotonic()
                if left <= 0:
                    self._is_watched = False
                    break
            sleep(left)
        self.close_idle()


_open: weakref.WeakSet[Kept] = weakref.WeakSet()


def keep(owner: object, holder: Holder, ping: Callable[[Any], object]) -> Kept:
    """Look after the connections of a pool.

    Args:
        owner: What they are for; when it is gone, and at the end of the program, they are closed.
        holder: Has the pool; it must not know the owner.
        ping: Raises an error if a connection is of no use any more.
    """
    kept = Kept(holder, ping)
    event.listen(holder.pool, "checkout", kept.look_at)
    event.listen(holder.pool, "checkin", kept.put_back)
    _open.add(kept)
    weakref.finalize(owner, kept.close_idle)
    return kept


def close_idle() -> None:
    """Close all connections of this process that nobody uses now."""
    for kept in list(_open):
        kept.close_idle()


def _forget_all() -> None:
    for kept in list(_open):
        kept.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
