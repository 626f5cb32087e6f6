"""`aqueduct db` looks after the database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aqueduct_core.cli import main


def test_tables_are_brought_up_to_date(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AQUEDUCT_DATABASE", f"sqlite:///{tmp_path / 'other.db'}")
    home = ["--home", str(tmp_path / "home")]
    assert main(["db", "upgrade", *home]) == 0
    assert capsys.readouterr().out == "The tables are up to date now.\n"
    assert main(["db", "upgrade", "--json", *home]) == 0
    assert json.loads(capsys.readouterr().out) == {"changed": False}
    assert (tmp_path / "other.db").exists()
