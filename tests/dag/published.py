"""Publishing from scripts in processes of their own, and running what was published elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from tests.processes import PATIENCE

KEY = b"the key of the tests"

_PUBLISH = """

from aqueduct_core.dag import Graph as _Graph, Version as _Version
from aqueduct_core.store import ArtifactStore as _Store

_version = _Version.of("flow", _Graph.of(artifacts))
_new = _version.save(_Store({store!r}, signing_key={key!r}))
print(__import__("json").dumps({{"new": _new, **_version.to_json()}}))
"""

_CALL = """
import json, sys
from aqueduct_core.dag import Version
from aqueduct_core.store import ArtifactStore

location, operator, key, arguments = json.loads(sys.argv[1])
url, flow, digest = Version.locate(location)
store = ArtifactStore(url, signing_key=key.encode())
version = Version.load(store, flow, digest)
{before}
print(json.dumps(version.function(store, operator)(*arguments)))
"""


def publish(folder: Path, script: str, *, seed: int = 0, **modules: str) -> dict[str, Any]:
    """Run a script that makes a list `artifacts`, and publish them; returns the document."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in modules.items():
        file = folder / f"{name.replace('__', '/')}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.parent != folder:
            (file.parent / "__init__.py").touch()
        file.write_text(textwrap.dedent(text))
    ending = _PUBLISH.format(store=str(folder.parent / "store"), key=KEY)
    file = folder / "flow.py"
    file.write_text(textwrap.dedent(script) + ending)
    done = run([str(file)], cwd=folder, seed=seed)
    found: dict[str, Any] = json.loads(done.splitlines()[-1])
    return found


def call(
    folder: Path, document: dict[str, Any], operator: str, *arguments: Any, before: str = ""
) -> Any:
    """What an operator's function returns in a process that has none of the publisher's files."""
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    digest = document["digest"].partition(":")[2]
    location = f"{folder.parent / 'store'}/flows/{document['flow']}/versions/{digest}.json"
    given = json.dumps([location, operator, KEY.decode(), arguments])
    text = _CALL.format(before=textwrap.dedent(before))
    return json.loads(run(["-c", text, given], cwd=elsewhere).splitlines()[-1])


def run(arguments: list[str], *, cwd: Path, seed: int = 1) -> str:
    """The output of a Python process."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
