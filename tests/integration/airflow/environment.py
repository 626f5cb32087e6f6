"""Airflow in an environment of its own, made once and kept for later test runs."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

__all__ = ["airflow_environment"]

ROOT = Path(__file__).resolve().parents[3]
_HERE = Path(__file__).resolve().parent
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "aqueduct-tests"


def airflow_environment(lock: str) -> Path:
    """The folder with the programs of an environment.

    Args:
        lock: The name of the file with what it consists of: `airflow-3.lock`.
    """
    wanted = _HERE / lock
    key = f"{wanted.read_text()}{sys.version}{ROOT}"
    folder = _CACHE / f"{wanted.stem}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            _make(folder / "venv", wanted)
            (folder / "done").touch()
    return folder / "venv" / "bin"


def _make(folder: Path, wanted: Path) -> None:
    python = folder / "bin" / "python"
    _uv("venv", "--clear", "--python", sys.executable, folder)
    # Airflow imports 2,500 modules in every process: compiled, it takes half the time.
    _uv("pip", "install", "--compile-bytecode", "--python", python, "-r", wanted)
    _uv("pip", "install", "--no-deps", "--python", python, "--editable", ROOT)


def _uv(*arguments: object) -> None:
    command = [str(Path(sys.executable).with_name("uv")), *map(str, arguments)]
    environment = {name: os.environ[name] for name in os.environ if name != "VIRTUAL_ENV"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
