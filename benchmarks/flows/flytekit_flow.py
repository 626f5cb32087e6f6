"""flytekit: a workflow executed locally; plain values are kept in memory only."""

from __future__ import annotations

import os

os.environ.setdefault("FLYTE_SDK_LOGGING_LEVEL", "50")

from flytekit import task, workflow
from timing import main


@task
def first() -> int:
    return 1


@task
def add(value: int) -> int:
    return value + 1


def run(shape: str, operators: int) -> int:
    @workflow
    def flow() -> int:
        start = value = first()
        for _ in range(operators - 1):
            value = add(value=value if shape == "chain" else start)
        return value

    return flow()


if __name__ == "__main__":
    main(run)
