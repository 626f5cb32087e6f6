"""What Airflow's own code, and that of Kubernetes, makes of ours: run where Airflow is installed."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

import aqueduct_core as aq
from aqueduct_core.cli import main
from aqueduct_core.dag import FlowSpec, OperatorSpec, Version
from aqueduct_core.engines.airflow._generate import generate
from aqueduct_core.engines.airflow._settings import Layout
from tests.engines.airflow.api_server import PASSWORD, USER, AirflowServer
from tests.environments import make_environment

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def python(installable: None) -> str:
    """The interpreter that has Airflow 3."""
    return str(make_environment(Path(__file__).with_name("airflow-3.lock")) / "python")


@pytest.fixture
def run(python: str, tmp_path: Path) -> Any:
    def made(code: str, **environment: str) -> Any:
        done = subprocess.run(
            [python, "-c", code],
            env={**os.environ, "AIRFLOW_HOME": str(tmp_path / "airflow"), **environment},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return made


def test_resources_and_images_are_pods_that_kubernetes_takes(run: Any) -> None:
    assert run("""
import json
from kubernetes.client import ApiClient
from aqueduct_core.engines.airflow.tasks import pod

found = pod(cpu=0.5, memory=4_000_000_000, gpu=1, image="acme/ml:3", **{"ephemeral-storage": 10})
print(json.dumps(ApiClient().sanitize_for_serialization(found["pod_override"])))
""") == {
        "spec": {
            "containers": [
                {
                    "name": "base",
                    "image": "acme/ml:3",
                    "resources": {
                        kind: {
                            "cpu": "0.5",
                            "memory": "4000000000",
                            "nvidia.com/gpu": "1",
                            "ephemeral-storage": "10",
                        }
                        for kind in ("requests", "limits")
                    },
                }
            ]
        }
    }


def test_functions_that_airflow_calls_are_imported_when_they_are_called(run: Any) -> None:
    assert run("""
import json, sys
from aqueduct_core.engines.airflow.tasks import callback

call = callback("plistlib:UID")
before = "plistlib" in sys.modules
print(json.dumps([before, call(7).data]))
""") == [False, 7]


def test_airflows_own_way_to_serialize_carries_a_reference(run: Any) -> None:
    code = """
import json
from airflow.sdk.serde import deserialize, serialize
from aqueduct_core import ArtifactRef

ref = ArtifactRef("a/b", "table", "parquet", 7, "blake3:00", "é")
carried = json.loads(json.dumps(serialize({"refs": [ref]})))
print(json.dumps([deserialize(carried) == {"refs": [ref]}, carried["refs"][0]["__version__"]]))
"""
    allowed = "airflow.* aqueduct_core.reference.ArtifactRef"
    assert run(code, AIRFLOW__CORE__ALLOWED_DESERIALIZATION_CLASSES=allowed) == [True, 1]


def test_the_command_line_has_airflow_read_a_file(
    python: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))

    @aq.op(engine_options={"pool": "db", "on_failure_callback": "acme.alerts:page"})
    def fine(text: str = 'say "hi" {{ run_id }}\n') -> str:
        """Ends in .md"""
        return text

    @aq.op(engine_options={"weight_rule": "heaviest"})
    def broken() -> int:
        return 2

    server = AirflowServer(dags=tmp_path / "dags")
    with server.serving(), aq.Client(home=tmp_path / "home") as client:
        client.connect_integration(
            "air", "airflow", url=server.url, auth=(USER, PASSWORD), dags=str(server.dags)
        )
        for name, artifact in (("Flöw", fine()), ("Broken", broken())):
            client.publish_flow(name, artifact, engine="air", run_now=False, quiet=True)
    home = ["--python", python, "--home", str(tmp_path / "home")]
    assert main(["airflow", "check", "Flöw", *home]) == 0
    assert "Airflow reads it: flow_" in capsys.readouterr().out
    assert main(["airflow", "check", "Broken", *home]) == 1
    assert "heaviest" in capsys.readouterr().out


def test_a_file_with_five_hundred_operators_costs_airflow_little(run: Any, tmp_path: Path) -> None:
    operators = {
        f"step {number}": OperatorSpec(
            name=f"step {number}",
            kind="op",
            task={"digest": "x"},
            after=(f"step {number - 10}",) if number >= 10 else (),
        )
        for number in range(500)
    }
    spec = FlowSpec(name="large", operators=operators, parameters={}, python="3.11")
    version = Version(
        flow="6d6a9d2e-0c44-4f0c-9a53-1f6c2f2f3b0e",
        name=spec.name,
        digest=spec.digest,
        spec=spec,
        ids={name: f"{number:08x}-rest" for number, name in enumerate(operators)},
        code={},
        published="2026-11-22T18:54:51+00:00",
    )
    folder = tmp_path / "dags"
    folder.mkdir()
    (folder / "large.py").write_text(generate(version, "s3://b/f", Layout()))
    found = run(
        """
import json
from airflow.dag_processing.dagbag import DagBag

bag = DagBag(FOLDER)
print(json.dumps([dict(bag.import_errors), [len(dag.tasks) for dag in bag.dags.values()]]))
""".replace("FOLDER", repr(str(folder)))
    )
    assert found == [{}, [500]]


def test_what_workers_are_told_to_install_is_enough(run: Any) -> None:
    """A DAG file imports Airflow, and nothing else of weight."""
    found = run("""
import json, sys
import airflow.sdk
from airflow.sdk import DAG, BaseOperator, CronTriggerTimetable, Param
DAG, BaseOperator, CronTriggerTimetable, Param
before = set(sys.modules)
import aqueduct_core.engines.airflow.tasks
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(json.dumps(sorted(new - set(sys.stdlib_module_names))))
""")
    assert found == ["aqueduct_core"]
