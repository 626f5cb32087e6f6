"""What waits for a run can be interrupted in any of its lines."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import Any

import pytest

from aqueduct_core.engines.base import RunState
from aqueduct_core.engines.local import RunHandle
from tests.processes import wait_until


def interrupt_in(line: int) -> None:
    """Raise KeyboardInterrupt in a line of what waits for the end, as a signal would."""
    left = line

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal left
        if frame.f_code.co_name != "wait" or frame.f_code is RunHandle.wait.__code__:
            return None
        if event == "line":
            left -= 1
            if not left:
                raise KeyboardInterrupt
        return trace

    sys.settrace(trace)


class Work:
    """A run that ends when it is asked often enough; it is interrupted when it is asked at first."""

    def __init__(self, line: int | None = None) -> None:
        self.asked: list[float | None] = []
        self._line = line
        self._end = threading.Event()

    def run(self) -> RunState:
        while not self._end.is_set():
            self._end.wait()
        return "canceled"

    def stop(self, grace: float | None) -> None:
        self.asked.append(grace)
        if grace is None and self._line is not None:
            interrupt_in(self._line)
        else:
            self._end.set()


@pytest.fixture(autouse=True)
def traced() -> Any:
    before = sys.gettrace()
    yield
    sys.settrace(before)


def test_an_interrupt_in_any_line_cancels() -> None:
    line = 0
    interrupted = True
    while interrupted:
        line += 1
        work = Work()
        handle = RunHandle("r", work.run, work.stop)
        interrupt_in(line)
        try:
            handle.wait(0.01)
            interrupted = False
        except KeyboardInterrupt:
            assert work.asked == [None]
            assert handle.wait() == "canceled"
        finally:
            sys.settrace(None)
            work.stop(0)
    assert line > 6


@pytest.mark.parametrize("line", [1, 2, 3, 4])  # in the one after these it waits
def test_a_second_interrupt_in_any_line_kills(line: int) -> None:
    work = Work(line)
    handle = RunHandle("r", work.run, work.stop)
    interrupt_in(1)
    with pytest.raises(KeyboardInterrupt):
        handle.wait()
    assert work.asked == [None, 0]
    assert handle.wait() == "canceled"


def test_a_signal_that_does_not_end_the_wait_is_noticed() -> None:
    """As one that comes just before the system call, or that another thread gets."""
    work = Work()
    handle = RunHandle("r", work.run, work.stop)

    def interrupt() -> None:
        wait_until(lambda: handle._ended._waiting)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    with pytest.raises(KeyboardInterrupt):
        thread.start()
        handle.wait()
    thread.join()
    assert work.asked == [None]
