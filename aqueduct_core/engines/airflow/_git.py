"""DAG files in a git repository, as Airflow's git bundles read them: a commit for each change.

    git+https://git.example.com/team/dags.git#main:dags

What stands before `#` is the repository, then come the branch, and after a colon the folder in it.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote, urlsplit

from aqueduct_core.errors import IntegrationError

__all__ = ["Repository", "is_repository", "shown"]

_PREFIX = "git+"
_TRIES = 5  # somebody else may have pushed meanwhile
_PATIENCE = 120.0  # seconds for one command
_AUTHOR = "aqueduct_core <aqueduct-core@localhost>"
_AUTHORS = re.compile(r"\s*(?P<name>[^<>\n]+?)\s*<(?P<mail>[^<>\s]+)>\s*")
_LOGIN = re.compile(r"(?<=://)(?:[^/@\s]+|[^/@\s:]+:[^@\s]+)@")
# git asks this for what it needs; the answers are in variables of its process.
_HELPER = '!f() { echo "username=$AQUEDUCT_GIT_USER"; echo "password=$AQUEDUCT_GIT_PASSWORD"; }; f'


def is_repository(place: str) -> bool:
    """Whether DAG files go into a git repository."""
    return place.startswith(_PREFIX)


def shown(text: str) -> str:
    """A URL, or a text with some, without users and passwords."""
    return _LOGIN.sub("", text)


@dataclass(frozen=True, slots=True)
class Repository:
    """A folder on a branch of a repository.

    Attributes:
        url: The repository, as git takes it.
        branch: The branch; None for the one that it has by default.
        folder: The folder in it.
        options: `username` and `password` (or a token as that) for repositories that are reached
            by https, and `author`, as `Name <address>`.
    """

    url: str
    branch: str | None
    folder: str
    options: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, place: str, options: Mapping[str, Any] | None) -> Repository:
        """The repository that a place names.

        Raises:
            IntegrationError: An option is unknown, or isn't what it should be.
        """
        given = dict(options or {})
        unknown = sorted(set(given) - {"username", "password", "author"})
        if unknown:
            raise IntegrationError(
                f"a repository has no option {unknown[0]!r}",
                hint="dags_options= may hold username, password and author",
            )
        if not _AUTHORS.fullmatch(str(given.get("author", _AUTHOR))):
            raise IntegrationError(
                f"author={given['author']!r} is nobody", hint='such as "Ann <ann@example.com>"'
            )
        url, _, rest = place.removeprefix(_PREFIX).partition("#")
        branch, _, folder = rest.partition(":")
        parts = urlsplit(url)
        if parts.password is not None:  # everybody on this machine could read it there
            given = {"username": unquote(parts.username or ""), **given}
            given.setdefault("password", unquote(parts.password))
            url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        return cls(url, branch or None, folder.strip("/"), given)

    def change(self, change: Callable[[Path], bool], message: str) -> bool:
        """Commit a change of the folder, and push it.

        Args:
            change: Is given the folder; returns whether it has changed anything.
            message: What the commit says.

        Returns:
            Whether there was anything to commit.

        Raises:
            IntegrationError: The repository can't be reached, or doesn't take it.
        """
        with self._checkout() as (git, root):
            for tries_left in reversed(range(_TRIES)):
                folder = root / self.folder
                folder.mkdir(parents=True, exist_ok=True)
                if not change(folder):
                    return False
                git("add", "--all", "--", self.folder or ".")
                git("commit", "--quiet", "--message", message)
                pushed = git("push", "--quiet", "origin", "HEAD", check=not tries_left)
                if pushed:
                    return True
                git("fetch", "--quiet", "--depth", "1", "origin", git.branch)
                git("reset", "--quiet", "--hard", "FETCH_HEAD")
        raise AssertionError(message)

    def probe(self) -> None:
        """Find out whether the branch is there and may be pushed to, without leaving a commit.

        Raises:
            IntegrationError: It isn't, or may not.
        """
        with self._checkout() as (git, _):
            git("commit", "--quiet", "--allow-empty", "--message", "Nothing")
            git("push", "--quiet", "--dry-run", "origin", "HEAD")

    @contextmanager
    def _checkout(self) -> Iterator[tuple[_Git, Path]]:
        with TemporaryDirectory(prefix="aqueduct-git-") as folder:
            root = Path(folder) / "checkout"
            git = _Git(self, Path(folder))
            branch = () if self.branch is None else ("--branch", self.branch)
            git("clone", "--quiet", "--depth", "1", *branch, "--", self.url, str(root))
            git.folder = root
            git("symbolic-ref", "--short", "HEAD")
            git.branch = git.said.strip()
            yield git, root


class _Git:
    """Runs git in a folder."""

    def __init__(self, repository: Repository, folder: Path) -> None:
        self.folder = folder
        self.branch = ""
        self.said = ""
        self._repository = repository
        self._environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
        options = repository.options
        if "password" in options:
            self._environment |= {
                "AQUEDUCT_GIT_USER": str(options.get("username", "git")),
                "AQUEDUCT_GIT_PASSWORD": str(options["password"]),
                "GIT_CONFIG_COUNT": "2",
                "GIT_CONFIG_KEY_0": "credential.helper",
                "GIT_CONFIG_VALUE_0": "",  # those of the user have nothing to do with it
                "GIT_CONFIG_KEY_1": "credential.helper",
                "GIT_CONFIG_VALUE_1": _HELPER,
            }
        author = _AUTHORS.fullmatch(str(options.get("author", _AUTHOR)))
        assert author is not None
        if "author" in options or not self("config", "user.email", check=False):
            for role in ("AUTHOR", "COMMITTER"):
                self._environment[f"GIT_{role}_NAME"] = author["name"]
                self._environment[f"GIT_{role}_EMAIL"] = author["mail"]

    def __call__(self, *arguments: str, check: bool = True) -> bool:
        """Run a command; returns whether it did what it should.

        Raises:
            IntegrationError: It didn't, and `check` is set.
        """
        try:
            done = subprocess.run(  # noqa: S603 - git, with arguments of ours
                ["git", *arguments],  # noqa: S607 - the user's git
                cwd=self.folder,
                env=self._environment,
                capture_output=True,
                text=True,
                timeout=_PATIENCE,
                check=False,
            )
        except FileNotFoundError:
            raise IntegrationError(
                "DAG files can't be pushed: there is no git here", hint="install git"
            ) from None
        except subprocess.TimeoutExpired:
            raise self._refused(arguments[0], "it takes too long") from None
        self.said = done.stdout
        if done.returncode and check:
            raise self._refused(arguments[0], done.stderr.strip())
        return not done.returncode

    def _refused(self, command: str, said: str) -> IntegrationError:
        repository = self._repository
        lines = [line for line in said.splitlines() if line.strip()]
        told = shown(" ".join(lines[-2:]) or "it says nothing")
        return IntegrationError(
            f"git can't {command} {shown(repository.url)}: {told}",
            hint="dags= is git+<the repository>#<branch>:<folder>; dags_options= may hold "
            "username and password",
        )
