"""Airflow as the engine: workflows become DAGs, and every task runs one operator.

DAG files import `aqueduct_core.engines.airflow.tasks`, so this imports nothing before it is needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aqueduct_core.engines.airflow._cluster import AirflowCluster, open_cluster
    from aqueduct_core.engines.airflow._engine import AirflowEngine, Deployment, check_store
    from aqueduct_core.engines.airflow._runs import AirflowHandle, AirflowRuns
    from aqueduct_core.engines.airflow._sync import Look

__all__ = [
    "AirflowCluster",
    "AirflowEngine",
    "AirflowHandle",
    "AirflowRuns",
    "Deployment",
    "Look",
    "check_store",
    "open_cluster",
]

_HOMES = {
    "AirflowCluster": "_cluster",
    "AirflowEngine": "_engine",
    "AirflowHandle": "_runs",
    "AirflowRuns": "_runs",
    "Deployment": "_engine",
    "Look": "_sync",
    "check_store": "_engine",
    "open_cluster": "_cluster",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
