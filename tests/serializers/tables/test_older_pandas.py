"""What comes back identical with the newest pandas does so with pandas 2, too."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.environments import ROOT, make_environment

HERE = Path(__file__).parent
MODULES = ("test_pandas.py", "test_pandas_wide.py", "test_any_table.py", "test_convert.py")


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.timeout(900)
def test_tables_come_back_with_pandas_2(tmp_path: Path) -> None:
    programs = make_environment(HERE / "pandas-2.in")
    command = [programs / "python", "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider"]
    # NumPy 2.5 (Python 3.12 on) says so of what pandas 2 does with it.
    command += ["-W", "ignore:The 'generic' unit for NumPy timedelta:DeprecationWarning"]
    where = ["--basetemp", tmp_path / "work", *(HERE / module for module in MODULES)]
    done = subprocess.run([*command, *where], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
