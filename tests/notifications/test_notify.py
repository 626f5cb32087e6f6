"""Who is told what."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

import pytest

from aqueduct_core.errors import IntegrationError, UnsupportedError
from aqueduct_core.notifications import KINDS, LEVELS, Level, Message, notify, open_notification


@dataclass
class Told:
    """One of a kind that another package could bring."""

    kind: ClassVar[str] = "told"
    secrets: ClassVar[frozenset[str]] = frozenset()

    name: str
    level: Level = "error"
    fails: Exception | None = None
    messages: int = 0

    def test(self) -> None: ...

    def send(self, message: Message) -> None:
        self.messages += 1
        if self.fails:
            raise self.fails


def told(state: str, *, default: Level = "error", levels=None) -> bool:
    somebody = Told("somebody", level=default)
    notify(Message(flow="f", run="r", state=state), [somebody], levels)
    return somebody.messages == 1


@pytest.mark.parametrize(
    ("level", "states"),
    [
        ("success", {"succeeded", "warning", "canceled", "failed"}),
        ("warning", {"warning", "canceled", "failed"}),
        ("error", {"failed"}),
        ("never", set()),
    ],
)
def test_levels(level: Level, states: set[str]) -> None:
    every = ("succeeded", "warning", "canceled", "failed")
    assert {state for state in every if told(state, default=level)} == states
    by_flow = {"somebody": level}
    assert {state for state in every if told(state, default="success", levels=by_flow)} == states


def test_what_a_workflow_says_comes_before_the_default() -> None:
    assert told("succeeded", default="never", levels={"somebody": "success"})
    assert not told("failed", default="success", levels={"somebody": "never"})
    assert told("failed", levels={"somebody else": "never"})


def test_one_that_fails_keeps_nobody_else_from_being_told(caplog) -> None:
    everybody = [
        Told("one", fails=IntegrationError("refused")),
        Told("two", fails=RuntimeError("password=hunter2")),
        Told("three"),
    ]
    message = Message(flow="f", run="r", state="failed")
    found = {item.name: item.error for item in notify(message, everybody, pauses=(0,))}
    assert found == {"one": "refused", "two": "RuntimeError in this package", "three": None}
    assert "hunter2" not in caplog.text
    assert [item.messages for item in everybody] == [1, 1, 1]


def test_a_notification_that_is_gone_is_reported(caplog) -> None:
    message = Message(flow="f", run="r", state="failed")
    [delivery] = notify(message, [], {"gone": "error"})
    assert delivery.error == "there is no such notification"


def test_nobody_to_tell_is_no_work() -> None:
    assert notify(Message(flow="f", run="r", state="succeeded"), [Told("one")]) == []


def test_secrets_are_fields_of_their_kind() -> None:
    for kind in KINDS.values():
        names = {item.name: item for item in fields(kind)}
        assert kind.secrets <= set(names)
        assert not any(names[name].repr for name in kind.secrets)


def test_an_unknown_kind_lists_the_known_ones() -> None:
    with pytest.raises(UnsupportedError, match="pigeon") as caught:
        open_notification("post", "pigeon", {})
    assert all(kind in str(caught.value) for kind in ("email", "slack", "webhook"))


def test_what_is_missing_is_named() -> None:
    with pytest.raises(IntegrationError, match="url is missing"):
        open_notification("hook", "slack", {})


def test_levels_have_an_order() -> None:
    assert LEVELS == ("success", "warning", "error", "never")
