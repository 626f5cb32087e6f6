"""Commands that go on until they are told to stop."""

from __future__ import annotations

import signal

import pytest

from aqueduct_core.cli._signals import until_told
from tests.processes import PATIENCE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_heard_while_the_thread_looks_at_the_event(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with until_told() as stop:
        with stop._cond:  # as `wait` holds it for a moment
            signal.raise_signal(number)
            signal.raise_signal(number)
        assert stop.wait(PATIENCE)
    assert signal.getsignal(number) is before
