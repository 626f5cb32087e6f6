"""How an artifact changes from run to run: its size, and each of its columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from aqueduct_core.manifest import Manifest
from aqueduct_core.server.draw import Point, plot, sparkline
from aqueduct_core.server.pages._preview import columns_of
from aqueduct_core.server.pages._reading import run_path
from aqueduct_core.server.pages._words import last_of, number, share, short_run
from aqueduct_core.tracking import ArtifactRecord

__all__ = ["drift"]

_COLUMNS = 40
_LARGE = 0.2  # a change worth a mark: of its spread for a mean, of all rows for nulls


def drift(
    flow: str,
    records: Sequence[ArtifactRecord],
    manifests: Mapping[str, Manifest | None],
    name: str,
) -> dict[str, Any]:
    """What has changed over some runs.

    Args:
        flow: The workflow's id.
        records: The artifact in these runs, the newest first.
        manifests: Its manifests by run, as far as they are there.
        name: What it is called.
    """
    known = [
        (record, manifest)
        for record in reversed(records)
        if (manifest := manifests.get(record.run)) is not None
    ]
    label, values = _measure([manifest for _, manifest in known])
    points = [
        Point(value, record.time, f"{short_run(record.run)}: {number(value)}",
              run_path(flow, record.run, "artifacts", name))
        for (record, _), value in zip(known, values, strict=True)
    ]  # fmt: skip
    over_time = [
        {column["name"]: column for column in columns_of(manifest.description)}
        for _, manifest in known
    ]
    names = list(dict.fromkeys(name for columns in reversed(over_time) for name in columns))
    return {
        "label": label,
        "plot": plot(points, label=f"{label} over {last_of(len(points))}")
        if len(points) > 1
        else "",
        "columns": [_column(name, over_time) for name in names[:_COLUMNS]],
        "runs": len(known),
    }


def _measure(manifests: Sequence[Manifest]) -> tuple[str, list[float | None]]:
    """What is plotted of an artifact: its value, its rows, or its bytes."""
    values = [_number(manifest.description.get("preview")) for manifest in manifests]
    if manifests and manifests[-1].type == "numeric" and any(item is not None for item in values):
        return "Value", values
    rows = [_number(manifest.description.get("rows")) for manifest in manifests]
    if any(item is not None for item in rows):
        return "Rows", rows
    return "Bytes", [float(manifest.size) for manifest in manifests]


def _column(name: str, over_time: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    there = [columns.get(name) for columns in over_time]
    last = next(column for column in reversed(there) if column is not None)
    means = [_number(column["mean"]) if column else None for column in there]
    nulls = [_number(column["null_share"]) if column else None for column in there]
    distinct = [_number(column["distinct"]) if column else None for column in there]
    types = list(dict.fromkeys(column["type"] for column in there if column))
    told: list[str] = []
    if there[-1] is None:
        told.append("gone")
    elif there[0] is None:
        told.append("new")
    if len(types) > 1:
        told.append(f"was {types[-2]}")
    if _moved(means, _number(last["std"])):
        told.append("mean moved")
    if _moved(nulls, 1.0):
        told.append("nulls moved")
    return {
        "name": name,
        "type": last["type"],
        "mean": _line(means, f"Mean of {name}"),
        "nulls": _line(nulls, f"Share of nulls in {name}", as_share=True),
        "distinct": _line(distinct, f"Distinct values of {name}"),
        "told": told,
    }


def _moved(values: Sequence[float | None], unit: float | None) -> bool:
    """Whether the last value is far from the one before it."""
    known = [value for value in values if value is not None]
    return len(known) > 1 and bool(unit) and abs(known[-1] - known[-2]) > _LARGE * (unit or 0)


def _line(values: Sequence[float | None], label: str, *, as_share: bool = False) -> dict[str, Any]:
    known = [value for value in values if value is not None]
    if not known:
        return {"text": "", "spark": Markup("")}
    text = share(known[-1]) if as_share else number(known[-1])
    is_flat = min(known) == max(known)
    return {"text": text, "spark": Markup("") if is_flat else sparkline(values, label)}


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None
