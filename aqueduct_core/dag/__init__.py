"""Authoring: operators, handles and the graph that calls build.

Nothing is global: an artifact knows what it is made from and what looks at it, and a workflow is
what can be reached from its artifacts.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from aqueduct_core.dag._artifacts import (
    Artifact,
    BoolArtifact,
    GenericArtifact,
    NumericArtifact,
    TableArtifact,
)
from aqueduct_core.dag._functions import OperatorFunction, op, to_operator
from aqueduct_core.dag._graph import Graph
from aqueduct_core.dag._names import check_name
from aqueduct_core.dag._operators import OUTPUT, Operator, Task, connect, find_artifact
from aqueduct_core.dag._settings import RunOptions
from aqueduct_core.dag._sites import (
    CallSite,
    call_site,
    is_library,
    own_traceback,
    refusal,
    user_frames,
)
from aqueduct_core.dag._spec import FlowSpec, Input, OperatorSpec, ParameterSpec, Settings
from aqueduct_core.dag._tasks import Function, Parameter
from aqueduct_core.dag._version import Version, flow_id

if TYPE_CHECKING:
    from aqueduct_core.dag._diff import Change, OperatorDiff, TextDiff, VersionDiff, diff
    from aqueduct_core.dag._requirements import infer_requirements
    from aqueduct_core.dag._schedules import (
        Cron,
        Daily,
        Hourly,
        Monthly,
        Schedule,
        Weekly,
        cron,
        daily,
        hourly,
        monthly,
        schedule_from,
        schedule_spec,
        weekly,
    )

__all__ = [
    "OUTPUT",
    "Artifact",
    "BoolArtifact",
    "CallSite",
    "Change",
    "Cron",
    "Daily",
    "FlowSpec",
    "Function",
    "GenericArtifact",
    "Graph",
    "Hourly",
    "Input",
    "Monthly",
    "NumericArtifact",
    "Operator",
    "OperatorDiff",
    "OperatorFunction",
    "OperatorSpec",
    "Parameter",
    "ParameterSpec",
    "RunOptions",
    "Schedule",
    "Settings",
    "TableArtifact",
    "Task",
    "TextDiff",
    "Version",
    "VersionDiff",
    "Weekly",
    "call_site",
    "check_name",
    "connect",
    "cron",
    "daily",
    "diff",
    "find_artifact",
    "flow_id",
    "hourly",
    "infer_requirements",
    "is_library",
    "monthly",
    "op",
    "own_traceback",
    "refusal",
    "schedule_from",
    "schedule_spec",
    "to_operator",
    "user_frames",
    "weekly",
]

# Imported when they are needed: most workflows, and all workers, do without.
_LATER = {
    "_diff": ("Change", "OperatorDiff", "TextDiff", "VersionDiff", "diff"),
    "_requirements": ("infer_requirements",),
    "_schedules": (
        "Cron",
        "Daily",
        "Hourly",
        "Monthly",
        "Schedule",
        "Weekly",
        "cron",
        "daily",
        "hourly",
        "monthly",
        "schedule_from",
        "schedule_spec",
        "weekly",
    ),
}
_MODULES = {name: module for module, names in _LATER.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value
