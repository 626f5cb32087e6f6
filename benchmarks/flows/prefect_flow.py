"""Prefect: tasks with persisted results, its default (thread pool) task runner and local server."""

from __future__ import annotations

import os
import tempfile

os.environ.setdefault("PREFECT_HOME", tempfile.mkdtemp(prefix="prefect-"))
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "ERROR")
os.environ.setdefault("PREFECT_RESULTS_PERSIST_BY_DEFAULT", "true")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "300")

from prefect import flow, task
from timing import main


@task(persist_result=True)
def first() -> int:
    return 1


@task(persist_result=True)
def add(value: int) -> int:
    return value + 1


@flow(persist_result=True)
def chain(operators: int) -> int:
    value = first()
    for _ in range(operators - 1):
        value = add(value)
    return value


@flow(persist_result=True)
def fan(operators: int) -> int:
    value = first()
    futures = [add.submit(value) for _ in range(operators - 1)]
    return [future.result() for future in futures][-1]


def run(shape: str, operators: int) -> int:
    return (fan if shape == "fan" else chain)(operators)


if __name__ == "__main__":
    main(run)
