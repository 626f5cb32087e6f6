"""`aqueduct bench` measures, and leaves nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aqueduct_core.cli import main


def test_values_and_workflows_are_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, store = tmp_path / "home", tmp_path / "store"
    store.mkdir()
    arguments = ["bench", "--home", str(home), "--store", str(store), "--size", "0.05"]
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    formats = {item["value"]: item["format"] for item in found["values"]}
    assert formats["random bytes"] == "bytes"
    assert formats["array of float64"] == "npy"
    assert all(item["save"] > 0 < item["load"] for item in found["values"])
    assert all(20_000 < item["size"] < 100_000 for item in found["values"])
    assert all(seconds > 0 for seconds in found["workflows"].values())
    assert [path for path in (*home.rglob("*"), *store.rglob("*")) if path.is_file()] == []


def test_it_is_told_as_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aqueduct_core.cli._bench._steps", lambda home: {"a_run": 0.5})
    assert main(["bench", "--home", str(tmp_path), "--size", "0.01", "--policy", "small"]) == 0
    told = capsys.readouterr().out
    assert "table of 10 columns" in told
    assert "a run   500 ms" in told
    with pytest.raises(SystemExit):
        main(["bench", "--size", "0"])
