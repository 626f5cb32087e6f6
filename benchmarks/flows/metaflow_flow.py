"""Metaflow: one process per step, as its local runtime does; artifacts in its local data store."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import main

_CHAIN_STEP = """
    @step
    def op_{index}(self):
        self.value = self.value + 1
        self.next(self.{after})
"""
_FAN = """
    @step
    def start(self):
        self.value = 1
        self.items = list(range({members}))
        self.next(self.add, foreach="items")

    @step
    def add(self):
        self.value = self.value + 1
        self.next(self.join)

    @step
    def join(self, inputs):
        self.value = inputs[0].value
        self.next(self.end)
"""
_END = """
    @step
    def end(self):
        print("value", self.value)
"""


def source(shape: str, operators: int) -> str:
    text = "from metaflow import FlowSpec, step\n\n\nclass Flow(FlowSpec):"
    if shape == "fan":
        text += _FAN.format(members=operators - 1)
    else:
        names = [f"op_{index}" for index in range(1, operators)]
        text += f"""
    @step
    def start(self):
        self.value = 1
        self.next(self.{[*names, "end"][0]})
"""
        for index, after in enumerate([*names[1:], "end"][: len(names)], 1):
            text += _CHAIN_STEP.format(index=index, after=after)
    return text + _END + '\n\nif __name__ == "__main__":\n    Flow()\n'


def run(shape: str, operators: int) -> int:
    with tempfile.TemporaryDirectory(prefix="metaflow-") as folder:
        file = Path(folder) / "flow.py"
        file.write_text(source(shape, operators))
        settings = {
            "METAFLOW_DATASTORE_SYSROOT_LOCAL": folder,
            "METAFLOW_USER": "bench",
            "METAFLOW_DEFAULT_METADATA": "local",
        }
        done = subprocess.run(
            [sys.executable, str(file), "--quiet", "run", "--max-workers", "2"]
            + (["--max-num-splits", str(operators)] if shape == "fan" else []),
            capture_output=True,
            text=True,
            env=os.environ | settings,
            check=True,
            cwd=folder,
        )
        found = [line for line in (done.stdout + done.stderr).splitlines() if "value " in line]
        return int(found[-1].split()[-1])


if __name__ == "__main__":
    main(run)
