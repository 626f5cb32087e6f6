"""Calls uv, and says in a data scientist's words what went wrong."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from aqueduct_core.errors import EnvironmentBuildError, MissingExtraError
from aqueduct_core.runtime.environments._requirements import redacted

__all__ = ["OnProgress", "Progress", "find_uv", "install", "make_venv", "uv_environ"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the making of an environment is.

    Attributes:
        message: What is being done, for people.
        done: Steps that are done.
        total: Steps in all.
    """

    message: str
    done: int
    total: int = 6

    def __str__(self) -> str:
        return self.message


OnProgress: TypeAlias = Callable[[Progress], None]

# What uv prints when a step is done, and what comes next.
_STEPS = (
    ("", "choosing versions"),
    ("Resolved ", "downloading packages"),
    ("Prepared ", "installing packages"),
    ("Installed ", "compiling bytecode"),
    ("Bytecode compiled ", "trying it"),
)
_DECORATION = re.compile(r"\x1b\[[0-9;]*m|[×╰─▶│├┌└╭]")
_OTHER_INDEX = "another index is given by UV_INDEX_URL or uv.toml (uv does not read pip's settings)"

# What uv's words mean, the first that fits: a pattern, the reason, the way out.
_REASONS = (
    (
        r"status client error \((?:401|403|407)",
        "the package index, or a proxy before it, refused the request",
        "give uv the credentials: in UV_INDEX_URL, a netrc file, or `uv auth login`",
    ),
    (
        r"network was disabled|UV_OFFLINE",
        "uv is told to stay off the network, and its cache lacks a package",
        "unset UV_OFFLINE once, to fill the cache",
    ),
    (
        r"error sending request|dns error|tcp connect|timed out|Connection (?:refused|reset)",
        "the package index can't be reached",
        f"check the network and the proxy; {_OTHER_INDEX}",
    ),
    (
        r"(\S+) was not found in the package registry",
        "no package is called {0}",
        f"check its spelling; {_OTHER_INDEX}",
    ),
    (
        r"No solution found",
        "the requirements can't be met together",
        "loosen the one that is named, or choose another Python",
    ),
    (
        r"Couldn't parse requirement|Distribution not found|Expected .*requirement",
        "a requirement can't be read, or names a file that is not there",
        'write it as pip does: "pandas>=3", "package[extra]==1.2", "name @ https://..."',
    ),
    (
        r"No space left on device|os error 28",
        "the disk is full",
        "free some space; environments that are no longer used can be pruned",
    ),
    (
        r"Failed to build|Build backend failed|build failed",
        "a package has no wheel for this Python, and building it from source failed",
        "choose a version with a wheel, or install the compiler and headers that it asks for",
    ),
)


def find_uv() -> str:
    """The program uv.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        from uv import find_uv_bin

        return find_uv_bin()
    except (ImportError, FileNotFoundError):
        found = shutil.which("uv")
    if found is None:
        raise MissingExtraError(
            "uv", "environments", "An operator with requirements or a Python of its own"
        )
    return found


def uv_environ() -> dict[str, str]:
    """The variables that uv shall see."""
    # Those of the running Python would confuse the one that is asked about itself; those of the
    # terminal are for people.
    ours = {"VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME", "FORCE_COLOR", "COLUMNS"}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {**kept, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}


def make_venv(path: Path, interpreter: Path, *, keep_open: int, progress: OnProgress) -> None:
    """Make an empty virtual environment.

    Args:
        path: Its folder, which is not there.
        interpreter: The Python to use.
        keep_open: A file descriptor that uv inherits: a lock lasts as long as uv runs, even if
            this process is killed.
        progress: Called before it.

    Raises:
        EnvironmentBuildError: It can't be made; the text says why.
    """
    progress(Progress("making the folder", 0))
    command = [find_uv(), "venv", "--no-project", "--python", str(interpreter), str(path)]
    _run(command, path.parent, keep_open=keep_open)


def install(
    python: Path, requirements: Sequence[str], *, keep_open: int, progress: OnProgress
) -> None:
    """Install into a virtual environment.

    Args:
        python: Its interpreter.
        requirements: Lines of a requirements file. They may hold passwords, and so are not given
            as arguments, which everybody on the machine could read.
        keep_open: As for `make_venv`.
        progress: Called at each step.

    Raises:
        EnvironmentBuildError: It can't be done; the text says why.
    """
    command = [find_uv(), "pip", "install", "--compile-bytecode"]
    command += ["--python", str(python), "--requirement", "-"]

    def on_line(line: str) -> None:
        for done, (start, message) in enumerate(_STEPS[1:], 2):
            if line.startswith(start):
                progress(Progress(message, done))

    progress(Progress(_STEPS[0][1], 1))
    text = "".join(f"{line}\n" for line in requirements)
    _run(command, python.parents[1], text, keep_open=keep_open, on_line=on_line)


def _run(
    command: list[str],
    folder: Path,
    text: str = "",
    *,
    keep_open: int,
    on_line: Callable[[str], None] | None = None,
) -> None:
    with subprocess.Popen(  # noqa: S603 - uv, with arguments of our own
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,  # not where a project's own settings would be found
        env=uv_environ(),
        pass_fds=(keep_open,),
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        lines = []
        try:
            process.stdin.write(text)
            process.stdin.close()
            for line in process.stdout:
                lines.append(line)
                if on_line:
                    on_line(line)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise _explained("".join(lines))


def _explained(output: str) -> EnvironmentBuildError:
    plain = [
        " ".join(_DECORATION.sub(" ", line).split())
        for line in redacted(output).splitlines()
        if not line.startswith(("Using ", "Creating ", "Activate ", "warning: ", "Resolved "))
    ]
    said = "\n".join(f"  {line}" for line in plain if line)
    for pattern, reason, hint in _REASONS:
        found = re.search(pattern, " ".join(said.split()))
        if found:
            return EnvironmentBuildError(f"{reason.format(*found.groups())}:\n{said}", hint=hint)
    return EnvironmentBuildError(f"uv failed:\n{said or '  without a word'}")
