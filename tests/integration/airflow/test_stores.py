"""Data between tasks: in a bucket, of every type, and from environments of operators."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import aqueduct_core as aq
from tests.integration.airflow.cluster import SIGNING_KEY, Address
from tests.integration.airflow.runs import Airflow
from tests.servers import S3Server

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

PLANTED = "testing-secret"  # of the S3 server


@pytest.fixture
def bucket(address: Address, airflow: Airflow, tmp_path: Path, name: str) -> Iterator[aq.Client]:
    """A client whose store is in a bucket that Airflow has a connection for."""
    with S3Server() as server:
        options = server.storage_options()
        url = f"s3://{server.bucket()}/store"
        connection = f"aqueduct_{server.endpoint.rpartition(':')[2]}"
        airflow.post(
            "/connections",
            {
                "connection_id": connection,
                "conn_type": "aqueduct",
                "password": SIGNING_KEY.hex(),
                "extra": json.dumps(options),
            },
        )
        home = tmp_path / "home"
        home.mkdir()
        (home / "signing.key").write_text(SIGNING_KEY.hex())
        with aq.Client(home=home, store=url, storage_options=options) as client:
            client.connect_integration(
                "airflow_cluster",
                "airflow",
                url=address.url,
                auth=(address.username, address.password),
                dags=address.dags,
                environments=address.environments,
                store_connection=connection,
            )
            yield client


def test_every_kind_of_artifact_goes_through_a_bucket(
    bucket: aq.Client, airflow: Airflow, address: Address, name: str
) -> None:
    kinds = ["table", "array", "text", "bytes", "nest", "number", "flag", "nothing", "model"]

    @aq.op(outputs=kinds)
    def make() -> tuple[Any, ...]:
        class Model:
            def predict(self) -> int:
                return 42

        table = pd.DataFrame({"id": pd.array([1, None], "Int64"), "day": pd.Timestamp(2026, 1, 31)})
        nest = {"a": (1, 2), 3: [float("inf")]}
        array = np.arange(6, dtype=">i2").reshape(2, 3)
        return table, array, "é", b"\0", nest, 2**70, True, None, Model()

    @aq.op
    def look(
        table: Any,
        array: Any,
        text: Any,
        data: Any,
        nest: Any,
        number: Any,
        flag: Any,
        nothing: Any,
        model: Any,
    ) -> dict[str, Any]:
        return {
            "dtypes": [str(kind) for kind in table.dtypes],
            "array": (array.dtype.str, array.tolist()),
            "rest": (text, data, nest, number, flag, nothing),
            "model": model.predict(),
        }

    made = make()
    flow = bucket.publish_flow(
        name, [look(*made)], engine="airflow_cluster", quiet=True, run_now=False
    )
    run = airflow.trigger(bucket, flow)
    assert run.wait() == "success"
    assert run.value("look") == {
        "dtypes": ["Int64", "datetime64[us]"],
        "array": (">i2", [[0, 1, 2], [3, 4, 5]]),
        "rest": ("é", b"\0", {"a": (1, 2), 3: [float("inf")]}, 2**70, True, None),
        "model": 42,
    }
    for path in Path(address.folder).rglob("*"):
        if path.is_file() and "airflow.cfg" not in path.name:
            data = path.read_bytes()
            assert PLANTED.encode() not in data, path
            assert SIGNING_KEY.hex().encode() not in data, path


@pytest.mark.network
def test_an_operator_has_the_environment_that_it_asks_for(
    client: aq.Client, airflow: Airflow, name: str
) -> None:
    @aq.op(requirements=["roman==5.0"])
    def roman(number: int) -> str:
        import roman

        return str(roman.toRoman(number))

    @aq.op
    def here(text: str) -> tuple[str, bool]:
        from importlib.util import find_spec

        return text, find_spec("roman") is None

    flow = client.publish_flow(
        name, [here(roman(4))], engine="airflow_cluster", quiet=True, run_now=False
    )
    run = airflow.trigger(client, flow)
    assert run.wait() == "success"
    assert run.value("here") == ("IV", True)
    assert "environment:" in run.log("roman")
