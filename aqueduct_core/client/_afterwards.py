"""What follows a run: people are told, and older runs go."""

from __future__ import annotations

from functools import partial
from threading import Thread
from typing import TYPE_CHECKING

from aqueduct_core.client._connect import notifications
from aqueduct_core.client._delete import apply_retention
from aqueduct_core.client._progress import say
from aqueduct_core.errors import AqueductError

if TYPE_CHECKING:
    from aqueduct_core.client._session import Session
    from aqueduct_core.notifications import Message

__all__ = ["clear_away"]


def clear_away(session: Session, flow: str, run: str) -> None:
    """Do what follows a run; raises nothing, for the run is over and done.

    Args:
        session: The workspace.
        flow: The workflow's id.
        run: The run key.
    """
    if session.is_remote:  # the server does it
        return
    for step in (partial(_tell, session, flow, run), partial(apply_retention, session, flow)):
        try:
            step()
        except AqueductError as error:
            say(f"after the run {run}: {error}")


def _tell(session: Session, flow: str, run: str) -> None:
    receivers = notifications(session)
    if not receivers:
        return
    from aqueduct_core.notifications import notify

    # Whoever waits for the run doesn't wait for a mail server; the program's end does.
    levels = session.tracking.flow(flow).notify
    arguments = (_message(session, flow, run), receivers, levels)
    Thread(target=notify, args=arguments, name="aqueduct-notify").start()


def _message(session: Session, flow: str, run: str) -> Message:
    from aqueduct_core.notifications import Message

    record = session.tracking.run(run, flow=flow)
    return Message.of_results(
        session.tracking.results(run, flow=flow),
        flow=session.tracking.flow(flow).name,
        run=run,
        state=record.state,
        seconds=record.seconds,
        reason=record.reason,
    )
