"""The client of Airflow's API: signing in, trouble, pages, and both versions."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from aqueduct_core.engines.airflow import _http
from aqueduct_core.engines.airflow._api import AirflowApi
from aqueduct_core.errors import IntegrationError
from tests.engines.airflow.api_server import PASSWORD, USER, AirflowServer, at


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[AirflowServer]:
    monkeypatch.setattr(_http, "_PAUSES", (0.0, 0.0, 0.0))
    with AirflowServer().serving() as found:
        yield found


@pytest.fixture
def api(server: AirflowServer) -> Iterator[AirflowApi]:
    found = AirflowApi(server.url, (USER, PASSWORD))
    yield found
    found.close()


def test_a_sign_in_lasts_until_its_token_has_run_out(
    server: AirflowServer, api: AirflowApi
) -> None:
    assert api.version() == "3.3.2"
    api.import_errors()
    api.import_errors()
    assert server.calls.count("POST /auth/token") == 1
    server.token = "token-2"
    api.import_errors()
    assert server.calls.count("POST /auth/token") == 2


def test_a_wrong_password_is_said_without_showing_it(server: AirflowServer) -> None:
    api = AirflowApi(server.url, (USER, "an0ther-one"))
    with pytest.raises(IntegrationError, match="refused the sign-in of 'ann': 401") as caught:
        api.import_errors()
    assert "an0ther-one" not in str(caught.value)
    api.close()


def test_a_token_that_is_no_good_any_more_is_said(server: AirflowServer) -> None:
    api = AirflowApi(server.url, "token-0")
    with pytest.raises(IntegrationError, match="401") as caught:
        api.import_errors()
    assert "is auth= right" in str(caught.value)
    assert "token-0" not in str(caught.value)
    api.close()


def test_nobody_has_to_sign_in_where_all_are_admins(server: AirflowServer) -> None:
    server.needs_sign_in = False
    api = AirflowApi(server.url)
    assert api.import_errors() == []
    api.close()


def test_of_many_files_that_cannot_be_read_the_last_ones_are_told() -> None:
    rows = [{"filename": f"{number}.py", "timestamp": number} for number in range(150)]

    def answer(request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        if request.url.path.endswith("/version"):
            return httpx.Response(200, json={"version": "3.3.2"})
        some = rows[::-1] if asked.get("order_by") == "-timestamp" else rows
        return httpx.Response(200, json={"import_errors": some[: int(asked["limit"])]})

    url, transport = "http://airflow", httpx.MockTransport(answer)
    api = AirflowApi(url, connection=_http.Connection(url, "token", transport=transport))
    assert api.import_errors()[0]["filename"] == "149.py"
    api.close()


def test_trouble_that_passes_is_not_noticed(server: AirflowServer, api: AirflowApi) -> None:
    api.import_errors()
    server.trouble = [500, 503, 429]
    assert api.import_errors() == []


def test_trouble_that_stays_is_said(server: AirflowServer, api: AirflowApi) -> None:
    api.import_errors()
    server.trouble = [500] * 4
    with pytest.raises(_http.Unreachable, match="can't be reached: it answers 500 Database error"):
        api.import_errors()


def test_nothing_that_answers_is_said() -> None:
    api = AirflowApi("http://127.0.0.1:1")
    with pytest.raises(_http.Unreachable, match=r"Airflow at http://127.0.0.1:1 can't be reached"):
        api.version()
    api.close()


def test_an_address_without_airflow_is_said(server: AirflowServer) -> None:
    api = AirflowApi(f"{server.url}/somewhere")
    with pytest.raises(IntegrationError, match=r"there is no Airflow at .*/somewhere"):
        api.version()
    api.close()


def test_a_run_is_started_once_though_the_answer_is_lost(
    server: AirflowServer, api: AirflowApi
) -> None:
    api.import_errors()
    server.trouble = [0]
    run = api.trigger("dag", "a:b+c", {"n": 1})
    assert (run.id, run.state, run.conf) == ("a:b+c", "queued", {"n": 1})
    assert list(server.runs) == [("dag", "a:b+c")]
    again = api.dag_run("dag", "a:b+c")
    assert again == run


def test_what_is_not_there_is_none(api: AirflowApi) -> None:
    assert api.dag("dag") is None
    assert api.dag_run("dag", "run") is None
    assert api.log("dag", "run", "task", 1) == ""
    api.delete_dag("dag")


@pytest.mark.parametrize("page", [7, 100, 10_000])
def test_all_rows_come_however_small_airflow_makes_pages(
    server: AirflowServer, api: AirflowApi, page: int
) -> None:
    server.page = page
    for number in range(30):
        server.put_run("dag", f"run {number}", "success")
        server.put_run("other", f"run {number}", "success")
        server.put_task("dag", f"run {number}", "a", "success")
        server.put_task("other", f"run {number}", "a", "success")
    runs = list(api.dag_runs(["dag"], states=["success"], ended_since=None))
    assert [run.id for run in runs] == [f"run {number}" for number in range(30)]
    tasks = list(api.task_instances([runs[3], runs[4]]))
    assert [(task.dag, task.run) for task in tasks] == [("dag", "run 3"), ("dag", "run 4")]


def test_fields_may_be_missing(server: AirflowServer, api: AirflowApi) -> None:
    server.runs["dag", "run"] = {"dag_id": "dag", "dag_run_id": "run", "end_date": at(0)}
    server.runs["dag", "run"] |= {"start_date": "no date", "conf": None, "state": "success"}
    server.tasks["dag", "run", "a"] = {"dag_id": "dag", "dag_run_id": "run", "task_id": "a"}
    (run,) = api.dag_runs(["dag"])
    assert (run.started, run.conf, run.kind, run.has_ended) == (None, {}, "manual", True)
    (task,) = api.task_instances([run])
    assert (task.state, task.attempt, task.started, task.host) == (None, 0, None, "")


def test_structured_logs_become_text(server: AirflowServer, api: AirflowApi) -> None:
    server.put_run("dag", "run")
    frame = {"filename": "dag.py", "lineno": 3, "name": "f"}
    error = {"exc_type": "ImportError", "exc_value": "no pandas", "frames": [frame]}
    line = {"timestamp": "2026-01-31T08:00:00Z", "level": "error", "event": "Task failed"}
    server.logs["a"] = [{"event": "hello"}, line | {"error_detail": [error]}, "as it is"]
    assert api.log("dag", "run", "a", 1) == (
        "hello\n"
        "08:00:00 ERROR Task failed\n"
        '  File "dag.py", line 3, in f\n'
        "ImportError: no pandas\n"
        "as it is\n"
    )


def test_airflow_2_is_spoken_to_in_its_own_way(server: AirflowServer) -> None:
    server.version = "v1"
    api = AirflowApi(server.url, (USER, PASSWORD))
    assert api.version() == "2.11.2"
    assert api.trigger("dag", "run", {}).state == "queued"
    assert [run.id for run in api.dag_runs(["dag"])] == ["run"]
    assert "order_by" not in server.bodies[-1]
    assert not [call for call in server.calls if "/auth/token" in call]
    api.close()
