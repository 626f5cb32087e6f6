"""Which process looks after a run, and whether it still can."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from aqueduct_core.engines.local._keeper import HEARTBEAT

if TYPE_CHECKING:
    from aqueduct_core.tracking import RunRecord

__all__ = ["is_abandoned", "this_process"]

_STALE = timedelta(seconds=4 * HEARTBEAT)


def this_process() -> str:
    """`host:pid:birth`, since numbers of processes come again."""
    return f"{platform.node()}:{os.getpid()}:{_birth(os.getpid())}"


def is_abandoned(record: RunRecord) -> bool:
    """Whether the process that started a run, or went on with it, is gone.

    On this machine that is known. Of another one only the last sign of life is.
    """
    host, _, process = (record.owner or "").partition(":")
    pid, _, birth = process.partition(":")
    if host == platform.node() and pid.isdigit() and birth:
        return _birth(int(pid)) != birth
    return record.heartbeat is None or record.heartbeat < datetime.now(UTC) - _STALE


def _birth(pid: int) -> str:
    """When a process started, as the system counts; nothing if it has ended or can't be told."""
    try:
        # The name of the program, in brackets, may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]
