"""Runs and workflows in a notebook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from aqueduct_core.client._markup import badge, card, escape, facts, table
from aqueduct_core.client._words import as_time

if TYPE_CHECKING:
    from aqueduct_core.client._flow import Flow
    from aqueduct_core.client._run import Run
    from aqueduct_core.runtime import Result

__all__ = ["flow_html", "run_html"]

_ROWS = 50
_RUNS = 10
_TRACE = 4_000
_URGENT = ("failed", "running", "warning", "canceled", "skipped")


def run_html(run: Run) -> str:
    """A run: the graph, what operators did, numbers, verdicts and errors."""
    graph = run.graph()
    results = run.operators()
    duration = run.duration
    return card(
        f"{escape(run.flow)} {badge(run.status)}",
        facts(
            [
                ("run", run.id),
                ("started", f"{run.started:%Y-%m-%d %H:%M:%S} UTC"),
                ("took", None if duration is None else as_time(duration)),
                ("version", run.version.partition(":")[2][:12]),
            ]
        ),
        f"<div>{escape(run.reason, 1_000)}</div>" if run.reason else "",
        f'<div style="overflow:auto;max-height:480px">{graph.svg()}</div>',
        _operators(results),
        _numbers(results),
        "".join(_errors(results)),
    )


def flow_html(flow: Flow) -> str:
    """A workflow: what it consists of, and its last runs."""
    runs = flow.runs(limit=_RUNS)
    return card(
        escape(flow.name) + (f" {badge('paused')}" if flow.paused else ""),
        escape(flow.description),
        facts([("starts", flow.starts), ("engine", flow.engine)]),
        f'<div style="overflow:auto;max-height:480px">{flow.graph().svg()}</div>',
        table(["run", "", "started", "took"], [_run(run) for run in runs]) if runs else "",
    )


def _run(run: Run) -> list[str]:
    duration = run.duration
    took = "" if duration is None else as_time(duration)
    return [escape(run.id), badge(run.status), f"{run.started:%Y-%m-%d %H:%M:%S}", escape(took)]


def _operators(results: Sequence[Result]) -> str:
    """What happened; where there is very much, what needs attention comes first."""
    shown = list(results)
    if len(shown) > _ROWS:
        shown.sort(key=lambda item: _URGENT.index(item.state) if item.state in _URGENT else 9)
    rows = [
        [
            escape(item.name),
            escape(item.kind),
            badge(item.state),
            escape(as_time(item.duration)) if item.seconds else "",
            escape(item.reason or ""),
        ]
        for item in shown[:_ROWS]
    ]
    if len(shown) > _ROWS:
        rows.append([f"… and {len(shown) - _ROWS:,} more", "", "", "", ""])
    return table(["operator", "kind", "", "took", ""], rows) if rows else ""


def _numbers(results: Sequence[Result]) -> str:
    rows = [
        [escape(item.name), "metric", escape(_number(item.value))]
        for item in results
        if item.kind == "metric" and item.value is not None
    ]
    rows += [
        [escape(item.name), f"check ({escape(item.severity)})", badge(item.state)]
        for item in results
        if item.kind == "check"
    ]
    return table(["", "", ""], rows[:_ROWS]) if rows else ""


def _errors(results: Sequence[Result]) -> Iterator[str]:
    for item in [item for item in results if item.error is not None][:5]:
        assert item.error is not None
        text = item.error.traceback
        shown = text if len(text) <= _TRACE else f"…{text[-_TRACE:]}"
        yield (
            f"<details><summary>{escape(item.name)}: {escape(item.error)}</summary>"
            f'<pre style="margin:0;overflow-x:auto">{escape(shown, _TRACE + 1)}</pre></details>'
        )


def _number(value: Any) -> str:
    return f"{value:.6g}"
