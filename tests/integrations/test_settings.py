"""Settings of connections: fields, URLs and the environment; no secret is shown when they are wrong."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import Any

import pytest

import aqueduct_core as aq
from aqueduct_core.errors import IntegrationError, NotFoundError
from aqueduct_core.integrations import open_integration
from aqueduct_core.integrations._settings import fields_of_url

SECRET = "hunter2-Ω"
FIELDS = ("host", "port", "database", "user", "password", "sslmode")


@pytest.mark.parametrize(
    ("url", "known", "told"),
    [
        (
            "postgresql://me:p%40ss%2F@db:5433/shop?sslmode=require",
            FIELDS,
            {
                "host": "db",
                "port": 5433,
                "database": "shop",
                "user": "me",
                "password": "p@ss/",
                "sslmode": "require",
            },
        ),
        ("postgres://db/shop", FIELDS, {"host": "db", "database": "shop"}),
        ("sqlite:///w.db", ("path",), {"path": "w.db"}),
        ("sqlite:////data/w%20x.db", ("path",), {"path": "/data/w x.db"}),
        ("file:///data", ("path",), {"path": "/data"}),
    ],
)
def test_a_url_tells_the_fields(url: str, known: tuple[str, ...], told: dict[str, Any]) -> None:
    assert fields_of_url("w", url, known) == told


@pytest.mark.parametrize("url", [f"me:{SECRET}@db", f"postgres://me:{SECRET}@db:x/d", "", "/w.db"])
def test_what_is_no_url_is_not_shown(url: str) -> None:
    with pytest.raises(IntegrationError, match=r"w: the url is none[\s\S]*%40") as caught:
        fields_of_url("w", url, FIELDS)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("url", ["sqlite://data/w.db", "file://data/w.db"])
def test_a_file_is_on_no_host(url: str) -> None:
    with pytest.raises(IntegrationError, match=r"has a host[\s\S]*:///data"):
        fields_of_url("w", url, ("path",))
    with pytest.raises(IntegrationError, match=r"has a host[\s\S]*:///data"):
        open_integration("w", "filesystem", {"url": "file://data/sales"})


def test_fields_beside_a_url_take_precedence() -> None:
    pytest.importorskip("psycopg")
    url = f"postgresql://me:{SECRET}@db/shop"
    made: Any = open_integration("w", "postgres", {"url": url, "user": "you", "port": 5433})
    assert made.config() == {
        "host": "db",
        "port": 5433,
        "database": "shop",
        "user": "you",
        "password": SECRET,
        "sslmode": "prefer",
    }
    with pytest.raises(IntegrationError, match="no setting 'colour'"):
        open_integration("w", "postgres", {"url": f"{url}?colour=red"})
    with pytest.raises(IntegrationError, match="needs the setting 'database'"):
        open_integration("w", "postgres", {"url": "postgresql://me@db"})


@pytest.mark.parametrize("form", ["url", "json"])
def test_the_environment_tells_a_data_system(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "w.db"
    told = {"kind": "sqlite", "config": {"path": str(path)}}
    value = f"sqlite:///{path}" if form == "url" else json.dumps(told)
    monkeypatch.setenv("AQUEDUCT_INTEGRATION_MY_SHOP", value)
    monkeypatch.delenv("AQUEDUCT_DATABASE", raising=False)
    with aq.Client(home=tmp_path / "home") as client:
        shop = client.integration("my shop")
        shop.save(shop.sql("SELECT 7 AS n"), table_name="t")
        flow = client.publish_flow("Sevens", shop.sql("SELECT 7 AS n", name="n"), quiet=True)
        assert flow.latest().artifact("n").get()["n"].tolist() == [7]
        assert client.integrations() == {}
        with pytest.raises(NotFoundError, match="AQUEDUCT_INTEGRATION_OTHER"):
            client.integration("other")


@pytest.mark.parametrize("value", [f'{{"password": "{SECRET}"}}', f"{{{SECRET}", "[1]"])
def test_an_environment_that_says_nothing_is_not_shown(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AQUEDUCT_INTEGRATION_SHOP", value)
    monkeypatch.delenv("AQUEDUCT_DATABASE", raising=False)
    with (
        aq.Client(home=tmp_path / "home") as client,
        pytest.raises(IntegrationError) as caught,
    ):
        client.integration("shop")
    assert SECRET not in "".join(traceback.format_exception(caught.value))
