"""What Airflow as the engine costs: `python -m benchmarks.airflow [dags] [cost] [parse] [sync] [large]`.

dags    examples/airflow on a real Airflow 3: the workflow and the DAG written by hand take turns on the
        same table; seconds from the start of a run to its end, by Airflow's clock.
cost    a chain of trivial operators and one of trivial `@task`s: seconds, and seconds of processors, per
        task; and the requests that a trivial operator makes to a store in a bucket.
parse   a generated file with 500 operators, and one with as many of Airflow's EmptyOperators.
large   a DataFrame of some gigabytes goes from one task to the next; not among "all", since it takes
        as much memory.
sync    1,000 runs of 5 tasks are recorded, from a server that speaks Airflow's API: requests, seconds.

`dags`, `cost` and `large` start an Airflow, in an environment of its own that is made once. Nothing is asserted;
compare what stands in one line, not lines of two machines.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import aqueduct_core as aq
from aqueduct_core.dag import Version
from aqueduct_core.engines.airflow import Look
from aqueduct_core.engines.airflow._names import run_key
from aqueduct_core.engines.airflow._pinned import pin
from aqueduct_core.runtime import ended, write_result
from benchmarks.airflow_cases import (
    BY_HAND,
    OPERATORS,
    PARSE,
    REQUESTS,
    empty,
    generated,
    processors,
)
from tests.engines.airflow.api_server import PASSWORD, USER, AirflowServer
from tests.environments import ROOT, make_environment
from tests.integration.airflow.clients import connected, publish
from tests.integration.airflow.cluster import Cluster
from tests.integration.airflow.runs import Airflow
from tests.integration.airflow.settings import Address
from tests.servers import FaultProxy, S3Server

EXAMPLES = ROOT / "examples" / "airflow"
LOCK = ROOT / "tests" / "integration" / "airflow" / "airflow-3.lock"
FEATURES = ["tenure", "MonthlyCharges", "SeniorCitizen"]
CHAIN = 10
COLUMNS = 10
RUNS, TASKS = 1_000, 5


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="by default all")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the table of `dags`")
    parser.add_argument("--gigabytes", type=float, default=3.0, help="of the DataFrame of `large`")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    for name in options.parts or [name for name in PARTS if name != "large"]:
        for line in PARTS[name](options):
            print(line, flush=True)
    return 0


def dags(options: argparse.Namespace) -> Iterator[str]:
    with _cluster() as (address, airflow, client):
        _fill(client, address, options.rows)
        _run_example(client)
        shutil.copy(EXAMPLES / "by_hand.py", address.dags)
        flow = client.flow("Customer Churn")
        ids = {"workflow": airflow.dag(flow), "by hand": "customer_churn_by_hand"}
        seconds: dict[str, list[float]] = {name: [] for name in ids}
        for turn in range(options.rounds + 1):
            for name, dag in ids.items():
                found = _seconds(airflow, dag)
                if turn:  # the first one warms up
                    seconds[name].append(found)
        ours, theirs = (median(seconds[name]) for name in ids)
        listed = {name: [round(one, 2) for one in found] for name, found in seconds.items()}
        yield f"reference DAG, {options.rows:,} rows: {listed}"
        yield f"  workflow {ours:.2f} s, by hand {theirs:.2f} s: {ours / theirs:.2f} times"


def cost(options: argparse.Namespace) -> Iterator[str]:
    @aq.op
    def start() -> int:
        return 0

    @aq.op
    def add(value: int) -> int:
        return value + 1

    @aq.op(requirements=["six==1.17.0"])
    def add_elsewhere(value: int) -> int:
        return value + 1

    with _cluster() as (address, airflow, client):
        Path(address.dags, "chain_by_hand.py").write_text(BY_HAND.format(last=CHAIN - 1))
        ids = {"@task": "chain_by_hand"}
        for name, operator in (("operators", add), ("in an environment", add_elsewhere)):
            value = start()
            for _ in range(CHAIN - 1):
                value = operator(value)
            flow = publish(client, name, value)
            ids[name] = airflow.dag(flow)
        wall: dict[str, list[float]] = {name: [] for name in ids}
        spent: dict[str, list[float]] = {name: [] for name in ids}
        for turn in range(options.rounds + 1):
            for name, dag in ids.items():
                before = processors(address.process("scheduler"))
                found = _seconds(airflow, dag)
                if turn:
                    wall[name].append(found / CHAIN)
                    spent[name].append((processors(address.process("scheduler")) - before) / CHAIN)
        for name in ids:
            yield (
                f"{name}: {median(wall[name]):.3f} s a task, {median(spent[name]):.3f} s of "
                "processors, the scheduler's work in it"
            )
        later = median(wall["in an environment"]) - median(wall["operators"])
        yield f"  an environment that is there adds {later:.2f} s"
        added = median(spent["operators"]) - median(spent["@task"])
        yield f"  an operator takes {added * 1000:.0f} ms of processors more than a @task"
    yield from _requests()


def _requests() -> Iterator[str]:
    """What a task asks of a store in a bucket, past Airflow: the same code, in this process's child."""

    @aq.op
    def make() -> int:
        return 1

    @aq.op
    def use(value: int) -> int:
        return value

    with S3Server() as s3, FaultProxy(s3.endpoint) as proxy, TemporaryDirectory() as home:
        options = s3.storage_options(proxy.endpoint)
        url = f"s3://{s3.bucket()}/store"
        with aq.Client(home=home, store=url, storage_options=options) as client:
            flow = client.publish_flow("Two", use(make()), run_now=False, quiet=True)
            setup = {
                "store": url,
                "storage_options": options,
                "signing_key": (Path(home) / "signing.key").read_text().strip(),
                "flow": flow.id,
                "digest": flow.version().digest,
                "kept": f"{home}/kept",
            }
            before = len(proxy.requests)
            subprocess.run(
                [sys.executable, "-c", REQUESTS], input=json.dumps(setup), text=True, check=True
            )
            made = proxy.requests[before:]
    # Each task begins with the version of its run; the machine has version and functions by the last.
    begun = [at for at, (_, path) in enumerate(made) if "/flows/" in path and "/runs/" in path]
    yield f"requests of a task that takes one value and returns one: {len(made) - begun[-1]}"
    for verb, path in made[begun[-1] :]:
        yield f"  {verb:4} {path.partition('/store/')[2][:90]}"


def large(options: argparse.Namespace) -> Iterator[str]:
    @aq.op
    def make(rows: int) -> Any:
        import numpy as np
        import pandas as pd

        rng = np.random.default_rng(1)
        return pd.DataFrame({f"column {number}": rng.random(rows) for number in range(COLUMNS)})

    @aq.op
    def add_up(df: Any) -> dict[str, Any]:
        return {"bytes": int(df.memory_usage(index=False).sum()), "mean": float(df.mean().mean())}

    rows = round(options.gigabytes * 1e9) // (8 * COLUMNS)
    with _cluster() as (_, airflow, client):
        flow = publish(client, "Large", add_up(make(rows)))
        seconds = _seconds(airflow, airflow.dag(flow))
        list(client._session.clusters.look())
        run = flow.latest()
        found = run.artifact("add_up").get()
        peaks = {item.name: (item.peak_memory or 0) / 1e9 for item in run.operators()}
        listed = ", ".join(f"{name} {peak:.1f} GB" for name, peak in peaks.items())
        yield (
            f"a DataFrame of {found['bytes'] / 1e9:.2f} GB from task to task: {seconds:.1f} s, mean "
            f"{found['mean']:.3f}; most memory: {listed}"
        )


def parse(options: argparse.Namespace) -> Iterator[str]:
    python = make_environment(LOCK) / "python"
    with TemporaryDirectory() as folder:
        files = {"operators": generated(), "EmptyOperators": empty()}
        found = {}
        for name, text in files.items():
            file = Path(folder) / f"{name}.py"
            file.write_text(text)
            done = subprocess.run(
                [str(python), "-c", PARSE, str(file)],
                env={**os.environ, "AIRFLOW_HOME": folder},
                capture_output=True,
                text=True,
                check=True,
            )
            found[name] = json.loads(done.stdout.splitlines()[-1])
        ours, theirs = found.values()
        yield (
            f"a file of {OPERATORS} operators: {ours * 1000:.0f} ms of a processor; of as many "
            f"EmptyOperators: {theirs * 1000:.0f} ms; {(ours - theirs) * 1000:.0f} ms more"
        )


def sync(options: argparse.Namespace) -> Iterator[str]:
    @aq.op
    def number(value: int) -> int:
        return value

    with TemporaryDirectory() as folder:
        server = AirflowServer(dags=Path(folder) / "dags")
        with server.serving(), aq.Client(home=Path(folder) / "home") as client:
            client.connect_integration(
                "air", "airflow", url=server.url, auth=(USER, PASSWORD), dags=str(server.dags)
            )
            value = number(1)
            for _ in range(TASKS - 1):
                value = number(value)
            flow = client.publish_flow("Many", value, engine="air", run_now=False, quiet=True)
            version = Version.load(client.store, flow.id, flow.version().digest)
            _put_runs(server, client, version)
            yield _looked(client, f"{RUNS:,} runs of {TASKS} tasks", RUNS * TASKS)
            yield _looked(client, "the same again, shortly after", RUNS * TASKS)


def _put_runs(server: AirflowServer, client: aq.Client, version: Version) -> None:
    """Runs that have ended a minute ago, with what their tasks have left in the store."""
    from aqueduct_core.engines.airflow._names import dag_id
    from aqueduct_core.engines.airflow._steps import steps
    from tests.engines.airflow.api_server import at

    dag, tasks = dag_id(version.name, version.flow), steps(version.spec)
    for number in range(RUNS):
        run = f"run-{number}"
        server.put_run(dag, run, "success", start_date=at(-90), end_date=at(-61))
        pin(client.store, version.flow, run_key(run), version.digest)
        for step in tasks:
            server.put_task(dag, run, step.task, "success")
            for name in step.operators:
                write_result(client.store, ended(version, name, run_key(run), "succeeded"))


def _looked(client: aq.Client, what: str, tasks: int) -> str:
    start = time.perf_counter()
    found: list[Look] = list(client._session.clusters.look())
    seconds = time.perf_counter() - start
    [look] = found
    if look.error is not None or look.problems:
        raise RuntimeError(f"{look}")
    per = f", {look.calls * 100 / tasks:.2f} for 100 tasks" if look.runs else ""
    return f"{what}: {look.runs:,} runs read with {look.calls} requests{per} in {seconds:.1f} s"


@contextmanager
def _cluster() -> Iterator[tuple[Address, Airflow, aq.Client]]:
    with Cluster() as address, Airflow(address) as airflow, TemporaryDirectory() as folder:
        connections = {"prod_database": "warehouse"}
        with connected(address, Path(folder) / "home", connections=connections) as client:
            yield address, airflow, client


def _fill(client: aq.Client, address: Address, rows: int) -> None:
    import numpy as np
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(1)

    def table(size: int) -> Any:
        return pd.DataFrame(
            {
                "id": np.arange(size),
                "tenure": rng.integers(0, 72, size),
                "MonthlyCharges": rng.uniform(20, 120, size).round(2),
                "SeniorCitizen": rng.integers(0, 2, size),
                "location": "US",
            }
        )

    history = table(5_000)
    risk = history["MonthlyCharges"] / 120 - history["tenure"] / 72
    history["Churn"] = np.where(risk > 0, "Yes", "No")
    warehouse: Any = client.connect_integration("prod_database", "sqlite", path=address.warehouse)
    with warehouse.transaction() as transaction:
        transaction.save(history, "churned", "replace")
        transaction.save(table(rows), "customers", "replace")
    store = Path(f"{address.folder}/churn")
    store.mkdir(exist_ok=True)
    model = LogisticRegression(max_iter=1000).fit(history[FEATURES], history["Churn"] == "Yes")
    (store / "model.pkl").write_bytes(pickle.dumps(model))


def _run_example(client: aq.Client) -> None:
    environment = {**os.environ, "AQUEDUCT_HOME": client.home, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, str(EXAMPLES / "churn.py")], env=environment, check=True)


def _seconds(airflow: Airflow, dag: str) -> float:
    """Run a DAG; how long it took by Airflow's clock, from its start to its end."""
    from datetime import datetime

    run = airflow.start(dag)
    assert run.wait() == "success", run.tasks()
    start, end = (datetime.fromisoformat(run.known[at]) for at in ("start_date", "end_date"))
    return (end - start).total_seconds()


PARTS: dict[str, Callable[[argparse.Namespace], Iterator[str]]] = {
    "dags": dags,
    "cost": cost,
    "large": large,
    "parse": parse,
    "sync": sync,
}

if __name__ == "__main__":
    sys.exit(main())
