"""Adapters whose tool is not installed say which extra brings it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from aqueduct_core.adapters._common import needs
from aqueduct_core.errors import MissingExtraError

TOOLS = ["dagster", "prefect", "kedro", "hamilton", "joblib"]


@pytest.mark.parametrize("tool", TOOLS)
def test_the_error_names_the_extra(tool: str) -> None:
    program = f"import sys; sys.modules[{tool!r}] = None; import aqueduct_core.adapters.{tool}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert "MissingExtraError" in done.stderr
    assert f'pip install "aqueduct-core[{tool}]"' in done.stderr


def test_what_the_tool_itself_misses_is_not_taken_for_it() -> None:
    with pytest.raises(ModuleNotFoundError, match="elsewhere") as caught, needs("tool", "tool"):
        raise ModuleNotFoundError("No module named 'elsewhere'", name="elsewhere")
    assert not isinstance(caught.value, MissingExtraError)
