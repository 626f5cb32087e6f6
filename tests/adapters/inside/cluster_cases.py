"""Run with Dask or Ray: what tasks hand on, and what happens when it is gone. Prints JSON."""

import json
import sys

import numpy as np
import pandas as pd
import polars as pl

from aqueduct_core import ArtifactStore
from aqueduct_core.adapters.tasks import by_reference

URL, TOOL = sys.argv[1:]


def table(rows: int) -> pd.DataFrame:
    return pd.DataFrame({"id": pd.array(range(rows), "Int64"), "noise": np.zeros(rows)})


def kind(frame: pl.DataFrame) -> str:
    return f"{type(frame).__module__.partition('.')[0]} {len(frame)}"


def gathered(frames: list, first: int = 0) -> int:
    return first + sum(len(frame) for frame in frames)


def with_dask() -> dict:
    from distributed import Client

    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None) as client:
        submit = client.submit
        frame = submit(by_reference(table, URL), 200_000)
        other = submit(by_reference(table, URL), 5)
        both = submit(by_reference(gathered, URL), [frame, other], first=1)
        seen = {
            "kind": submit(by_reference(kind, URL), frame).result(),
            "gathered": both.result(),
            # What is in the workers' memory for the futures above: references.
            "bytes": sum(
                client.run(lambda dask_worker: dask_worker.data.memory.total_weight).values()
            ),
        }
        ArtifactStore(URL).delete(frame.result().key)
        lost = submit(by_reference(kind, URL), frame, pure=False)
        return seen | {"lost": type(lost.exception()).__name__}


def with_ray() -> dict:
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)

    def submit(function, *args, **kwargs):
        return ray.remote(max_retries=0)(by_reference(function, URL)).remote(*args, **kwargs)

    frame, other = submit(table, 200_000), submit(table, 5)
    # Ray resolves its own references only where they are arguments themselves.
    both = submit(gathered, ray.get([frame, other]), first=1)
    seen = {"kind": ray.get(submit(kind, frame)), "gathered": ray.get(both)}
    seen["bytes"] = len(ray.cloudpickle.dumps(ray.get(frame)))
    ArtifactStore(URL).delete(ray.get(frame).key)
    try:
        ray.get(submit(kind, frame))
        seen["lost"] = "nothing"
    except ray.exceptions.RayTaskError as error:
        seen["lost"] = type(error.cause).__name__
    ray.shutdown()
    return seen


if __name__ == "__main__":
    seen = with_dask() if TOOL == "dask" else with_ray()
    store = ArtifactStore(URL)
    seen |= {name: store.get(seen[name]) for name in ("kind", "gathered")}
    print(json.dumps(seen))
