"""Connections of Airflow's, in the forms that it takes them, as the settings of data systems."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations import open_integration
from aqueduct_core.integrations._airflow import from_airflow
from tests.environments import ROOT, has_package_index, is_for_this_python, make_environment

PASSWORD = "p@ss/wörd"
IN_URL = "p%40ss%2Fw%C3%B6rd"
KEY = json.dumps({"type": "service_account", "private_key": "k"})
SERVER = {"host": "db", "port": 5433, "database": "shop", "user": "me", "password": PASSWORD}
SAFE = {**SERVER, "sslmode": "verify-full", "sslrootcert": "/ca.pem"}
FIELDS = {"host": "db", "port": 5433, "schema": "shop", "login": "me", "password": PASSWORD}
SNOW = {
    "user": "me",
    "password": PASSWORD,
    "account": "acme.eu-west-1",
    "warehouse": "W",
    "database": "D",
    "schema": "S",
    "role": "R",
}
STORE = {
    "access_key_id": "AKID",
    "secret_access_key": PASSWORD,
    "bucket": "lake",
    "region": "eu-west-1",
    "endpoint_url": "http://minio:9000",
}


def as_json(conn_type: str, extra: dict[str, Any] | None = None, **fields: Any) -> str:
    return json.dumps({"conn_type": conn_type, **fields, "extra": extra or {}})


# name -> Airflow's connection, the kind, and its settings
CONNECTIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "pg_url": (
        f"postgresql://me:{IN_URL}@db:5433/shop?sslmode=verify-full&sslrootcert=%2Fca.pem",
        "postgres",
        SAFE,
    ),
    "pg_json": (
        as_json(
            "postgres",
            {"sslmode": "verify-full", "sslrootcert": "/ca.pem", "keepalives_idle": 30},
            **FIELDS,
        ),
        "postgres",
        SAFE,
    ),
    "my_url": (
        f"mysql://me:{IN_URL}@db:5433/shop?sslmode=require&charset=utf8",
        "mysql",
        {**SERVER, "sslmode": "require"},
    ),
    "my_json": (as_json("mysql", {"kind": "mariadb"}, **FIELDS), "mariadb", SERVER),
    "ms_url": (f"mssql://me:{IN_URL}@db:5433/shop", "mssql", SERVER),
    "ms_json": (as_json("mssql", **FIELDS), "mssql", SERVER),
    "rs_url": (
        f"redshift://me:{IN_URL}@db:5433/shop?sslmode=verify-ca",
        "redshift",
        {**SERVER, "sslmode": "verify-ca"},
    ),
    "rs_json": (
        as_json("redshift", {"sslmode": "verify-ca"}, **FIELDS),
        "redshift",
        {**SERVER, "sslmode": "verify-ca"},
    ),
    "tr_url": (
        f"trino://me:{IN_URL}@db:5433/sales?catalog=hive",
        "trino",
        {
            "host": "db",
            "port": 5433,
            "user": "me",
            "password": PASSWORD,
            "schema": "sales",
            "catalog": "hive",
        },
    ),
    "sf_url": (
        f"snowflake://me:{IN_URL}@/S?account=acme&region=eu-west-1&warehouse=W&database=D&role=R",
        "snowflake",
        SNOW,
    ),
    "sf_json": (
        as_json(
            "snowflake",
            {
                "extra__snowflake__account": "acme",
                "extra__snowflake__region": "eu-west-1",
                "warehouse": "W",
                "database": "D",
                "role": "R",
                "authenticator": "",
            },
            login="me",
            password=PASSWORD,
            schema="S",
        ),
        "snowflake",
        SNOW,
    ),
    "sf_key": (
        as_json(
            "snowflake",
            {"account": "a", "private_key_file": "/k.p8"},
            login="me",
            password=PASSWORD,
        ),
        "snowflake",
        {
            "user": "me",
            "account": "a",
            "private_key_file": "/k.p8",
            "private_key_file_pwd": PASSWORD,
        },
    ),
    "bq_url": (
        "gcpbigquery://?project=acme&key_path=%2Fk.json&dataset=d&location=EU",
        "bigquery",
        {"project": "acme", "credentials_path": "/k.json", "dataset": "d", "location": "EU"},
    ),
    "lite_url": ("sqlite:////data/w.db", "sqlite", {"path": "/data/w.db"}),
    "lite_host": ("sqlite://%2Fdata%2Fw.db", "sqlite", {"path": "/data/w.db"}),
    "lite_json": (as_json("sqlite", host="/data/w.db"), "sqlite", {"path": "/data/w.db"}),
    "duck_url": ("duckdb:////data/w.duckdb", "duckdb", {"path": "/data/w.duckdb"}),
    "fs_json": (as_json("fs", {"path": "/data"}), "filesystem", {"path": "/data"}),
    "ours": (as_json("aqueduct", {"kind": "sqlite", "path": "/w.db"}), "sqlite", {"path": "/w.db"}),
    "s3_url": (
        f"aws://AKID:{IN_URL}@/lake?region_name=eu-west-1&endpoint_url=http%3A%2F%2Fminio%3A9000",
        "s3",
        STORE,
    ),
    "s3_json": (
        as_json(
            "aws",
            {
                "region_name": "eu-west-1",
                "service_config": {
                    "s3": {"bucket_name": "lake", "endpoint_url": "http://minio:9000"}
                },
            },
            login="AKID",
            password=PASSWORD,
        ),
        "s3",
        STORE,
    ),
    "gcs_json": (
        as_json("google_cloud_platform", {"keyfile_dict": KEY, "project": "p", "bucket": "lake"}),
        "gcs",
        {"credentials": KEY, "project": "p", "bucket": "lake"},
    ),
    "gcs_url": (
        "google-cloud-platform://?project=p&bucket=lake&prefix=raw&is_anonymous=True",
        "gcs",
        {"project": "p", "bucket": "lake", "prefix": "raw", "anonymous": True},
    ),
    "az_url": (
        f"wasb://acme:{IN_URL}@/?container=lake",
        "azure",
        {"account_name": "acme", "account_key": PASSWORD, "container": "lake"},
    ),
}


@pytest.mark.parametrize("version", ["2", "3"])
def test_airflow_itself_reads_a_connection_as_the_settings_of_a_data_system(
    version: str, tmp_path: Path
) -> None:
    if not has_package_index():
        pytest.skip("there is no package index to install Airflow from")
    lock = ROOT / "tests" / "integration" / "airflow" / f"airflow-{version}.lock"
    if not is_for_this_python(lock):
        pytest.skip("the Airflow of these tests is one of Python 3.11")
    python = make_environment(lock) / "python"
    told = {f"AIRFLOW_CONN_{name.upper()}": value for name, (value, _, _) in CONNECTIONS.items()}
    done = subprocess.run(
        [python, ROOT / "tests" / "integrations" / "airflow_connections.py", *CONNECTIONS],
        env={**os.environ, **told, "AIRFLOW_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    for name, (_, kind, config) in CONNECTIONS.items():
        assert found[name] == {"kind": kind, "config": config}, name


@pytest.mark.parametrize("name", [name for name in CONNECTIONS if name[:2] not in ("sf", "gc")])
def test_these_settings_are_those_of_the_kind(name: str, tmp_path: Path) -> None:
    _, kind, config = CONNECTIONS[name]
    if kind == "filesystem":
        config = {"path": str(tmp_path)}
    made = open_integration("w", kind, config)
    assert config.items() <= made.config().items()
    assert PASSWORD not in repr(made)


def found_by(conn_type: str, extra: dict[str, Any], **fields: Any) -> Any:
    empty = dict.fromkeys(("host", "port", "schema", "login", "password"))
    return SimpleNamespace(conn_type=conn_type, extra_dejson=extra, **{**empty, **fields})


def test_a_key_of_google_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "k.json").write_text(KEY)
    given = found_by("google_cloud_platform", {"key_path": str(tmp_path / "k.json"), "bucket": "b"})
    told = from_airflow("lake", "lake", given)
    assert told == {"kind": "gcs", "config": {"credentials": KEY, "bucket": "b"}}
    given.extra_dejson["key_path"] = str(tmp_path / "nowhere")
    with pytest.raises(IntegrationError, match=r"key_path .*'lake'[\s\S]*nowhere"):
        from_airflow("lake", "lake", given)


def test_what_a_connection_says_beyond_is_not_passed_over() -> None:
    told = from_airflow("w", "w", found_by("aws", {"role_arn": "arn:x", "bucket": "b"}))
    with pytest.raises(IntegrationError, match="no setting 'role_arn'"):
        open_integration("w", told["kind"], told["config"])
    with pytest.raises(IntegrationError, match="doesn't say what kind"):
        from_airflow("w", "w", found_by("aqueduct", {}))
