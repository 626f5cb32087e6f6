"""What all remote storages share: places, faults, waits and buffers."""

from __future__ import annotations

import errno
import io
import subprocess
import sys
from array import array
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_core.errors import StorageError, StorageFullError, StorageNotFoundError
from aqueduct_core.storage import open_storage
from aqueduct_core.storage._body import Body, map_file
from aqueduct_core.storage._classify import Fault, fault_of
from aqueduct_core.storage._fsspec import FsspecStorage
from aqueduct_core.storage._place import Place, _check_password
from aqueduct_core.storage._retry import Exhausted, Retry


class TestPlace:
    @pytest.mark.parametrize(
        ("url", "bare", "bucket"),
        [
            ("s3://bucket", "s3://bucket", "bucket"),
            ("s3://bucket/a/b/", "s3://bucket/a/b", "bucket"),
            ("s3://key:secret@bucket/a", "s3://bucket/a", "bucket"),
            ("s3://bucket/a?versionId=1#x", "s3://bucket/a", "bucket"),
            ("az://box/a?sv=1&sig=abc", "az://box/a", "box"),
            (
                "abfs://box@name.dfs.core.windows.net/a",
                "abfs://box@name.dfs.core.windows.net/a",
                "box@name.dfs.core.windows.net",
            ),
            ("memory://user@host/a", "memory://host/a", "host"),
        ],
    )
    def test_urls_show_no_credentials(self, url: str, bare: str, bucket: str) -> None:
        place = Place.parse(url, {})
        assert (place.url, place.bucket) == (bare, bucket)
        assert "secret" not in repr(place)

    @pytest.mark.parametrize(
        "url", ["s3://key:hid/den@bucket/a", "s3://key:hid?den@bucket", "sftp://me:hid#den@host/a"]
    )
    def test_a_password_that_ends_too_early_is_not_shown(self, url: str) -> None:
        with pytest.raises(StorageError, match="%2F") as caught:
            Place.parse(url, {})
        assert "hid" not in str(caught.value)
        assert "den" not in str(caught.value)

    @pytest.mark.parametrize("url", ["webdav://host:8080/a@b", "s3://arn:aws:s3:eu:1:x/y/a@b"])
    def test_other_colons_are_no_passwords(self, url: str) -> None:
        _check_password(url)

    def test_secrets_in_options_are_not_shown(self) -> None:
        options = {
            "client_kwargs": {"aws_secret_access_key": "hidden-1"},
            "connection_string": "AccountKey=hidden-2",
            "endpoint_url": "http://shown",
        }
        place = Place.parse("s3://bucket", options)
        assert "hidden" not in repr(place)
        text = "hidden-1 AccountKey=hidden-2 http://shown"
        shown = str(place.explained(OSError(text), "read 'k'"))
        assert "hidden" not in shown
        assert "http://shown" in shown
        assert place.cause(OSError(text)) is None
        assert isinstance(place.cause(OSError("plain")), OSError)

    def test_a_scheme_that_nobody_knows(self) -> None:
        with pytest.raises(StorageError, match=r"nobody knows storage at gopher://"):
            open_storage("gopher://host/path")

    def test_a_library_that_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "paramiko", None)
        monkeypatch.delitem(sys.modules, "fsspec.implementations.sftp", raising=False)
        with pytest.raises(StorageError, match="paramiko"):
            open_storage("sftp://host/path")

    def test_what_is_no_url(self) -> None:
        with pytest.raises(StorageError, match="no URL"):
            FsspecStorage("bucket/key")

    def test_nothing_is_imported_before_it_is_opened(self) -> None:
        code = (
            "import sys, aqueduct_core.storage;"
            "print([m for m in ('fsspec', 'botocore', 's3fs', 'gcsfs') if m in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        assert done.stdout.strip() == b"[]"


class TestFolderThroughFsspec:
    def test_a_full_disk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        storage = FsspecStorage(f"file://{tmp_path}/store", part_size=1000)
        storage.put("key", b"old")
        files = storage._client()._fs  # type: ignore[attr-defined]
        opened = files.open

        def open_(*args: Any, **options: Any) -> Any:
            file = opened(*args, **options)
            written = []

            def write(data: Any) -> int:
                written.append(file.f.write(data))
                if len(written) > 2:
                    raise OSError(errno.ENOSPC, "No space left on device")
                return written[-1]

            monkeypatch.setattr(file, "write", write, raising=False)
            return file

        monkeypatch.setattr(files, "open", open_)
        with pytest.raises(StorageFullError, match="no space left"):
            storage.put("key", bytes(10_000))
        assert storage.get("key") == b"old"
        assert [path.name for path in (tmp_path / "store").rglob("*") if path.is_file()] == ["key"]

    def test_an_unreadable_folder_is_a_missing_object(self, tmp_path: Path) -> None:
        with pytest.raises(StorageNotFoundError):
            FsspecStorage(f"file://{tmp_path}/store").get("no/such")


class _Http(Exception):
    def __init__(self, **attributes: Any) -> None:
        super().__init__("http")
        self.__dict__.update(attributes)


def _boto(code: str, status: int) -> Exception:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return _Http(response=answer)


def _raised_from(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


class TestClassify:
    @pytest.mark.parametrize(
        ("error", "fault"),
        [
            (ConnectionResetError(), Fault.TRANSIENT),
            (BrokenPipeError(), Fault.TRANSIENT),
            (TimeoutError(), Fault.TRANSIENT),
            (OSError(errno.EHOSTUNREACH, "x"), Fault.TRANSIENT),
            (__import__("http.client").client.IncompleteRead(b""), Fault.TRANSIENT),
            (__import__("socket").gaierror(), Fault.TRANSIENT),
            (_Http(status=503), Fault.TRANSIENT),
            (_Http(status_code=429), Fault.TRANSIENT),
            (_Http(code="500"), Fault.TRANSIENT),
            (_Http(status=501), Fault.FATAL),
            (_Http(status=507), Fault.FULL),
            (_Http(status_code=401), Fault.DENIED),
            (_Http(status=412), Fault.CHANGED),
            (_Http(status=416), Fault.BEYOND),
            (_Http(error_code="ContainerNotFound", status_code=404), Fault.NO_BUCKET),
            (_Http(error_code="ServerBusy", status_code=503), Fault.TRANSIENT),
            (_boto("SlowDown", 503), Fault.TRANSIENT),
            (_boto("RequestTimeout", 400), Fault.TRANSIENT),
            (_boto("BadDigest", 400), Fault.TRANSIENT),
            (_boto("InternalError", 200), Fault.TRANSIENT),
            (_boto("NoSuchBucket", 404), Fault.NO_BUCKET),
            (_boto("404", 404), Fault.MISSING),
            (_boto("ExpiredToken", 400), Fault.DENIED),
            (_boto("RequestTimeTooSkewed", 403), Fault.DENIED),
            (_boto("MalformedXML", 400), Fault.FATAL),
            (PermissionError(), Fault.DENIED),
            (FileNotFoundError(), Fault.MISSING),
            (OSError(errno.ENOSPC, "x"), Fault.FULL),
            (OSError("Forbidden: https://..."), Fault.DENIED),
            (OSError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"), Fault.FATAL),
            (_raised_from(FileNotFoundError(), _boto("NoSuchBucket", 404)), Fault.NO_BUCKET),
            (_raised_from(OSError(errno.EINVAL, "x"), _boto("SlowDown", 503)), Fault.TRANSIENT),
            (ValueError("what?"), Fault.FATAL),
        ],
        ids=repr,
    )
    def test_faults(self, error: Exception, fault: Fault) -> None:
        assert fault_of(error) is fault

    def test_what_the_libraries_raise(self) -> None:
        exceptions = pytest.importorskip("botocore.exceptions")
        aiohttp = pytest.importorskip("aiohttp")
        requests = pytest.importorskip("requests")
        urllib3 = pytest.importorskip("urllib3")
        transient = [
            exceptions.EndpointConnectionError(endpoint_url="x"),
            exceptions.ReadTimeoutError(endpoint_url="x"),
            exceptions.ConnectionClosedError(endpoint_url="x"),
            exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2),
            exceptions.ResponseStreamingError(error="x"),
            exceptions.FlexibleChecksumError(error_msg="x"),
            aiohttp.ServerDisconnectedError(),
            aiohttp.ClientPayloadError(),
            aiohttp.ServerTimeoutError(),
            requests.exceptions.ChunkedEncodingError(),
            requests.exceptions.ReadTimeout(),
            urllib3.exceptions.ProtocolError(),
        ]
        assert {fault_of(error) for error in transient} == {Fault.TRANSIENT}
        denied = [
            exceptions.NoCredentialsError(),
            exceptions.ProfileNotFound(profile="x"),
            exceptions.CredentialRetrievalError(provider="x", error_msg="y"),
        ]
        assert {fault_of(error) for error in denied} == {Fault.DENIED}

    def test_a_loop_of_causes_ends(self) -> None:
        first, second = ValueError(), ValueError()
        first.__cause__, second.__cause__ = second, first
        assert fault_of(first) is Fault.FATAL


class TestRetry:
    def test_waits_are_random_and_grow_up_to_a_limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        limits, waits = [], []

        def uniform(low: float, high: float) -> float:
            limits.append((low, high))
            return high

        monkeypatch.setattr("random.uniform", uniform)
        monkeypatch.setattr("time.sleep", waits.append)
        with pytest.raises(Exhausted, match="6 attempts") as caught:
            Retry(attempts=6, first=1.0, longest=5.0).run(self._fail)
        assert limits[:5] == [(0, 1.0), (0, 2.0), (0, 4.0), (0, 5.0), (0, 5.0)]
        assert waits == [1.0, 2.0, 4.0, 5.0, 5.0]
        assert isinstance(caught.value.__cause__, ConnectionResetError)

    def test_no_wait_exceeds_the_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        waits: list[float] = []
        monkeypatch.setattr("random.uniform", lambda low, high: high)
        monkeypatch.setattr("time.sleep", waits.append)
        with pytest.raises(Exhausted):
            Retry(attempts=100, seconds=6.0, first=4.0).run(self._fail)
        assert waits == [4.0]

    def test_what_is_fatal_is_not_repeated(self) -> None:
        calls = []

        def call() -> None:
            calls.append(1)
            raise PermissionError

        with pytest.raises(PermissionError):
            Retry().run(call)
        assert len(calls) == 1

    @staticmethod
    def _fail() -> None:
        raise ConnectionResetError


_BUFFERS = st.lists(st.integers(0, 300).map(lambda n: bytes(index % 251 for index in range(n))))


class TestBody:
    @given(_BUFFERS, st.integers(0, 900), st.integers(0, 900), st.sampled_from([1, 7, 64]))
    def test_it_is_the_concatenation(
        self, buffers: list[bytes], start: int, stop: int, size: int
    ) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("aqueduct_core.storage._body._SMALL", 50)
            body, whole = Body(buffers), b"".join(buffers)
        assert body.size == len(whole)
        assert body.tobytes() == whole
        assert body.slice(start, stop).tobytes() == whole[start:stop]
        assert b"".join(body.pieces(size)) == whole
        reader = body.reader()
        assert len(reader) == len(whole)
        assert reader.read() == whole
        assert reader.read(5) == b""
        reader.seek(start)
        assert reader.read(size) == whole[start : start + size]
        assert reader.seek(0, io.SEEK_END) == len(whole)

    def test_large_buffers_are_not_copied(self) -> None:
        data = bytearray(1 << 17)
        body = Body([b"head", data, array("d", [1.0])])
        data[5:9] = b"live"
        assert body.slice(9, 13).tobytes() == b"live"

    def test_a_file_that_is_empty(self, tmp_path: Path) -> None:
        (tmp_path / "empty").touch()
        assert map_file(tmp_path / "empty").nbytes == 0
