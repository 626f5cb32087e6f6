"""The folder of a workspace: its key, its permissions, and that opening it costs little."""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import aqueduct_core as aq
from aqueduct_core.client import Home
from aqueduct_core.errors import ParameterError, SignatureError, StorageError


def test_the_folder_is_the_users_own(home: Path) -> None:
    client = aq.Client()
    assert client.home == str(home)
    assert stat.S_IMODE((home / "signing.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    key = (home / "signing.key").read_text()
    assert len(bytes.fromhex(key)) == 32
    aq.Client()
    assert (home / "signing.key").read_text() == key


def test_a_folder_that_can_not_be_made_is_told(home: Path) -> None:
    home.write_text("a file")
    with pytest.raises(StorageError, match=r"can't be made: File exists\nHint: .*--home") as caught:
        aq.Client()
    assert isinstance(caught.value, OSError)


def test_a_folder_that_can_not_be_written_is_told(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("aqueduct_core.client._home.mkstemp", refuse)
    with pytest.raises(StorageError, match="can't be written to: Permission denied"):
        aq.Client()


def test_a_full_disk_is_told_and_nothing_half_written_left(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("aqueduct_core.client._home.os.fsync", refuse)
    with pytest.raises(StorageError, match="can't be written to: No space left on device"):
        aq.Client()
    assert [*home.iterdir()] == []


def key_of(home: str) -> bytes:
    return Home(home).signing_key()


def test_programs_that_start_at_once_agree_on_the_key(home: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert len(set(pool.map(key_of, [str(home)] * 4))) == 1
    assert not list(home.glob(".draft-*"))


def test_a_damaged_key_is_told(home: Path) -> None:
    aq.Client()
    (home / "signing.key").write_text("xyz")
    with pytest.raises(SignatureError, match="does not hold a signing key"):
        aq.Client()


def test_the_key_is_never_readable_by_others(home: Path) -> None:
    old = os.umask(0)
    try:
        aq.Client()
    finally:
        os.umask(old)
    assert stat.S_IMODE((home / "signing.key").stat().st_mode) == 0o600


def test_another_database_and_another_store(home: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'other.db'}"
    with aq.Client(database=url, store=tmp_path / "bucket") as client:
        assert client.flows() == []
        client.store.put(1, "one")
    assert (tmp_path / "other.db").is_file()
    assert (tmp_path / "bucket").is_dir()
    assert not (home / "aqueduct.db").exists()


def test_the_environment_names_what_several_share(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AQUEDUCT_STORE", str(tmp_path / "bucket"))
    monkeypatch.setenv("AQUEDUCT_SIGNING_KEY", "ab" * 32)
    with aq.Client() as client:
        client.store.put({1}, "one")
    assert (tmp_path / "bucket").is_dir()
    assert not (home / "signing.key").exists()
    with aq.Client(home=tmp_path / "other") as other:
        assert other.store.get("one") == {1}
    monkeypatch.setenv("AQUEDUCT_SIGNING_KEY", "xyz")
    with pytest.raises(SignatureError, match="AQUEDUCT_SIGNING_KEY does not hold"):
        aq.Client()
    monkeypatch.delenv("AQUEDUCT_SIGNING_KEY")
    monkeypatch.setenv("AQUEDUCT_STORAGE_OPTIONS", "secret")
    with pytest.raises(ParameterError, match="no object in JSON") as found:
        aq.Client()
    assert "secret" not in str(found.value)


def test_a_client_needs_no_database_before_it_is_asked_something(home: Path) -> None:
    code = """
import sys
import aqueduct_core as aq
client = aq.Client()
parameter = client.create_param("n", 1)

@aq.op
def double(n):
    return 2 * n

assert double(parameter).get() == 2
heavy = {"sqlalchemy", "pandas", "pyarrow", "numpy", "rich", "alembic"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert not (home / "aqueduct.db").exists()


def test_a_database_that_others_share_without_a_store_is_warned_of_once(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "postgresql://me:secret@db.example.org/aqueduct"
    monkeypatch.setenv("AQUEDUCT_DATABASE", url)
    aq.Client()
    told = capsys.readouterr().err
    assert f"artifacts are kept in {home / 'artifacts'}" in told
    assert "postgresql://***@db.example.org/aqueduct" in told
    assert "AQUEDUCT_STORE" in told
    aq.Client()
    assert capsys.readouterr().err == ""


def test_no_letter_of_a_password_is_told(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AQUEDUCT_DATABASE", "postgresql://me:se/cret@db.example.org/aqueduct")
    client = aq.Client()
    assert "postgresql://***@db.example.org/aqueduct" in client._session.owner
    assert "cret" not in client._session.owner + capsys.readouterr().err


def test_who_says_where_artifacts_go_is_not_warned(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AQUEDUCT_DATABASE", "postgresql://db.example.org/other")
    aq.Client(store=home / "artifacts")
    monkeypatch.setenv("AQUEDUCT_STORE", str(home / "artifacts"))
    aq.Client()
    aq.Client(database=f"sqlite:///{home}/more.db")
    assert capsys.readouterr().err == ""


def test_how_many_operators_run_at_a_time_is_said_once_for_all(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @aq.op
    def one() -> int:
        return 1

    monkeypatch.setenv("AQUEDUCT_WORKERS", "3")
    with aq.Client() as client:
        client.publish_flow("flow", one(), quiet=True)
        assert client._session.engine._pool.slots == 3
    with aq.Client(workers=1) as client:
        assert client._session.engine._pool.slots == 1
    for wrong in ("0", "many", "-1", "2.5"):
        monkeypatch.setenv("AQUEDUCT_WORKERS", wrong)
        with pytest.raises(ParameterError, match=f"AQUEDUCT_WORKERS is '?{wrong}"):
            aq.Client()
    with pytest.raises(ParameterError, match="workers is 0"):
        aq.Client(workers=0)


@pytest.mark.parametrize(("replaced", "key"), [(False, None), (True, None), (False, "0f" * 32)])
def test_a_folder_that_was_deleted_meanwhile_is_told_before_anything_is_lost(
    home: Path, monkeypatch: pytest.MonkeyPatch, replaced: bool, key: str | None
) -> None:
    if key is not None:
        monkeypatch.setenv("AQUEDUCT_SIGNING_KEY", key)
    with aq.Client() as client:
        monkeypatch.delenv("AQUEDUCT_SIGNING_KEY", raising=False)
        one = aq.op(name="one")(lambda: 1)()
        flow = client.publish_flow("flow", one, quiet=True)
        home.rename(home.with_name("away"))
        if replaced:
            aq.Client()
        for begin in (flow.trigger, lambda: client.publish_flow("flow", one)):
            with pytest.raises(StorageError, match="was deleted or replaced since it was opened"):
                begin()
        shutil.rmtree(home, ignore_errors=True)
        home.with_name("away").rename(home)
        assert flow.trigger(quiet=True).status == "succeeded"
