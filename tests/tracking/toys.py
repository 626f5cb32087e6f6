"""Workflows that were never written, to be published and run on paper."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from aqueduct_core import ArtifactRef
from aqueduct_core.dag import FlowSpec, OperatorSpec, Version, flow_id
from aqueduct_core.runtime import Result
from aqueduct_core.tracking import Tracking

SECRET = b"the secret of these tests, and of no other"
WHEN = datetime(2026, 3, 1, 8, 30, 15, 123456, tzinfo=UTC)


def op(name: str, kind: str = "op", **known: Any) -> OperatorSpec:
    return OperatorSpec(name=name, kind=kind, task=known.pop("task", {"source": name}), **known)


def a_version(
    name: str = "Churn", operators: Sequence[OperatorSpec] = (op("load"), op("train")), **known: Any
) -> Version:
    spec = FlowSpec(
        name=name,
        parameters={},
        operators={item.name: item for item in operators},
        python="3.11",
        **known,
    )
    flow = flow_id(name)
    ids = {item: str(uuid5(UUID(flow), f"{spec.digest}/{item}")) for item in spec.operators}
    return Version(flow=flow, name=name, digest=spec.digest, spec=spec, ids=ids, code={})


def on_three_days(tracking: Tracking, operators: Sequence[OperatorSpec]) -> Version:
    """A version that was published, and runs `r0` to `r2` of it that were started, one a day from `WHEN`."""
    version = a_version(operators=operators)
    tracking.publish(version)
    for number in range(3):
        started = WHEN + timedelta(days=number)
        tracking.start_run(f"r{number}", version.flow, version.digest, started=started)
    return version


def a_ref(operator: str, run: str, output: str = "output", **known: Any) -> ArtifactRef:
    same = {
        "type": "table",
        "serializer": "parquet",
        "size": 1 << 40,
        "digest": "blake3:" + "0" * 64,
    }
    return ArtifactRef(key=f"operators/{operator}/{run}/{output}", **same | known)


def a_result(version: Version, name: str, run: str, **known: Any) -> Result:
    spec = version.spec.operators[name]
    ident = version.ids[name]
    plain = {
        "state": "succeeded",
        "started": datetime.now(UTC).isoformat(),
        "seconds": {"load": 0.25, "run": 0.5},
        "outputs": {output: a_ref(ident, run, output) for output in spec.outputs},
        "severity": spec.severity,
    }
    return Result(operator=ident, name=name, kind=spec.kind, run=run, **plain | known)
