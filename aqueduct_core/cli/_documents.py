"""Workflows and runs as documents for programs: what `--json` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aqueduct_core.errors import AqueductError

if TYPE_CHECKING:
    from aqueduct_core.client import Flow, Run

__all__ = ["flow_document", "flow_line", "run_document", "run_line"]


def flow_line(flow: Flow) -> dict[str, Any]:
    """A workflow in a list."""
    last = next(iter(flow.runs(limit=1)), None)
    return _known(flow) | {
        "last_run": None
        if last is None
        else {"id": last.id, "status": last.status, "started": last.started.isoformat()},
    }


def flow_document(flow: Flow) -> dict[str, Any]:
    """A workflow: what it consists of."""
    version = flow.version()
    spec = version.spec
    return _known(flow) | {
        "keep_runs": flow.keep_runs,
        "version": version.digest,
        "versions": [
            {
                "number": item.number,
                "digest": item.digest,
                "published": item.published.isoformat(),
                "operators": item.operators,
            }
            for item in flow.versions()
        ],
        "parameters": [
            {"name": item.name, "type": item.type, "default": item.value}
            for item in spec.parameters.values()
        ],
        "operators": [
            {"name": item.name, "kind": item.kind, "needs": sorted(item.needs)}
            for item in spec.operators.values()
        ],
        "saved": [{"integration": place, "name": name} for place, name in flow.saved()],
    }


def _known(flow: Flow) -> dict[str, Any]:
    return {
        "name": flow.name,
        "id": flow.id,
        "description": flow.description,
        "engine": flow.engine,
        "schedule": flow.schedule,
        "after": flow.after,
        "paused": flow.paused,
        "tags": flow.tags,
    }


def run_line(run: Run) -> dict[str, Any]:
    """A run in a list."""
    return {
        "id": run.id,
        "flow": run.flow,
        "status": run.status,
        "reason": run.reason,
        "version": run.version,
        "trigger": run.trigger,
        "started": run.started.isoformat(),
        "resumed": None if run.resumed is None else run.resumed.isoformat(),
        "ended": None if run.ended is None else run.ended.isoformat(),
        "seconds": run.duration,
    }


def run_document(run: Run) -> dict[str, Any]:
    """A run: everything that is known about it."""
    return {
        **run_line(run),
        "parameters": {name: _plain(value) for name, value in run.parameters().items()},
        "metrics": {name: _plain(value) for name, value in run.metrics().items()},
        "checks": {name: check.passed for name, check in run.checks().items()},
        "operators": [result.to_json() for result in run.operators()],
    }


def _plain(value: Any) -> Any:
    """A value in tagged JSON, or in words where it has no such form."""
    from aqueduct_core.serializers import tagged

    try:
        return tagged.to_json(value)
    except AqueductError:
        return repr(value)
