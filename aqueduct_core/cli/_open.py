"""The workspace that a command works in; closed when the command ends."""

from __future__ import annotations

from argparse import Namespace
from contextlib import closing

from aqueduct_core.client import Client, Session

__all__ = ["open_client", "open_session"]


def open_client(options: Namespace) -> Client:
    """A client of the workspace that was asked for."""
    client: Client = options.closing.enter_context(Client(home=options.home))
    return client


def open_session(options: Namespace) -> Session:
    """What is beneath a client, for what a client doesn't do."""
    session: Session = options.closing.enter_context(closing(Session(options.home)))
    return session
