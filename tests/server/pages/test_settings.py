"""Keys, and the settings of workflows."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.server.conftest import Site
from tests.server.pages.conftest import looking
from tests.server.pages.test_integrations import csrf_of, sent


def test_a_key_is_made_and_shown_once(new_site: Callable[..., Site]) -> None:
    site = new_site()
    person = site.signed_in("admin")
    answer = sent(person, "/settings/keys", name="nightly jobs", role="editor")
    [key] = re.findall(r'class="secret-key">(aq_[^<]+)<', answer.text)
    assert answer.headers["cache-control"] == "no-store"
    assert site.app.state.services.auth.by_key(key).role == "editor"
    page = looking(site)("/settings")
    assert "nightly jobs" in page.words
    assert key not in page.words


def test_a_key_is_revoked(new_site: Callable[..., Site]) -> None:
    site = new_site()
    made, key = site.tracking.create_api_key("old", "viewer")
    assert sent(site.signed_in("admin"), f"/settings/keys/{made.id}/revoke").status_code == 303
    assert site.app.state.services.auth.by_key(key) is None
    assert re.search("revoked (just now|.+ ago)", looking(site)("/settings").words)


def test_the_last_key_of_an_admin_is_not_revoked(new_site: Callable[..., Site]) -> None:
    site = new_site()
    person = site.signed_in("admin")
    [admin] = [item for item in site.tracking.api_keys() if item.role == "admin"]
    answer = sent(person, f"/settings/keys/{admin.id}/revoke")
    assert answer.status_code == 422
    assert "the last key of an admin" in answer.text


def test_others_see_no_keys(site: Site) -> None:
    page = looking(site, "editor")("/settings")
    assert "API keys" not in page.words
    assert "Role editor" in page.words
    person = site.signed_in("editor")
    assert sent(person, "/settings/keys", name="mine", role="admin").status_code == 403


def test_a_key_needs_a_name_and_a_role_that_there_is(site: Site) -> None:
    person = site.signed_in("admin")
    assert sent(person, "/settings/keys", name=" ", role="viewer").status_code == 422
    assert sent(person, "/settings/keys", name="x", role="king").status_code == 422


def test_runs_that_are_not_kept_go_at_once(new_site: Callable[..., Site]) -> None:
    site = new_site()
    site.flow.trigger(quiet=True)
    person, path = site.signed_in("admin"), f"/flows/{site.flow.id}/retention"
    assert sent(person, path, keep="0").status_code == 422
    assert sent(person, path, keep="1").status_code == 303
    assert len(site.flow.runs()) == 1
    assert 'value="1"' in person.get(f"/flows/{site.flow.id}/settings").text
    assert sent(person, path, keep="").status_code == 303
    assert site.tracking.flow(site.flow.id).keep_runs is None
    assert sent(site.signed_in("viewer"), path, keep="1").status_code == 403


def test_tags_are_changed(new_site: Callable[..., Site]) -> None:
    site = new_site()
    person, path = site.signed_in("editor"), f"/flows/{site.flow.id}/tags"
    assert sent(person, path, tags="sales,  daily ,sales,").status_code == 303
    assert site.flow.tags == ["sales", "daily"]
    assert 'value="sales, daily"' in person.get(f"/flows/{site.flow.id}/settings").text
    assert sent(person, path, tags="x" * 101).status_code == 422
    assert sent(site.signed_in("viewer"), path, tags="mine").status_code == 403
    assert "sales daily" in looking(site, "viewer")(f"/flows/{site.flow.id}/settings").words
    assert sent(person, path, tags="").status_code == 303
    assert site.flow.tags == []


def test_who_is_told_is_changed(new_site: Callable[..., Site]) -> None:
    site = new_site()
    site.tracking.put_integration(
        "team", "slack", {"level": "error"}, {"url": "http://127.0.0.1:9"}
    )
    person, path = site.signed_in("editor"), f"/flows/{site.flow.id}/notify"
    assert sent(person, path, **{"n.team": "never"}).status_code == 303
    assert site.tracking.flow(site.flow.id).notify == {"team": "never"}
    assert "<option selected>never" in person.get(f"/flows/{site.flow.id}/settings").text
    assert sent(person, path, **{"n.team": "loudly"}).status_code == 422
    assert sent(person, path, **{"n.team": ""}).status_code == 303
    assert site.tracking.flow(site.flow.id).notify is None


def test_forms_need_their_token(site: Site) -> None:
    person = site.signed_in("admin")
    assert csrf_of(person)
    for path in ("/settings/keys", "/connect", f"/flows/{site.flow.id}/retention"):
        assert person.post(path, data={"name": "x"}).status_code == 403
