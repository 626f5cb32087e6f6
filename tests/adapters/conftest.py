"""Other tools, each in an environment of its own, and scripts that are run there."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.environments import ROOT, make_environment

HERE = Path(__file__).parent
EXAMPLES = ROOT / "examples" / "embedding"
# Tools that would tell their makers of each run, or leave something behind in the home folder, or lose
# their patience with a machine that has much else to do.
QUIET = {
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "600s",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "600s",
    "DO_NOT_TRACK": "1",
    "PREFECT_API_REQUEST_TIMEOUT": "600",
    "PREFECT_SERVER_DATABASE_TIMEOUT": "600",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_gcs_server_request_timeout_seconds": "600",
    "RAY_health_check_timeout_ms": "600000",
    "RAY_worker_register_timeout_seconds": "600",
}


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool's environment.

    Attributes:
        programs: The folder with its programs.
        folder: Where its scripts run, and the home folder that they see.
    """

    programs: Path
    folder: Path

    def run(self, script: Path, *arguments: object, **environ: str) -> str:
        """Run a script there; what it printed."""
        done = subprocess.run(
            [self.programs / "python", script, *map(str, arguments)],
            cwd=self.folder,
            env={**os.environ, **QUIET, "HOME": str(self.folder), **environ},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{script.name}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def example(self, name: str, *arguments: object, **environ: str) -> str:
        """Run an example of the documentation."""
        return self.run(EXAMPLES / f"{name}.py", *arguments, **environ)

    def found(self, name: str, *arguments: object, **environ: str) -> dict[str, Any]:
        """Run a script of `inside`; the JSON that its last line is."""
        out = self.run(HERE / "inside" / f"{name}.py", *arguments, **environ)
        found: dict[str, Any] = json.loads(out.splitlines()[-1])
        return found


@pytest.fixture(scope="session")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Tool]:
    """Makes the environment of a tool, of the versions in its `.lock`."""

    def of(name: str) -> Tool:
        try:
            programs = make_environment(HERE / f"{name}.lock")
        except RuntimeError as error:
            if "Failed to fetch" in str(error) or "error sending request" in str(error):
                pytest.skip("there is no package index")
            raise
        return Tool(programs, tmp_path_factory.mktemp(name))

    return of
