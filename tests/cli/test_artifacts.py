"""`aqueduct artifacts`: what it prints, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import aqueduct_core as aq
from aqueduct_core.cli import main


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> aq.ArtifactStore:
    monkeypatch.setenv("AQUEDUCT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    store = aq.Client().store
    store.put(
        pd.DataFrame({"id": [1, 2], "name": ["ä", None]}), "daily/customers", name="customers"
    )
    store.put({"a": [1, (2,)]}, "settings")
    store.put("hello\n", "text")
    return store


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(arguments)
    return code, capsys.readouterr().out


def read(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    code, out = run(capsys, *arguments, "--json")
    assert code == 0
    return json.loads(out)


def test_ls(store: aq.ArtifactStore, capsys: pytest.CaptureFixture[str]) -> None:
    listed = read(capsys, "artifacts", "ls")
    assert [item["key"] for item in listed] == ["daily/customers", "settings", "text"]
    assert listed == [ref.serialize() for ref in store.list()]
    code, out = run(capsys, "artifacts", "ls", "daily/")
    assert code == 0
    assert "daily/customers" in out
    assert "settings" not in out


def test_functions_of_workflows_are_listed_when_asked_for(
    store: aq.ArtifactStore, capsys: pytest.CaptureFixture[str]
) -> None:
    @aq.op
    def one() -> int:
        return 1

    with aq.Client() as client:
        client.publish_flow("flow", one(), quiet=True)
    code, out = run(capsys, "artifacts", "ls")
    assert code == 0
    assert "flows/" not in out
    assert "1 function of workflows not shown: --all shows them" in out
    assert not any(item["key"].startswith("flows/") for item in read(capsys, "artifacts", "ls"))
    everything = read(capsys, "artifacts", "ls", "--all")
    [key] = [item["key"] for item in everything if item["key"].startswith("flows/")]
    listed = run(capsys, "artifacts", "ls", "-a")[1]
    assert any(key in line and "function" in line for line in listed.splitlines())
    assert key in run(capsys, "artifacts", "ls", key)[1]  # whoever names them sees them


def test_keys_are_whole_for_other_programs(
    store: aq.ArtifactStore, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    key = "/".join(["a-long-folder"] * 12)
    store.put("text", key)
    assert any(key in line for line in run(capsys, "artifacts", "ls")[1].splitlines())


def test_show(store: aq.ArtifactStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert read(capsys, "artifacts", "show", "settings")["type"] == "json"
    code, out = run(capsys, "artifacts", "show", "daily/customers")
    assert code == 0
    for text in ("customers", "table", "safe to load", "ä"):
        assert text in out
    assert run(capsys, "artifacts", "show", "text")[0] == 0


def test_get(store: aq.ArtifactStore, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(capsys, "artifacts", "get", "text") == (0, "hello\n\n")
    value = read(capsys, "artifacts", "get", "settings")["value"]
    assert value["a"][0] == 1
    target = tmp_path / "out.csv"
    assert run(capsys, "artifacts", "get", "daily/customers", "-o", str(target))[0] == 0
    assert target.read_text("utf-8") == '"id","name"\n1,"ä"\n2,\n'
    target = tmp_path / "out.parquet"
    message = read(capsys, "artifacts", "get", "daily/customers", "-o", str(target))
    assert message["bytes"] == target.stat().st_size
    assert pd.read_parquet(target)["id"].tolist() == [1, 2]
    target = tmp_path / "out.txt"
    assert run(capsys, "artifacts", "get", "text", "-o", str(target))[0] == 0
    assert target.read_bytes() == b"hello\n"
    assert main(["artifacts", "get", "daily/customers", "-o", str(tmp_path / "x.xlsx")]) == 3
    assert ".csv, .parquet" in capsys.readouterr().err
    assert not (tmp_path / "x.xlsx").exists()
    assert main(["artifacts", "get", "daily/customers", "-o", str(tmp_path / "no" / "x.csv")]) == 3
    assert "there is no folder" in capsys.readouterr().err


@pytest.mark.parametrize("action", ["show", "get"])
def test_an_artifact_that_is_not_there_is_told_with_what_lists_them(
    store: aq.ArtifactStore, capsys: pytest.CaptureFixture[str], action: str
) -> None:
    assert main(["artifacts", action, "nothing"]) == 3
    assert "`aqueduct artifacts ls` lists what there is" in capsys.readouterr().err


def test_verify_and_gc(
    store: aq.ArtifactStore, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    big = store.put(b"x" * 3_000_000, "big")
    assert run(capsys, "artifacts", "verify") == (0, "Every byte is what was written.\n")
    assert read(capsys, "artifacts", "verify") == []
    part = next(path for path in (tmp_path / "home/artifacts/parts").rglob("*") if path.is_file())
    part.chmod(0o644)
    part.write_bytes(b"y" + part.read_bytes()[1:])
    code, out = run(capsys, "artifacts", "verify", "--json")
    assert code == 1
    assert [item["key"] for item in json.loads(out)] == [big.key]
    assert run(capsys, "artifacts", "verify", "daily/")[0] == 0
    store.delete("big")
    assert read(capsys, "artifacts", "gc")["objects"] == 0
    assert read(capsys, "artifacts", "gc", "--grace", "0")["objects"] == 1
    assert not part.exists()


def test_another_store(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    aq.ArtifactStore(tmp_path / "other").put(1, "n")
    url = str(tmp_path / "other")
    assert [item["key"] for item in read(capsys, "artifacts", "ls", "--store", url)] == ["n"]
