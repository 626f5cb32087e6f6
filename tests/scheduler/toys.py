"""Workflows on paper, published and run in a database alone."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aqueduct_core.scheduler import Scheduler
from aqueduct_core.tracking import Tracking
from tests.tracking.toys import a_version, op


class Bench:
    """A database, and what schedulers have triggered in it."""

    def __init__(self, tracking: Tracking) -> None:
        self.tracking = tracking
        self.fired: list[tuple[str, str, datetime | None, str]] = []
        self._lock = threading.Lock()

    def scheduler(self, **known: Any) -> Scheduler:
        return Scheduler(self.tracking, self.trigger, **{"owner": "here:1", **known})

    def trigger(self, flow: str, run: str, tick: datetime | None, reason: str) -> None:
        """What an engine does: records that the run starts."""
        with self._lock:
            record = self.tracking.flow(flow)
            self.tracking.start_run(
                run,
                flow,
                record.digest,
                trigger=reason,
                scheduled_for=tick,
                owner="here:1",
            )
            self.fired.append((record.name, run, tick, reason))

    def ticks(self, name: str = "Churn") -> list[datetime | None]:
        """The moments for which runs of a workflow were triggered."""
        return [tick for flow, _, tick, _ in self.fired if flow == name]

    def publish(
        self,
        name: str = "Churn",
        schedule: Mapping[str, Any] | None = None,
        after: str | None = None,
        source: str = "1",
        engine: str = "local",
    ) -> str:
        step = op("step", task={"source": source})
        version = a_version(name, [step], schedule=schedule, after=after, engine=engine)
        self.tracking.publish(version)
        return version.flow

    def succeed(self, flow: str, run: str, state: str = "succeeded") -> None:
        """A run of a workflow from beginning to end."""
        self.tracking.start_run(run, flow, self.tracking.flow(flow).digest)
        self.tracking.finish_run(run, state, flow=flow)
