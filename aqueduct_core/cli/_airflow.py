"""`aqueduct sync` and `aqueduct airflow`: what goes on on clusters, and DAG files for pipelines."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from aqueduct_core.cli._open import open_session
from aqueduct_core.cli._print import print_json
from aqueduct_core.cli._signals import until_told
from aqueduct_core.errors import IntegrationError, NotFoundError, ParameterError

if TYPE_CHECKING:
    from aqueduct_core.client import Session
    from aqueduct_core.dag import Version
    from aqueduct_core.engines.airflow import AirflowEngine, Look

__all__ = ["check", "deploy", "generate", "sync"]

# What Airflow itself makes of the file, in the interpreter that has it.
_CHECK = """
import json, sys
try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:
    from airflow.models.dagbag import DagBag
try:
    from airflow.serialization.serialized_objects import DagSerialization as serialization
except ImportError:
    from airflow.serialization.serialized_objects import SerializedDAG as serialization
bag = DagBag(sys.argv[1])
errors = {str(file): str(error) for file, error in bag.import_errors.items()}
for dag in bag.dags.values():  # as the DAG processor does with what could be imported
    try:
        serialization.to_dict(dag)
    except Exception as error:
        errors[dag.fileloc] = f"{type(error).__name__}: {error}"
found = {"dags": sorted(bag.dags), "errors": errors}
print("\\n" + json.dumps(found))
"""
_PATIENCE = 300.0  # seconds that Airflow gets to be imported and to read the file


def sync(options: Namespace) -> int:
    """Record what has happened on clusters; 1 if one of them could not be read."""
    session = open_session(options)
    known = session.clusters.names()
    if options.cluster is not None and options.cluster not in known:
        listed = ", ".join(map(repr, known)) or "none"
        raise NotFoundError(f"there is no cluster {options.cluster!r}", hint=f"there is: {listed}")
    names = known if options.cluster is None else [options.cluster]
    if options.watch:
        return _watch(session, options)
    looks = list(session.clusters.look(names))
    if options.json:
        print_json([_document(look) for look in looks])
    else:
        for look in looks:
            print("\n".join(_lines(look)))
        if not looks:
            print("no Airflow cluster is connected")
    return 1 if any(look.error or look.problems for look in looks) else 0


def generate(options: Namespace) -> int:
    """Write the DAG file of a workflow."""
    engine, version, tags = _deployed(options)
    source = engine.source(version, tags)
    if options.json:
        print_json({"flow": version.name, "version": version.digest, "source": source})
    elif options.output is None:
        sys.stdout.write(source)
    else:
        Path(options.output).write_text(source, encoding="utf-8")
        print(options.output)
    return 0


def check(options: Namespace) -> int:
    """Let Airflow read the DAG file of a workflow; 1 if it can't."""
    engine, version, tags = _deployed(options)
    found = _read_by_airflow(options.python, engine.source(version, tags))
    if options.json:
        print_json(found)
    else:
        for error in found["errors"].values():
            print(error)
        if not found["errors"]:
            print(f"Airflow reads it: {', '.join(found['dags'])}")
    return 1 if found["errors"] or not found["dags"] else 0


def deploy(options: Namespace) -> int:
    """Hand the current version of a workflow to its cluster once more."""
    engine, version, tags = _deployed(options)
    done = engine.deploy(version, None if options.json else print, tags)
    if options.json:
        print_json({"dag": done.dag, "file": done.file, "waiting": done.is_waiting})
    elif done.is_waiting:
        print(f"put {done.file} where {version.spec.engine!r} reads DAG files")
    else:
        print(f"{version.spec.engine!r} has it as the DAG {done.dag}")
    return 0


def _watch(session: Session, options: Namespace) -> int:
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO, stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    names = None if options.cluster is None else [options.cluster]
    with until_told() as stop:
        session.clusters.look_forever(stop, names, interval=options.interval)
    return 0


def _deployed(options: Namespace) -> tuple[AirflowEngine, Version, Sequence[str]]:
    """The engine of a workflow, its current version and its tags."""
    from aqueduct_core.dag import Version

    session = open_session(options)
    flow = session.tracking.flow_named(options.flow)
    if flow is None:
        raise NotFoundError(f"there is no workflow {options.flow!r}", hint="`aqueduct flows`")
    if flow.engine == "local":
        raise ParameterError(
            f"{flow.name!r} runs on this machine, not on Airflow",
            hint="publish_flow(..., engine=...) names the cluster that is to run it",
        )
    version = Version.load(session.store, flow.id, flow.digest)
    return session.clusters.engine(flow.engine), version, flow.tags


def _read_by_airflow(python: str, source: str) -> dict[str, Any]:
    with TemporaryDirectory(prefix="aqueduct-") as folder:
        (Path(folder) / "dag.py").write_text(source, encoding="utf-8")
        command = [python, "-c", _CHECK, folder]
        try:
            done = subprocess.run(  # noqa: S603 - the interpreter that was asked for
                command, capture_output=True, text=True, timeout=_PATIENCE, check=False
            )
        except OSError as error:
            raise ParameterError(
                f"{python!r} can't be started: {error.strerror}",
                hint="--python is the interpreter that has Airflow",
            ) from error
    if done.returncode:
        last = (done.stderr.strip() or "it says nothing").splitlines()[-1]
        raise IntegrationError(
            f"Airflow can't be asked in {python}: {last}",
            hint="--python is the interpreter that has Airflow, and aqueduct-core beside it",
        )
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _document(look: Look) -> dict[str, Any]:
    return {
        "cluster": look.cluster,
        "runs": look.runs,
        "ended": look.ended,
        "requests": look.calls,
        "problems": look.problems,
        "error": look.error,
    }


def _lines(look: Look) -> list[str]:
    if look.error is not None:
        return [f"{look.cluster}: {look.error}"]
    lines = [f"{look.cluster}: runs read: {look.runs:,}, ended since: {look.ended:,}"]
    return lines + [f"  {run}: {problem}" for run, problem in look.problems.items()]
