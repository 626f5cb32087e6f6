"""Finds a Python of a version on this machine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from aqueduct_core.errors import EnvironmentBuildError
from aqueduct_core.runtime.environments._uv import find_uv, uv_environ

__all__ = ["find_interpreter", "is_current"]

_OLDEST = (3, 11)


def is_current(python: str | None) -> bool:
    """Whether the Python that runs this is the one asked for."""
    if python is None:
        return True
    running = sys.version_info
    return python in (
        f"{running.major}.{running.minor}",
        f"{running.major}.{running.minor}.{running.micro}",
    )


def find_interpreter(python: str | None) -> Path:
    """A Python of a version.

    Args:
        python: `3.12`, `3.12.1`, the path of an interpreter, or None for the running one.

    Raises:
        EnvironmentBuildError: None is installed; the text says which are.
    """
    if python is None or is_current(python):
        return Path(sys.executable)
    if os.sep in python:
        path = Path(python).expanduser()
        if not os.access(path, os.X_OK):
            raise EnvironmentBuildError(f"there is no Python at {python}")
        return path
    version = _parse(python)
    if version[:2] < _OLDEST:
        raise EnvironmentBuildError(
            f"an operator asks for Python {python}, and aqueduct_core needs 3.11 or newer",
            hint='python="3.12", or leave it out for the Python of the workflow',
        )
    found = {**dict(_of_uv()), **dict(_of_pyenv())}
    fitting = [known for known in found if known[: len(version)] == version]
    if not fitting:
        listed = sorted({".".join(map(str, known)) for known in found}, key=_parse)
        raise EnvironmentBuildError(
            f"Python {python} is not installed on this machine",
            hint=f"what there is: {', '.join(listed)}; `uv python install {python}` gets it",
        )
    return found[max(fitting)]


def _parse(version: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\d+\.\d+(\.\d+)?", version):
        raise EnvironmentBuildError(
            f"{version!r} is no version of Python", hint='python="3.12", or python="3.12.1"'
        )
    return tuple(map(int, version.split(".")))


def _of_uv() -> Iterator[tuple[tuple[int, ...], Path]]:
    command = [find_uv(), "python", "list", "--only-installed", "--output-format", "json"]
    done = subprocess.run(  # noqa: S603 - uv, with arguments of our own
        command, env=uv_environ(), capture_output=True, check=False, text=True
    )
    for item in json.loads(done.stdout) if done.returncode == 0 else []:
        stable = re.fullmatch(r"\d+\.\d+\.\d+", item["version"])
        if stable and item["implementation"] == "cpython" and item.get("variant") != "freethreaded":
            yield _parse(item["version"]), Path(item["path"])


def _of_pyenv() -> Iterator[tuple[tuple[int, ...], Path]]:
    """Those of pyenv; uv sees only the one that is selected."""
    root = Path(os.environ.get("PYENV_ROOT") or "~/.pyenv").expanduser()
    for path in root.glob("versions/*/bin/python"):
        version = path.parents[1].name
        if re.fullmatch(r"\d+\.\d+\.\d+", version):
            yield _parse(version), path
