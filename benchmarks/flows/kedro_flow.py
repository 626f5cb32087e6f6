"""Kedro: a pipeline with pickle datasets, run by its sequential runner; it keeps no run history."""

from __future__ import annotations

import logging
import tempfile

from kedro.io import DataCatalog
from kedro.pipeline import node, pipeline
from kedro.runner import SequentialRunner
from kedro_datasets.pickle import PickleDataset
from timing import main

logging.disable(logging.CRITICAL)


def first() -> int:
    return 1


def add(value: int) -> int:
    return value + 1


def run(shape: str, operators: int) -> int:
    nodes = [node(first, None, "v0", name="op_0")]
    for index in range(1, operators):
        before = index - 1 if shape == "chain" else 0
        nodes.append(node(add, f"v{before}", f"v{index}", name=f"op_{index}"))
    with tempfile.TemporaryDirectory(prefix="kedro-") as folder:
        catalog = DataCatalog(
            {f"v{i}": PickleDataset(filepath=f"{folder}/v{i}.pkl") for i in range(operators)}
        )
        SequentialRunner().run(pipeline(nodes), catalog)
        return catalog[f"v{operators - 1}"].load()


if __name__ == "__main__":
    main(run)
