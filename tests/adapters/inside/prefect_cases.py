"""Run with Prefect: results and cache through the store, and what it does when one is gone. Prints JSON."""

import json
import runpy
import sys

from prefect import flow, task
from prefect.cache_policies import INPUTS
from prefect.testing.utilities import prefect_test_harness

from aqueduct_core import ArtifactStore
from aqueduct_core.adapters.prefect import AqueductSerializer

URL, EXAMPLE = sys.argv[1:]
RESULTS = AqueductSerializer(url=URL)
KEPT = {"persist_result": True, "result_serializer": RESULTS, "cache_result_in_memory": False}
STORE = ArtifactStore(URL)
made = []


@task(cache_policy=INPUTS, **KEPT)
def nest(number):
    made.append(number)
    return {number: (number, {number}), "nan": float("nan")}


@task(**KEPT)
def shown(value):
    return repr(value)


@task(**KEPT)
def unknown():
    return object()


@flow(**KEPT)
def nests():
    return shown(nest(1))


@flow
def without_format():
    return type(unknown()).__name__


with prefect_test_harness(server_startup_timeout=600):
    for _ in range(2):
        runpy.run_path(EXAMPLE, run_name="__main__")
    seen = {"nests": [nests(), nests()], "made": len(made), "without format": without_format()}
    (ref,) = [ref for ref in STORE.list() if repr(STORE.get(ref)).startswith("{1: ")]
    STORE.delete(ref.key)
    seen |= {"after it is gone": nests(), "made again": len(made)}

print()
print(json.dumps(seen))
