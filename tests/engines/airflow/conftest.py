"""A workspace with a cluster that speaks Airflow's API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import aqueduct_core as aq
from aqueduct_core.engines.airflow import _sync
from tests.engines.airflow.api_server import PASSWORD, USER, AirflowServer
from tests.engines.airflow.world import World


def publish(client: aq.Client, *, limit: int = 100) -> aq.Flow:
    """A workflow of five operators; another limit makes another version."""

    @aq.op
    def load(n: int) -> int:
        return n

    @aq.op
    def score(value: int) -> int:
        return value * 2

    @aq.metric
    def size(value: int) -> int:
        return value

    @aq.check(severity="error")
    def is_small(value: int) -> bool:
        return value < limit

    @aq.op
    def report(value: int) -> str:
        if value < 0:
            raise ValueError("negative")
        return f"{value} of {limit}"

    scored = score(load(client.create_param("n", 3)))
    size(scored)
    is_small(scored)
    return client.publish_flow("Churn", report(scored), engine="air", run_now=False, quiet=True)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    # Runs have not settled before a test is over, however long that takes.
    monkeypatch.setattr(_sync, "_SETTLED", timedelta(hours=1))
    server = AirflowServer(dags=tmp_path / "dags")
    with server.serving() as airflow, aq.Client(home=tmp_path / "home") as client:
        client.connect_integration(
            "air", "airflow", url=airflow.url, auth=(USER, PASSWORD), dags=str(airflow.dags)
        )
        yield World(airflow, client, publish(client))
