"""The git repository that an Airflow of the tests reads a bundle of DAG files from."""

from __future__ import annotations

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["BRANCH", "FOLDER", "git", "make_repository"]

BRANCH, FOLDER = "main", "dags"


def make_repository(place: Path) -> None:
    """A bare repository with a branch, and a folder in it that has nothing for Airflow yet."""
    place.mkdir()
    git(place, "init", "--quiet", "--bare", f"--initial-branch={BRANCH}")
    with TemporaryDirectory() as work:
        git(place, "clone", "--quiet", str(place), work)
        git(Path(work), "checkout", "--quiet", "-B", BRANCH)
        (Path(work) / FOLDER).mkdir()
        (Path(work) / FOLDER / "README").write_text("DAG files go here.\n")
        git(Path(work), "add", FOLDER)
        git(Path(work), "commit", "--quiet", "--message", "Begin")
        git(Path(work), "push", "--quiet", "origin", BRANCH)


def git(folder: Path, *arguments: str) -> str:
    """What a command of git says."""
    who = ("-c", "user.name=Bob", "-c", "user.email=bob@example.com")
    done = subprocess.run(
        ["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()
