"""Dagster: a job of ops in this process, run storage on disk, outputs through the file system."""

from __future__ import annotations

import logging
import tempfile

from dagster import DagsterInstance, GraphDefinition, In, Out, fs_io_manager, op
from dagster import DependencyDefinition as Needs
from dagster import NodeInvocation as Node
from timing import main

logging.disable(logging.CRITICAL)


@op(out=Out(int))
def first() -> int:
    return 1


@op(ins={"value": In(int)}, out=Out(int))
def add(value: int) -> int:
    return value + 1


def run(shape: str, operators: int) -> int:
    needs = {Node("first", alias="op_0"): {}}
    for index in range(1, operators):
        before = index - 1 if shape == "chain" else 0
        needs[Node("add", alias=f"op_{index}")] = {"value": Needs(f"op_{before}")}
    graph = GraphDefinition(
        "flow", node_defs=[first, add] if operators > 1 else [first], dependencies=needs
    )
    with tempfile.TemporaryDirectory(prefix="dagster-") as folder:
        job = graph.to_job(
            resource_defs={"io_manager": fs_io_manager.configured({"base_dir": folder})}
        )
        with DagsterInstance.local_temp(folder) as instance:
            result = job.execute_in_process(instance=instance)
            return result.output_for_node(f"op_{operators - 1}")


if __name__ == "__main__":
    main(run)
