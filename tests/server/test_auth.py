"""Who somebody is, and what they may do."""

from __future__ import annotations

import httpx
import pytest

from aqueduct_core.server._throttle import Throttle
from aqueduct_core.server.api import _events
from tests.server.conftest import Site


def _other_end(text: str) -> str:
    """The same but for its last character."""
    return text[:-1] + ("1" if text.endswith("0") else "0")


def test_nobody_reads_anything_without_a_key(site: Site) -> None:
    nobody = site.as_("nobody")
    spec = site.as_("viewer").get("/api/v1/openapi.json").json()
    for path, methods in spec["paths"].items():
        for method in methods:
            where = path.format(
                flow=site.flow.id, run=site.run.id, name="flights", version="1", key="k",
                stream="stdout",
            )  # fmt: skip
            answer = nobody.request(method, where)
            assert answer.status_code == 401, (method, path)
            assert answer.headers["content-type"] == "application/problem+json"


def test_an_unknown_key_opens_nothing(site: Site) -> None:
    wrong = _other_end(site.keys["admin"])
    answer = site.as_("nobody", authorization=f"Bearer {wrong}").get("/api/v1/me")
    assert answer.status_code == 401
    assert wrong not in answer.text


def test_a_revoked_key_opens_nothing_and_ends_its_sessions(site: Site) -> None:
    made, key = site.tracking.create_api_key("leaver", "editor")
    site.keys["leaver"] = key
    reader, browser = site.as_("leaver"), site.signed_in("leaver")
    assert reader.get("/api/v1/me").status_code == 200
    assert browser.get("/api/v1/me").status_code == 200
    site.tracking.revoke_api_key(made.id)
    assert reader.get("/api/v1/me").status_code == 401
    assert browser.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize(
    ("role", "allowed"), [("viewer", False), ("editor", True), ("admin", True)]
)
def test_editors_change_workflows_and_viewers_do_not(site: Site, role: str, allowed: bool) -> None:
    answer = site.as_(role).post(f"/api/v1/flows/{site.flow.id}/resume")
    assert answer.status_code == (200 if allowed else 403)


@pytest.mark.parametrize(
    ("role", "allowed"), [("viewer", False), ("editor", False), ("admin", True)]
)
def test_only_admins_see_keys(site: Site, role: str, allowed: bool) -> None:
    assert site.as_(role).get("/api/v1/keys").status_code == (200 if allowed else 403)


def test_a_role_of_a_later_release_may_only_look(site: Site) -> None:
    site.keys["auditor"] = site.tracking.create_api_key("auditor", "auditor")[1]
    auditor = site.as_("auditor")
    assert auditor.get("/api/v1/me").json()["role"] == "viewer"


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(site: Site) -> None:
    answer = site.as_("nobody").post("/sign-in", data={"key": site.keys["viewer"]})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert site.keys["viewer"] not in cookie


def test_a_changed_cookie_is_no_cookie(site: Site) -> None:
    browser = site.signed_in("viewer")
    ((name, value),) = browser.cookies.items()
    for changed in (_other_end(value), "x" + value, value.partition(".")[0], ".", "", "é."):
        headers = {"cookie": f"{name}={changed}".encode()}
        answer = httpx.get(f"{site.address}/api/v1/me", headers=headers, timeout=60)
        assert answer.status_code == 401, changed


def test_a_copied_cookie_is_of_no_use_after_signing_out(site: Site) -> None:
    browser, other = site.signed_in("viewer"), site.signed_in("viewer")
    copied = dict(browser.cookies)
    thief = site.as_("nobody", cookie="; ".join(f"{name}={copied[name]}" for name in copied))
    assert thief.get("/api/v1/me").status_code == 200
    csrf = browser.get("/flows").text.partition('name="csrf" value="')[2].partition('"')[0]
    assert browser.post("/sign-out", data={"csrf": csrf}).status_code == 303
    assert thief.get("/api/v1/me").status_code == 401
    assert thief.get("/sign-in").status_code == 200, "the form, and not on to a page"
    assert other.get("/api/v1/me").status_code == 200, "signed in with the same key elsewhere"
    assert site.as_("viewer").get("/api/v1/me").status_code == 200, "the key is as good as before"


def test_whoever_signs_out_hears_of_no_more_events(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_events, "_TRUSTED", 0)
    browser, other = site.signed_in("viewer"), site.signed_in("viewer")
    after = {"after": site.tracking.last_event()}
    csrf = browser.get("/flows").text.partition('name="csrf" value="')[2].partition('"')[0]
    with (
        browser.stream("GET", "/api/v1/events", params=after) as left,
        other.stream("GET", "/api/v1/events", params=after) as stayed,
    ):
        heard, lines = stayed.iter_lines(), left.iter_lines()
        assert (next(heard), next(lines)) == ("retry: 2000", "retry: 2000")
        assert browser.post("/sign-out", data={"csrf": csrf}).status_code == 303
        site.tracking.pause(site.flow.id)
        site.tracking.resume(site.flow.id)
        told = [line for line in lines if line.startswith("event")]
        assert told == [], "it ends, and tells nothing"
        assert next(line for line in heard if line.startswith("event")) == "event: flow"


def test_a_form_without_its_token_changes_nothing(site: Site) -> None:
    browser = site.signed_in("admin")
    assert browser.post(f"/api/v1/flows/{site.flow.id}/pause").status_code == 403
    assert browser.post("/sign-out", data={"csrf": "wrong"}).status_code == 403
    assert not site.flow.paused


def test_a_form_of_another_site_changes_nothing(site: Site) -> None:
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        browser = site.as_("nobody")
        answer = browser.post("/sign-in", data={"key": site.keys["admin"]}, headers=headers)
        assert answer.status_code == 403
        assert not browser.cookies


def test_keys_are_made_and_revoked(site: Site) -> None:
    admin = site.as_("admin")
    made = admin.post("/api/v1/keys", json={"name": "ci", "role": "editor"}).json()
    headers = {"authorization": f"Bearer {made['key']}"}
    assert (
        httpx.get(f"{site.address}/api/v1/me", headers=headers, timeout=60).json()["role"]
        == "editor"
    )
    listed = admin.get("/api/v1/keys").text
    assert made["key"] not in listed
    assert admin.delete(f"/api/v1/keys/{made['id']}").status_code == 204
    assert httpx.get(f"{site.address}/api/v1/me", headers=headers, timeout=60).status_code == 401


def test_the_last_admin_key_stays(new_site: object) -> None:
    site: Site = new_site()  # type: ignore[operator]
    admin = site.as_("admin")
    (own,) = [item for item in admin.get("/api/v1/keys").json() if item["role"] == "admin"]
    answer = admin.delete(f"/api/v1/keys/{own['id']}")
    assert answer.status_code == 422
    assert "last key" in answer.json()["detail"]


def test_a_caller_who_fails_too_often_has_to_wait() -> None:
    now = 0.0
    throttle = Throttle(3, 60, clock=lambda: now)
    for _ in range(3):
        assert throttle.wait("10.0.0.1") == 0
        throttle.failed("10.0.0.1")
    assert throttle.wait("10.0.0.1") == 60
    assert throttle.wait("10.0.0.2") == 0
    now = 61.0
    assert throttle.wait("10.0.0.1") == 0


def test_addresses_of_one_network_are_one_caller() -> None:
    throttle = Throttle(1, 60, clock=lambda: 0.0)
    throttle.failed("2001:db8::1")
    assert throttle.wait("2001:db8::ffff") > 0
    assert throttle.wait("2001:db8:1::1") == 0
