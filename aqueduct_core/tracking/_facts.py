"""What a result says beside its state: artifacts, the value of a metric, a verdict, what was saved."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Table

from aqueduct_core.dag import OperatorSpec, Version
from aqueduct_core.runtime import Result
from aqueduct_core.tracking._tables import artifacts, checks, metrics, saves
from aqueduct_core.tracking._types import NAME, clean

__all__ = ["Facts", "facts_of"]


@dataclass(frozen=True, slots=True)
class Facts:
    """Rows of other tables that come out of a result.

    Attributes:
        time: When the operator started.
        rows: Tables, and rows without the run.
    """

    time: datetime
    rows: list[tuple[Table, dict[str, Any]]]


def facts_of(version: Version, result: Result) -> Facts:
    """What a result says."""
    time = datetime.fromisoformat(result.started)
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    spec = version.spec.operators[result.name]
    same = {"operator": result.operator, "flow": version.flow, "time": time}
    rows = [(artifacts, same | _artifact(spec, result, output)) for output in result.outputs]
    if result.kind == "metric" and result.value is not None:
        rows.append((metrics, same | {"name": result.name} | _number(result.value)))
    elif result.kind == "check" and result.severity is not None:
        rows.append((checks, same | _verdict(result)))
    elif result.kind == "save" and result.state == "succeeded":
        rows.append((saves, same | _save(spec, result)))
    return Facts(time, rows)


def _artifact(spec: OperatorSpec, result: Result, output: str) -> dict[str, Any]:
    ref = result.outputs[output]
    return {
        "output": output,
        "name": spec.output_name(output),
        "key": ref.key,
        "type": ref.type,
        "serializer": ref.serializer,
        "size": ref.size,
        "digest": ref.digest,
        "label": ref.name,
    }


def _number(value: float) -> dict[str, Any]:
    if math.isfinite(value):
        return {"value": value, "special": None}
    return {"value": None, "special": str(float(value))}


def _verdict(result: Result) -> dict[str, Any]:
    return {
        "name": result.name,
        "severity": result.severity,
        "passed": result.passed,
        "reason": result.reason,
    }


def _save(spec: OperatorSpec, result: Result) -> dict[str, Any]:
    places = (result.detail, spec.task)
    found = [place[name] for place in places for name in ("table", "path") if place.get(name)]
    return {
        "name": result.name,
        "integration": str(spec.task.get("integration", "")),
        "target": clean(str(found[0]))[:NAME] if found else "",
        "detail": dict(result.detail),
    }
