"""A URL and its options: what is where, who connects, and what a fault there means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any
from urllib.parse import unquote, urlsplit

from aqueduct_core.errors import (
    AqueductError,
    MissingExtraError,
    StorageError,
    StorageFullError,
    StorageNotFoundError,
    StoragePermissionError,
    StorageUnavailableError,
)
from aqueduct_core.storage._classify import Fault, fault_of
from aqueduct_core.storage._client import Client
from aqueduct_core.storage._retry import Exhausted

__all__ = ["Place"]

_S3, _GCS, _AZURE = ("s3fs", "s3"), ("gcsfs", "gcs"), ("adlfs", "azure")
_EXTRAS = {
    "s3": _S3,
    "s3a": _S3,
    "gs": _GCS,
    "gcs": _GCS,
    "az": _AZURE,
    "abfs": _AZURE,
    "abfss": _AZURE,
    "adl": _AZURE,
}
_CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE, or the storage options "
    "key= and secret=)",
    "gcs": "GOOGLE_APPLICATION_CREDENTIALS (or the storage option token=)",
    "azure": "AZURE_STORAGE_CONNECTION_STRING (or the storage options account_name= and "
    "account_key=)",
}
_ENDPOINT = {
    "s3": "AWS_ENDPOINT_URL (or the storage option endpoint_url=)",
    "gcs": "STORAGE_EMULATOR_HOST (or the storage option endpoint_url=)",
    "azure": "the storage option account_name=",
}
_SECRET = re.compile(
    r"secret|token|pass|credential|connection_string|sas|(^|_)key|private", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where objects are.

    Attributes:
        scheme: The protocol: `s3`.
        url: The URL without credentials.
        given: The URL as it was given.
        options: What the client takes; credentials among them.
    """

    scheme: str
    url: str
    given: str = field(repr=False)
    options: Mapping[str, Any] = field(repr=False)

    @classmethod
    def parse(cls, url: str, options: Mapping[str, Any]) -> Place:
        """Take a URL and check that somebody knows its scheme.

        Raises:
            MissingExtraError: The library for it is not installed.
            StorageError: It is no URL, or nobody knows its scheme.
        """
        scheme, colon, _ = url.partition("://")
        if not colon:
            raise StorageError(f"{_bare(url)!r} is no URL", hint="s3://bucket/prefix is one")
        _check_password(url)
        _require(scheme)
        return cls(scheme, _bare(url), url, dict(options))

    @property
    def bucket(self) -> str:
        """What holds the objects: a bucket, a container, a host."""
        return self.url.partition("://")[2].partition("/")[0]

    def connect(self, *, part: int, concurrency: int) -> Client:
        """A client for this place."""
        if self.scheme in ("s3", "s3a"):
            from aqueduct_core.storage._s3 import S3Client, understands

            root, options = self.url.partition("://")[2], self._s3_options()
            if understands(root, options):
                return S3Client(root, options, part=part, concurrency=concurrency)
        from aqueduct_core.storage._fsspec_client import FsspecClient

        return FsspecClient(
            self.scheme, self.given, self.options, part=part, concurrency=concurrency
        )

    def _s3_options(self) -> dict[str, Any]:
        """The options, on top of those in fsspec's configuration and in the URL."""
        from fsspec.config import conf

        parts = urlsplit(self.given)
        inside: dict[str, Any] = {}
        if parts.username and parts.password:
            inside = {"key": unquote(parts.username), "secret": unquote(parts.password)}
        return {**conf.get("s3", {}), **inside, **self.options}

    def explained(self, error: Exception, what: str) -> AqueductError:
        """Our error for one of a client library; `what` was tried."""
        if isinstance(error, AqueductError):
            return error
        fault = fault_of(error)
        where = f"can't {what} in {self.url}"
        said = self._clean(str(error.__cause__ if isinstance(error, Exhausted) else error))
        kind = _EXTRAS.get(self.scheme, ("", ""))[1]
        endpoint = _ENDPOINT.get(kind, "the URL and the storage options")
        if isinstance(error, Exhausted) or fault is Fault.TRANSIENT:
            return StorageUnavailableError(
                f"{where}: {error if isinstance(error, Exhausted) else 'it failed'}: {said}",
                hint=f"check the network and {endpoint}; the option retry_seconds= waits longer",
            )
        if fault is Fault.DENIED:
            return StoragePermissionError(
                f"{where}: access to {self.bucket!r} was refused: {said}",
                hint=f"check {_CREDENTIALS.get(kind, 'the credentials')}, and what they allow in "
                f"{self.bucket!r}",
            )
        if fault is Fault.NO_BUCKET or (
            fault is Fault.MISSING and what.startswith(("write", "connect"))
        ):
            return StorageNotFoundError(
                f"{where}: there is no {self.bucket!r}",
                hint=f"create {self.bucket!r} first, or check the URL and {endpoint}",
            )
        if fault is Fault.MISSING:
            return StorageNotFoundError(
                f"{where}: no such object", hint="check the key and the storage's URL"
            )
        if fault is Fault.FULL:
            return StorageFullError(
                f"{where}: no space left: {said}",
                hint="free some space, raise the quota, or, for what is spooled on the way there, "
                "let TMPDIR name a larger disk",
            )
        return StorageError(f"{where}: {said}", hint=f"check {endpoint} and the storage options")

    def cause(self, error: Exception) -> BaseException | None:
        """What our error is raised from: nothing, if that would show a secret."""
        cause = error.__cause__ if isinstance(error, Exhausted) else error
        if isinstance(error, AqueductError):
            return error.__cause__
        return cause if cause is not None and self._clean(str(cause)) == str(cause) else None

    def _clean(self, text: str) -> str:
        for secret in _secrets(self.options, self.given):
            text = text.replace(secret, "***")
        return text


def _bare(url: str) -> str:
    """A URL without user, password, query and fragment."""
    head, _, rest = url.partition("://")
    rest = re.split(r"[?#]", rest, maxsplit=1)[0].rstrip("/")
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    # abfs://container@account: that is no user.
    keep = head in ("abfs", "abfss", "wasb", "wasbs") and ":" not in user
    return f"{head}://{authority if keep else host if at else authority}{slash}{path}"


def _check_password(url: str) -> None:
    """Refuse a URL whose password ends too early: what follows would be shown, as a part of the path.

    Raises:
        StorageError: It has a `/`, `?` or `#`.
    """
    authority, *rest = re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)
    user, colon, password = authority.partition(":")
    begins = colon and "@" not in authority and not password.isdigit() and user != "arn"
    if begins and any("@" in text for text in rest):
        raise StorageError(
            "the URL has a password with characters that end it",
            hint="write %2F for /, %3F for ? and %23 for #; or leave it out, and give it in the "
            "storage options",
        )


def _require(scheme: str) -> None:
    from fsspec.registry import get_filesystem_class, known_implementations

    if scheme in _EXTRAS:
        library, extra = _EXTRAS[scheme]
        if find_spec(library) is None:
            raise MissingExtraError(library, extra, f"storage at {scheme}://")
        return
    try:
        get_filesystem_class(scheme.rpartition("::")[2])
    except ImportError as error:
        raise StorageError(
            f"storage at {scheme}:// needs a library that is not installed",
            hint=known_implementations.get(scheme, {}).get("err") or str(error),
        ) from error
    except ValueError as error:
        raise StorageError(
            f"nobody knows storage at {scheme}://",
            hint="s3://, gs://, az://, file:// and memory:// are known; fsspec lists others",
        ) from error


def _secrets(options: Mapping[str, Any], url: str) -> Iterator[str]:
    parts = urlsplit(url)
    if parts.password:
        yield parts.password
        yield unquote(parts.password)
    if parts.query:
        yield parts.query
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _secrets(value, "")
        elif isinstance(value, str) and len(value) > 3 and _SECRET.search(name):
            yield value
