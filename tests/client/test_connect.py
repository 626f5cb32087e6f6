"""Data systems under names: kept for other programs, secrets encrypted, not deleted under a workflow."""

from __future__ import annotations

from pathlib import Path

import pytest

import aqueduct_core as aq
from aqueduct_core.client._connect import is_secret
from aqueduct_core.errors import (
    GraphError,
    IntegrationError,
    NotFoundError,
    ParameterError,
    TrackingError,
    UnsupportedError,
)
from tests.client.places import everywhere

SECRET = "hunter2-Ω"


def test_integrations_are_kept(client: aq.Client, tmp_path: Path) -> None:
    made = client.connect_integration("prod/database é", "sqlite", path=tmp_path / "w.db")
    assert client.integration("prod/database é") is made
    with aq.Client() as other:
        assert list(other.integrations()) == ["prod/database é"]
        assert other.integration("prod/database é").path == tmp_path / "w.db"
        other.delete_integration("prod/database é")
        assert other.integrations() == {}
        with pytest.raises(NotFoundError, match=r"no integration 'nope'[\s\S]*connect_integration"):
            other.integration("nope")
        with pytest.raises(NotFoundError):
            other.delete_integration("nope")


def test_what_can_not_be_opened_is_listed_with_the_reason(
    client: aq.Client, tmp_path: Path
) -> None:
    client.connect_integration("db", "sqlite", path=tmp_path / "w.db")
    client._session.tracking.put_integration(
        "far", "lake_of_a_plugin", {"host": "h"}, {"key": SECRET}
    )
    found = client.integrations()
    assert list(found) == ["db", "far"]
    assert found["db"] is client.integration("db")
    assert isinstance(found["far"].error, UnsupportedError)
    assert "'lake_of_a_plugin'" in repr(found)
    assert SECRET not in repr(found)


@everywhere
def test_what_can_not_be_reached_is_not_kept(client: aq.Client, tmp_path: Path) -> None:
    with pytest.raises(IntegrationError, match="no folder"):
        client.connect_integration("db", "sqlite", path=tmp_path / "nowhere" / "w.db")
    with pytest.raises(
        UnsupportedError, match=r"kind 'lake'[\s\S]*postgres[\s\S]*airflow[\s\S]*slack"
    ):
        client.connect_integration("db", "lake", host="x")
    with pytest.raises(ParameterError, match="name of an integration"):
        client.connect_integration("", "sqlite", path=tmp_path / "w.db")
    assert client.integrations() == {}


def test_secrets_are_not_readable_in_the_database(client: aq.Client, home: Path) -> None:
    session = client._session
    session.tracking.put_integration("db", "postgres", {"host": "h"}, {"password": SECRET})
    content = b"".join(path.read_bytes() for path in home.glob("aqueduct.db*"))
    assert SECRET.encode() not in content
    found = session.tracking.integration("db")
    assert found is not None
    assert found.secrets == {"password": SECRET}
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("password", "x", True),
        ("aws_secret_access_key", "x", True),
        ("token", None, True),
        ("url", "postgresql://user:pw@host/db", True),
        ("url", "postgresql://user@host/db", False),
        ("url", "redis://:pw@host", True),
        ("url", "mssql://user:p/w@host/db", True),
        ("path", "/home/me/w.db", False),
        ("host", "db.example.org", False),
        ("passenger", "x", False),
    ],
)
def test_what_is_a_secret(name: str, value: object, expected: bool) -> None:
    assert is_secret(name, value) is expected


def test_an_integration_whose_secrets_are_lost_can_be_forgotten(home: Path) -> None:
    config = {"url": "https://hooks.example.org/1"}
    with aq.Client() as client:
        client._session.tracking.put_integration("chat", "slack", {}, config)
    (home / "signing.key").write_text("ab" * 32)
    with aq.Client() as client:
        with pytest.raises(TrackingError, match="can't be decrypted"):
            client.integration("chat")
        client.delete_integration("chat")
        with pytest.raises(NotFoundError, match="no integration 'chat'"):
            client.delete_integration("chat")


@everywhere
def test_an_integration_that_a_workflow_uses_stays(client: aq.Client, tmp_path: Path) -> None:
    warehouse = client.connect_integration("w", "sqlite", path=tmp_path / "w.db")
    customers = warehouse.sql("SELECT 1 AS id")
    client.publish_flow("Churn", customers, run_now=False, quiet=True)
    with pytest.raises(IntegrationError, match=r"used by workflows .*: 'Churn'"):
        client.delete_integration("w")
    client.delete_integration("w", force=True)
    assert client.integrations() == {}


@everywhere
def test_artifacts_of_another_client_are_refused(client: aq.Client, tmp_path: Path) -> None:
    with aq.Client(home=tmp_path / "elsewhere") as other:
        theirs = other.create_param("n", 1)

    @aq.op
    def same(n: int) -> int:
        return n

    with pytest.raises(GraphError, match=r"artifacts of the client in .*elsewhere"):
        client.publish_flow("flow", same(theirs), quiet=True)
    warehouse = client.connect_integration("w", "sqlite", path=tmp_path / "w.db")
    with pytest.raises(GraphError, match="one client"):
        warehouse.sql("SELECT :n AS n", parameters={"n": theirs})


def test_a_receiver_of_messages_is_kept_like_a_data_system(client: aq.Client) -> None:
    client._session.tracking.put_integration(
        "team", "webhook", {"level": "warning"}, {"url": "http://127.0.0.1:9/x"}
    )
    team = client.integration("team")
    assert (team.name, team.level) == ("team", "warning")
