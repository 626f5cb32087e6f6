"""Environments that nobody uses any more can be removed, and no others."""

from __future__ import annotations

import json
import os
import time
from datetime import timedelta
from pathlib import Path

import pytest

from aqueduct_core.errors import EnvironmentBuildError
from aqueduct_core.runtime.environments import environments, hold, prune
from aqueduct_core.runtime.environments._folder import STAMP, locked

DAY = timedelta(days=1)
STAMPED = {"python": "3.12.1", "requirements": ["six"], "made": "2026-01-02T03:04:05+00:00"}


def environment(folder: Path, key: str, *, days: float | None = 0) -> Path:
    """An environment that was last used some days ago, or never completed."""
    python = folder / key / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    if days is not None:
        (folder / key / STAMP).write_text(json.dumps(STAMPED))
        at = time.time() - days * 86400
        os.utime(folder / key / STAMP, (at, at))
    return python


def test_only_those_not_used_for_long_are_removed(tmp_path: Path) -> None:
    environment(tmp_path, "new", days=1)
    environment(tmp_path, "old", days=40)
    assert prune(tmp_path, unused_for=30 * DAY) == ["old"]
    assert [item.key for item in environments(tmp_path)] == ["new"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "new.lock"]


def test_the_last_used_is_first(tmp_path: Path) -> None:
    for key, days in (("b", 2), ("c", 3), ("a", 1)):
        environment(tmp_path, key, days=days)
    assert [item.key for item in environments(tmp_path)] == ["a", "b", "c"]


def test_what_remains_of_a_build_is_removed(tmp_path: Path) -> None:
    environment(tmp_path, "half", days=None)
    assert environments(tmp_path) == []
    assert prune(tmp_path, unused_for=30 * DAY) == ["half"]


def test_one_that_is_used_stays(tmp_path: Path) -> None:
    python = environment(tmp_path, "used", days=40)
    with hold(python), hold(python):
        assert prune(tmp_path, unused_for=DAY) == []
    assert prune(tmp_path, unused_for=DAY) == ["used"]


def test_one_that_is_built_stays(tmp_path: Path) -> None:
    environment(tmp_path, "half", days=None)
    with locked(tmp_path / "half", exclusive=True):
        assert prune(tmp_path, unused_for=DAY) == []
    assert (tmp_path / "half").exists()


def test_one_that_is_gone_can_not_be_held(tmp_path: Path) -> None:
    python = environment(tmp_path, "gone", days=40)
    prune(tmp_path, unused_for=DAY)
    with pytest.raises(EnvironmentBuildError, match="has been removed"), hold(python):
        pass


def test_a_lock_is_that_of_the_file_that_is_there(tmp_path: Path) -> None:
    """Who waited for a lock file that was removed meanwhile must not believe to have the lock."""
    with locked(tmp_path / "key", exclusive=True):
        (tmp_path / "key.lock").unlink()
        with locked(tmp_path / "key", exclusive=True, wait=False) as another:
            assert another is not None


def test_a_folder_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert environments(tmp_path / "none") == []
    assert prune(tmp_path / "none", unused_for=DAY) == []
