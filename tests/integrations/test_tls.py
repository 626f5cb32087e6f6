"""Servers with TLS, whose certificate is signed by nobody that is known, and servers without."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations import open_integration
from tests.certificates import make_certificate
from tests.databases import SafeMariadbServer, SafePostgresServer, Server
from tests.integrations.conftest import running

SECRET = "hunter2-Ω"


@dataclass
class Safe:
    """A server that can TLS, and how it is asked whether it does."""

    server: Any
    kind: str
    config: dict[str, Any]
    question: str

    def database(self, **settings: Any) -> Any:
        place = {"host": "localhost", "port": self.server.port}
        return open_integration("w", self.kind, {**place, **self.config, **settings})


@pytest.fixture(scope="module")
def safe_postgres() -> Iterator[Safe]:
    for server in running(SafePostgresServer):
        # Nobody is asked for a password there: any is right, and none may be shown.
        config = {"database": "postgres", "user": "postgres", "password": SECRET}
        question = "SELECT ssl AS safe FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        yield Safe(server, "postgres", config, question)


@pytest.fixture(scope="module")
def safe_mariadb() -> Iterator[Safe]:
    for server in running(SafeMariadbServer):
        server.execute(f"CREATE USER IF NOT EXISTS safe IDENTIFIED BY '{SECRET}' REQUIRE SSL")
        config = {"database": "information_schema", "user": "safe", "password": SECRET}
        question = (
            "SELECT variable_value <> '' AS safe FROM session_status "
            "WHERE variable_name = 'ssl_cipher'"
        )
        yield Safe(server, "mariadb", config, question)


@pytest.fixture(params=["postgres", "mariadb"])
def safe(request: pytest.FixtureRequest) -> Safe:
    found: Safe = request.getfixturevalue(f"safe_{request.param}")
    return found


@pytest.fixture
def unsafe(safe: Safe, request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(f"{safe.kind}_server")
    return found


@pytest.mark.parametrize("sslmode", ["prefer", "require", "verify-ca", "verify-full"])
def test_a_server_with_tls_is_spoken_to_in_tls(safe: Safe, sslmode: str) -> None:
    checked = {"sslrootcert": str(safe.server.certificate)} if "verify" in sslmode else {}
    database = safe.database(sslmode=sslmode, **checked)
    database.test()
    assert database.query(safe.question)["safe"].tolist() == [True]


def test_a_name_that_the_certificate_has_not_is_refused_if_asked_for(safe: Safe) -> None:
    known = {"host": "127.0.0.1", "sslrootcert": str(safe.server.certificate)}
    assert safe.database(sslmode="verify-ca", **known).query(safe.question)["safe"].tolist() == [1]
    _refused(safe.database(sslmode="verify-full", **known), "certificate is for another host")


def test_a_certificate_that_is_not_trusted_is_refused(safe: Safe, tmp_path: Path) -> None:
    other, _ = make_certificate(tmp_path, "localhost")
    for sslmode in ("verify-ca", "verify-full"):
        wrong = safe.database(sslmode=sslmode, sslrootcert=str(other))
        _refused(wrong, "certificate is not trusted")


def test_certificates_that_are_not_there_are_named(safe: Safe, tmp_path: Path) -> None:
    missing = str(tmp_path / "nowhere.pem")
    _refused(safe.database(sslmode="verify-full", sslrootcert=missing), "nowhere.pem")


@pytest.mark.parametrize("sslmode", ["require", "verify-full"])
def test_a_server_without_tls_is_told(safe: Safe, unsafe: Server, sslmode: str) -> None:
    checked = {"sslrootcert": str(safe.server.certificate)} if "verify" in sslmode else {}
    _refused(safe.database(port=unsafe.port, sslmode=sslmode, **checked), "the server has none")


def test_a_user_who_has_to_use_tls_is_refused_without(safe_mariadb: Safe) -> None:
    _refused(safe_mariadb.database(sslmode="disable"), "login was refused")


def _refused(database: Any, match: str) -> None:
    """Whatever is asked fails for this reason, and doesn't show the password."""
    for attempt in (database.test, lambda: database.query("SELECT 1 AS n"), database.tables):
        with pytest.raises(IntegrationError, match=match) as caught:
            attempt()
        told = "".join(traceback.format_exception(caught.value)) + repr(database)
        assert SECRET not in told
        assert "hunter2" not in told
