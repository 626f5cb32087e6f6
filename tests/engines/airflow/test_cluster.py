"""Clusters: how they are configured, and kept."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import httpx
import pytest

import aqueduct_core as aq
from aqueduct_core.engines.airflow import (
    AirflowCluster,
    AirflowEngine,
    check_store,
    open_cluster,
)
from aqueduct_core.errors import IntegrationError, ParameterError, UnsupportedError
from aqueduct_core.storage._local import LocalStorage
from aqueduct_core.store import ArtifactStore
from tests.engines.airflow.api_server import PASSWORD, USER, AirflowServer
from tests.servers import S3Server

URL = "http://127.0.0.1:1"


def test_a_cluster_is_made_again_from_its_configuration() -> None:
    config = {
        "url": URL,
        "auth": ["me", "hunter2"],
        "dags": "/dags",
        "connections": {"db": "warehouse"},
        "tags": ["ml"],
    }
    found = open_cluster("cluster", config)
    assert found.config() == config
    assert open_cluster("cluster", found.config()) == found
    assert "hunter2" not in repr(found)
    place = "git+https://me:hunter2@git.example.com/dags.git"
    assert "hunter2" not in repr(open_cluster("cluster", {**config, "dags": place}))


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({}, "url is missing"),
        ({"url": URL, "dag": "/dags"}, "dag is unknown"),
        ({"url": "airflow.example.com"}, "no web address"),
        ({"url": "https://me:hunter2@air"}, "url='https://air' of 'cluster' has a login in it"),
        ({"url": URL, "auth": ("me",)}, "neither a token nor a pair"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(config: dict[str, Any], told: str) -> None:
    with pytest.raises(IntegrationError, match=told):
        open_cluster("cluster", config)


def test_a_cluster_that_cannot_be_reached_is_not_kept(tmp_path: Path) -> None:
    with aq.Client(home=tmp_path / "home") as client:
        with pytest.raises(IntegrationError, match=URL):
            client.connect_integration("cluster", "airflow", url=URL)
        assert client.integrations() == {}


def test_a_store_that_cannot_be_written_is_told_when_a_cluster_is_connected(
    tmp_path: Path, s3_server: S3Server
) -> None:
    server = AirflowServer(dags=tmp_path / "dags")
    with server.serving():
        config = {"url": server.url, "auth": (USER, PASSWORD)}
        options = s3_server.storage_options()
        for store, kind in (("memory://", UnsupportedError), ("s3://nowhere/x", IntegrationError)):
            given = options if store.startswith("s3") else None
            home = tmp_path / kind.__name__
            with aq.Client(home=home, store=store, storage_options=given) as client:
                with pytest.raises(kind, match="store"):
                    client.connect_integration("air", "airflow", **config)
                assert client.integrations() == {}


class Signed(httpx.Auth):
    """Signs requests in a way of its own."""

    def __init__(self, *, token: str) -> None:
        self.token = token

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:
        request.headers["Authorization"] = f"Bearer {self.token}"
        yield request


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ({"release": "2.8.4", "version": "v1"}, "is version 2.8.4, which is too old"),
        ({"refused": ("PATCH",)}, "refused PATCH .*403"),
        ({"refused": ("POST",)}, "refused POST .*403"),
        ({"refused": ("DELETE",)}, "refused DELETE .*403"),
    ],
)
def test_a_cluster_that_does_not_do_is_not_kept(
    tmp_path: Path, known: dict[str, Any], told: str
) -> None:
    server = AirflowServer(dags=tmp_path / "dags", **known)
    with server.serving(), aq.Client(home=tmp_path / "home") as client:
        with pytest.raises(IntegrationError, match=told):
            client.connect_integration("air", "airflow", url=server.url, auth=(USER, PASSWORD))
        assert client.integrations() == {}


def test_a_class_of_ones_own_signs_requests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("acme_auth")
    module.Signed = Signed  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "acme_auth", module)
    server = AirflowServer(dags=tmp_path / "dags")
    auth = {"class": "acme_auth:Signed", "token": server.token}
    with server.serving():
        with aq.Client(home=tmp_path / "home") as client:
            client.connect_integration("air", "airflow", url=server.url, auth=auth)
        with aq.Client(home=tmp_path / "home") as client:
            cluster = client._session.clusters.engine("air").cluster
            assert cluster.api.version() == "3.3.2"
            assert cluster.api.import_errors() == []
            cluster.close()
        data = (tmp_path / "home" / "aqueduct.db").read_bytes()
        assert server.token.encode() not in data
        for wrong in ("acme_auth:ModuleType", "acme_auth", "nowhere:Signed"):
            cluster = open_cluster("air", {"url": server.url, "auth": {"class": wrong}})
            with pytest.raises(IntegrationError, match=wrong):
                cluster.test()


def test_a_store_in_memory_is_refused(tmp_path: Path) -> None:
    cluster = open_cluster("cluster", {"url": URL})
    with pytest.raises(UnsupportedError, match="memory"):
        AirflowEngine(cluster, ArtifactStore("memory://"), tmp_path)


def test_without_a_place_for_dags_the_file_is_there_to_be_put_there(tmp_path: Path) -> None:
    from aqueduct_core.dag import Graph, Version

    @aq.op
    def one() -> int:
        return 1

    version = Version.of("flow", Graph.of([one()]))
    cluster = open_cluster("cluster", {"url": URL, "store": "s3://bucket/shared"})
    store = ArtifactStore(tmp_path / "store", signing_key=b"k" * 32)
    done = AirflowEngine(cluster, store, tmp_path / "dags").deploy(version)
    assert done.is_waiting
    text = Path(done.file).read_text()
    digest = version.digest.partition(":")[2]
    assert f'"s3://bucket/shared/flows/{version.flow}/versions/{digest}.json"' in text


def test_an_engine_that_nobody_connected_is_refused(tmp_path: Path) -> None:
    @aq.op
    def one() -> int:
        return 1

    with aq.Client(home=tmp_path / "home") as client:
        with pytest.raises(UnsupportedError, match="no engine 'cluster'"):
            client.publish_flow("flow", [one()], engine="cluster", quiet=True)
        assert client.flows() == []


def test_a_workflow_that_another_engine_runs_is_taken_away_from_the_one_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    @aq.op
    def one() -> int:
        return 1

    server = AirflowServer(dags=tmp_path / "dags")
    with server.serving(), aq.Client(home=tmp_path / "home") as client:
        client.connect_integration(
            "air", "airflow", url=server.url, auth=(USER, PASSWORD), dags=str(server.dags)
        )
        client.publish_flow("Flow", one(), engine="air", run_now=False, quiet=True)
        [file] = (tmp_path / "dags").glob("*.py")
        client.publish_flow("Flow", one(), run_now=False)
        assert not file.exists()
        assert "it is no longer on 'air'" in capsys.readouterr().err
        client.publish_flow("Flow", one(), engine="air", run_now=False, quiet=True)
        assert file.exists()
        file.unlink()
        file.mkdir()  # which nobody can take away
        client.publish_flow("Flow", one(), run_now=False)
        assert "it is still on 'air': the DAG file" in capsys.readouterr().err


def test_the_tags_of_a_workflow_are_those_of_its_dag_and_make_no_version(tmp_path: Path) -> None:
    from aqueduct_core.client._engines import tag

    @aq.op
    def one() -> int:
        return 1

    server = AirflowServer(dags=tmp_path / "dags")
    with server.serving(), aq.Client(home=tmp_path / "home") as client:
        client.connect_integration(
            *("air", "airflow"),
            url=server.url,
            auth=(USER, PASSWORD),
            dags=str(server.dags),
            tags=["team", "sales"],
        )
        options: dict[str, Any] = {"engine": "air", "run_now": False, "quiet": True}
        flow = client.publish_flow("Flow", one(), tags=["sales", "daily"], **options)
        [file] = (tmp_path / "dags").glob("*.py")
        digest = flow.version().digest.partition(":")[2][:12]
        assert (
            f'tags=["aqueduct", "version:{digest}", "team", "sales", "daily"]' in file.read_text()
        )
        client.publish_flow("Flow", one(), tags=["hourly"], **options)
        assert (
            f'tags=["aqueduct", "version:{digest}", "team", "sales", "hourly"]' in file.read_text()
        )
        session = client._session
        tag(session, session.tracking.flow(flow.id), [" weekly "])
        assert '"sales", "weekly"]' in file.read_text()
        assert client.flow("Flow").tags == ["weekly"]
        with pytest.raises(ParameterError, match="can't be a tag"):
            tag(session, session.tracking.flow(flow.id), ["a,b"])
        assert '"sales", "weekly"]' in file.read_text()
        assert len(client.flow("Flow").versions()) == 1


def test_a_bucket_that_replaces_what_is_to_be_left_is_told_when_a_cluster_is_connected(
    tmp_path: Path,
) -> None:
    class Careless(LocalStorage):
        """A server that takes the condition, and writes all the same."""

        def create(self, key: str, *buffers: bytes) -> bool:
            self.put(key, *buffers)
            return True

    with pytest.raises(IntegrationError, match="doesn't heed If-None-Match") as caught:
        check_store(ArtifactStore(Careless(tmp_path)))
    assert "conditional_writes" in str(caught.value)


_NOTED = """Traceback (most recent call last):
  File "/opt/airflow/models/baseoperator.py", line 1073, in __init__
    self.weight_rule = load(weight_rule)
airflow.exceptions.AirflowException: Unknown priority strategy heaviest
  File "/dags/flow_1.py", line 2
"""


@pytest.mark.parametrize(
    ("trace", "told"),
    [
        (_NOTED, "heaviest\nHint: line 2 of the file: one = AqueductOperator("),
        (_NOTED.rpartition("  File")[0], "heaviest\nHint: its DAG processor's log says more"),
        ("ModuleNotFoundError: No module named 'aqueduct_core'", "Hint: install aqueduct-core"),
        ("", "it doesn't say why"),
    ],
)
def test_what_airflow_cannot_read_is_told_with_the_line_of_our_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trace: str, told: str
) -> None:
    cluster = open_cluster("cluster", {"url": URL, "dags": str(tmp_path / "dags")})
    error = {"filename": "flow_1.py", "stack_trace": trace}
    api = SimpleNamespace(dag=lambda dag: None, import_errors=lambda: [error])
    engine = AirflowEngine(cluster, ArtifactStore(tmp_path / "store"), tmp_path)
    monkeypatch.setattr(AirflowCluster, "api", api)
    with pytest.raises(IntegrationError) as caught:
        engine._wait("flow_1", "flow_1.py", "tag", "with DAG():\n    one = AqueductOperator(\n")
    assert told in str(caught.value)
