"""Incoming webhooks of Slack, and of what understands the same: Mattermost, Rocket.Chat, ..."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, ClassVar

from aqueduct_core.notifications._http import checked, post
from aqueduct_core.notifications._message import Level, Message

__all__ = ["Slack"]

_SIGNS = {"success": ":white_check_mark:", "warning": ":warning:", "error": ":x:"}
_LONGEST_HEADER, _LONGEST_TEXT, _MOST_LINES = 150, 2900, 40  # Slack refuses longer ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Slack:
    """A channel.

    Attributes:
        name: What the user calls it.
        url: The address of the incoming webhook.
        level: From which kind of end on it is told: `success`, `warning`, `error` or `never`.
        ca_file: Certificates to trust instead of the machine's.
    """

    kind: ClassVar[str] = "slack"
    secrets: ClassVar[frozenset[str]] = frozenset({"url"})

    name: str
    url: str = field(repr=False)
    level: Level = "error"
    ca_file: str | None = None

    def __post_init__(self) -> None:
        checked(self.name, self.url)

    def test(self) -> None:
        self._post({"text": "This channel will be told how workflows end."})

    def send(self, message: Message) -> None:
        self._post(_payload(message))

    def _post(self, payload: dict[str, Any]) -> None:
        post(self.name, self.url, json.dumps(payload).encode(), {}, self.ca_file)


def _payload(message: Message) -> dict[str, Any]:
    facts = message.facts()
    lines = [f"*{label}*  {_escaped(text)}" for label, text in facts[:_MOST_LINES]]
    if len(facts) > _MOST_LINES:
        lines.append(f"and {len(facts) - _MOST_LINES} more")
    if message.link:
        lines.append(f"<{_escaped(message.link)}|Open the run>")
    title = f"{_SIGNS.get(message.level, '')} {message.title}"
    problem = next((f": {text}" for label, text in facts if label in ("Failed", "Check")), "")
    header = {"type": "plain_text", "text": title[:_LONGEST_HEADER], "emoji": True}
    return {
        "text": _escaped(f"{title}{problem}")[:_LONGEST_TEXT],  # shown where blocks are not
        "blocks": [
            {"type": "header", "text": header},
            *(
                {"type": "section", "text": {"type": "mrkdwn", "text": text}}
                for text in _in_blocks(lines)
            ),
        ],
    }


def _in_blocks(lines: list[str]) -> list[str]:
    """Lines joined into as few texts as fit."""
    texts = [""]
    for line in lines:
        if len(texts[-1]) + len(line) > _LONGEST_TEXT:
            texts.append("")
        texts[-1] += f"{line[:_LONGEST_TEXT]}\n"
    return texts


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
