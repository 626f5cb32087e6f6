"""A client that publishes to a real Airflow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import pytest

import aqueduct_core as aq
from aqueduct_core.integrations import SqlIntegration
from tests.databases import PostgresServer
from tests.environments import has_package_index, is_for_this_python
from tests.integration.airflow.clients import CLUSTER, connected
from tests.integration.airflow.cluster import Cluster
from tests.integration.airflow.runs import Airflow
from tests.integration.airflow.settings import SIGNING_KEY, Address
from tests.servers import S3Server


@pytest.fixture(scope="session")
def installable() -> None:
    """There is what a cluster is made of."""
    program = PostgresServer.missing()
    if program is not None:
        pytest.skip(f"{program} is not installed: tools/servers.sh installs it")
    if not is_for_this_python(Path(__file__).with_name("airflow-3.lock")):
        pytest.skip("the Airflow of these tests is one of Python 3.11")
    if not has_package_index():
        pytest.skip("there is no package index to install Airflow from")


@pytest.fixture(scope="session")
def address(installable: None) -> Iterator[Address]:
    with Cluster() as found:
        yield found


@pytest.fixture(scope="session")
def airflow(address: Address) -> Iterator[Airflow]:
    """Airflow as its own users see it."""
    with Airflow(address) as found:
        yield found


@pytest.fixture
def layout(address: Address) -> dict[str, Any]:
    """What the client is told of the cluster."""
    connections = {"prod_database": f"warehouse_{token_hex(4)}"}
    return {"environments": address.environments, "connections": connections}


@pytest.fixture
def client(address: Address, layout: dict[str, Any], tmp_path: Path) -> Iterator[aq.Client]:
    """A client whose workspace the workers can reach."""
    with connected(address, tmp_path / "home", **layout) as found:
        yield found


@pytest.fixture
def bucket(
    address: Address, airflow: Airflow, s3_server: S3Server, tmp_path: Path
) -> Iterator[aq.Client]:
    """A client whose store is in a bucket that Airflow has a connection for."""
    with in_bucket(
        address, airflow, s3_server, s3_server.endpoint, tmp_path / "bucket-home"
    ) as client:
        yield client


def bucket_of(client: aq.Client) -> str:
    """The bucket that a client's store is in."""
    return client.store.url.removeprefix("s3://").partition("/")[0]


def planted(bucket: str) -> str:
    """The secret of a client's bucket; moto takes any."""
    return f"planted-{bucket}"


@contextmanager
def in_bucket(
    address: Address, airflow: Airflow, s3: S3Server, endpoint: str, home: Path
) -> Iterator[aq.Client]:
    """A client with a store in a new bucket, at this endpoint of the server.

    The password in Airflow's connection is one that nobody else has.
    """
    name = s3.bucket()
    options = s3.storage_options(endpoint) | {"secret": planted(name)}
    connection = {
        "connection_id": name,
        "conn_type": "aqueduct",
        "password": SIGNING_KEY.hex(),
        "extra": json.dumps(options),
    }
    airflow.post("/connections", connection)
    with connected(
        address,
        home,
        store=f"s3://{name}/store",
        storage_options=options,
        environments=address.environments,
        store_connection=name,
        connections={"prod_database": f"warehouse_{name}"},
    ) as client:
        yield client


@pytest.fixture
def postgres(bucket: aq.Client, airflow: Airflow) -> Iterator[SqlIntegration]:
    """The database that the bucket's client calls `prod_database`."""
    name = bucket_of(bucket)
    with PostgresServer() as server:
        url = urlsplit(server.create())
        login = {"user": url.username, "password": f"pg-{planted(name)}"}
        place = {"host": url.hostname, "port": url.port, "database": url.path[1:]}
        found = bucket.connect_integration("prod_database", "postgres", **login, **place)
        connection = {
            "connection_id": f"warehouse_{name}",
            "conn_type": "postgres",
            "host": place["host"],
            "port": place["port"],
            "schema": place["database"],
            "login": login["user"],
            "password": login["password"],
        }
        airflow.post("/connections", connection)
        yield found


@pytest.fixture
def warehouse(client: aq.Client, airflow: Airflow, tmp_path: Path) -> SqlIntegration:
    """A database of the test's own that Airflow has a connection to, by another name."""
    found = connect_warehouse(client, airflow, str(tmp_path / "warehouse.db"))
    table = pd.DataFrame({"id": [1, 2, 3], "location": ["US", "CH", "US"]})
    with found.transaction() as transaction:
        transaction.save(table, "customers", "replace")
    return found


def connect_warehouse(client: aq.Client, airflow: Airflow, path: str) -> SqlIntegration:
    """Have the client, and Airflow, know a SQLite database."""
    names = client._session.clusters.engine(CLUSTER).cluster.connections
    connection = {"connection_id": names["prod_database"], "conn_type": "sqlite", "host": path}
    airflow.post("/connections", connection)
    return client.connect_integration("prod_database", "sqlite", path=path)


@pytest.fixture
def name() -> str:
    """The name of a workflow that no other test has."""
    return f"Flow {token_hex(4)} é"
