"""`aqueduct sync` and `aqueduct airflow`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import aqueduct_core as aq
from aqueduct_core.cli import main
from tests.engines.airflow.api_server import PASSWORD, USER, AirflowServer
from tests.processes import PATIENCE


@pytest.fixture
def airflow(tmp_path: Path) -> Iterator[AirflowServer]:
    with AirflowServer(dags=tmp_path / "dags").serving() as server:
        yield server


@pytest.fixture
def home(airflow: AirflowServer, tmp_path: Path) -> str:
    """A workspace with a cluster and two workflows, one of which runs there."""

    @aq.op
    def one() -> int:
        return 1

    with aq.Client(home=tmp_path / "home") as client:
        client.connect_integration(
            "air", "airflow", url=airflow.url, auth=(USER, PASSWORD), dags=str(airflow.dags)
        )
        client.publish_flow("Far", one(), engine="air", run_now=False, quiet=True)
        client.publish_flow("Near", one(), run_now=False, quiet=True)
        return client.home


def test_sync_tells_what_it_has_read(
    airflow: AirflowServer, home: str, capsys: pytest.CaptureFixture[str]
) -> None:
    dag = next(iter(airflow.dags.iterdir())).stem if airflow.dags else ""
    airflow.put_run(dag, "a", "running")
    assert main(["sync", "--home", home]) == 0
    assert capsys.readouterr().out == "air: runs read: 1, ended since: 0\n"
    assert main(["sync", "air", "--home", home, "--json"]) == 0
    (look,) = json.loads(capsys.readouterr().out)
    assert (look["cluster"], look["runs"], look["error"]) == ("air", 1, None)


def test_sync_of_a_cluster_that_is_away_says_so(
    airflow: AirflowServer, home: str, capsys: pytest.CaptureFixture[str]
) -> None:
    airflow.version = "none"
    assert main(["sync", "--home", home]) == 1
    assert "air: there is no Airflow at" in capsys.readouterr().out
    assert main(["sync", "water", "--home", home]) == 3
    assert "there is no cluster 'water'\nHint: there is: 'air'" in capsys.readouterr().err


def test_sync_watches_until_it_is_stopped(airflow: AirflowServer, home: str) -> None:
    command = [sys.executable, "-m", "aqueduct_core", "sync", "--watch", "--interval", "0.1"]
    dag = next(iter(airflow.dags.iterdir())).stem if airflow.dags else ""
    airflow.put_run(dag, "a", "success")
    process = subprocess.Popen([*command, "--home", home], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    with process.stderr as told:
        assert "air: runs that have ended: 1" in told.readline()
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        assert told.read() == ""


def test_a_dag_file_is_generated_and_handed_over(
    airflow: AirflowServer, home: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert airflow.dags is not None
    (file,) = airflow.dags.iterdir()
    assert main(["airflow", "generate", "Far", "--home", home]) == 0
    assert capsys.readouterr().out == file.read_text()
    other = tmp_path / "other.py"
    assert main(["airflow", "generate", "Far", "-o", str(other), "--home", home]) == 0
    assert other.read_text() == file.read_text()
    capsys.readouterr()
    file.unlink()
    assert main(["airflow", "deploy", "Far", "--home", home, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["dag"] == file.stem
    assert file.exists()


def test_workflows_of_this_machine_have_no_dag(
    home: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["airflow", "generate", "Near", "--home", home]) == 3
    assert "runs on this machine" in capsys.readouterr().err
    assert main(["airflow", "generate", "None", "--home", home]) == 3
    assert "there is no workflow 'None'" in capsys.readouterr().err


def test_checking_takes_an_interpreter_with_airflow(
    home: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["airflow", "check", "Far", "--python", sys.executable, "--home", home]) == 3
    assert "No module named 'airflow'" in capsys.readouterr().err
    assert main(["airflow", "check", "Far", "--python", "/no/python", "--home", home]) == 3
    assert "can't be started" in capsys.readouterr().err
