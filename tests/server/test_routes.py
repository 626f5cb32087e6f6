"""Every route asks who somebody is: those of the API, and those of the pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.server.conftest import Site

# What anybody may ask, with a key or without one.
PUBLIC = {
    ("GET", "/api/v1/openapi.json"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
}
# What changes nothing but for whoever asks.
OWN = {("POST", "/sign-out")}
# What needs more than the right to look, though it changes nothing.
EDITORS_READ = {
    ("GET", "/api/v1/integrations/{name:path}/tables"),
    ("GET", "/api/v1/integrations/{name:path}/description"),
    ("GET", "/api/v1/integrations/{name:path}/quoted"),
    ("GET", "/api/v1/integrations/{name:path}/files"),
    ("GET", "/integrations/{name}/file"),
    ("GET", "/integrations/{name}/files"),
    ("GET", "/integrations/{name}/tables"),
}
# What is for admins alone.
ADMINS = {
    ("PUT", "/api/v1/integrations/{name:path}"),
    ("DELETE", "/api/v1/integrations/{name:path}"),
    ("GET", "/api/v1/keys"),
    ("POST", "/api/v1/keys"),
    ("DELETE", "/api/v1/keys/{key}"),
    ("POST", "/integrations/{name}/forget"),
    ("GET", "/connect"),
    ("POST", "/connect"),
    ("POST", "/settings/keys"),
    ("POST", "/settings/keys/{key}/revoke"),
}


def walk(routes: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Method and path of each route, those of included routers as well."""
    for route in routes:
        if hasattr(route, "original_router"):
            yield from walk(route.original_router.routes)
        elif getattr(route, "methods", None):
            yield from ((method, route.path) for method in route.methods if method != "HEAD")


@pytest.fixture(scope="module")
def routes(site: Site) -> set[tuple[str, str]]:
    """All routes, but for files of the release."""
    found = set(walk(site.app.routes))
    assert len(found) > 70
    return found


def place(path: str) -> str:
    """A path that leads to the route, and to nothing that is there."""
    return re.sub(r"\{\w+(:path)?\}", "none", path)


def test_what_is_listed_here_is_there(routes: set[tuple[str, str]]) -> None:
    assert routes >= PUBLIC | OWN | EDITORS_READ | ADMINS


def test_nobody_gets_anywhere_without_a_key(site: Site, routes: set[tuple[str, str]]) -> None:
    nobody = site.as_("nobody")
    for method, path in sorted(routes - PUBLIC):
        answer = nobody.request(method, place(path))
        assert answer.status_code == 401, (method, path, answer.text)


def test_viewers_change_nothing(site: Site, routes: set[tuple[str, str]]) -> None:
    viewer = site.as_("viewer")
    for method, path in sorted(routes - PUBLIC - OWN):
        if path == "/api/v1/events":
            continue  # never ends
        answer = viewer.request(method, place(path))
        may = method == "GET" and (method, path) not in EDITORS_READ | ADMINS
        assert (answer.status_code != 403) is may, (method, path, answer.text)


def test_editors_may_do_what_is_not_for_admins(site: Site, routes: set[tuple[str, str]]) -> None:
    editor = site.as_("editor")
    for method, path in sorted(routes - PUBLIC - OWN):
        if path == "/api/v1/events":
            continue
        answer = editor.request(method, place(path))
        is_refused = answer.status_code == 403
        if path.startswith("/api/"):
            assert is_refused is ((method, path) in ADMINS), (method, path, answer.text)
        else:  # pages may ask for more
            assert is_refused or (method, path) not in ADMINS, (method, path, answer.text)


def test_what_is_sent_by_a_cookie_needs_the_token_of_a_form(
    site: Site, routes: set[tuple[str, str]]
) -> None:
    browser = site.signed_in("admin")
    for method, path in sorted(routes - PUBLIC):
        if method == "GET":
            continue
        answer = browser.request(method, place(path))
        assert answer.status_code == 403, (method, path, answer.text)
        assert "out of date" in answer.text


def test_what_the_schema_tells_is_the_api(site: Site, routes: set[tuple[str, str]]) -> None:
    spec = site.as_("nobody").get("/api/v1/openapi.json").json()
    told = {(method.upper(), path) for path, methods in spec["paths"].items() for method in methods}
    ours = {
        (method, path.replace(":path}", "}"))
        for method, path in routes
        if path.startswith("/api/") and (method, path) not in PUBLIC
    }
    assert told == ours
