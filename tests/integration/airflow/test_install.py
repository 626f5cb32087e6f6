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
from aqueduct_core.dag import FlowSpec, OperatorSpec
from aqueduct_core.dag._spec import Settings
from aqueduct_core.engines.airflow._generate import generate
from aqueduct_core.engines.airflow._settings import Layout
from tests.engines.airflow.api_server import PASSWORD, USER, AirflowServer
from tests.engines.airflow.specs import large, version_of
from tests.environments import make_environment

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def python(installable: None) -> str:
    """The interpreter that has Airflow 3."""
    return str(make_environment(Path(__file__).with_name("airflow-3.lock")) / "python")


@pytest.fixture(scope="module")
def python_2(installable: None) -> str:
    """The interpreter that has Airflow 2."""
    return str(make_environment(Path(__file__).with_name("airflow-2.lock")) / "python")


@pytest.fixture
def run(python: str, tmp_path: Path) -> Any:
    return runner(python, tmp_path)


@pytest.fixture
def run_2(python_2: str, tmp_path: Path) -> Any:
    return runner(python_2, tmp_path)


def runner(python: str, tmp_path: Path) -> Any:
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


@pytest.mark.parametrize("key", ["my table", "a//b", "/", "../x", "é%2F"])
def test_a_value_of_any_key_of_xcom_is_stored(run: Any, tmp_path: Path, key: str) -> None:
    code = f"""
import json
from aqueduct_core.adapters.airflow import XComBackend

place = dict(key={key!r}, task_id="t", dag_id="d", run_id="manual__2026-01-01T00:00:00+00:00")
print(json.dumps(XComBackend.serialize_value(b"x" * 9, **place)))
"""
    told = json.dumps(run(code, AQUEDUCT_XCOM_STORE=str(tmp_path / "store")))
    assert "xcom/d/manual__2026-01-01T00:00:00+00:00/t/-1/" in told


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
    folder = tmp_path / "dags"
    folder.mkdir()
    (folder / "large.py").write_text(generate(large(500), "s3://b/f", Layout()))
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


ALERTS = """
told = []

def late(context):
    told.append(sorted(context))

async def slowly(context):
    told.append(context["dag_run"])
"""
FULL = {
    "pool": "db",
    "pool_slots": 2,
    "queue": "gpu",
    "priority_weight": 3,
    "owner": "team",
    "weight_rule": "absolute",
    "max_active_tis_per_dag": 4,
    "max_active_tis_per_dagrun": 2,
    "retry_exponential_backoff": 2,
    "max_retry_delay": 60,
    "execution_timeout": 30.5,
    "depends_on_past": True,
    "interpreter": "/opt/ml/bin/python",
    **{f"on_{event}_callback": "alerts:late" for event in ("failure", "retry", "success")},
    **{f"on_{event}_callback": "alerts:late" for event in ("skipped", "execute", "deadline")},
    "deadline": 90,
}
READ = """
import json
from airflow.models import DagBag

bag = DagBag(FOLDER, include_examples=False) if TWO else DagBag(FOLDER)
assert not bag.import_errors, bag.import_errors
[dag] = bag.dags.values()
[task] = dag.tasks
assert task.max_retry_delay.total_seconds() == 60, task.max_retry_delay
assert task.execution_timeout.total_seconds() == 30.5, task.execution_timeout
assert (task.queue, task.priority_weight, task.pool_slots) == ("gpu", 3, 2)
"""


def written(tmp_path: Path) -> str:
    """A folder with a DAG file that makes use of all options, and a module that it names."""
    folder = tmp_path / "dags"
    folder.mkdir()
    (folder / "alerts.py").write_text(ALERTS)
    operator = OperatorSpec(
        name="step",
        kind="op",
        task={"digest": "x"},
        settings=Settings(retries=2, engine_options=FULL, resources={"cpu": 1.5}),
    )
    spec = FlowSpec(name="full", operators={"step": operator}, parameters={}, python="3.11")
    (folder / "full.py").write_text(generate(version_of(spec), "s3://b/f", Layout()))
    return str(folder)


def test_all_options_are_read_by_airflow_3(run: Any, tmp_path: Path) -> None:
    folder = written(tmp_path)
    code = READ.replace("FOLDER", repr(folder)).replace("TWO", "False")
    found = run(
        code
        + """
import asyncio
from airflow.serialization.serialized_objects import DagSerialization
from aqueduct_core.engines.airflow.tasks import late

DagSerialization.to_dict(dag)
[alert] = dag.deadline
import alerts
for name in ("late", "slowly"):
    known = alert.callback.kwargs | {"target": f"alerts:{name}"}
    asyncio.run(late(context={"dag_run": {"id": 1}}, **known))
task.on_failure_callback[0]({"ti": 1})
print(json.dumps([
    alert.interval.total_seconds(), type(alert.reference).__name__, alert.callback.path,
    alert.callback.kwargs, task.pool, alerts.told,
]))
""",
        PYTHONPATH=folder,
    )
    assert found == [
        90,
        "DagRunQueuedAtDeadline",
        "aqueduct_core.engines.airflow.tasks.late",
        {"target": "alerts:late"},
        "db",
        [["dag_run"], {"id": 1}, ["ti"]],
    ]


def test_all_options_are_read_by_airflow_2(run_2: Any, tmp_path: Path) -> None:
    folder = written(tmp_path)
    code = READ.replace("FOLDER", repr(folder)).replace("TWO", "True")
    found = run_2(
        code
        + """
from types import SimpleNamespace
from airflow.serialization.serialized_objects import SerializedDAG

SerializedDAG.from_dict(SerializedDAG.to_dict(dag))
import alerts
missed = [SimpleNamespace(task_id=name) for name in ("step", "gone")]
dag.sla_miss_callback(dag, "step", "", missed, [])
task.on_failure_callback({"ti": 1})
print(json.dumps([task.sla.total_seconds(), task.pool, alerts.told]))
""",
        PYTHONPATH=folder,
    )
    told = ["blocking_task_list", "blocking_tis", "dag", "slas", "task_list"]
    assert found == [90, "db", [told, ["ti"]]]
