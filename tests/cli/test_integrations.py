"""`aqueduct integrations`: what is kept, and that secrets don't pass through arguments."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from aqueduct_core.cli import main
from aqueduct_core.cli._integrations import settings
from aqueduct_core.cli._parser import parser

SECRET = "hunter2-Ω"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AQUEDUCT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
        database.execute("CREATE TABLE customers (id INTEGER)")
    return tmp_path / "home"


def test_a_data_system_is_added_listed_tested_and_forgotten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = f"path={tmp_path / 'shop.db'}"
    assert main(["integrations", "add", "shop", "sqlite", path]) == 0
    assert main(["integrations", "test", "shop"]) == 0
    assert "it answers" in capsys.readouterr().out
    assert main(["integrations", "tables", "shop", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == ["customers"]
    assert main(["integrations", "ls", "--json"]) == 0
    [listed] = json.loads(capsys.readouterr().out)
    assert (listed["name"], listed["kind"], listed["flows"]) == ("shop", "sqlite", [])
    assert main(["integrations", "ls"]) == 0
    assert "sqlite" in capsys.readouterr().out
    assert main(["integrations", "rm", "shop"]) == 0
    assert main(["integrations", "test", "shop"]) == 3


def test_a_data_system_that_does_not_answer_has_a_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder").mkdir()
    path = f"path={tmp_path / 'folder' / 'shop.db'}"
    assert main(["integrations", "add", "shop", "sqlite", path]) == 0
    shutil.rmtree(tmp_path / "folder")
    capsys.readouterr()
    assert main(["integrations", "test", "shop", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert not told["ok"]
    assert "no folder" in told["problem"]


@pytest.mark.parametrize(
    "setting",
    [
        f"password={SECRET}",
        f"aws_secret_access_key={SECRET}",
        f"api_key={SECRET}",
        f'token:="{SECRET}"',
        f"url=postgresql://etl:{SECRET}@db.example.org/prod",
        f"anything=redis://:{SECRET}@cache",
        f"dsn=mssql://etl:a/{SECRET}@db.example.org/prod",
        SECRET,
    ],
)
def test_secrets_in_arguments_are_refused_and_not_repeated(
    setting: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["integrations", "add", "prod", "sqlite", setting]) == 3
    told = capsys.readouterr()
    assert "Hint: " in told.err
    assert SECRET not in told.err + told.out


def test_secrets_come_from_the_environment_or_standard_input(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGPASSWORD", SECRET)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{SECRET}\r\nsecond \n"))
    typed = "host=db port:=5432 --secret-env password=PGPASSWORD --secret token --secret other"
    options = parser().parse_args(["integrations", "add", "prod", "postgres", *typed.split()])
    assert settings(options) == {
        "host": "db",
        "port": 5432,
        "password": SECRET,
        "token": SECRET,
        "other": "second ",
    }


def test_a_secret_that_is_not_there_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NOWHERE", raising=False)
    assert main(["integrations", "add", "p", "sqlite", "--secret-env", "password=NOWHERE"]) == 3
    assert "no variable NOWHERE" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(["integrations", "add", "p", "sqlite", "--secret", "password"]) == 3
    assert "one line for each --secret" in capsys.readouterr().err


def test_files_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "lake" / "in").mkdir(parents=True)
    for name in ("in/a.csv", "b.txt"):
        (tmp_path / "lake" / name).write_text("x")
    assert main(["integrations", "add", "lake", "filesystem", f"path={tmp_path / 'lake'}"]) == 0
    capsys.readouterr()
    assert main(["integrations", "files", "lake"]) == 0
    assert capsys.readouterr().out == "b.txt\nin/a.csv\n"
    assert main(["integrations", "files", "lake", "in/", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == ["in/a.csv"]
    assert main(["integrations", "tables", "lake"]) != 0
    assert "kind 'filesystem', which has no tables" in capsys.readouterr().err


def test_the_id_of_a_key_is_no_secret() -> None:
    given = ["integrations", "add", "lake", "s3", "bucket=b", "access_key_id=AKIA"]
    assert settings(parser().parse_args(given)) == {"bucket": "b", "access_key_id": "AKIA"}
