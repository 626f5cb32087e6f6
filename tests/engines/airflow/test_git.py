"""DAG files in a git repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from aqueduct_core.engines.airflow._deliver import deliver, probe, take_away
from aqueduct_core.engines.airflow._git import Repository, shown
from aqueduct_core.errors import IntegrationError


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=Bob", "-c", "user.email=bob@example.com", *arguments]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A repository with a file on `main`, and a branch `live`."""
    folder = tmp_path / "origin.git"
    folder.mkdir()
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main")
    work = tmp_path / "work"
    git(tmp_path, "clone", "--quiet", str(folder), str(work))
    git(work, "checkout", "--quiet", "-B", "main")
    (work / "README").write_text("DAGs")
    git(work, "add", "README")
    git(work, "commit", "--quiet", "--message", "Begin")
    git(work, "push", "--quiet", "origin", "main", "main:live")
    return folder


def test_each_change_is_a_commit_and_the_same_is_none(origin: Path) -> None:
    place, options = f"git+file://{origin}#live:dags/ml", {"author": "Ann <ann@example.com>"}
    assert deliver(place, "a.py", "one é", options)
    assert not deliver(place, "a.py", "one é", options), "Airflow needn't read it again"
    assert deliver(place, "a.py", "two", options)
    assert git(origin, "show", "live:dags/ml/a.py") == "two"
    assert (
        git(origin, "log", "--format=%an %ae", "live").splitlines()[:2]
        == ["Ann ann@example.com"] * 2
    )
    take_away(place, "a.py", options)
    take_away(place, "a.py", options)
    assert git(origin, "ls-tree", "-r", "--name-only", "live") == "README"
    assert len(git(origin, "log", "--format=%h", "live").splitlines()) == 4
    assert len(git(origin, "log", "--format=%h", "main").splitlines()) == 1


def test_somebody_who_pushes_at_the_same_time_is_no_obstacle(origin: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"

    def change(folder: Path) -> bool:
        number = len(git(origin, "log", "--format=%h", "main").splitlines())
        if number < 3:  # twice, after what is there was fetched
            (work / f"{number}").touch()
            git(work, "add", ".")
            git(work, "commit", "--quiet", "--message", "Another")
            git(work, "push", "--quiet", "origin", "main")
        (folder / "a.py").write_text("mine")
        return True

    assert Repository.of(f"git+file://{origin}", None).change(change, "Mine")
    assert git(origin, "ls-tree", "--name-only", "main").splitlines() == [
        "1",
        "2",
        "README",
        "a.py",
    ]


def test_where_a_file_is_says_no_password() -> None:
    place = "git+https://me:hunter2@git.example.com/dags.git#main"
    assert shown(place) == "git+https://git.example.com/dags.git#main"
    assert shown("s3://KEY:hun/ter2@bucket/dags") == "s3://bucket/dags"
    assert shown("file:///a@b") == "file:///a@b"
    assert "hunter2" not in repr(Repository.of(place, None))
    with pytest.raises(IntegrationError) as caught:
        deliver("s3://KEY:hun/ter2@bucket/dags", "a.py", "")
    assert "ter2" not in str(caught.value)


def test_a_probe_leaves_no_commit(origin: Path) -> None:
    probe(f"git+file://{origin}#main")
    assert len(git(origin, "log", "--format=%h", "--all").splitlines()) == 1


@pytest.mark.parametrize(
    ("place", "options", "told"),
    [
        ("git+file:///nowhere/at.git", {}, "git can't clone file:///nowhere/at.git"),
        ("git+file://{origin}#other", {}, "other not found"),
        ("git+file://{origin}", {"token": "x"}, "no option 'token'"),
        ("git+file://{origin}", {"author": "Ann"}, "'Ann' is nobody"),
    ],
)
def test_what_is_wrong_is_told(
    origin: Path, place: str, options: dict[str, str], told: str
) -> None:
    with pytest.raises(IntegrationError, match=told):
        probe(place.replace("{origin}", str(origin)), options)


def test_a_password_is_in_no_message_and_no_argument(origin: Path, tmp_path: Path) -> None:
    noted = tmp_path / "noted"
    helper = tmp_path / "bin" / "git"
    helper.parent.mkdir()
    helper.write_text(
        f'#!/bin/sh\necho "$@" >> {noted}\necho "no: $1 https://u:pass-1@h" >&2\nexit 1\n'
    )
    helper.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(helper.parent), prepend=":")
        with pytest.raises(IntegrationError, match=r"git can't clone https://h/r\.git") as caught:
            probe("git+https://ann:pass-1@h/r.git", {"username": "ann", "password": "pass-2"})
    assert "pass-" not in str(caught.value)
    assert "pass-" not in noted.read_text()
