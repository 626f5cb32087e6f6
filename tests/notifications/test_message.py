"""What is told about a run: what matters, in few words."""

from __future__ import annotations

import pytest

from aqueduct_core.notifications import Message, Problem, level_of
from aqueduct_core.notifications._message import one_line
from aqueduct_core.runtime import Result


def result(name: str, state: str = "succeeded", kind: str = "op", **known) -> Result:
    return Result(
        operator="id", name=name, kind=kind, run="r", state=state, started="2026-01-01", **known
    )


def test_failed_operators_and_checks_are_named() -> None:
    results = [
        result("load"),
        result("train", "failed", reason="it raised ValueError"),
        result("predict", "skipped", reason="train failed"),
        result("rows", "failed", "check", severity="error", passed=False, reason="0 rows\nmore"),
        result("mean", "warning", "check", severity="warning", passed=False),
        result("sound", "succeeded", "check", passed=True),
        result("broken", "failed", "check", severity="error", reason="it raised KeyError"),
    ]
    message = Message.of_results(results, flow="Churn", run="r", state="failed", seconds=1.0)
    assert message.failed == (
        Problem("train", "it raised ValueError"),
        Problem("broken", "it raised KeyError"),
    )
    assert message.checks == (Problem("rows", "0 rows"), Problem("mean", "it did not pass"))
    assert message.level == "error"
    assert message.title == "Churn failed"


@pytest.mark.parametrize(
    ("state", "level"),
    [
        ("succeeded", "success"),
        ("warning", "warning"),
        ("canceled", "warning"),
        ("failed", "error"),
        ("something new", "error"),
    ],
)
def test_each_state_has_a_level(state: str, level: str) -> None:
    assert level_of(state) == level


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.04, "0.0 s"), (59.9, "59.9 s"), (75.4, "1 min 15 s"), (7300, "2 h 1 min")],
)
def test_how_long_it_took(seconds: float, told: str) -> None:
    facts = Message(flow="f", run="r", state="succeeded", seconds=seconds).facts()
    assert ("Took", told) in facts


def test_errors_are_one_line_and_not_endless() -> None:
    assert one_line("\n  first \nsecond") == "first"
    assert len(one_line("x" * 10_000)) == 300
    assert one_line("") == ""
    assert one_line("half \ud800 a pair").encode()
