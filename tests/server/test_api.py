"""The REST API tells what the client tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.server.conftest import Site


@pytest.fixture
def get(site: Site) -> Callable[..., Any]:
    """Asks as a viewer."""
    viewer = site.as_("viewer")

    def get(path: str, **query: Any) -> Any:
        answer = viewer.get(f"/api/v1{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return get


@pytest.fixture
def base(site: Site) -> str:
    """The path of the first run."""
    return f"/flows/{site.flow.id}/runs/{site.run.id}"


def test_workflows_are_listed(site: Site, get: Callable[..., Any]) -> None:
    (flow,) = get("/flows", search="flig")["items"]
    assert (flow["id"], flow["name"]) == (site.flow.id, "Flights")
    assert get("/flows", search="nothing")["items"] == []
    assert get(f"/flows/{site.flow.id}") == flow


def test_workflows_are_chosen_by_tags(new_site: Callable[..., Site]) -> None:
    site = new_site()
    site.tracking.tag(site.flow.id, ["sales", "daily"])
    viewer = site.as_("viewer")
    assert viewer.get("/api/v1/tags").json() == ["daily", "sales"]
    for query, count in (("tag=sales&tag=daily", 1), ("tag=sale", 0), ("tag=sales&tag=other", 0)):
        found = viewer.get(f"/api/v1/flows?{query}").json()["items"]
        assert len(found) == count, query
    assert viewer.get(f"/api/v1/flows/{site.flow.id}").json()["tags"] == ["sales", "daily"]


def test_runs_are_listed_page_by_page(site: Site, get: Callable[..., Any]) -> None:
    runs = f"/flows/{site.flow.id}/runs"
    first = get(runs, limit=1)
    second = get(runs, limit=1, cursor=first["cursor"])
    assert [run["state"] for run in first["items"] + second["items"]] == ["failed", "succeeded"]
    assert second["cursor"] is None
    assert get(runs, state=["failed"])["items"] == first["items"]
    assert get("/runs")["items"] == first["items"] + second["items"]


def test_runs_are_looked_for_and_ordered(site: Site, get: Callable[..., Any]) -> None:
    fine, failed = site.run.id, site.flow.latest().id

    def found(**query: Any) -> list[str]:
        return [item["id"] for item in get(f"/flows/{site.flow.id}/runs", **query)["items"]]

    assert found(search="limit = -1") == [failed]
    assert found(search="limit", state="succeeded") == []
    assert found(order="-started") == [fine, failed]
    assert found(order="metrics.rows") == [fine, failed]
    start = site.run.started.isoformat()
    assert found(since=start, until=site.flow.latest().started.isoformat()) == [fine]
    assert found(until=start) == []
    page = get(f"/flows/{site.flow.id}/runs", order="seconds", limit=1)
    rest = found(order="seconds", cursor=page["cursor"])
    assert sorted([page["items"][0]["id"], *rest]) == sorted([fine, failed])
    assert [item["name"] for item in get("/flows", since=start, order="-last_run")["items"]]
    assert get("/flows", until=start, search="Flights")["items"] == []
    refused = site.as_("viewer").get(f"/api/v1/flows/{site.flow.id}/runs?order=state")
    assert refused.status_code == 422


def test_a_run_tells_how_its_operators_went(get: Callable[..., Any], base: str) -> None:
    assert get(base)["state"] == "succeeded"
    by_name = {item["name"]: item for item in get(f"{base}/operators")}
    assert list(by_name) == ["flights", "train", "rows", "few"]
    assert by_name["rows"]["value"] == 3
    assert by_name["few"]["passed"] is True
    assert get(f"{base}/operators/flights") == by_name["flights"]
    assert get(f"{base}/operators/flights/attempts") == [by_name["flights"]]
    assert "def flights" in get(f"{base}/operators/flights/code")["task"]["source"]


def test_a_failure_is_told_with_its_stack(site: Site, get: Callable[..., Any]) -> None:
    failed = site.flow.runs()[0]
    (result, *_) = get(f"/flows/{site.flow.id}/runs/{failed.id}/operators")
    assert result["error"]["message"] == "a negative limit"
    assert result["error"]["frames"][-1]["function"] == "flights"


def test_logs_come_in_parts(site: Site, base: str) -> None:
    viewer = site.as_("viewer")
    path = f"/api/v1{base}/operators/flights/logs/stdout"
    answer = viewer.get(path)
    assert (answer.text, answer.headers["x-log-size"]) == ("reading 3\n", "10")
    assert viewer.get(path, params={"start": 8}).text == "3\n"
    assert viewer.get(path, params={"limit": 2, "tail": True}).text == "3\n"
    assert viewer.get(path, params={"start": 99}).text == ""
    assert viewer.get(path, params={"attempt": 7}).text == ""
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_artifacts_are_told_of_without_loading_them(get: Callable[..., Any], base: str) -> None:
    names = [item["name"] for item in get(f"{base}/artifacts")]
    assert names == ["few", "flights", "rows", "train.model", "train.note"]
    found = get(f"{base}/artifacts/flights")
    assert found["ref"]["type"] == "json"
    assert found["description"]["preview"]
    assert found["safe"]


def test_a_part_is_downloaded_as_a_file(site: Site, base: str) -> None:
    found = site.as_("viewer").get(f"/api/v1{base}/artifacts/train.note/download")
    assert found.text == "<script>alert(1)</script>"
    assert found.headers["content-type"] == "application/octet-stream"
    assert found.headers["content-disposition"].startswith("attachment;")
    assert "content-encoding" not in found.headers


def test_histories_go_over_runs(site: Site, get: Callable[..., Any]) -> None:
    flow = f"/flows/{site.flow.id}"
    assert [item["value"] for item in get(f"{flow}/metrics/rows")] == [3]
    assert [item["passed"] for item in get(f"{flow}/checks/few")] == [None, True]
    states = [item["state"] for item in get(f"{flow}/operators/flights")]
    assert states == ["failed", "succeeded"]
    assert len(get(f"{flow}/artifacts/flights")) == 1
    assert get("/saves") == []


def test_versions_are_documents(site: Site, get: Callable[..., Any]) -> None:
    flow = f"/flows/{site.flow.id}"
    (version,) = get(f"{flow}/versions")
    found = get(f"{flow}/versions/{version['digest']}")
    assert found["document"]["spec"]["operators"]
    assert get(f"{flow}/versions/1") == found
    assert get(f"{flow}/diff", before="1", after="1")["changed"] == []


def test_an_answer_is_not_sent_twice(site: Site, base: str) -> None:
    viewer = site.as_("viewer")
    first = viewer.get(f"/api/v1{base}/operators")
    again = viewer.get(f"/api/v1{base}/operators", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/flows/none",
        "/flows/none/runs",
        "/runs/none",
        "/flows/{flow}/runs/none/operators",
        "/flows/{flow}/runs/{run}/operators/none",
        "/flows/{flow}/runs/{run}/artifacts/none",
        "/flows/{flow}/runs/{run}/artifacts/flights/download?part=none",
        "/flows/{flow}/versions/99",
        "/nothing",
    ],
)
def test_what_is_not_there_is_a_problem(site: Site, path: str) -> None:
    where = path.format(flow=site.flow.id, run=site.run.id)
    answer = site.as_("viewer").get(f"/api/v1{where}")
    assert answer.status_code == 404
    assert answer.json()["detail"]
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("query", ["cursor=bm8", "cursor=%FF", "limit=0", "limit=x", "state=odd"])
def test_a_question_that_makes_no_sense_is_refused(site: Site, query: str) -> None:
    answer = site.as_("viewer").get(f"/api/v1/runs?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
