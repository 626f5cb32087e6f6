"""Warehouses by their dialects: what can be seen without a server."""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from aqueduct_core.errors import IntegrationError, LossyTypeError, MissingExtraError
from aqueduct_core.integrations import open_integration
from aqueduct_core.integrations._statement import Statement

SECRET = "hunter2"
PLACE = {"host": "127.0.0.1", "port": 1, "user": "u", "password": SECRET}
CONFIGS = {
    "mssql": {**PLACE, "database": "d", "encryption": "require"},
    "redshift": {**PLACE, "database": "d", "sslmode": "verify-full"},
    "trino": {**PLACE, "catalog": "c", "schema": "s"},
}
TABLE = pa.table(
    {
        "k": pa.array(["x"]),
        "text": pa.array(["x"]),
        "number": pa.array([1]),
        "yes": pa.array([True]),
        "at": pa.array([0], pa.timestamp("us")),
        "zoned": pa.array([0], pa.timestamp("us", "UTC")),
        "time": pa.array([0], pa.time64("us")),
        "price": pa.array(["1.50"]).cast(pa.decimal128(10, 2)),
    }
)


@pytest.mark.parametrize("kind", CONFIGS)
def test_settings_come_back_and_secrets_are_not_shown(kind: str) -> None:
    made: Any = open_integration("w", kind, CONFIGS[kind])
    assert made.config() == CONFIGS[kind]
    assert open_integration("w", kind, made.config()).config() == made.config()
    assert SECRET not in repr(made) + made.place
    with pytest.raises(IntegrationError, match="port is no number"):
        open_integration("w", kind, {**CONFIGS[kind], "port": "x"})


@pytest.mark.parametrize("kind", ["mssql", "redshift"])
def test_a_server_that_is_not_there_is_told(kind: str) -> None:
    made: Any = open_integration("w", kind, CONFIGS[kind])
    with pytest.raises(IntegrationError, match="can't be reached") as caught:
        made.test()
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("kind", "module"), [("mssql", "pymssql"), ("redshift", "redshift_connector")]
)
def test_a_missing_driver_is_told_with_its_extra(
    kind: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    made: Any = open_integration("w", kind, CONFIGS[kind])
    with pytest.raises(MissingExtraError, match=rf"{module}[\s\S]*\[{kind}\]"):
        made.test()


DEFINITIONS = {
    "mssql": "[k] NVARCHAR(255), [text] NVARCHAR(max), [number] BIGINT, [yes] BIT, [at] DATETIME2(6), "
    "[zoned] DATETIMEOFFSET(6), [time] TIME(6), [price] NUMERIC(10, 2), PRIMARY KEY ([k])",
    "redshift": '"k" VARCHAR(65535), "text" VARCHAR(65535), "number" BIGINT, "yes" BOOLEAN, '
    '"at" TIMESTAMP WITHOUT TIME ZONE, "zoned" TIMESTAMP WITH TIME ZONE, '
    '"time" TIME WITHOUT TIME ZONE, "price" NUMERIC(10, 2), PRIMARY KEY ("k")',
}


@pytest.mark.parametrize(("kind", "wanted"), DEFINITIONS.items(), ids=DEFINITIONS)
def test_columns_keep_all_of_their_values(kind: str, wanted: str) -> None:
    made: Any = open_integration("w", kind, CONFIGS[kind])
    transaction = made.transactions(made, None)
    assert transaction.definition(TABLE, ["k"]) == wanted


def test_redshift_takes_no_bytes() -> None:
    made: Any = open_integration("w", "redshift", CONFIGS["redshift"])
    transaction = made.transactions(made, None)
    with pytest.raises(LossyTypeError, match=r"\['c'\]"):
        transaction.definition(pa.table({"c": [b"x"]}), [])


@pytest.fixture
def bigquery(tmp_path: Path) -> Any:
    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = tmp_path / "account.json"
    account = {
        "type": "service_account",
        "client_email": "a@b.c",
        "token_uri": "http://127.0.0.1:1/token",
        "private_key": key.decode(),
    }
    path.write_text(json.dumps(account))
    config = {"project": "p", "dataset": "d", "credentials_path": str(path), "location": "EU"}
    made: Any = open_integration("w", "bigquery", config)
    assert made.config() == config
    return made


def test_bigquery_is_only_read(bigquery: Any) -> None:
    assert bigquery.quote("a") == "`a`"
    assert bigquery.qualified("d.t") == "`d`.`t`"
    for attempt in (
        lambda: bigquery.save(None, table_name="t"),
        bigquery.transaction().__enter__,
        lambda: bigquery.drop("t"),
    ):
        with pytest.raises(IntegrationError, match="only read"):
            attempt()


def test_trino_is_only_read() -> None:
    made: Any = open_integration("w", "trino", CONFIGS["trino"])
    with pytest.raises(IntegrationError, match=r"only read[\s\S]*save to another"):
        made.save(None, table_name="t")


MARKED = {
    "mssql": ("SELECT '50%%' FROM t WHERE a = %(v)s", {"v": 1}),
    "redshift": ("SELECT '50%%' FROM t WHERE a = %s", (1,)),
    "trino": ("SELECT '50%' FROM t WHERE a = ?", (1,)),
    "bigquery": ("SELECT '50%%' FROM t WHERE a = %(v)s", {"v": 1}),
}


@pytest.mark.parametrize("kind", MARKED)
def test_values_are_bound_as_the_driver_wants_them(
    kind: str, request: pytest.FixtureRequest
) -> None:
    if kind == "bigquery":
        made = request.getfixturevalue("bigquery")
    else:
        made = open_integration("w", kind, CONFIGS[kind])
    marked = made._marked(Statement.of("SELECT '50%' FROM t WHERE a = :v"), {"v": 1})
    assert marked == MARKED[kind]
