"""A script as people write it: run by Python, its code shipped to workers, its run shown in a shell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HELPER = """
import pandas as pd

def times(df: pd.DataFrame, factor: int) -> pd.DataFrame:
    return df.assign(x=df["x"] * factor)
"""
SCRIPT = """
import statistics

import aqueduct_core as aq
import pandas as pd
from helper import times

START = 1

@aq.op
def numbers() -> pd.DataFrame:
    return pd.DataFrame({"x": [START, START + 1], "name": ["a", None]})

@aq.op
def doubled(df: pd.DataFrame) -> pd.DataFrame:
    return times(df, 2)

@aq.op
def tripled(df: pd.DataFrame, factor: int = 3) -> pd.DataFrame:
    return times(df, factor)

@aq.op
def column(left: pd.DataFrame, right: pd.DataFrame) -> list[int]:
    return [*left["x"].tolist(), *right["x"].tolist()]

@aq.check(severity="error")
def is_positive(df: pd.DataFrame) -> pd.Series:
    return df["x"] > 0

average = aq.metric(statistics.fmean)  # what is installed goes by its name

table = numbers()
left, right = doubled(table), tripled(table)
is_positive(left)
both = column(left, right)
average(both).bound(upper=100)
flow = aq.Client().publish_flow("Everyday", [both], quiet=True)
run = flow.latest()
print(run.id, run.artifact("column").get())
"""


def test_a_script_runs_and_the_command_line_shows_it(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text(HELPER)
    (tmp_path / "script.py").write_text(SCRIPT)
    variables = os.environ | {"AQUEDUCT_HOME": str(tmp_path / "home"), "PYTHONWARNINGS": "error"}

    def say(*command: str) -> str:
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, env=variables, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run, _, made = say("script.py").strip().partition(" ")
    assert made == "[2, 4, 3, 6]"
    shown = json.loads(say("-m", "aqueduct_core", "run", "show", "--json", run))
    assert shown["status"] == "succeeded"
    operators = {item["name"]: item for item in shown["operators"]}
    assert {item["state"] for item in operators.values()} == {"succeeded"}
    assert operators["fmean"]["value"] == 3.75
    assert operators["fmean <= 100"]["passed"] is operators["is_positive"]["passed"] is True
