"""The metrics and checks that handles have as methods."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

from aqueduct_core.checks._decorators import check_severity
from aqueduct_core.checks._presets import BOUNDS, SYSTEM_METRICS, preset
from aqueduct_core.checks._results import as_number, as_verdict
from aqueduct_core.checks._schemas import check_is_schema, schema_name, validate
from aqueduct_core.dag import (
    OUTPUT,
    Artifact,
    BoolArtifact,
    Function,
    NumericArtifact,
    connect,
    refusal,
)

__all__ = ["bound", "schema_check", "system_metric", "table_metric"]


def table_metric(artifact: Artifact, name: str, **arguments: Any) -> NumericArtifact:
    """A metric of a table that comes with this package."""
    given = {key: value for key, value in arguments.items() if value is not None}
    if "column" in arguments and name != "number_of_missing_values" and not given:
        raise refusal(f"{name} needs a column", hint=f'.{name}("price")')
    column, row = given.get("column"), given.get("row")
    if column is not None and type(column) not in (str, int):
        raise refusal(
            f"{name}: column={column!r} is no name of a column", hint="a text, or a whole number"
        )
    if row is not None and (type(row) is not int or row < 0):
        raise refusal(f"{name}: row={row!r} is no row", hint="rows are counted from 0")
    if column is not None and row is not None:
        raise refusal(f"{name} takes a column or a row, not both", hint="leave out one of them")
    of = f"({column})" if column is not None else f"(row {row})" if row is not None else ""
    return _metric(artifact, f"{name}{of} of {artifact.name}", name, given)


def system_metric(artifact: Artifact, metric: str) -> NumericArtifact:
    """A metric of how an artifact was computed."""
    if metric not in SYSTEM_METRICS:
        raise refusal(
            f"there is no system metric {metric!r}", hint=f"one of {', '.join(SYSTEM_METRICS)}"
        )
    if artifact.operator.kind == "parameter":
        raise refusal(
            f"{metric}: {artifact.name!r} is a parameter, which nothing computes",
            hint="ask it of what an operator or a query returns",
        )
    return _metric(artifact, f"{metric} of {artifact.name}", "system_metric", {"metric": metric})


def bound(artifact: Artifact, bounds: Mapping[str, Any], severity: str) -> BoolArtifact:
    """A check that a number stays within bounds."""
    check_severity(severity)
    given = {name: _limit(name, value) for name, value in bounds.items() if value is not None}
    if not given:
        raise refusal("bound() has no bound", hint="bound(lower=0, upper=100)")
    if "lower" in given and "upper" in given and given["lower"] > given["upper"]:
        raise refusal(
            f"bound(lower={given['lower']}, upper={given['upper']}): nothing lies between",
            hint="lower is the smaller one",
        )
    told = " and ".join(f"{BOUNDS[name][0]} {value}" for name, value in given.items())
    return _check(
        artifact,
        f"{artifact.name} {told}",
        Function(
            preset("bound", **given),
            "check",
            severity=severity,
            finish=as_verdict,
            preset={"name": "bound", **given},
        ),
    )


def schema_check(artifact: Artifact, schema: Any, severity: str) -> BoolArtifact:
    """A check that a table fits a schema of pandera."""
    check_severity(severity)
    check_is_schema(schema)
    function = partial(validate, schema=schema)
    return _check(
        artifact,
        f"{schema_name(schema)} of {artifact.name}",
        Function(function, "check", severity=severity, finish=as_verdict),
    )


def _metric(
    artifact: Artifact, label: str, name: str, arguments: Mapping[str, Any]
) -> NumericArtifact:
    task = Function(
        preset(name, **arguments), "metric", finish=as_number, preset={"name": name, **arguments}
    )
    return NumericArtifact(connect(label, task, [artifact]), OUTPUT)


def _check(artifact: Artifact, label: str, task: Function) -> BoolArtifact:
    return BoolArtifact(connect(label, task, [artifact]), OUTPUT)


def _limit(name: str, value: Any) -> int | float:
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.integer | numpy.floating):
        value = value.item()
    if type(value) not in (int, float) or not math.isfinite(value):
        raise refusal(f"bound({name}={value!r}) is no number", hint=f"bound({name}=100)")
    return value  # type: ignore[no-any-return]  # narrowed by what type() returned
