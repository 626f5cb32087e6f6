"""What a run leaves behind has no secret in it, whatever kind of data system it is about."""

from __future__ import annotations

import json
import logging
import traceback
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import URL

import aqueduct_core as aq
from aqueduct_core.errors import IntegrationError, OperatorError
from aqueduct_core.integrations import open_integration
from tests.integrations.files.conftest import s3_config
from tests.integrations.tables import run
from tests.servers import AzureServer, S3Server

PLANTED = "planted-hunter2"  # what is left of it when it is written in JSON, or in a URL
SECRET = f"{PLANTED}-Ω'\\ @/"
KINDS = ["postgres", "mysql", "mariadb", "sqlalchemy", "snowflake", "s3", "azure"]


@pytest.fixture
def user(mariadb: Any) -> Iterator[str]:
    """A user of MariaDB whose password is the secret."""
    name = f"u{uuid.uuid4().hex[:8]}"
    literal = SECRET.replace("\\", "\\\\").replace("'", "''")
    run(mariadb, f"CREATE USER {name}@'%' IDENTIFIED BY '{literal}'")
    run(mariadb, f"GRANT ALL ON *.* TO {name}@'%'")
    yield name
    run(mariadb, f"DROP USER {name}@'%'")


@pytest.fixture(params=KINDS)
def told(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any], str]:
    """A kind, its settings, and what is secret in them."""
    kind, get = request.param, request.getfixturevalue
    if kind in ("s3", "azure"):
        return _store(kind, get)
    if kind == "snowflake":
        return kind, {**get("snowflake").config(), "password": SECRET}, PLANTED
    if kind == "postgres":  # whose users need no password here, but give one
        return kind, {**get("postgres").config(), "password": SECRET}, PLANTED
    if kind == "sqlalchemy":
        known = {**get("postgres").config(), "password": SECRET}
        return kind, {"url": _url("postgresql+psycopg", known)}, PLANTED
    return kind, {**get("mariadb").config(), "user": get("user"), "password": SECRET}, PLANTED


def _url(driver: str, config: dict[str, Any]) -> str:
    parts = [config[key] for key in ("user", "password", "host", "port", "database")]
    return URL.create(driver, *parts).render_as_string(hide_password=False)


def _store(kind: str, get: Any) -> tuple[str, dict[str, Any], str]:
    if kind == "s3":
        server: S3Server = get("s3_server")
        return kind, {**s3_config(server), "secret_access_key": SECRET}, PLANTED
    emulator: AzureServer = get("azure_server")
    config = {"container": emulator.bucket(), "prefix": "root", **emulator.storage_options()}
    made: Any = open_integration("w", kind, config)
    secret = next(str(config[name]) for name in made.secrets if config.get(name))
    return kind, config, secret.partition("AccountKey=")[2].partition(";")[0] or secret


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[aq.Client]:
    for name in ("AQUEDUCT_DATABASE", "AQUEDUCT_STORE"):
        monkeypatch.delenv(name, raising=False)
    with aq.Client(home=tmp_path / "home") as client:
        yield client


@aq.op
def more(orders: pd.DataFrame) -> pd.DataFrame:
    return orders.assign(more=1)


def test_no_file_no_line_and_no_error_has_the_secret(
    told: tuple[str, dict[str, Any], str],
    client: aq.Client,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    kind, config, secret = told
    warehouse: Any = client.connect_integration("w", kind, **config)
    monkeypatch.setenv("AQUEDUCT_INTEGRATION_V", json.dumps({"kind": kind, "config": config}))
    good, bad = _artifacts(kind, warehouse)
    flow = client.publish_flow("Good", good, quiet=True)
    assert flow.latest().status == "succeeded", flow.latest().error("more")
    failed = client.publish_flow("Bad", bad, quiet=True)
    assert failed.latest().status == "failed"
    with pytest.raises(OperatorError) as caught:
        bad.get()
    shown = [
        "".join(traceback.format_exception(caught.value)),
        str(failed.latest().error("nope")),
        *map(repr, (warehouse, client.integrations(), client.integration("v"), good, flow)),
        *_kept(kind, warehouse),
    ]
    with suppress(Exception):  # some servers take any secret; those that don't must not tell it
        wrong = {
            key: f"{PLANTED}-wrong" if value == SECRET else value for key, value in config.items()
        }
        open_integration("x", kind, wrong).test()
    client.close()
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "result.json" for path in left)
    for path in left:
        assert secret.encode() not in path.read_bytes(), path
    printed = capfd.readouterr()
    everything = "".join([*shown, printed.out, printed.err, caplog.text])
    assert secret not in everything


def test_a_password_that_a_driver_can_not_send_is_not_shown(mariadb: Any) -> None:
    config = {**mariadb.config(), "password": SECRET}
    wrong: Any = open_integration("w", "sqlalchemy", {"url": _url("mysql+pymysql", config)})
    with pytest.raises(IntegrationError, match="can't send the user or the password") as caught:
        wrong.test()
    told = "".join(traceback.format_exception(caught.value))
    assert PLANTED not in told
    assert "Ω" not in told
    assert "03a9" not in told


def _artifacts(kind: str, warehouse: Any) -> tuple[Any, Any]:
    """One that is read, changed and saved, and one that can't be read."""
    orders = pd.DataFrame({"id": [1, 2]})
    with warehouse.transaction() as transaction:
        if kind in ("s3", "azure"):
            transaction.write(orders, {"path": "orders.csv", "format": "csv"}, {}, once="1")
        else:
            transaction.save(orders, "orders", "replace")
    if kind in ("s3", "azure"):
        good = more(warehouse.file("orders.csv"))
        warehouse.save(good, path="copies.csv")
        return good, warehouse.file("missing.csv", name="nope")
    good = more(warehouse.sql("SELECT * FROM orders WHERE id < :most", parameters={"most": 9}))
    warehouse.save(good, table_name="copies", mode="replace")
    return good, warehouse.sql("SELECT nope FROM orders", name="nope")


def _kept(kind: str, warehouse: Any) -> list[str]:
    """What the data system itself has been given."""
    if kind in ("s3", "azure"):
        return [warehouse.read(path).to_csv() for path in warehouse.files()]
    tables = [*warehouse.tables(), "aqueduct_saves"]
    return [str(warehouse.query(f"SELECT * FROM {table}").to_dict()) for table in tables]
