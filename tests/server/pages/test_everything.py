"""What is true of all pages: every link leads somewhere, and no page breaks the rules."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from tests.server.conftest import Site
from tests.server.pages.html import Page


def test_every_link_leads_to_a_page_that_keeps_the_rules(site: Site) -> None:
    person = site.signed_in("admin")
    waiting, seen, broken = ["/flows"], set(), {}
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = person.get(path, follow_redirects=True)
        if answer.status_code != 200:
            broken[path] = answer.status_code
            continue
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        page = Page(answer.text)
        assert page.faults == [], path
        assert len(answer.content) < 100_000, path
        for link in page.links:
            target = urlsplit(urljoin(path, link))
            if not target.netloc and target.path.startswith("/"):
                waiting.append(target._replace(fragment="").geturl())
    assert broken == {}
    assert len(seen) > 20


def test_files_of_pages_are_there_and_stay(site: Site) -> None:
    person = site.as_("nobody")
    text = person.get("/sign-in").text
    for part in text.split('"'):
        if part.startswith("/static/"):
            answer = person.get(part)
            assert answer.status_code == 200, part
            assert "immutable" in answer.headers["cache-control"], part


def test_pages_say_from_which_event_on_they_want_to_be_told(site: Site) -> None:
    text = site.signed_in("viewer").get("/flows").text
    assert f'<meta name="last-event" content="{site.tracking.last_event()}">' in text
    assert "last-event" not in site.as_("nobody").get("/sign-in").text
