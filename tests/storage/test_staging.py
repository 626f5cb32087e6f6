"""Tests of the temporary folders of storages whose objects are not local files."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from aqueduct_core.storage._staging import Staging


def test_the_folder_is_made_once() -> None:
    staging = Staging()
    assert staging.folder() == staging.folder()
    assert staging.folder().is_dir()


def test_a_folder_that_somebody_cleared_away_is_made_anew() -> None:
    staging = Staging()
    first = staging.folder()
    first.rmdir()
    second = staging.folder()
    assert second.is_dir()
    del staging
    assert not second.exists()


def test_the_folder_goes_with_its_object() -> None:
    staging = Staging()
    folder = staging.folder()
    (folder / "left").write_bytes(b"behind")
    del staging
    assert not folder.exists()


def test_the_folder_goes_with_its_process() -> None:
    program = (
        "from aqueduct_core.storage._staging import Staging\n"
        "staging = Staging()\n"
        "print(staging.folder())\n"
    )
    made = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert made.stdout
    assert not os.path.exists(made.stdout.strip())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")
def test_a_forked_copy_has_a_folder_of_its_own_and_leaves_the_other() -> None:
    program = (
        "import os, sys\n"
        "from aqueduct_core.storage._staging import Staging\n"
        "staging = Staging()\n"
        "ours = staging.folder()\n"
        "if (child := os.fork()) == 0:\n"
        "    theirs = staging.folder()\n"
        "    assert theirs != ours and theirs.is_dir()\n"
        "    sys.exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "assert ours.is_dir()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
