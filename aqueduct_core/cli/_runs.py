"""`aqueduct runs` and `run`."""

from __future__ import annotations

import re
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from aqueduct_core.cli._documents import run_document, run_line
from aqueduct_core.cli._open import open_client
from aqueduct_core.cli._print import (
    as_ago,
    as_time,
    console,
    print_json,
    print_list,
    short,
    state,
    table,
)
from aqueduct_core.errors import NotFoundError, ParameterError

if TYPE_CHECKING:
    from aqueduct_core.client import Run

__all__ = ["cancel", "graph", "logs", "ls", "print_run", "retry", "show"]

Stream: TypeAlias = Literal["stdout", "stderr"]

_FINE = ("succeeded", "warning")
_DIGEST = 12
_TRIGGERS = {
    "manual": "by hand",
    "schedule": "by its schedule",
    "after": "after another workflow",
}
_LOOKED_AT = 1_000  # the newest runs, among which the start of an id is looked for
_LEFT_OUT = re.compile(r"\n\[\.\.\. ([ ,\d]{20}) bytes are left out here \.\.\.\]\n")
_LOOK = 0.3  # seconds between two looks at logs that are followed


def ls(options: Namespace) -> int:
    """List runs, the newest first."""
    client = open_client(options)
    if options.flow is None:
        runs = client.runs(limit=options.limit)
    else:
        runs = client.flow(options.flow).runs(limit=options.limit)
    if options.json:
        print_json([run_line(run) for run in runs])
        return 0
    rows = [
        (run.id, run.flow, state(run.status), as_ago(run.started), _took(run), run.trigger)
        for run in runs
    ]
    columns = ["!run", "workflow", "!", "started", ">took", "by"]
    what = "nothing has" if options.flow is None else f"{options.flow!r} has not"
    print_list(columns, rows, none=f"{what} run yet in {client.home}")
    return 0


def show(options: Namespace) -> int:
    """What happened in a run; 1 if it failed."""
    run = _found(options)
    if options.json:
        print_json(run_document(run))
    else:
        print_run(run)
    return 1 if run.status in ("failed", "canceled") else 0


def logs(options: Namespace) -> int:
    """What operators printed."""
    run = _found(options)
    names = [item.name for item in run.graph().operators]
    if options.operator is not None:
        run.logs(options.operator)  # an operator that isn't there is told before anything else
        names = [options.operator]
    streams: list[Stream] = [options.stream] if options.stream else ["stdout", "stderr"]
    if options.json:
        print_json({name: {one: run.logs(name, one) for one in streams} for name in names})
        return 0
    shown: dict[tuple[str, str], str] = {}
    head = len(names) > 1
    while True:
        ended = run.status not in ("pending", "running")  # before reading: nothing comes after it
        for name in names:
            for stream in streams:
                _print_more(shown, name, stream, run.logs(name, stream), head=head)
        if ended or not options.follow:
            if not any(shown.values()):
                print("nothing was printed", file=sys.stderr)
            return 0
        time.sleep(_LOOK)


def cancel(options: Namespace) -> int:
    """Stop a run."""
    run = _found(options)
    if run.status not in ("pending", "running"):
        raise ParameterError(f"the run {run.id} has ended: {run.status}", hint="nothing to stop")
    run.cancel()
    run.wait()
    return _told(options, run)


def retry(options: Namespace) -> int:
    """Run again what failed; 1 if it fails again."""
    run = _found(options).retry()
    if options.json:
        print_json(run_document(run))
    else:
        print_run(run)
    return 0 if run.status in _FINE else 1


def graph(options: Namespace) -> int:
    """The graph as it was, as SVG."""
    view = _found(options).graph()
    if options.json:
        document = {
            "operators": [
                {"name": item.name, "kind": item.kind, "state": (view.states or {}).get(item.name)}
                for item in view.operators
            ],
            "edges": [
                {"source": edge.source, "target": edge.target, "output": edge.output}
                for edge in view.edges
            ],
        }
        print_json(document)
    elif options.output:
        Path(options.output).write_text(view.svg(), encoding="utf-8")
        print(options.output)
    elif sys.stdout.isatty():
        print(view)
    else:
        print(view.svg())
    return 0


def print_run(run: Run) -> None:
    """A run for people."""
    from rich.text import Text

    screen = console()
    results = run.operators()
    rows = [
        (
            item.name,
            item.kind,
            state(item.state),
            as_time(item.duration) if item.seconds and item.state != "skipped" else "",
            f"unchanged since {item.cached}" if item.cached else item.reason,
        )
        for item in results
    ]
    line = Text.assemble((run.flow, "bold"), f": run {run.id} ", state(run.status))
    screen.print(line, soft_wrap=True)
    screen.print(table(["", ""], _facts(run)))
    screen.print(table(["operator", "kind", "", ">took", ""], rows))
    if run.reason:
        screen.print(run.reason, markup=False, soft_wrap=True)
    values = [(name, short(value)) for name, value in run.parameters().items()]
    if values:
        screen.print(table(["parameter", "value"], values))
    numbers = [(item.name, f"{item.value:.6g}") for item in results if item.value is not None]
    if numbers:
        screen.print(table(["metric", ">value"], numbers))
    for name, failure in run.errors().items():
        screen.print(f"\n{name}:", style="bold red", markup=False)
        screen.print(failure.traceback.rstrip(), markup=False, soft_wrap=True)


def _facts(run: Run) -> Iterator[tuple[str, str]]:
    """When and why a run started, of which version it is, and how long it took."""
    by = _TRIGGERS.get(run.trigger, f"by {run.trigger}")
    due = run._record.scheduled_for
    yield "started", f"{_moment(run.started)}, {by}" + (f", for {_clock(due)}" if due else "")
    if run.resumed is not None:
        yield "resumed", _moment(run.resumed)
    if run.duration is not None:
        whole = run._record.in_all
        yield "took", as_time(run.duration) + (f" of {as_time(whole)} in all" if whole else "")
    yield "version", f"{run._version.number} ({run.version.partition(':')[2][:_DIGEST]})"


def _moment(moment: datetime) -> str:
    """A moment, and how long ago that is."""
    return f"{_clock(moment)} ({as_ago(moment)})"


def _clock(moment: datetime) -> str:
    """A moment by the clock of this machine."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S %Z}"


def _found(options: Namespace) -> Run:
    """A run by its id, or by the start of it.

    Raises:
        NotFoundError: There is none.
        ParameterError: Several start like this.
    """
    client = open_client(options)
    try:
        return client.run(options.run)
    except NotFoundError:
        found = [run for run in client.runs(limit=_LOOKED_AT) if run.id.startswith(options.run)]
        if not found:
            raise
    if len(found) > 1:
        raise ParameterError(
            f"{len(found)} runs start with {options.run!r}: {found[0].id}, {found[1].id}, ...",
            hint="give more of the id",
        )
    return found[0]


def _print_more(
    shown: dict[tuple[str, str], str], name: str, stream: str, text: str, *, head: bool
) -> None:
    """Print what has come since the last look."""
    new = _new(shown.get((name, stream), ""), text)
    shown[name, stream] = text
    if not new:
        return
    if head:
        print(f"--- {name} ({stream})")
    print(new, end="" if new.endswith("\n") else "\n", flush=True)


def _new(before: str, text: str) -> str:
    """What of a log comes after what was seen of it before."""
    left_out = _LEFT_OUT.search(text)
    if text.startswith(before) or left_out is None:  # or another attempt's
        return text.removeprefix(before)
    # Of a long log only the beginning and the end are kept: the end has moved on.
    more = max(0, _length(text) - _length(before))
    end = text[left_out.end() :]
    return end[len(end) - more :] if more <= len(end) else left_out[0] + end


def _length(text: str) -> int:
    """How long a log is with all that was left out of it."""
    left_out = _LEFT_OUT.search(text)
    if left_out is None:
        return len(text)
    return len(text) - len(left_out[0]) + int(left_out[1].replace(",", ""))


def _told(options: Namespace, run: Run) -> int:
    if options.json:
        print_json(run_line(run))
    else:
        print(f"{run.id}: {run.status}")
    return 0


def _took(run: Run) -> str:
    return "" if run.duration is None else as_time(run.duration)
