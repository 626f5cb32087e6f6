"""A folder, and what the object stores have in common."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import SplitResult, unquote, urlsplit

from aqueduct_core.errors import (
    IntegrationError,
    StorageError,
    StorageNotFoundError,
    StoragePermissionError,
    StorageUnavailableError,
)
from aqueduct_core.integrations.files._integration import FileIntegration
from aqueduct_core.integrations.files._local import Folder
from aqueduct_core.integrations.files._paths import check_path
from aqueduct_core.integrations.files._remote import Bucket

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON
    from aqueduct_core.integrations.files._place import Place

__all__ = ["BucketIntegration", "FilesystemIntegration"]


class FilesystemIntegration(FileIntegration):
    """A folder of this machine, or one that all machines have mounted.

    Args:
        name: What the user calls it.
        path: The folder. It has to be there.
        url: The same as a URL: `file:///data/sales`.
    """

    kind = "filesystem"

    def __init__(self, name: str, *, path: str | Path = "", url: str | None = None) -> None:
        super().__init__(name)
        parts = _split(name, url)
        if parts.netloc not in ("", "localhost"):
            raise IntegrationError(
                f"{name}: {url!r} has a host, and a folder of this machine has none",
                hint='url="file:///data/sales", with three slashes, or path="/data/sales"',
            )
        path = path or unquote(parts.path)
        if not str(path):
            raise IntegrationError(f"{name}: path is empty", hint='path="/data/sales"')
        self.path = Path(path).expanduser().absolute()

    def config(self) -> Mapping[str, JSON]:
        return {"path": str(self.path)}

    def test(self) -> None:
        try:
            super().test()
        except StorageError as error:
            raise IntegrationError(f"{self.name}: {error.message}", hint=error.hint) from error
        except OSError as error:
            raise IntegrationError(
                f"{self.name}: {self.path} can't be read: {error.strerror or error}",
                hint="check who may read the folder",
            ) from error

    def _make_place(self) -> Place:
        return Folder(self.path)


class BucketIntegration(FileIntegration):
    """What the object stores have in common.

    Args:
        name: What the user calls it.
        bucket: The bucket.
        prefix: The root in the bucket; by default all of it.
        url: Both of them in one.
        settings: The others; those that aren't given are None, or False.
    """

    what: ClassVar[str] = "bucket"
    scheme: ClassVar[str]
    credentials: ClassVar[str]  # which settings a refused login is about
    host: ClassVar[str]  # which settings say where the server is
    server: ClassVar[str]  # the one of them that is its address
    options: ClassVar[Mapping[str, str]]  # what the storage calls the settings that it takes

    def __init__(
        self,
        name: str,
        bucket: str,
        prefix: str,
        url: str | None,
        settings: Mapping[str, str | bool | None],
    ) -> None:
        super().__init__(name)
        self._settings = {
            key: value for key, value in settings.items() if value not in (None, False)
        }
        if url is not None:
            parts = _split(name, url)
            bucket, prefix = bucket or parts.netloc, prefix or unquote(parts.path)
        if not bucket or set(bucket) & set("/?#@: \\"):
            raise IntegrationError(
                f"{name}: {bucket!r} can't be the name of a {self.what}",
                hint=f'{self.what}="sales"; what is in front of the paths goes into prefix=',
            )
        self.bucket = bucket
        self.prefix = prefix.strip("/")
        if self.prefix:
            check_path(name, self.prefix)
            if set(self.prefix) & set("?#"):
                raise IntegrationError(f"{name}: a prefix has no '?' and no '#'", hint="rename it")

    def config(self) -> Mapping[str, JSON]:
        root = {self.what: self.bucket} | ({"prefix": self.prefix} if self.prefix else {})
        return root | self._settings

    def test(self) -> None:
        at = self._settings.get(self.server) or f"the {self.kind} service"
        try:
            super().test()
        except StorageNotFoundError as error:
            raise IntegrationError(
                f"{self.name}: there is no {self.what} {self.bucket!r} at {at}",
                hint=f"check {self.what} and {self.host}, or create it",
            ) from error.__cause__
        except StoragePermissionError as error:
            raise IntegrationError(
                f"{self.name}: the credentials were refused for {self.what} {self.bucket!r}: "
                f"{_said(error)}",
                hint=f"check {self.credentials}, and that they allow to list the {self.what}",
            ) from error.__cause__
        except StorageUnavailableError as error:
            raise IntegrationError(
                f"{self.name}: {at} does not answer: {_said(error)}",
                hint=f"check {self.host} and the network",
            ) from error.__cause__
        except StorageError as error:
            raise IntegrationError(
                f"{self.name}: the {self.what} {self.bucket!r} can't be reached: {_said(error)}",
                hint=f"check {self.host} and {self.credentials}",
            ) from error.__cause__

    def _make_place(self) -> Place:
        root = f"{self.bucket}/{self.prefix}" if self.prefix else self.bucket
        return Bucket(f"{self.scheme}://{root}", self._options())

    def _options(self) -> dict[str, Any]:
        """What the storage is opened with."""
        return {
            name: self._settings[key] for key, name in self.options.items() if key in self._settings
        }


def _split(name: str, url: str | None) -> SplitResult:
    """The parts of a URL, which holds no secrets.

    Raises:
        IntegrationError: It has more than a place in it. Its text is not shown.
    """
    parts = urlsplit(url or "")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise IntegrationError(
            f"{name}: url has more in it than a place",
            hint="s3://bucket/prefix; credentials are settings of their own",
        )
    return parts


def _said(error: StorageError) -> str:
    """What the server said, without what we put in front of it."""
    return error.message.partition(": ")[2] or error.message
