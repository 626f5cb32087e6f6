"""Two schedulers, each a process of its own, watch one database: no run starts twice or never."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta

from aqueduct_core.dag import Hourly, schedule_spec
from aqueduct_core.tracking import Tracking
from tests.scheduler.toys import Bench
from tests.tracking.toys import SECRET

PROGRAM = """
import json, sys
from datetime import datetime
from aqueduct_core.engines.local import this_process
from aqueduct_core.scheduler import Scheduler
from aqueduct_core.tracking import Tracking

tracking = Tracking(sys.argv[1], secret=sys.argv[2].encode())

def trigger(flow, run, tick, reason):
    digest = tracking.flow(flow).digest
    tracking.start_run(run, flow, digest, trigger=reason, scheduled_for=tick, owner=this_process())
    tracking.finish_run(run, "succeeded", flow=flow)
    print(json.dumps([flow, run]), flush=True)

scheduler = Scheduler(tracking, trigger)
for line in sys.stdin:
    scheduler.tick(datetime.fromisoformat(line.strip()))
    print("null", flush=True)
"""
FLOWS, HOURS = 6, 8


def test_two_processes_start_each_run_once(url: str, noon: datetime) -> None:
    with Tracking(url, secret=SECRET) as tracking:
        bench = Bench(tracking)
        flows = [bench.publish(f"Flow {n}", schedule=schedule_spec(Hourly())) for n in range(FLOWS)]
        follower = bench.publish("Last", after="Flow 0")
        command = [sys.executable, "-c", PROGRAM, url, SECRET.decode()]
        pipe = subprocess.PIPE
        processes = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in "ab"]
        fired: Counter[tuple[str, str]] = Counter()
        for hour in range(-1, HOURS + 1):
            at = noon + timedelta(hours=max(hour, -1), seconds=1)
            for process in processes:
                assert process.stdin is not None
                process.stdin.write(f"{at.isoformat()}\n")
                process.stdin.flush()
            for process in processes:  # both have looked before the next hour
                assert process.stdout is not None
                while (said := json.loads(process.stdout.readline())) is not None:
                    fired[said[0], said[1]] += 1
        rest = [process.communicate()[0] for process in processes]
        assert rest == ["", ""]
        assert [process.returncode for process in processes] == [0, 0]
    assert set(fired.values()) == {1}
    assert {flow: sum(1 for key in fired if key[0] == flow) for flow in flows} == dict.fromkeys(
        flows, HOURS + 1
    )
    assert sum(1 for key in fired if key[0] == follower) == HOURS + 1
