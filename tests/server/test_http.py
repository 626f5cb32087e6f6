"""What every answer has, and what no request may do."""

from __future__ import annotations

import socket
from collections.abc import Callable
from hashlib import blake2b
from urllib.parse import urlsplit

import pytest

from aqueduct_core.errors import StorageUnavailableError, TrackingError
from aqueduct_core.server import Settings, static
from aqueduct_core.server._templates import STATIC
from tests.server.conftest import Site


@pytest.mark.parametrize(
    "path", ["/sign-in", "/healthz", "/nothing", "/api/v1/me", "/static/x.css"]
)
def test_every_answer_tells_browsers_to_be_careful(site: Site, path: str) -> None:
    headers = site.as_("nobody").get(path, headers={"accept": "text/html"}).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-request-id"]


def test_a_request_keeps_the_id_that_a_proxy_gave_it(site: Site) -> None:
    nobody = site.as_("nobody")
    assert nobody.get("/healthz", headers={"x-request-id": "a-1"}).headers["x-request-id"] == "a-1"
    odd = nobody.get("/healthz", headers={"x-request-id": 'a"; b'}).headers["x-request-id"]
    assert odd != 'a"; b'


def test_people_get_pages_and_programs_problems(site: Site) -> None:
    nobody = site.as_("nobody")
    page = nobody.get("/nothing", headers={"accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert nobody.get("/nothing").json()["status"] == 404


def test_a_page_leads_to_the_form_and_back(site: Site) -> None:
    nobody = site.as_("nobody", accept="text/html")
    answer = nobody.get("/metrics?x=1")
    assert answer.headers["location"] == "/sign-in?next=%2Fmetrics%3Fx%3D1"
    form = {"key": site.keys["viewer"], "next": "/metrics?x=1"}
    assert nobody.post("/sign-in", data=form).headers["location"] == "/metrics?x=1"
    assert nobody.get("/metrics").status_code == 200
    assert nobody.get("/sign-in").status_code == 303, "signed in already"


@pytest.mark.parametrize(
    "path", ["//evil.example", "https://evil.example", "/\\evil.example", "/a\nb", "javascript:x"]
)
def test_the_form_leads_nowhere_else(site: Site, path: str) -> None:
    form = {"key": site.keys["viewer"], "next": path}
    assert site.as_("nobody").post("/sign-in", data=form).headers["location"] == "/"


def test_a_link_signs_in_once(site: Site) -> None:
    link = site.app.state.services.auth.new_link(
        next(key for key in site.tracking.api_keys() if key.name == "viewer")
    )
    first, second = site.as_("nobody"), site.as_("nobody")
    assert first.get(link).status_code == 303
    assert first.get("/api/v1/me").status_code == 200
    assert second.get(link).status_code == 200, "the form"
    assert second.get("/api/v1/me").status_code == 401


def test_who_fails_to_sign_in_too_often_waits(new_site: Callable[..., Site]) -> None:
    site = new_site()
    nobody = site.as_("nobody")
    answers = [nobody.post("/sign-in", data={"key": "wrong"}).status_code for _ in range(11)]
    assert answers == [401] * 10 + [429]
    right = nobody.post("/sign-in", data={"key": site.keys["admin"]})
    assert right.status_code == 429
    assert int(right.headers["retry-after"]) > 0
    assert site.as_("admin").get("/api/v1/me").status_code == 200, "keys go on"


def test_bodies_that_are_too_large_are_refused(new_site: Callable[..., Site]) -> None:
    site = new_site(Settings(largest_body=1000))
    editor = site.as_("editor")
    path = f"/api/v1/flows/{site.flow.id}/trigger"
    told = editor.post(path, content=b"x" * 1001)
    untold = editor.post(path, content=(b"x" * 100 for _ in range(11)))
    assert (told.status_code, untold.status_code) == (413, 413)


def test_who_sends_nothing_is_let_go(new_site: Callable[..., Site]) -> None:
    site = new_site(Settings(patience=0.2))
    place = urlsplit(site.address)
    with socket.create_connection((place.hostname, place.port), timeout=60) as connection:
        connection.sendall(
            b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 408")


def test_metrics_count_routes_not_paths(site: Site) -> None:
    viewer = site.as_("viewer")
    viewer.get("/api/v1/flows/first")
    viewer.get("/api/v1/flows/second")
    text = viewer.get("/metrics").text
    assert 'route="/api/v1/flows/{flow}",status="404"} ' in text
    assert "first" not in text
    assert "aqueduct_runs_running 0" in text


def test_the_server_says_that_it_can_work(site: Site) -> None:
    nobody = site.as_("nobody")
    assert nobody.get("/healthz").text == "ok\n"
    assert nobody.get("/readyz").text == "ok\n"


@pytest.mark.parametrize("what", ["database", "store"])
def test_the_server_says_that_it_can_not_work(
    new_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    site = new_site()

    def fail(*_: object) -> None:
        said = "postgresql://db.internal is away"
        raise TrackingError(said) if what == "database" else StorageUnavailableError(said)

    if what == "database":
        monkeypatch.setattr(site.tracking, "last_event", fail)
    else:
        monkeypatch.setattr(site.client.store.storage, "stat", fail)
    nobody = site.as_("nobody")
    answer = nobody.get("/readyz")
    assert answer.status_code == 503
    assert "db.internal" not in answer.text, "where it is isn't told to everybody"
    assert "db.internal" not in nobody.post("/sign-in", data={"key": "aq_1_2"}).text
    assert nobody.get("/healthz").status_code == 200, "a restart would not help"
    monkeypatch.undo()
    assert nobody.get("/readyz").status_code == 200


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd"]
)
def test_only_static_files_are_served_as_files(site: Site, path: str) -> None:
    assert site.as_("nobody").get(path).status_code == 404


def test_files_are_kept_by_browsers_as_long_as_they_are_the_same(site: Site) -> None:
    path = static("css/base.css")
    assert site.as_("nobody").get(path).headers["cache-control"].endswith("immutable")
    for other in ("css/base.css", "css/base.css?v=0", "css/base.css?v=0&more=yes"):
        answer = site.as_("nobody").get(f"/static/{other}")
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
    css = (STATIC / "css/base.css").read_bytes()
    assert path.endswith(f"?v={blake2b(css, digest_size=6).hexdigest()}")


def test_a_wrong_method_is_told_the_right_ones(site: Site) -> None:
    answer = site.as_("admin").put("/api/v1/keys")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
