"""Integrations with their secrets, and API keys, on each database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from aqueduct_core.errors import NotFoundError, ParameterError, TrackingError
from aqueduct_core.tracking import Tracking
from aqueduct_core.tracking._tables import api_keys, counters, integrations
from tests.tracking.toys import SECRET

PASSWORD = "correct horse battery staple"


def test_an_integration_is_read_as_it_was_put(tracking: Tracking) -> None:
    config = {"host": "db.example", "port": 5432, "options": {"a": [1, None]}}
    secrets = {"password": PASSWORD, "token": "\0 \ud800 🦆"}
    tracking.put_integration("shop", "postgres", config, secrets)
    found = tracking.integration("shop")
    assert found is not None
    assert (found.name, found.kind, found.config) == ("shop", "postgres", config)
    assert found.secrets == secrets
    assert tracking.integration("Shop") is None


def test_putting_again_replaces(tracking: Tracking) -> None:
    tracking.put_integration("shop", "postgres", {"host": "old"}, {"password": "old"})
    before = tracking.integration("shop")
    tracking.put_integration("shop", "mysql", {"host": "new"})
    after = tracking.integration("shop")
    assert before is not None
    assert after is not None
    assert (after.kind, after.config, after.secrets) == ("mysql", {"host": "new"}, {})
    assert after.created == before.created
    assert after.updated > before.updated


def test_lists_hold_no_secrets(tracking: Tracking) -> None:
    for name in ("shop", "Shop", "archive"):
        tracking.put_integration(name, "postgres", {}, {"password": PASSWORD})
    found = tracking.integrations()
    assert sorted(item.name for item in found) == ["Shop", "archive", "shop"]
    assert all(item.secrets == {} for item in found)


def test_deleted_integrations_are_gone(tracking: Tracking) -> None:
    tracking.put_integration("shop", "postgres", {})
    tracking.delete_integration("shop")
    assert tracking.integration("shop") is None
    with pytest.raises(NotFoundError, match="shop"):
        tracking.delete_integration("shop")


@pytest.mark.parametrize("name", ["", " shop", "shop ", "x" * 256, "a\0b", "a\nb", 5])
def test_odd_names_are_refused(tracking: Tracking, name: Any) -> None:
    with pytest.raises(ParameterError, match="name of an integration"):
        tracking.put_integration(name, "postgres", {})


def test_secrets_are_neither_stored_nor_shown_as_they_are(
    tracking: Tracking, backend: str, tmp_path: Path
) -> None:
    tracking.put_integration("shop", "postgres", {}, {"password": PASSWORD})
    with tracking._database.read() as connection:
        row = connection.execute(select(integrations)).one()
    assert PASSWORD.encode() not in bytes(row.secrets)
    assert PASSWORD not in repr(tracking.integration("shop"))
    if backend == "sqlite":
        for path in tmp_path.glob("aqueduct.db*"):
            assert PASSWORD.encode() not in path.read_bytes()
            assert path.stat().st_mode & 0o077 == 0


def test_another_signing_key_opens_nothing(url: str) -> None:
    with Tracking(url, secret=SECRET) as tracking:
        tracking.put_integration("shop", "postgres", {}, {"password": PASSWORD})
    with Tracking(url, secret=b"another secret of that length") as tracking:
        with pytest.raises(TrackingError, match="another signing key") as caught:
            tracking.integration("shop")
        assert "'shop'" in str(caught.value)
        assert len(tracking.integrations()) == 1, "the list is there all the same"


def test_secrets_of_one_integration_are_none_of_another(tracking: Tracking) -> None:
    tracking.put_integration("shop", "postgres", {}, {"password": PASSWORD})
    tracking.put_integration("evil", "postgres", {"host": "evil.example"})
    stolen = select(integrations.c.secrets).where(integrations.c.name == "shop").scalar_subquery()
    with tracking._database.read() as connection:
        sealed = connection.execute(select(stolen)).scalar()
    moved = update(integrations).where(integrations.c.name == "evil").values(secrets=sealed)
    tracking._database.write(lambda connection: connection.execute(moved))
    with pytest.raises(TrackingError, match="can't be decrypted"):
        tracking.integration("evil")


def test_a_short_secret_is_refused(url: str) -> None:
    with pytest.raises(TrackingError, match="too short"):
        Tracking(url, secret=b"short")


def test_an_api_key_is_known_until_it_is_revoked(tracking: Tracking) -> None:
    made, key = tracking.create_api_key("CI of the shop", "editor")
    assert (made.name, made.role, made.revoked) == ("CI of the shop", "editor", None)
    found = tracking.verify_api_key(key)
    assert found == made
    used = tracking.verify_api_key(key)
    assert used is not None
    assert used.last_used is not None
    tracking.revoke_api_key(made.id)
    tracking.revoke_api_key(made.id)
    assert tracking.verify_api_key(key) is None
    (kept,) = tracking.api_keys()
    assert kept.revoked is not None
    with pytest.raises(NotFoundError):
        tracking.revoke_api_key("unknown")


def test_wrong_api_keys_are_none(tracking: Tracking) -> None:
    made, key = tracking.create_api_key("me", "admin")
    wrong = ["", "aq_x_y", key[:-1], key + "a", key.swapcase(), f"aq_{made.id}_", "\0", "\ud800"]
    wrong.append(f"aq_{'0' * 12}_{key.rpartition('_')[2]:>043.43}")
    assert [tracking.verify_api_key(text) for text in wrong] == [None] * len(wrong)


def test_api_keys_are_not_stored(tracking: Tracking) -> None:
    _, key = tracking.create_api_key("me", "admin")
    with tracking._database.read() as connection:
        row = connection.execute(select(api_keys)).one()
    assert key not in str(row)
    assert key.rpartition("_")[2] not in str(row)


def test_a_session_that_was_ended_finds_no_key(tracking: Tracking) -> None:
    made, _ = tracking.create_api_key("Ada", "viewer")
    later = datetime.now(UTC) + timedelta(days=1)
    for session in ("one", "one", "%"):
        tracking.end_session(session, later)
    found = [tracking.api_key(made.id, session=name) for name in ("one", "other", "on", None)]
    assert found == [None, made, made, made]
    tracking.end_session("over", datetime.now(UTC) - timedelta(days=1))
    assert tracking.api_key(made.id, session="over") is None
    tracking.end_session("two", later)
    with tracking._database.read() as connection:
        kept = connection.execute(select(counters.c.name)).scalars().all()
    assert sorted(kept) == ["ended session %", "ended session one", "ended session two", "events"]
