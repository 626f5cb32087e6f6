"""Environments are made once, completely or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import aqueduct_core
from aqueduct_core.runtime.environments import Progress, ensure, environments
from aqueduct_core.runtime.environments._own import _belongs
from aqueduct_core.runtime.environments._uv import find_uv, uv_environ

pytestmark = pytest.mark.network

_WATCHED: list[str] = []
_PROGRAM = """
import os, signal, sys
from pathlib import Path
from aqueduct_core.runtime.environments import ensure
folder, killed_at = Path(sys.argv[1]), sys.argv[2]

def progress(step):
    print(step.message, flush=True)
    if step.message == killed_at:
        os.kill(os.getpid(), signal.SIGKILL)

sys.stdin.readline()
print(ensure(["six"], folder=folder, progress=progress), flush=True)
"""


def _watch(event: str, args: tuple[object, ...]) -> None:
    if event in {"subprocess.Popen", "os.fork", "os.posix_spawn", "os.exec"}:
        _WATCHED.append(event)


sys.addaudithook(_watch)


def say(python: Path, code: str) -> str:
    done = subprocess.run([python, "-I", "-c", code], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def builder(folder: Path, killed_at: str = "never") -> subprocess.Popen[str]:
    """A process that makes an environment as soon as it is sent a line."""
    command = [sys.executable, "-c", _PROGRAM, str(folder), killed_at]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)


def test_it_has_the_requirements_and_the_code_that_runs_here(shared: tuple[Path, Path]) -> None:
    code = "import aqueduct_core, iniconfig, six; print(aqueduct_core.__file__)"
    assert say(shared[1], code) == aqueduct_core.__file__
    [known] = environments(shared[0])
    assert known.requirements == ("iniconfig", "six")
    assert known.python == say(shared[1], "import platform; print(platform.python_version())")
    assert list(known.path.glob("lib/*/site-packages/**/iniconfig/__pycache__/*.pyc"))


def test_asking_again_starts_no_process(shared: tuple[Path, Path]) -> None:
    steps: list[Progress] = []
    _WATCHED.clear()
    again = ensure(["Six ", "iniconfig # why"], folder=shared[0], progress=steps.append)
    assert (again, steps, _WATCHED) == (shared[1], [], [])


def test_two_processes_at_once_make_it_once(index: None, tmp_path: Path) -> None:
    with builder(tmp_path / "here") as one, builder(tmp_path / "here") as other:
        for process in (one, other):
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        said = [process.communicate()[0].splitlines() for process in (one, other)]
    assert said[0][-1] == said[1][-1]
    assert sum(lines.count("installing packages") + lines.count("ready") for lines in said) <= 2
    assert sorted(lines.count("ready") for lines in said) == [0, 1]


@pytest.mark.parametrize("step", ["choosing versions", "compiling bytecode"])
def test_what_a_killed_process_left_is_made_anew(index: None, tmp_path: Path, step: str) -> None:
    """In the second case uv survives it, and goes on for a while in the same folder."""
    with builder(tmp_path / "here", step) as process:
        process.communicate("go\n")
    assert process.returncode == -9
    left = [path for path in (tmp_path / "here").iterdir() if path.is_dir()]
    assert left
    assert environments(tmp_path / "here") == []
    python = ensure(["six"], folder=tmp_path / "here")
    assert python.parents[1] == left[0]
    assert say(python, "import six; print(six.__name__)") == "six"


def test_one_whose_python_is_gone_is_made_anew(index: None, tmp_path: Path) -> None:
    python = ensure([], folder=tmp_path)
    python.unlink()
    python.symlink_to(tmp_path / "gone")
    assert ensure([], folder=tmp_path) == python
    assert say(python, "print(1)") == "1"


def test_an_installation_that_came_from_no_index_is_packed_again(
    index: None, tmp_path: Path
) -> None:
    """A tree installed, changed after that, and gone: the environment has what is installed."""
    uv, root = find_uv(), Path(aqueduct_core.__file__).parents[1]
    options = {"check": True, "env": uv_environ(), "cwd": tmp_path, "capture_output": True}
    subprocess.run([uv, "venv", "host", "--python", sys.executable], **options)
    host = tmp_path / "host" / "bin" / "python"
    subprocess.run([uv, "pip", "install", "--python", host, "uv", root], **options)
    installed = Path(say(host, "import aqueduct_core; print(aqueduct_core.__file__)"))
    assert installed.is_relative_to(tmp_path)
    with (installed.parent / "_version.py").open("a") as file:
        file.write("changed = True\n")

    code = "from pathlib import Path; from aqueduct_core.runtime.environments import ensure; "
    python = Path(say(host, f"{code}print(ensure([], folder=Path({str(tmp_path / 'made')!r})))"))
    made = Path(say(python, "import aqueduct_core; print(aqueduct_core.__file__)"))
    assert made.is_relative_to(tmp_path / "made")
    assert tree(made.parent) == tree(installed.parent)


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_only_what_came_out_of_a_wheel_belongs_into_one() -> None:
    info = "aqueduct_core-1.dist-info"
    assert _belongs("aqueduct_core/cli/__init__.py")
    assert _belongs(f"{info}/METADATA")
    assert _belongs(f"{info}/licenses/LICENSE")
    for name in ("RECORD", "INSTALLER", "direct_url.json"):
        assert not _belongs(f"{info}/{name}")
    assert not _belongs("../../../bin/aqueduct")
    assert not _belongs("aqueduct_core/__pycache__/x.pyc")


def test_nobody_else_may_look_into_the_folder(shared: tuple[Path, Path]) -> None:
    assert shared[0].stat().st_mode & 0o077 == 0


def test_passwords_in_requirements_are_not_written_down(index: None, tmp_path: Path) -> None:
    wheel = "tiny-1.0-py3-none-any.whl"
    tiny_wheel(tmp_path / wheel)
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        place = f"127.0.0.1:{server.server_port}/{wheel}"
        python = ensure([f"tiny @ http://me:hunter2@{place}"], folder=tmp_path / "here")
        server.shutdown()
    stamp = json.loads((python.parents[1] / "aqueduct.json").read_text())
    assert stamp["requirements"] == [f"tiny @ http://***@{place}"]


def tiny_wheel(path: Path) -> None:
    info = "tiny-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("tiny.py", "")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def test_variables_of_the_running_python_do_not_reach_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.sep)
    monkeypatch.setenv("VIRTUAL_ENV", os.sep)
    assert not {"PYTHONPATH", "VIRTUAL_ENV"} & set(uv_environ())
