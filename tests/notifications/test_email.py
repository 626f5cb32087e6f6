"""Email, through a real SMTP server: signed in, encrypted, and only to whom it knows."""

from __future__ import annotations

import socket

import pytest

from aqueduct_core.errors import IntegrationError
from aqueduct_core.notifications import Message, _email, notify, open_notification
from aqueduct_core.notifications._faults import TransientError
from tests.notifications.servers import MailServer


def email(server: MailServer, **config):
    plain = {
        "host": "127.0.0.1",
        "port": server.port,
        "sender": "Aqueduct <aqueduct@example.org>",
        "recipients": ["ann@example.org", "bob@example.org"],
        "security": "none",
    }
    return open_notification("mail", "email", {**plain, **config})


def test_the_mail_has_two_forms(mail_server: MailServer, message) -> None:
    email(mail_server).send(message)
    [mail] = mail_server.mails
    assert mail["Subject"] == "Churn <b>& failed"
    assert mail["From"] == "Aqueduct <aqueduct@example.org>"
    assert mail["To"] == "ann@example.org, bob@example.org"
    assert mail["Message-ID"] == f"<{message.id}@example.org>"
    assert mail_server.envelopes[0].mail_from == "aqueduct@example.org"
    plain, html = mail.iter_parts()
    assert plain.get_content().splitlines() == [
        "Churn <b>& failed",
        "",
        "Failed: predict: ValueError: <nothing> at churn.py:12",
        "Check: not_empty: 0 rows",
        "Run: scheduled-2026-06-01T1200Z",
        "Took: 1 min 15 s",
        "",
        "https://aqueduct.example/runs/1?a=b&c=d",
    ]
    assert "Churn &lt;b&gt;&amp; failed" in html.get_content()
    assert "&lt;nothing&gt;" in html.get_content()
    assert 'href="https://aqueduct.example/runs/1?a=b&amp;c=d"' in html.get_content()


def test_names_of_any_kind_are_subjects(mail_server: MailServer) -> None:
    for flow in ("Größe → 数", "two\nBcc: all@example.org", "x" * 2000, "half \ud800"):
        email(mail_server).send(Message(flow=flow, run="r", state="succeeded"))
    subjects = [str(mail["Subject"]) for mail in mail_server.mails]
    assert subjects[:2] == ["Größe → 数 succeeded", "two succeeded"]
    assert all(mail["Bcc"] is None for mail in mail_server.mails)


def test_a_test_sends_nothing(mail_server: MailServer) -> None:
    email(mail_server).test()
    assert mail_server.mails == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # it is, outside
@pytest.mark.parametrize("security", ["starttls", "ssl"])
def test_it_signs_in_through_an_encrypted_connection(own, message, security: str) -> None:
    pem, context = own
    options = {"tls_context": context, "auth_required": True, "require_starttls": True}
    if security == "ssl":
        options = {"ssl_context": context, "auth_required": True, "auth_require_tls": False}
    config = {"security": security, "user": "me", "ca_file": str(pem)}
    with MailServer(**options) as server:
        email(server, password="hunter2", **config).send(message)
        assert len(server.mails) == 1
        wrong = email(server, password="wrong-word", **config)
        with pytest.raises(IntegrationError, match="does not know this user") as caught:
            wrong.test()
        assert server.logins[0] == ("me", "hunter2")
        assert set(server.logins[1:]) == {("me", "wrong-word")}
    assert "wrong-word" not in f"{caught.value} {wrong!r}"
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("security", ["starttls", "ssl"])
def test_certificates_are_checked(own, security: str) -> None:
    options = {"tls_context": own[1]} if security == "starttls" else {"ssl_context": own[1]}
    with MailServer(**options) as server:
        with pytest.raises(IntegrationError, match="certificate is not trusted") as caught:
            email(server, security=security).test()
        assert not isinstance(caught.value, TransientError)


def test_a_server_without_encryption_gets_no_password(mail_server: MailServer) -> None:
    with pytest.raises(IntegrationError, match="can't do what it should"):
        email(mail_server, security="starttls", user="me", password="hunter2").test()
    with pytest.raises(IntegrationError, match="without encryption"):
        email(mail_server, security="none", user="me", password="hunter2")
    assert mail_server.logins == []


def test_a_busy_server_is_tried_again(mail_server: MailServer, message) -> None:
    mail_server.answers += ["451 try later", "421 going down"]
    [delivery] = notify(message, [email(mail_server)], pauses=(0, 0))
    assert (delivery.attempts, delivery.error) == (3, None)
    assert len(mail_server.mails) == 1


def test_what_is_refused_is_not_tried_again(mail_server: MailServer, message) -> None:
    mail_server.answers += ["554 spam"]
    [delivery] = notify(message, [email(mail_server)], pauses=(0, 0))
    assert delivery.attempts == 1
    assert "refused: 554 spam" in str(delivery.error)


def test_recipients_that_nobody_knows(mail_server: MailServer, message) -> None:
    some = email(mail_server, recipients="ann@example.org, nobody@example.org")
    with pytest.raises(IntegrationError, match="refused some recipients: nobody"):
        some.send(message)
    assert len(mail_server.mails) == 1  # the others have got it
    with pytest.raises(IntegrationError, match="refused all recipients: 550 no such user"):
        email(mail_server, recipients="nobody@example.org").send(message)


def test_a_server_that_is_not_there(mail_server: MailServer, message) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    with pytest.raises(TransientError, match="can't be reached: Connection refused"):
        email(mail_server, port=port).send(message)


def test_a_server_that_says_nothing(mail_server: MailServer, message, monkeypatch) -> None:
    monkeypatch.setattr(_email, "TIMEOUT", 0.05)
    silent = socket.create_server(("127.0.0.1", 0))
    with silent, pytest.raises(TransientError, match="did not answer in time"):
        email(mail_server, port=silent.getsockname()[1]).send(message)


@pytest.mark.parametrize(
    "config",
    [
        {"sender": "nobody"},
        {"recipients": []},
        {"recipients": ["ann@example.org", "bob"]},
        {"recipients": ["ann@example.org\r\nBcc: all@example.org"]},
        {"security": "tls"},
        {"level": "loud"},
        {"colour": "red"},
        {"ca_file": "/nowhere.pem"},
    ],
)
def test_a_configuration_that_does_not_fit(mail_server: MailServer, config) -> None:
    with pytest.raises(IntegrationError):
        email(mail_server, **config).test()


def test_secrets_are_not_shown(mail_server: MailServer) -> None:
    assert "hunter2" not in repr(
        email(mail_server, user="me", password="hunter2", security="starttls")
    )
