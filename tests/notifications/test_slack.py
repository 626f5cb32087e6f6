"""Slack-compatible incoming webhooks."""

from __future__ import annotations

import json

from aqueduct_core.notifications import Message, Problem, open_notification
from aqueduct_core.notifications._slack import _payload
from tests.notifications.servers import HttpServer


def test_blocks_with_a_text_where_they_are_not_shown(server: HttpServer, message) -> None:
    open_notification("team", "slack", {"url": server.url}).send(message)
    payload = server.requests[0].json
    assert payload["text"] == (
        ":x: Churn &lt;b&gt;&amp; failed: predict: ValueError: &lt;nothing&gt; at churn.py:12"
    )
    header, section = payload["blocks"]
    assert header["text"]["text"] == ":x: Churn <b>& failed"
    assert section["text"]["type"] == "mrkdwn"
    assert section["text"]["text"].splitlines() == [
        "*Failed*  predict: ValueError: &lt;nothing&gt; at churn.py:12",
        "*Check*  not_empty: 0 rows",
        "*Run*  scheduled-2026-06-01T1200Z",
        "*Took*  1 min 15 s",
        "<https://aqueduct.example/runs/1?a=b&amp;c=d|Open the run>",
    ]


def test_a_test_says_what_the_channel_is_for(server: HttpServer) -> None:
    open_notification("team", "slack", {"url": server.url}).test()
    assert "text" in server.requests[0].json


def test_however_much_went_wrong_slack_takes_it() -> None:
    problems = tuple(Problem(f"operator {n}", "<&>" * 200) for n in range(200))
    message = Message(flow="x" * 500, run="r", state="failed", failed=problems)
    payload = _payload(message)
    header, *sections = payload["blocks"]
    assert len(header["text"]["text"]) <= 150
    assert len(payload["blocks"]) <= 50
    assert all(0 < len(item["text"]["text"]) <= 3000 for item in sections)
    assert "and 161 more" in sections[-1]["text"]["text"]
    assert len(payload["text"]) <= 3000
    assert json.loads(json.dumps(payload)) == payload


def test_a_success_is_short() -> None:
    payload = _payload(Message(flow="Churn", run="r", state="succeeded", seconds=2))
    assert payload["text"] == ":white_check_mark: Churn succeeded"
