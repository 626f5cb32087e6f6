"""Runs that somebody starts over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aqueduct_core.client import start_in_background
from aqueduct_core.client._parameters import overridden
from aqueduct_core.client._start import new_run_key
from aqueduct_core.dag import FlowSpec
from aqueduct_core.errors import NotFoundError, ParameterError
from aqueduct_core.server._services import Services
from aqueduct_core.server.api._models import Trigger
from aqueduct_core.tracking import FlowRecord

__all__ = ["start"]


def start(services: Services, flow: FlowRecord, wanted: Trigger) -> str:
    """Start a run of a workflow; returns its key as soon as it is recorded.

    Raises:
        ParameterError: There is no such parameter, or it can't have this value.
    """
    key = wanted.run or new_run_key()
    if wanted.run is not None and _is_known(services, flow, key):
        return key  # the answer to the first question was lost
    spec = services.tracking.version(flow.id, flow.digest).spec
    values: dict[str, Mapping[str, Any]] = {
        **overridden(spec, wanted.parameters, services.session.store),
        **_checked(spec, flow, wanted.values or {}),
    }
    start_in_background(services.session, flow.id, key, None, "manual", values)
    return key


def _is_known(services: Services, flow: FlowRecord, key: str) -> bool:
    try:
        services.tracking.run(key, flow=flow.id)
    except NotFoundError:
        return False
    return True


def _checked(
    spec: FlowSpec, flow: FlowRecord, values: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Mapping[str, Any]]:
    """Values that a client has encoded: only workers, and not this process, read what they mean."""
    for name, value in values.items():
        if name not in spec.parameters:
            listed = ", ".join(spec.parameters) or "none"
            raise ParameterError(
                f"no parameter is called {name!r}", hint=f"the parameters are: {listed}"
            )
        ref = value.get("artifact")
        is_own = isinstance(ref, dict) and str(ref.get("key")).startswith(
            f"flows/{flow.id}/parameters/"
        )
        if set(value) != {"value"} and not (is_own and set(value) <= {"artifact", "digest"}):
            raise ParameterError(f"the value of {name!r} is not in the form of docs/spec.md")
    return values
