"""What benchmarks/airflow.py runs on Airflow, and reads: files, and times of processes."""

from __future__ import annotations

import os
from pathlib import Path

from aqueduct_core.engines.airflow._generate import generate
from aqueduct_core.engines.airflow._settings import Layout
from tests.engines.airflow.specs import large

__all__ = ["BY_HAND", "OPERATORS", "PARSE", "REQUESTS", "empty", "generated", "processors"]

OPERATORS = 500

BY_HAND = """
from airflow.sdk import DAG, task

with DAG("chain_by_hand", schedule=None) as dag:

    @task
    def start():
        return 0

    @task
    def add(value):
        return value + 1

    value = start()
    for _ in range({last}):
        value = add(value)
"""
PARSE = """
import json, sys, time
import airflow.sdk
from airflow.providers.standard.operators.empty import EmptyOperator
import aqueduct_core.engines.airflow.tasks
source = open(sys.argv[1]).read()
times = []
for _ in range(5):
    start = time.process_time()
    exec(compile(source, sys.argv[1], "exec"), {"__name__": "dag"})
    times.append(time.process_time() - start)
print(json.dumps(sorted(times)[2]))
"""
REQUESTS = """
import json, os, sys
from pathlib import Path
from aqueduct_core.engines.airflow._pinned import version_of_run
from aqueduct_core.runtime import Workspace
from aqueduct_core.runtime._supervised import Call, supervise, together
setup = json.load(sys.stdin)
for run, name in [("first", "make"), ("first", "use"), ("second", "make"), ("second", "use")]:
    workspace = Workspace.from_json(setup)
    version = version_of_run(workspace, setup["flow"], run, setup["digest"], operator=name)
    call = Call(setup=setup, version=version, operators=together(version, name), run=run,
                environments=Path("/nowhere"), report=print)
    results, _ = supervise(call)
    assert results[0].state == "succeeded", results[0].reason
"""


def processors(root: int) -> float:
    """Seconds of processors that a process and all it has started have taken."""
    ticks, parents = 0, {}
    times: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, fields = int(stat.parent.name), stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        parents[number] = int(fields[1])
        times[number] = sum(map(int, fields[11:15]))  # with those of children that have ended
    for number, spent in times.items():
        above: int | None = number
        while above is not None and above != root:
            above = parents.get(above)
        ticks += spent if above == root else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def generated() -> str:
    return generate(large(OPERATORS), "s3://bucket/flows/x.json", Layout())


def empty() -> str:
    lines = [
        "from airflow.sdk import DAG",
        "from airflow.providers.standard.operators.empty import EmptyOperator",
        'with DAG("empty", schedule=None) as dag:',
        *(f'    step_{n} = EmptyOperator(task_id="step_{n}")' for n in range(OPERATORS)),
        *(f"    step_{n - 10} >> step_{n}" for n in range(10, OPERATORS)),
    ]
    return "\n".join(lines) + "\n"
