"""Metrics and checks: operators whose results are numbers and verdicts."""

from __future__ import annotations

from aqueduct_core.checks._decorators import Severity, check, metric
from aqueduct_core.checks._handles import bound, schema_check, system_metric, table_metric
from aqueduct_core.checks._presets import SYSTEM_METRICS, preset
from aqueduct_core.checks._results import Verdict, as_number, as_verdict

__all__ = [
    "SYSTEM_METRICS",
    "Severity",
    "Verdict",
    "as_number",
    "as_verdict",
    "bound",
    "check",
    "metric",
    "preset",
    "schema_check",
    "system_metric",
    "table_metric",
]
