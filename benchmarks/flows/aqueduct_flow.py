"""aqueduct_core: published, run by the local engine, every result stored and tracked."""

from __future__ import annotations

import atexit
import shutil
import tempfile

from timing import main

import aqueduct_core as aq

FOLDER = tempfile.mkdtemp(prefix="aqueduct-bench-")
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
client = aq.Client(home=FOLDER)


@aq.op
def first() -> int:
    return 1


@aq.op
def add(value: int) -> int:
    return value + 1


def run(shape: str, operators: int) -> int:
    start = value = first()
    made = [value]
    for _ in range(operators - 1):
        value = add(value if shape == "chain" else start)
        made.append(value)
    flow = client.publish_flow("flow", made if shape == "fan" else [value], quiet=True)
    result: int = flow.latest().artifact(value.name if operators == 1 else _last(operators)).get()
    return result


def _last(operators: int) -> str:
    return "add" if operators == 2 else f"add-{operators - 1}"


if __name__ == "__main__":
    main(run)
