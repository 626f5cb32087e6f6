"""Why a database server can't be reached, or refuses: what is wrong, and what to do about it."""

from __future__ import annotations

import re

__all__ = ["refused", "unreachable"]

# What drivers say, and which of the settings that is about.
_REASONS = [
    (
        r"password (authentication failed|supplied)|access denied .*using password|role .* does not",
        "the login was refused",
        "check user and password",
    ),
    (
        r"database .* does not exist|unknown database|access denied for user .* to database",
        "there is no such database for this user",
        "check database",
    ),
    (
        r"does(n't| not) support (ssl|it\b)",
        "no secure connection was agreed on (TLS): the server has none",
        "have TLS turned on there; sslmode says what is asked for",
    ),
    (
        r"certificate .* does not match host|(hostname|ip address) mismatch",
        "no secure connection was agreed on (TLS): the server's certificate is for another host",
        "check host: it is to be a name that the certificate has",
    ),
    (
        r"certificate verify failed",
        "no secure connection was agreed on (TLS): the server's certificate is not trusted",
        "sslrootcert is the file with the certificate of whoever signed it",
    ),
    (
        r"ssl|tls|certificate|no encryption",
        "no secure connection was agreed on (TLS)",
        "check the TLS settings and the server's certificate",
    ),
    (
        r"resolve|name or service|nodename|getaddrinfo|name resolution|unknown host|\[errno -[2-5]\]",
        "the host is not known",
        "check host, and the network that names it",
    ),
    (
        r"connection refused|errno 111|errno 61\b",
        "nothing listens on this port of the host",
        "check host and port, and that the server runs",
    ),
    (
        r"timed? ?out|timeout|no route|unreachable",
        "the host does not answer",
        "check host, port and the firewalls between",
    ),
    (
        r"pg_hba",
        "the server takes no connections of this user from here",
        "its pg_hba.conf must allow it",
    ),
]

# What drivers say of statements, and what to do.
_GONE = "terminating connection|server closed|connection (is|was) (lost|closed)|lost connection"
_ADVICE = [
    (
        f"{_GONE}|gone away|broken pipe|reset by peer",
        "the server went away; what wasn't committed by then is taken back",
    ),
    (
        "(permission|command|access) denied",
        "the user may not do this; its rights are given in the database",
    ),
    (
        "lock (wait )?timeout|due to lock|deadlock",
        "another transaction holds the table; try again when it is done",
    ),
    ("read.only", "queries only read; save() writes"),
]


def refused(said: str) -> str | None:
    """What to do about a statement that failed; None if there is nothing better than its words.

    Args:
        said: The driver's words.
    """
    found = (hint for words, hint in _ADVICE if re.search(words, said, re.IGNORECASE))
    return next(found, None)


def unreachable(said: str) -> tuple[str, str]:
    """What is wrong, and what to check.

    Args:
        said: The driver's words.
    """
    for pattern, problem, hint in _REASONS:
        if re.search(pattern, said, re.IGNORECASE):
            return problem, hint
    return "the connection failed", "check host, port, user and database"
