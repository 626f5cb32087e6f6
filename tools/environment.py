"""Make `.venv` and install this project into it. Standard library only: it runs before anything.

Usage: python3 tools/environment.py EXTRA

An environment that is there already is kept and brought up to date. On Debian the module
`ensurepip` is a package of its own and often missing, so there are several ways to get a pip.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv"
PYTHON = FOLDER / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
GET_PIP = "https://bootstrap.pypa.io/get-pip.py"


def main() -> int:
    extra = sys.argv[1]
    if not usable():
        print(f"Making {FOLDER.name} with Python {sys.version.split()[0]}")
        shutil.rmtree(FOLDER, ignore_errors=True)
        venv.EnvBuilder(symlinks=os.name != "nt").create(FOLDER)
    print(f"Installing the project with its extra {extra!r}")
    return install(f".[{extra}]")


def usable() -> bool:
    """Whether the environment runs a Python that is new enough."""
    check = "import sys; sys.exit(sys.version_info < (3, 11))"
    return PYTHON.exists() and succeeds(PYTHON, "-c", check)


def install(requirement: str) -> int:
    """Install with uv where possible (many times faster), else with pip."""
    where = ("--python", str(PYTHON))
    system_uv = shutil.which("uv")
    if system_uv and succeeds(system_uv, "pip", "install", "--quiet", *where, "-e", requirement):
        return 0
    if not get_pip():
        print(
            "No way to get pip into the new environment.\n"
            "Hint: install the package python3-venv (Debian, Ubuntu), or uv, and try again",
            file=sys.stderr,
        )
        return 1
    if succeeds(PYTHON, "-m", "pip", "install", "--quiet", "uv") and succeeds(
        PYTHON, "-m", "uv", "pip", "install", "--quiet", *where, "-e", requirement
    ):
        return 0
    print("uv did not work here; installing with pip, which takes longer")
    return call(PYTHON, "-m", "pip", "install", "--quiet", "-e", requirement)


def get_pip() -> bool:
    """Bring pip into the environment: it is there, bundled, outside, or fetched."""
    if succeeds(PYTHON, "-m", "pip", "--version", quiet=True):
        return True
    if succeeds(PYTHON, "-m", "ensurepip", "--upgrade", quiet=True):
        return True
    outside = (sys.executable, "-m", "pip", "--python", str(PYTHON), "install", "--quiet", "pip")
    if succeeds(*outside, quiet=True):
        return True
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "get-pip.py"
        try:
            with urllib.request.urlopen(GET_PIP, timeout=60) as answer:
                script.write_bytes(answer.read())
        except OSError as error:
            print(f"{GET_PIP} could not be fetched: {error}", file=sys.stderr)
            return False
        return succeeds(PYTHON, script, "--quiet")


def succeeds(*command: str | Path, quiet: bool = False) -> bool:
    return call(*command, quiet=quiet) == 0


def call(*command: str | Path, quiet: bool = False) -> int:
    output = subprocess.DEVNULL if quiet else None
    arguments = [str(part) for part in command]
    return subprocess.run(arguments, cwd=ROOT, stdout=output, stderr=output, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
