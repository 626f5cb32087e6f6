"""`aqueduct bench` measures, compares and calibrates, and leaves nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aqueduct_core.cli import main
from aqueduct_core.store import ArtifactStore

QUICK = ["bench", "--value", "tiny.json", "--policy", "fast", "--rounds", "1", "--no-memory"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, in a folder with a value that needs no library."""
    monkeypatch.setenv("AQUEDUCT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.json").write_text('{"model": "v3", "layers": [64, 32]}')
    return tmp_path / "home"


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main([*arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_value_is_told_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(QUICK) == 0
    told = capsys.readouterr().out
    assert "tiny.json: dict" in told
    assert "a pickle in a file" in told
    assert "exact" in told


def test_values_of_the_user_come_from_files_and_functions(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,b\n1,x\n2,y\n")
    (tmp_path / "mine.py").write_text("def value():\n    print('noise')\n    return {1: {2}}\n")
    program = Path(sys.executable).with_name("aqueduct")
    command = [program, "bench", "--value", "table.csv", "--value", "mine:value", "--no-memory"]
    command += ["--policy", "small", "--serializer", "pickle", "--codec", "zstd:1", "--json"]
    out = subprocess.check_output(command, cwd=tmp_path, text=True)
    found = json.loads(out[out.index("{") :])["values"]
    ways = ["a pickle in a file", "small", "pickle, zstd 1"]
    for source, kind in (("table.csv", "pandas.DataFrame"), ("mine:value", "dict")):
        assert found[source]["class"].replace("core.frame.", "") == kind
        assert [item["way"]["name"] for item in found[source]["results"]] == ways
        assert {item["fidelity"] for item in found[source]["results"]} == {"exact"}


def test_storages_are_compared_and_left_empty(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stores = [f"{tmp_path}/one", f"{tmp_path}/two"]
    found = report(capsys, *QUICK, *[word for url in stores for word in ("--store", url)])
    names = [item["way"]["name"] for item in found["values"]["tiny.json"]["results"]]
    assert names == ["a pickle in a file", *(f"fast @ {url}" for url in stores)]
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["tiny.json"]


def test_prices_are_reckoned_with(capsys: pytest.CaptureFixture[str]) -> None:
    free = report(capsys, *QUICK, "--price-storage", "0", "--price-compute", "0")
    assert {item["cost"] for item in free["values"]["tiny.json"]["results"]} == {0}


def test_what_is_worse_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = report(capsys, *QUICK)
    path = tmp_path / "before.json"
    path.write_text(json.dumps(before))
    assert main([*QUICK, "--compare", str(path), "--tolerance", "1e9"]) == 0
    (ours,) = [
        item for item in before["values"]["tiny.json"]["results"] if item["way"]["name"] == "fast"
    ]
    ours["stored"] //= 2
    path.write_text(json.dumps(before))
    capsys.readouterr()
    assert main([*QUICK, "--compare", str(path), "--tolerance", "1e9"]) == 1
    assert "tiny.json, fast: stored was" in capsys.readouterr().err


@pytest.mark.parametrize("text", [None, "no json", "[]", "{}"])
def test_a_report_that_is_none_is_said(
    text: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "before.json"
    if text is not None:
        path.write_text(text)
    assert main([*QUICK, "--compare", str(path)]) == 3
    assert "report" in capsys.readouterr().err


def test_a_figure_is_drawn(tmp_path: Path) -> None:
    assert main([*QUICK, "--figure", str(tmp_path / "figure.svg")]) == 0
    assert "</svg>" in (tmp_path / "figure.svg").read_text()
    assert main([*QUICK, "--figure", str(tmp_path / "figure.doc")]) == 3


def test_a_calibrated_storage_is_reckoned_with(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aqueduct_core.bench._calibrate._LARGEST", 1 << 20)
    found = report(capsys, "bench", "--calibrate", str(tmp_path / "store"), "--price-storage", "9")
    assert found["written"] == str(home / "profiles.json")
    assert found["upload"] > 0 < found["download"]
    store = ArtifactStore(tmp_path / "store" / "below")
    assert store._profile.price == 9
    assert main(["bench", "--calibrate", str(tmp_path / "store")]) == 0
    assert "upload" in capsys.readouterr().out
    assert main(["bench", "--calibrate", "memory://x", "--home", str(tmp_path)]) == 3
    assert "AQUEDUCT_HOME" in capsys.readouterr().err


def test_workflows_are_measured(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aqueduct_core.cli._bench_workflows._CHAIN", 3)
    monkeypatch.setattr("aqueduct_core.cli._bench_workflows._ROUNDS", 1)
    found = report(capsys, "bench", "--workflows")
    assert len(found) == 2
    assert all(seconds > 0 for seconds in found.values())
    monkeypatch.setattr("aqueduct_core.cli._bench_workflows.steps", lambda home: {"a_run": 0.5})
    assert main(["bench", "--workflows"]) == 0
    assert "a run  500 ms" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [["--loads", "-1"], ["--rounds", "0"], ["--saves", "inf"]])
def test_numbers_that_make_no_sense_are_not_understood(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*QUICK, *wrong])
    assert caught.value.code == 2


def test_what_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "tiny dictionary"]) == 3
    assert "neither a case, nor a file" in capsys.readouterr().err
