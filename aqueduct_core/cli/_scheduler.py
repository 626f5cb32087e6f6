"""`aqueduct scheduler`: starts workflows when it is time, until it is stopped."""

from __future__ import annotations

import logging
import sys
from argparse import Namespace
from functools import partial

from aqueduct_core.cli._open import open_session
from aqueduct_core.cli._signals import until_told
from aqueduct_core.client import recover, start_in_background
from aqueduct_core.scheduler import Scheduler

__all__ = ["run"]


def run(options: Namespace) -> int:
    """Watch the clock; goes on with the runs of a scheduler that was killed."""
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO, stream=sys.stderr)
    session = open_session(options)
    log = logging.getLogger("aqueduct_core.scheduler")
    with until_told() as stop:
        for key in recover(session):
            log.info("%s: goes on", key)
        log.info("watching %s", session.tracking)
        with session.clusters.looked_after():
            Scheduler(session.tracking, partial(start_in_background, session)).run_forever(stop)
    log.info("stopped; runs that are going on are waited for")
    session.wait()
    return 0
