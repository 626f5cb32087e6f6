"""Requests that take too long: they are answered for, and the others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

import aqueduct_core as aq
from aqueduct_core.errors import ServerError
from aqueduct_core.server import Settings
from tests.processes import PATIENCE
from tests.server.conftest import Site

HANGING = "/api/v1/runs"
MANY = 50  # more than there are threads for requests


class Slow:
    """A server in which asking for runs takes until the gate is opened."""

    def __init__(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        self.site = site
        self.gate = Event()
        self.asked = 0
        runs = site.tracking.runs

        def hang(*arguments: Any, **options: Any) -> Any:
            self.asked += 1
            assert self.gate.wait(PATIENCE)
            return runs(*arguments, **options)

        monkeypatch.setattr(site.tracking, "runs", hang)


@pytest.fixture
def slow(
    new_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Slow]]:
    """Makes such a server, whose gate is open at last."""
    made: list[Slow] = []

    def make(**settings: float) -> Slow:
        made.append(Slow(new_site(Settings(**settings)), monkeypatch))
        return made[-1]

    yield make
    for item in made:
        item.gate.set()


def test_who_waits_too_long_is_told_what_to_do(slow: Callable[..., Slow]) -> None:
    site = slow(read_timeout=0.2).site
    answer = site.as_("viewer").get(HANGING)
    assert answer.status_code == 504
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert "longer than 0.2 seconds" in told["detail"]
    assert "look again later" in told["hint"]
    assert told["request_id"] == answer.headers["x-request-id"]
    page = site.signed_in("viewer").get("/metrics")
    assert (page.status_code, page.headers["content-type"][:9]) == (504, "text/html")
    assert "look again later" in page.text


def test_others_are_answered_however_many_hang(
    slow: Callable[..., Slow], monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = slow(work_timeout=0.3)
    path = f"/api/v1/flows/{hanging.site.flow.id}"
    monkeypatch.setattr(hanging.site.tracking, "pause", lambda _: hanging.gate.wait(PATIENCE))
    editor = hanging.site.as_("editor")
    with ThreadPoolExecutor(MANY) as pool:
        found = pool.map(lambda _: editor.post(f"{path}/pause").status_code, range(MANY))
        assert list(found) == [504] * MANY
        assert editor.get("/healthz").status_code == 200
        assert editor.get(path).status_code == 200
    hanging.gate.set()
    assert editor.get(HANGING).status_code == 200


def test_changes_have_a_time_of_their_own(slow: Callable[..., Slow]) -> None:
    hanging = slow(read_timeout=0.2, work_timeout=60.0)
    runs = f"/flows/{hanging.site.flow.id}/retention"
    person = hanging.site.signed_in("editor")
    assert person.get(HANGING).status_code == 504
    assert person.post(runs, data={"csrf": "wrong"}).status_code == 403


def test_streams_go_on_beyond_the_limit(slow: Callable[..., Slow]) -> None:
    site = slow(read_timeout=2.5).site
    viewer = site.as_("viewer")
    viewer.get("/api/v1/me")  # what is done once is done before it matters how long it takes
    with viewer.stream("GET", "/api/v1/events", params={"after": 0}) as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 2000"
        # Who came later has been sent away by now.
        assert site.as_("viewer").get(HANGING).status_code == 504
        site.flow.pause()
        assert any("paused" in line for line in lines)


def test_a_slow_body_is_no_slow_handler(new_site: Callable[..., Site]) -> None:
    site = new_site(Settings(work_timeout=3.0))
    pause = Event()

    def body() -> Iterator[bytes]:
        for letter in b'{"colour": "of the bikeshed"}':
            pause.wait(0.13)
            yield bytes([letter])

    answer = site.as_("editor").post(
        "/api/v1/flows", content=body(), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422, "it was read to its end"


def test_a_client_does_not_ask_again_what_takes_too_long(slow: Callable[..., Slow]) -> None:
    hanging = slow(read_timeout=1.0)
    with (
        aq.Client(hanging.site.keys["viewer"], hanging.site.address) as client,
        pytest.raises(ServerError, match="longer than") as caught,
    ):
        client.runs()
    assert hanging.asked <= 1
    assert "look again later" in str(caught.value)
