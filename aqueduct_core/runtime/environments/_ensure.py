"""Makes an environment, once."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from aqueduct_core._version import __version__
from aqueduct_core.digest import digest_of
from aqueduct_core.errors import EnvironmentBuildError
from aqueduct_core.runtime.environments._folder import STAMP, locked, remove
from aqueduct_core.runtime.environments._interpreters import find_interpreter, is_current
from aqueduct_core.runtime.environments._own import own
from aqueduct_core.runtime.environments._requirements import normalized, redacted, with_own
from aqueduct_core.runtime.environments._uv import OnProgress, Progress, install, make_venv

__all__ = ["ensure"]

_KEY_LENGTH = 20  # of a digest in hex: as many as the environments of one machine will ever need
_TRIAL = "import sys, aqueduct_core; print(sys.version.split()[0], aqueduct_core.__version__)"


def ensure(
    requirements: Sequence[str],
    *,
    python: str | None = None,
    folder: Path,
    progress: OnProgress | None = None,
) -> Path:
    """An environment that has some requirements, and this package as it is here.

    It is made the first time that any process asks for it; others wait meanwhile. After that, it
    takes a look at a file.

    Args:
        requirements: As pip writes them; order, spelling and spaces don't matter.
        python: `3.12`, `3.12.1`, the path of an interpreter, or None for the running one.
        folder: Where environments are kept.
        progress: Called at each step, if one has to be made.

    Returns:
        The path of its interpreter.

    Raises:
        EnvironmentBuildError: It can't be made; the text names the requirement.
        MissingExtraError: uv is not installed.
    """
    wanted = normalized(requirements)
    path = folder / _key(wanted, python)
    interpreter = path / "bin" / "python"
    if _is_complete(path):
        return interpreter
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    report = progress or _silent
    with locked(path, exclusive=True, wait=False) as lock:
        if lock is not None:
            _make(path, wanted, python, lock, report)
            return interpreter
    report(Progress("another process is making it", 0))
    with locked(path, exclusive=True) as lock:
        assert lock is not None
        if not _is_complete(path):
            _make(path, wanted, python, lock, report)
    return interpreter


def _key(requirements: Sequence[str], python: str | None) -> str:
    running = f"{sys.implementation.name} {platform.python_version()}"
    parts = [
        running if is_current(python) else str(python),
        f"{sys.platform} {platform.machine()}",
        own().fingerprint,
        *requirements,
    ]
    return digest_of("\n".join(parts).encode()).partition(":")[2][:_KEY_LENGTH]


def _is_complete(path: Path) -> bool:
    """Whether an environment can be used; marks it as used."""
    # Its Python is a link to the machine's, which may have been removed.
    if not (path / "bin" / "python").exists():
        return False
    try:
        os.utime(path / STAMP)
    except FileNotFoundError:
        return False
    return True


def _make(
    path: Path, requirements: Sequence[str], python: str | None, lock: int, report: OnProgress
) -> None:
    if _is_complete(path):  # by the process that held the lock before
        return
    remove(path)  # what a killed process left
    others, extras = with_own(requirements)
    try:
        make_venv(path, find_interpreter(python), keep_open=lock, progress=report)
        lines = [*others, own().requirement(extras, path)]
        install(path / "bin" / "python", lines, keep_open=lock, progress=report)
        found = _tried(path)
    except EnvironmentBuildError as error:
        remove(path)
        asked = ", ".join(map(redacted, requirements)) or "no requirements"
        wanted = f"Python {python or platform.python_version()} with {asked}"
        raise EnvironmentBuildError(
            f"the environment ({wanted}) can't be made: {error.message}", hint=error.hint
        ) from error
    stamp = {
        "format": 1,
        "python": found,
        "requirements": [redacted(item) for item in requirements],
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    aside = path / f"{STAMP}.new"
    aside.write_text(json.dumps(stamp), encoding="utf-8")
    aside.rename(path / STAMP)
    report(Progress("ready", 6))


def _tried(path: Path) -> str:
    """The version of an environment's Python, after importing this package in it."""
    command = [str(path / "bin" / "python"), "-I", "-c", _TRIAL]
    done = subprocess.run(  # noqa: S603 - the Python that was just installed
        command, capture_output=True, check=False, text=True, cwd=path
    )
    python, _, version = done.stdout.strip().partition(" ")
    if done.returncode or version != __version__:
        said = done.stderr.strip().splitlines()[-1:] or [f"it has version {version}"]
        raise EnvironmentBuildError(
            f"it was made, and aqueduct_core does not work in it: {said[0]}",
            hint="a requirement may conflict with what aqueduct_core needs",
        )
    return python


def _silent(progress: Progress) -> None:
    """Progress that nobody watches."""
