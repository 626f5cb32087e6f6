"""The command line that runs one operator."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import aqueduct_core as aq
from aqueduct_core.dag import Version
from aqueduct_core.integrations import open_integration
from aqueduct_core.runtime import Result, Workspace, read_result
from aqueduct_core.runtime.__main__ import main
from aqueduct_core.runtime._supervisor import Worker
from tests.processes import is_running, wait_until
from tests.runtime.flows import KEY, publish


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AQUEDUCT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AQUEDUCT_SIGNING_KEY", KEY.hex())


def result_of(workspace: Workspace, version: Version, name: str, run: str = "r1") -> Result:
    found = read_result(workspace.store, version.ids[name], run)
    assert found is not None
    return found


def call(workspace: Workspace, version: Version, name: str, *more: str) -> int:
    return main([version.location(workspace.store), name, "r1", *more])


def test_operators_are_run_one_by_one(
    workspace: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    def loud(x: int) -> int:
        print("doubling")
        return x * 2

    double = aq.op(name="double")(loud)
    version = publish(workspace.store, double(double(4)))
    assert call(workspace, version, "double") == 0
    assert call(workspace, version, "double-2") == 0
    assert workspace.store.get(result_of(workspace, version, "double-2").outputs["output"]) == 16
    out, err = capfd.readouterr()
    assert out == "doubling\ndoubling\n"
    assert err == "double succeeded\ndouble-2 succeeded\n"


def test_a_failure_is_shown_and_told_by_the_exit_code(
    workspace: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    fails = aq.op(name="fails")(lambda: 1 / 0)()
    version = publish(workspace.store, aq.op(name="last")(lambda x: x)(fails))
    assert call(workspace, version, "fails") == 1
    assert "ZeroDivisionError: division by zero" in capfd.readouterr().err
    assert call(workspace, version, "last") == 99
    assert "last skipped: 'fails' has no result" in capfd.readouterr().err


def test_a_warning_is_no_failure(workspace: Workspace) -> None:
    one = aq.op(name="one")(lambda: 1)()
    aq.check(name="two")(lambda x: x == 2)(one)
    version = publish(workspace.store, one)
    assert (call(workspace, version, "one"), call(workspace, version, "two")) == (0, 0)
    assert result_of(workspace, version, "two").state == "warning"


def test_a_process_that_dies_leaves_a_result(
    workspace: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    def die() -> None:
        os.write(1, b"last words")
        os.kill(os.getpid(), signal.SIGKILL)

    version = publish(workspace.store, aq.op(name="die")(die)())
    assert call(workspace, version, "die", "--attempt", "2") == 1
    result = result_of(workspace, version, "die")
    assert (result.state, result.attempt) == ("failed", 2)
    assert "signal 9" in str(result.reason)
    assert capfd.readouterr().out == "last words"
    assert call(workspace, version, "die", "--attempt", "1") == 1
    assert result_of(workspace, version, "die").attempt == 2


def test_an_operator_that_takes_too_long_is_stopped(workspace: Workspace) -> None:
    slow = aq.op(name="slow", timeout=0.2)(lambda: time.sleep(1_000))()
    version = publish(workspace.store, slow)
    assert call(workspace, version, "slow") == 1
    assert "stopped after 0.2 s" in str(result_of(workspace, version, "slow").reason)


def test_sigterm_ends_the_tree_and_leaves_a_result(workspace: Workspace, tmp_path: Path) -> None:
    def tree(path: str) -> None:
        child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        Path(path, "draft").write_text(f"{os.getpid()} {child.pid}")
        Path(path, "draft").rename(Path(path, "pids"))
        child.wait()

    version = publish(workspace.store, aq.op(name="tree")(tree)(str(tmp_path)))
    command = [sys.executable, "-m", "aqueduct_core.runtime"]
    command += [version.location(workspace.store), "tree", "r1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        wait_until((tmp_path / "pids").exists)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert "tree canceled: it was asked to stop by SIGTERM" in said
    assert result_of(workspace, version, "tree").state == "canceled"
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    wait_until(lambda: not any(map(is_running, pids)))  # what was killed takes a moment to be gone


def test_sigterm_after_the_end_changes_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = Worker.finish

    def interrupted(worker: Worker, patience: float) -> None:
        signal.raise_signal(signal.SIGTERM)
        finish(worker, patience)

    monkeypatch.setattr(Worker, "finish", interrupted)
    version = publish(workspace.store, aq.op(name="one")(lambda: 1)())
    assert call(workspace, version, "one") == 0
    assert result_of(workspace, version, "one").state == "succeeded"


def test_parameters_come_from_the_environment(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = publish(workspace.store, aq.op(name="double")(lambda x: x * 2)(4))
    parameter = next(iter(version.spec.parameters))
    monkeypatch.setenv("AQUEDUCT_PARAMETERS", json.dumps({parameter: {"value": 21}}))
    assert call(workspace, version, "double") == 0
    assert workspace.store.get(result_of(workspace, version, "double").outputs["output"]) == 42


def test_saves_into_one_data_system_go_together(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config: Mapping[str, Any] = {"path": str(tmp_path / "w.db")}
    warehouse: Any = open_integration("my warehouse", "sqlite", config)
    table = aq.op(name="table")(lambda: pd.DataFrame({"id": [1, 2]}))()
    warehouse.save(table, table_name="a")
    warehouse.save(table, table_name="b")
    version = publish(workspace.store, table)
    monkeypatch.setenv(
        "AQUEDUCT_INTEGRATION_MY_WAREHOUSE", json.dumps({"kind": "sqlite", "config": config})
    )
    assert call(workspace, version, "table") == 0
    saves = [item.name for item in version.spec.of_kind("save")]
    assert call(workspace, version, saves[0]) == 0
    assert [result_of(workspace, version, name).state for name in saves] == ["succeeded"] * 2
    assert warehouse.tables() == ["a", "b"]


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("AQUEDUCT_PARAMETERS", "[hidden]", "AQUEDUCT_PARAMETERS holds no object in JSON"),
        ("AQUEDUCT_SIGNING_KEY", "hidden", "the signing key is not in hex"),
    ],
)
def test_what_can_not_be_used_is_told_without_showing_it(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    variable: str,
    value: str,
    said: str,
) -> None:
    version = publish(workspace.store, aq.op(name="one")(lambda: 1)())
    monkeypatch.setenv(variable, value)
    assert call(workspace, version, "one") == 2
    err = capfd.readouterr().err
    assert said in err
    assert "hidden" not in err


def test_what_is_not_there_is_told(workspace: Workspace, capfd: pytest.CaptureFixture[str]) -> None:
    version = publish(workspace.store, aq.op(name="one")(lambda: 1)())
    assert call(workspace, version, "two") == 2
    assert "has no operator 'two'\nHint: there is: 'one'" in capfd.readouterr().err
    assert main(["nowhere", "one", "r1"]) == 2
    assert "is no location of a version" in capfd.readouterr().err


def test_the_key_of_the_home_folder_is_used(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AQUEDUCT_SIGNING_KEY")
    version = publish(workspace.store, aq.op(name="one")(lambda: 1)())
    assert call(workspace, version, "one") == 1
    assert "holds a pickle" in str(result_of(workspace, version, "one").reason)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "signing.key").write_text(f"{KEY.hex()}\n")
    assert call(workspace, version, "one") == 0
