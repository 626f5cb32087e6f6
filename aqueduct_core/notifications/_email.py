"""Email through an SMTP server."""

from __future__ import annotations

import html
import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import ClassVar, Literal

from aqueduct_core.errors import IntegrationError
from aqueduct_core.notifications._faults import TIMEOUT, TransientError, tls_context, words
from aqueduct_core.notifications._message import Level, Message

__all__ = ["Email"]

_PORTS = {"starttls": 587, "ssl": 465, "none": 25}
_ADDRESSES = "check sender= and recipients=, and whether the server lets you send"
_COLORS = {"success": "#2e7d32", "warning": "#b26a00", "error": "#c62828"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    """Some people's mailboxes.

    Attributes:
        name: What the user calls it.
        host: The SMTP server.
        sender: The address that mail comes from.
        recipients: The addresses that it goes to; as text, with commas between them.
        user: Who signs in to the server; None for nobody.
        password: With which password.
        security: `starttls`, `ssl`, or `none` for a server that needs no password.
        port: The server's port; None for the usual one.
        level: From which kind of end on mail is sent: `success`, `warning`, `error` or `never`.
        ca_file: Certificates to trust instead of the machine's.
    """

    kind: ClassVar[str] = "email"
    secrets: ClassVar[frozenset[str]] = frozenset({"password"})

    name: str
    host: str
    sender: str
    recipients: Sequence[str]
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    security: Literal["starttls", "ssl", "none"] = "starttls"
    port: int | None = None
    level: Level = "error"
    ca_file: str | None = None

    def __post_init__(self) -> None:
        given = self.recipients
        addresses = given.split(",") if isinstance(given, str) else given
        # A tuple, also of what came as a list or as text with commas.
        object.__setattr__(self, "recipients", tuple(item.strip() for item in addresses))
        if self.security not in _PORTS:
            raise IntegrationError(
                f"{self.name!r} has the security {self.security!r}",
                hint=f"one of {', '.join(_PORTS)}",
            )
        if self.user is not None and self.security == "none":
            raise IntegrationError(
                f"{self.name!r} would send a password without encryption",
                hint='security="starttls", or "ssl"',
            )
        for address in (self.sender, *(self.recipients or ("",))):
            if "@" not in parseaddr(address)[1] or not address.isprintable():
                raise IntegrationError(
                    f"{self.name!r} has {address!r} for an address of email",
                    hint='sender="Aqueduct <aqueduct@example.org>", '
                    'recipients=["ann@example.org", ...]',
                )

    def test(self) -> None:
        with self._server() as server:
            server.noop()

    def send(self, message: Message) -> None:
        mail = self._mail(message)
        with self._server() as server:
            refused = server.send_message(mail)
        if refused:
            listed = ", ".join(
                f"{address} ({_said(code, text)})" for address, (code, text) in refused.items()
            )
            raise IntegrationError(
                f"{self.name!r}: the server refused some recipients: {listed}",
                hint="check their addresses; the others have got it",
            )

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"] = message.title
        mail["From"] = self.sender
        mail["To"] = ", ".join(self.recipients)
        mail["Date"] = format_datetime(message.time)
        # The same for each attempt, so that one delivered twice is shown once.
        mail["Message-ID"] = f"<{message.id}@{parseaddr(self.sender)[1].rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(_text(message))
        mail.add_alternative(_html(message), subtype="html")
        return mail

    @contextmanager
    def _server(self) -> Iterator[smtplib.SMTP]:
        """A connection, signed in; what the server says against anything in it is raised."""
        where = f"{self.name!r}: the mail server {self.host}"
        try:
            with self._connected() as server:
                yield server
        except smtplib.SMTPAuthenticationError as error:
            raise IntegrationError(
                f"{where} does not know this user and password: "
                f"{_said(error.smtp_code, error.smtp_error)}",
                hint="check user= and password=; some servers want a password for programs",
            ) from None
        except smtplib.SMTPRecipientsRefused as error:
            code, text = next(iter(error.recipients.values()))
            raise _kind(code)(
                f"{where} refused all recipients: {_said(code, text)}", hint=_ADDRESSES
            ) from None
        except smtplib.SMTPResponseException as error:
            said = _said(error.smtp_code, error.smtp_error)
            raise _kind(error.smtp_code)(f"{where} refused: {said}", hint=_ADDRESSES) from None
        except smtplib.SMTPNotSupportedError as error:
            raise IntegrationError(
                f"{where} can't do what it should: {error}",
                hint='check the port and security="starttls", "ssl" or "none"',
            ) from None
        except smtplib.SMTPException:
            raise TransientError(
                f"{where} broke off, or did not answer in time",
                hint='check the port and security="starttls", "ssl" or "none"',
            ) from None
        except ssl.SSLError as error:
            raise IntegrationError(
                f"{where} can't be trusted: {words(error)}",
                hint='check the port and security="starttls", "ssl" or "none"; ca_file= names a '
                "certificate of your own",
            ) from error
        except OSError as error:
            raise TransientError(
                f"{where} can't be reached: {words(error)}",
                hint="check host= and port=, and whether this machine may reach it",
            ) from error

    def _connected(self) -> smtplib.SMTP:
        port = self.port or _PORTS[self.security]
        tls = tls_context(self.ca_file)
        if self.security == "ssl":
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, port, timeout=TIMEOUT, context=tls)
        else:
            server = smtplib.SMTP(self.host, port, timeout=TIMEOUT)
        try:
            if self.security == "starttls":
                server.starttls(context=tls)
            if self.user is not None:
                server.login(self.user, self.password or "")
        except BaseException:
            server.close()
            raise
        return server


def _text(message: Message) -> str:
    lines = [f"{label}: {text}" for label, text in message.facts()]
    end = ["", message.link] if message.link else []
    return "\n".join([message.title, "", *lines, *end, ""])


def _html(message: Message) -> str:
    rows = "".join(
        f'<tr><td style="padding:2px 16px 2px 0;color:#666;vertical-align:top">{label}</td>'
        f"<td>{html.escape(text)}</td></tr>"
        for label, text in message.facts()
    )
    color = _COLORS.get(message.level, "#333")
    link = f'<p><a href="{html.escape(message.link)}">Open the run</a></p>' if message.link else ""
    return (
        '<div style="font-family:sans-serif;font-size:14px">'
        f'<h2 style="font-size:18px;color:{color}">{html.escape(message.title)}</h2>'
        f"<table>{rows}</table>{link}</div>"
    )


def _kind(code: int) -> type[IntegrationError]:
    return TransientError if 400 <= code < 500 else IntegrationError


def _said(code: int, text: bytes | str) -> str:
    plain = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return " ".join(f"{code} {plain}".split())
