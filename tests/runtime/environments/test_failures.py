"""An environment that can't be made says why, naming the requirement."""

from __future__ import annotations

import socket

import pytest

from aqueduct_core.errors import EnvironmentBuildError, MissingExtraError
from aqueduct_core.runtime.environments._interpreters import find_interpreter
from aqueduct_core.runtime.environments._uv import _explained, find_uv

pytestmark = pytest.mark.network


def test_a_package_that_does_not_exist(failure) -> None:
    error = failure("six", "aqueduct-core-no-such-package")
    assert "no package is called aqueduct-core-no-such-package" in error.message
    assert "spelling" in error.hint


def test_a_version_that_does_not_exist(failure) -> None:
    error = failure("six==99")
    assert "six==99" in error.message
    assert "can't be met" in error.message


def test_requirements_that_contradict_each_other(failure) -> None:
    error = failure("six<1", "iniconfig", "six>1.10")
    assert "six>1.10" in error.message
    assert "loosen" in error.hint


def test_one_that_contradicts_what_this_package_needs(failure) -> None:
    error = failure("rich<1")
    assert "rich<1" in error.message
    assert "aqueduct-core" in error.message


def test_a_requirement_that_nobody_can_read(failure) -> None:
    error = failure("six=>3")
    assert "six=>3" in error.message
    assert "as pip does" in error.hint


def test_a_file_that_is_not_there(failure) -> None:
    assert "nowhere" in failure("./nowhere").message


def test_an_index_that_does_not_answer(failure, tmp_path) -> None:
    cache = str(tmp_path / "cache")
    with socket.socket() as silent:  # it doesn't listen, and nobody else gets its port meanwhile
        silent.bind(("127.0.0.1", 0))
        address = f"http://me:hunter2@127.0.0.1:{silent.getsockname()[1]}/simple"
        error = failure("six", UV_INDEX_URL=address, UV_CACHE_DIR=cache, UV_HTTP_RETRIES="0")
    assert "can't be reached" in error.message
    assert "UV_INDEX_URL" in error.hint
    assert "hunter2" not in str(error)


def test_no_network_and_an_empty_cache(failure, tmp_path) -> None:
    error = failure("six", UV_OFFLINE="1", UV_CACHE_DIR=str(tmp_path / "cache"))
    assert "off the network" in error.message


def test_a_python_that_is_not_installed_lists_those_that_are(failure) -> None:
    error = failure("six", python="3.99")
    assert "Python 3.99 is not installed" in error.message
    assert "3.1" in error.hint


def test_a_python_that_is_too_old() -> None:
    with pytest.raises(EnvironmentBuildError, match="or newer"):
        find_interpreter("3.9")


@pytest.mark.parametrize("version", ["three", "3", "3.12.x", "~=3.12"])
def test_no_version_at_all(version: str) -> None:
    with pytest.raises(EnvironmentBuildError, match="is no version of Python"):
        find_interpreter(version)


def test_a_path_without_a_python(tmp_path) -> None:
    with pytest.raises(EnvironmentBuildError, match="there is no Python at"):
        find_interpreter(str(tmp_path / "python"))


def test_what_nobody_foresaw_is_shown_as_it_is() -> None:
    error = _explained("Using Python 3\nerror: the moon is full\n")
    assert "the moon is full" in error.message
    assert "Using" not in error.message


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("error: Failed to build `x==1`\n  cause: gcc: not found", "no wheel for this Python"),
        ("  × Failed to install\n  ╰─▶ No space left on device (os error 28)", "the disk is full"),
        ("error: x\n  cause: six was not\n  found in the package registry", "is called six"),
        ("HTTP status client error (401 Unauthorized) for url (https://u:p@h/)", "refused"),
    ],
)
def test_the_words_of_uv_are_translated(said: str, meant: str) -> None:
    error = _explained(said)
    assert meant in error.message
    assert "╰" not in error.message
    assert "u:p@" not in error.message


def test_without_uv_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "uv", None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingExtraError, match=r"aqueduct-core\[environments\]"):
        find_uv()
