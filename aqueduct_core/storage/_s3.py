"""S3 through botocore, which s3fs brings: streams into our memory, which s3fs can't.

Measured against a local protocol server with objects of 256 MB and 1 GB, it reads and writes as
fast as the fastest client library there is (boto3, obstore, pyarrow); s3fs takes longer by half to
read and twice as long to write.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import cache
from http.client import HTTPResponse
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from aqueduct_core.storage._body import Body
from aqueduct_core.storage._classify import Fault, fault_of
from aqueduct_core.storage._client import Found

__all__ = ["S3Client", "understands"]

# The options of s3fs that mean something here, and those about caches and blocks that we have not.
_KNOWN = {
    *("anon", "client_kwargs", "config_kwargs", "endpoint_url", "key", "password", "profile"),
    *("requester_pays", "s3_additional_kwargs", "secret", "token", "use_ssl", "username"),
}
_POINTLESS = {
    *("default_block_size", "default_cache_type", "default_fill_cache", "fixed_upload_size"),
    *("listings_expiry_time", "max_concurrency", "max_paths", "skip_instance_cache"),
    "use_listings_cache",
}
_INLINE = 1 << 20  # up to here a body is joined: cheaper than reading it piece by piece
_SINGLE = 4 << 30  # S3 takes 5 GiB in one request


def understands(root: str, options: Mapping[str, Any]) -> bool:
    """Whether this client does the same with these options as s3fs; else s3fs is to be used."""
    return not root.startswith("arn:") and options.keys() <= _KNOWN | _POINTLESS


class S3Client:
    """A bucket, or what is under a prefix in it.

    Args:
        root: `bucket/prefix`.
        options: What s3fs takes.
        part: From twice this size on an object is sent in parts.
        concurrency: How many connections are kept.
    """

    streams = True
    in_parts = True
    retries = False

    def __init__(
        self, root: str, options: Mapping[str, Any], *, part: int, concurrency: int
    ) -> None:
        self._bucket, _, prefix = root.partition("/")
        self._prefix = prefix and f"{prefix}/"
        self._s3 = _connect(options, concurrency)
        self._extra = dict(options.get("s3_additional_kwargs") or {})
        if options.get("requester_pays"):
            self._extra["RequestPayer"] = "requester"
        self.ordered = not self._bucket.endswith("--x-s3")  # directory buckets have no order
        self.near = _near(self._s3.meta.endpoint_url)
        # To this very machine one connection is as fast as many, and parts only cost requests.
        self.single = _SINGLE if self.near else 2 * part

    def put(self, key: str, body: Body) -> None:
        data = body.tobytes() if body.size <= _INLINE else body.reader()
        self._call("put_object", Key=self._prefix + key, Body=data)

    def create(self, key: str, body: Body) -> bool | None:
        try:
            self._call("put_object", Key=self._prefix + key, Body=body.tobytes(), IfNoneMatch="*")
        except Exception as error:
            if fault_of(error) is Fault.CHANGED:
                return False
            if _is_not_implemented(error):
                return None
            raise
        return True

    def upload(self, key: str) -> S3Upload:
        path = self._prefix + key
        answer = self._call("create_multipart_upload", Key=path)
        return S3Upload(self, path, answer["UploadId"])

    def open(self, key: str, start: int, end: int | None, version: str | None = None) -> S3Stream:
        asked: dict[str, Any] = {} if version is None else {"IfMatch": version}
        if start or end is not None:
            asked["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
        answer = self._call("get_object", Key=self._prefix + key, **asked)
        if start and "ContentRange" not in answer:
            answer["Body"].close()
            raise OSError(f"the server sent all of {key!r} when asked for a range")
        comes = int(answer["ContentLength"])
        size = comes if end is None else min(comes, end - start)
        return S3Stream(answer["Body"], comes, size, answer.get("ETag"))

    def head(self, key: str) -> Found | None:
        answer = self._call("head_object", Key=self._prefix + key)
        size, modified = int(answer["ContentLength"]), answer["LastModified"].timestamp()
        return Found(key, size, modified, answer.get("ETag"))

    def page(
        self, prefix: str, token: str | None, after: str = ""
    ) -> tuple[list[Found], str | None]:
        more = {"StartAfter": self._prefix + after} if after else {}
        if token is not None:
            more = {"ContinuationToken": token}
        answer = self._call("list_objects_v2", Prefix=self._prefix + prefix, **more)
        found = [
            Found(
                entry["Key"][len(self._prefix) :],
                int(entry["Size"]),
                entry["LastModified"].timestamp(),
            )
            for entry in answer.get("Contents", ())
        ]
        return found, answer.get("NextContinuationToken")

    def delete(self, keys: Sequence[str]) -> None:
        paths = [self._prefix + key for key in keys]
        if len(paths) == 1:
            self._call("delete_object", Key=paths[0])
            return
        for start in range(0, len(paths), 1000):
            named = [{"Key": path} for path in paths[start : start + 1000]]
            answer = self._call("delete_objects", Delete={"Objects": named, "Quiet": True})
            for failed in answer.get("Errors", ()):
                if failed.get("Code") != "NoSuchKey":
                    raise _refused(failed)

    def check(self) -> None:
        self._call("list_objects_v2", Prefix=self._prefix, MaxKeys=1)

    def _call(self, method: str, **arguments: Any) -> Any:
        operation = self._s3.meta.method_to_api_mapping[method]
        takes = self._s3.meta.service_model.operation_model(operation).input_shape.members
        extra = {name: value for name, value in self._extra.items() if name in takes}
        return getattr(self._s3, method)(Bucket=self._bucket, **extra, **arguments)


class S3Upload:
    """A multipart upload."""

    def __init__(self, client: S3Client, path: str, identity: str) -> None:
        self._client = client
        self._named = {"Key": path, "UploadId": identity}

    def others(self, seconds: float) -> list[S3Upload]:
        path, ours = self._named["Key"], self._named["UploadId"]
        listed = self._client._call("list_multipart_uploads", Prefix=path).get("Uploads", ())
        begun = {one["UploadId"]: one["Initiated"] for one in listed if one["Key"] == path}
        if ours not in begun:
            return []
        last = begun.pop(ours)
        first = last - timedelta(seconds=seconds + 1)  # the server's times may be whole seconds
        return [
            S3Upload(self._client, path, identity)
            for identity, moment in begun.items()
            if first <= moment <= last
        ]

    def part(self, number: int, body: Body) -> dict[str, Any]:
        answer = self._client._call(
            "upload_part", PartNumber=number, Body=body.reader(), **self._named
        )
        sums = {name: value for name, value in answer.items() if name.startswith("Checksum")}
        return {"PartNumber": number, "ETag": answer["ETag"], **sums}

    def complete(self, parts: Sequence[Mapping[str, Any]]) -> None:
        upload = {"Parts": [*parts]}
        self._client._call("complete_multipart_upload", MultipartUpload=upload, **self._named)

    def abort(self) -> None:
        self._client._call("abort_multipart_upload", **self._named)


class S3Stream:
    """A body as it arrives.

    Args:
        body: What botocore gives.
        comes: How many bytes the server sends.
        size: How many of them were asked for.
        version: The object's ETag.
    """

    def __init__(self, body: Any, comes: int, size: int, version: str | None) -> None:
        self.size = size
        self.version = version
        self._body = body
        self._left = comes
        self._readinto = _straight(body) or body.readinto

    def readinto(self, view: memoryview) -> int:
        got = int(self._readinto(view))
        self._left -= got
        return got

    def read(self) -> bytes:
        data: bytes = self._body.read(self.size)
        self._left -= len(data)
        return data

    def close(self) -> None:
        if self._left:
            self._body.close()  # and the connection with it: it would have to be read to the end
        else:
            self._body._raw_stream.release_conn()


def _straight(body: Any) -> Callable[[memoryview], int] | None:
    """Reads from the socket into our memory.

    botocore's and urllib3's own `readinto` go through memory of theirs, which takes a quarter of
    the time that a fast network leaves. Bodies that are more than what came (checked, decoded) are
    left to them.
    """
    from botocore.response import StreamingBody

    received = getattr(body._raw_stream, "_fp", None) if type(body) is StreamingBody else None
    return received.readinto if isinstance(received, HTTPResponse) else None


def _connect(options: Mapping[str, Any], concurrency: int) -> Any:
    from botocore.session import Session

    session = Session(profile=options.get("profile"))
    session.register_component("data_loader", _loader(session.get_config_variable("data_path")))
    given = dict(options.get("client_kwargs") or {})
    named = {
        "aws_access_key_id": options.get("key") or options.get("username"),
        "aws_secret_access_key": options.get("secret") or options.get("password"),
        "aws_session_token": options.get("token"),
        "endpoint_url": options.get("endpoint_url"),
        "use_ssl": options.get("use_ssl"),
    }
    given |= {name: value for name, value in named.items() if value is not None}
    if options.get("anon"):
        given = {name: value for name, value in given.items() if not name.startswith("aws_")}
    client = session.create_client("s3", config=_config(options, concurrency), **given)
    if _near(client.meta.endpoint_url):
        client.close()
        config = _config(options, concurrency, near=True)
        client = session.create_client("s3", config=config, **given)
    client.meta.events.register_last("before-call.s3.PutObject", _send_at_once)
    return client


@cache
def _loader(data_path: str | None) -> Any:
    """What reads botocore's descriptions of services: half a second, once for all storages."""
    from botocore.loaders import create_loader

    return create_loader(data_path)


def _config(options: Mapping[str, Any], concurrency: int, *, near: bool = False) -> Any:
    from botocore import UNSIGNED
    from botocore.config import Config

    settings: dict[str, Any] = {
        "connect_timeout": 10,
        "read_timeout": 30,
        "max_pool_connections": concurrency + 4,
        "tcp_keepalive": True,
        # What is read is compared with the digest in its manifest.
        "response_checksum_validation": "when_required",
    }
    if near:
        # Bytes are not damaged on the way to this very machine: two more hashes of everything
        # would cost more than sending it.
        settings["s3"] = {"payload_signing_enabled": False}
        if "AWS_REQUEST_CHECKSUM_CALCULATION" not in os.environ:
            settings["request_checksum_calculation"] = "when_required"
    settings |= options.get("config_kwargs") or {}
    settings["retries"] = {"total_max_attempts": 1}  # ours; two of them would multiply
    if options.get("anon"):
        settings["signature_version"] = UNSIGNED
    return Config(**settings)


def _send_at_once(params: dict[str, Any], **_: Any) -> None:
    """Leave out `Expect: 100-continue` where the body is no longer than a round trip is worth."""
    if isinstance(params.get("body"), (bytes, bytearray)):
        params["headers"].pop("Expect", None)


def _near(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_not_implemented(error: Exception) -> bool:
    """Whether a server says that it hasn't got what it was asked for."""
    answer = getattr(error, "response", None) or {}
    return bool(answer.get("ResponseMetadata", {}).get("HTTPStatusCode") == 501)


def _refused(failed: Mapping[str, Any]) -> Exception:
    from botocore.exceptions import ClientError

    error: Exception = ClientError({"Error": dict(failed)}, "DeleteObjects")
    return error
