"""A script comes to its first result quickly: what takes long is done beside something else."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

from aqueduct_core.client._imports import no_garbage

SCRIPT = """
import sys
import aqueduct_core as aq
from aqueduct_core.engines.local import LocalEngine

def prepare(engine, prepare=LocalEngine.prepare):
    print("sqlalchemy" in sys.modules)
    prepare(engine)

LocalEngine.prepare = prepare

@aq.op
def modules() -> list:
    import sys
    return list(sys.modules)

flow = aq.Client(home=sys.argv[1]).publish_flow("Quick", modules(), quiet=True)
print("sqlalchemy" in sys.modules)
found = flow.latest().artifact("modules").get()
print("sqlalchemy" in found, "cloudpickle" in found)
"""


def test_a_worker_starts_before_the_database_is_imported(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    before, after, in_worker = told.splitlines()
    assert (before, after, in_worker) == ("False", "True", "False True")


def test_nobody_looks_for_garbage_while_modules_are_imported() -> None:
    assert gc.isenabled()
    with no_garbage():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_who_looks_for_no_garbage_at_all_is_left_alone() -> None:
    gc.disable()
    try:
        with no_garbage():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
