"""Webhooks: signed JSON, and addresses that nobody gets to see."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import socket
import traceback

import pytest

from aqueduct_core.errors import IntegrationError
from aqueduct_core.notifications import _http, notify, open_notification
from aqueduct_core.notifications._faults import TransientError
from tests.notifications.servers import HttpServer, say


def webhook(server: HttpServer, **config):
    return open_notification("hook", "webhook", {"url": server.url, **config})


def test_the_message_is_posted(server: HttpServer, message) -> None:
    webhook(server, headers={"Authorization": "Bearer t0k"}).send(message)
    [request] = server.requests
    assert request.path == "/T0/secret-token"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == "Bearer t0k"
    assert "webhook-signature" not in request.headers
    assert request.json == {
        "type": "run.finished",
        "timestamp": "2026-06-01T12:01:15+00:00",
        "data": {
            "flow": "Churn <b>&",
            "run": "scheduled-2026-06-01T1200Z",
            "state": "failed",
            "level": "error",
            "seconds": 75.4,
            "failed": [{"name": "predict", "error": "ValueError: <nothing> at churn.py:12"}],
            "checks": [{"name": "not_empty", "reason": "0 rows"}],
            "reason": None,
            "link": "https://aqueduct.example/runs/1?a=b&c=d",
        },
    }


@pytest.mark.parametrize(
    ("secret", "key"),
    [
        ("plain words", b"plain words"),
        ("whsec_" + base64.b64encode(b"\0\1binary").decode(), b"\0\1binary"),
    ],
)
def test_the_signature_is_that_of_the_standard(server, message, secret: str, key: bytes) -> None:
    webhook(server, secret=secret).send(message)
    [request] = server.requests
    assert request.headers["webhook-id"] == message.id
    time = request.headers["webhook-timestamp"]
    assert time == str(int(message.time.timestamp()))
    signed = f"{message.id}.{time}.".encode() + request.body
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-signature"] == f"v1,{digest}"


def test_a_known_signature() -> None:
    """The example of the standard's own libraries."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = b'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}'
    digest = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    assert digest == "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_test_posts_something_harmless(server: HttpServer) -> None:
    webhook(server).test()
    assert server.requests[0].json["type"] == "test"


def test_transient_faults_are_tried_again(server: HttpServer, message) -> None:
    server.answers += [say(500), say(429, Retry_After="0")]
    [delivery] = notify(message, [webhook(server)], pauses=(0, 0))
    assert (delivery.attempts, delivery.error) == (3, None)
    assert len({request.headers["webhook-id"] for request in server.requests}) == 1
    assert len({request.body for request in server.requests}) == 1


def test_what_stays_broken_is_given_up(server: HttpServer, message, caplog) -> None:
    server.answers += [say(503, b"  overloaded\nnow ")] * 3
    [delivery] = notify(message, [webhook(server)], pauses=(0, 0))
    assert delivery.attempts == 3
    assert delivery.error == "'hook' answered 503 Service Unavailable: overloaded now"
    assert "'hook' was not told that Churn <b>& failed" in caplog.text


def test_what_is_refused_is_not_tried_again(server: HttpServer, message) -> None:
    server.answers += [say(404, b"no_service")]
    [delivery] = notify(message, [webhook(server)], pauses=(0, 0))
    assert (delivery.attempts, len(server.requests)) == (1, 1)
    assert "404 Not Found: no_service" in str(delivery.error)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(server: HttpServer, message, code: int) -> None:
    server.answers += [say(code, Location=f"{server.url}/elsewhere")]
    with pytest.raises(IntegrationError, match="a redirect, which is not followed"):
        webhook(server).send(message)
    assert len(server.requests) == 1


def test_a_server_that_does_not_answer(server, message, monkeypatch) -> None:
    monkeypatch.setattr(_http, "TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/secret-token"
        with pytest.raises(TransientError, match="did not answer in time"):
            open_notification("hook", "webhook", {"url": url}).send(message)


def test_a_connection_that_is_broken_off(server: HttpServer, message) -> None:
    server.answers += [lambda handler: handler.connection.shutdown(socket.SHUT_RDWR)]
    with pytest.raises(TransientError, match="can't be reached"):
        webhook(server).send(message)


def test_what_is_no_http(server: HttpServer, message) -> None:
    server.answers += [lambda handler: handler.wfile.write(b"SSH-2.0-OpenSSH\r\n\r\n")]
    with pytest.raises(TransientError, match="its answer is no HTTP"):
        webhook(server).send(message)


def test_certificates_are_checked(own, message) -> None:
    pem, context = own
    with HttpServer(context) as server:
        with pytest.raises(IntegrationError, match="certificate is not trusted") as caught:
            webhook(server).send(message)
        assert not isinstance(caught.value, TransientError)
        assert server.requests == []
        webhook(server, ca_file=str(pem)).send(message)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://host/secret",
        "host/secret",
        "http://",
        "https://host:port/secret",
        "http://host/a secret",
        "http://host/\r\nsecret",
        "http://[::1/secret",
        None,
    ],
)
def test_what_is_no_address_is_refused_and_not_shown(url) -> None:
    with pytest.raises(IntegrationError, match="is no http") as caught:
        open_notification("hook", "webhook", {"url": url})
    assert "secret" not in str(caught.value)


def test_passwords_belong_into_headers() -> None:
    with pytest.raises(IntegrationError, match="user or password") as caught:
        open_notification("hook", "webhook", {"url": "https://me:hunter2@host/x"})
    assert "hunter2" not in str(caught.value)


def test_headers_hold_one_line() -> None:
    config = {"url": "https://host/x", "headers": {"X": "a\r\nInjected: b"}}
    with pytest.raises(IntegrationError, match="a header"):
        open_notification("hook", "webhook", config)


def test_a_secret_that_should_be_base64_is() -> None:
    with pytest.raises(IntegrationError, match="no base64"):
        open_notification("hook", "webhook", {"url": "https://host/x", "secret": "whsec_%%%"})


@pytest.mark.parametrize("answer", [say(500), say(404), say(302, Location="/x")])
def test_secrets_are_in_no_text(server: HttpServer, message, answer, caplog) -> None:
    config = {"url": server.url, "secret": "hunter2", "headers": {"Authorization": "t0k"}}
    hook = open_notification("hook", "webhook", config)
    server.answers += [answer] * 2
    with pytest.raises(IntegrationError) as caught:
        hook.send(message)
    with caplog.at_level(logging.DEBUG):
        [delivery] = notify(message, [hook], pauses=())
    told = "".join(traceback.format_exception(caught.value))
    for text in (repr(hook), told, repr(caught.value), repr(delivery), caplog.text):
        assert not any(word in text for word in ("secret-token", "hunter2", "t0k"))
    assert caught.value.__cause__ is None
