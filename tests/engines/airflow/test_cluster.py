"""Clusters: how they are configured, and kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import aqueduct_core as aq
from aqueduct_core.engines.airflow import AirflowEngine, open_cluster
from aqueduct_core.errors import IntegrationError, UnsupportedError
from aqueduct_core.store import ArtifactStore

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


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({}, "url is missing"),
        ({"url": URL, "dag": "/dags"}, "dag is unknown"),
        ({"url": "airflow.example.com"}, "no web address"),
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
