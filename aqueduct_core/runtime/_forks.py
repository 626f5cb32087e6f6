"""Copies of this process that a function forks, and that return from it as if they were it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

__all__ = ["forks_end_here"]


@contextmanager
def forks_end_here() -> Iterator[None]:
    """Let a process that is forked in the block end with it, as a script's would.

    What comes after the block is for the process that entered it: a copy must neither store
    outputs nor clear away what belongs to the other.
    """
    process = os.getpid()
    try:
        yield
    except BaseException as error:
        if os.getpid() != process:
            _leave(error)
        raise
    if os.getpid() != process:
        _leave(None)


def _leave(error: BaseException | None) -> NoReturn:
    code = 0 if error is None else 1
    if isinstance(error, SystemExit) and (error.code is None or isinstance(error.code, int)):
        code = error.code or 0
    elif error is not None:
        import traceback  # hardly ever needed

        traceback.print_exception(error)
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # closed, or not there
            stream.flush()
    os._exit(code & 0xFF)
