"""A client that publishes to a real Airflow."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import aqueduct_core as aq
from aqueduct_core.integrations import SqlIntegration
from tests.integration.airflow.cluster import SIGNING_KEY, Address, Cluster
from tests.integration.airflow.runs import Airflow

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def address() -> Iterator[Address]:
    with Cluster() as found:
        yield found


@pytest.fixture(scope="session")
def airflow(address: Address) -> Iterator[Airflow]:
    """Airflow as its own users see it."""
    with Airflow(address) as found:
        yield found


@pytest.fixture
def client(address: Address, tmp_path: Path) -> Iterator[aq.Client]:
    """A client whose workspace the workers can reach."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "signing.key").write_text(SIGNING_KEY.hex())
    with aq.Client(home=home) as found:
        found.connect_integration(
            "airflow_cluster",
            "airflow",
            url=address.url,
            auth=(address.username, address.password),
            dags=address.dags,
            environments=address.environments,
            connections={"prod_database": "warehouse_file"},
        )
        yield found


@pytest.fixture
def warehouse(client: aq.Client, address: Address) -> SqlIntegration:
    """The database that Airflow has a connection to, by another name."""
    found = client.connect_integration("prod_database", "sqlite", path=address.warehouse)
    table = pd.DataFrame({"id": [1, 2, 3], "location": ["US", "CH", "US"]})
    with found.transaction() as transaction:
        transaction.save(table, "customers", "replace")
    return found


@pytest.fixture
def name() -> str:
    """The name of a workflow that no other test has."""
    return f"Flow {next(_numbers)} of {__name__.rpartition('.')[2]} é"
