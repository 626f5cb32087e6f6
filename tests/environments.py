"""Environments of their own for tools that can't share one: made once, kept in the clone for later runs."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

__all__ = ["ROOT", "has_package_index", "is_for_this_python", "make_environment"]

ROOT = Path(__file__).resolve().parents[1]
_FOLDER = ROOT / ".environments"


def make_environment(
    wanted: Path,
    *,
    installer: str = "uv",
    python: Path = Path(sys.executable),
    compiled: bool = True,
) -> Path:
    """The folder with the programs of an environment that has this package, too.

    Args:
        wanted: The file with what it consists of, as pip and uv read it.
        installer: `uv`, or `pip` where pip is configured to find what uv doesn't.
        python: The interpreter that it is for.
        compiled: Whether all of it is compiled at once by uv, or what is imported when it is.
    """
    key = f"{wanted.read_text()}{_version(python)}"
    folder = _FOLDER / f"{wanted.stem}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # several test processes want it at once
        if not (folder / "done").exists():
            _make(folder / "venv", wanted, installer, python, compiled)
            (folder / "done").touch()
    return folder / "venv" / "bin"


def is_for_this_python(lock: Path) -> bool:
    """Whether a lock file is for the Python that runs this: those of Airflow are for one version."""
    text = lock.read_text()
    made = re.search(r"--python-version (\S+)", text)
    running = "{}.{}".format(*sys.version_info)
    return made is None or "--universal" in text or made[1] == running


def has_package_index() -> bool:
    """Whether packages can be had: from an index, or what uv has kept of it."""
    command = [_uv_program(), "pip", "compile", "--quiet", "--python", sys.executable, "-"]
    done = subprocess.run(command, input="iniconfig", text=True, capture_output=True)
    return not done.returncode


def _version(python: Path) -> str:
    if python == Path(sys.executable):
        return sys.version
    return subprocess.check_output([python, "-c", "import sys; print(sys.version)"], text=True)


def _make(folder: Path, wanted: Path, installer: str, base: Path, compiled: bool) -> None:
    python = folder / "bin" / "python"
    if installer == "pip":
        _run(base, "-m", "venv", "--clear", folder)
        _run(python, "-m", "pip", "install", "--quiet", "-r", wanted)
    else:
        _uv("venv", "--clear", "--python", base, folder)
        # Large tools import thousands of modules in every process: compiled, it takes half the time.
        how = ["--compile-bytecode"] if compiled else []
        _uv("pip", "install", *how, "--python", python, "-r", wanted)
    _uv("pip", "install", "--no-deps", "--python", python, "--editable", ROOT)


def _uv(*arguments: object) -> None:
    _run(_uv_program(), *arguments)


def _run(*arguments: object) -> None:
    command = [*map(str, arguments)]
    variables = {name: os.environ[name] for name in os.environ if name != "VIRTUAL_ENV"}
    done = subprocess.run(command, capture_output=True, text=True, env=variables)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")


def _uv_program() -> str:
    return str(Path(sys.executable).with_name("uv"))
