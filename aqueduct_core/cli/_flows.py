"""`aqueduct flows`, `flow`, `trigger` and `diff`."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aqueduct_core.cli._documents import flow_document, flow_line, run_document
from aqueduct_core.cli._open import open_client
from aqueduct_core.cli._print import (
    as_ago,
    console,
    print_diff,
    print_json,
    print_list,
    state,
    table,
)
from aqueduct_core.cli._runs import print_run
from aqueduct_core.cli._values import read_parameters
from aqueduct_core.errors import AqueductError, ParameterError

if TYPE_CHECKING:
    from aqueduct_core.client import Flow

__all__ = ["delete", "diff", "ls", "pause", "resume", "show", "trigger"]

_FINE = ("succeeded", "warning")


def ls(options: Namespace) -> int:
    """List the workflows."""
    client = open_client(options)
    flows = client.flows(tag=options.tag)
    if options.json:
        print_json([flow_line(flow) for flow in flows])
        return 0
    rows = []
    for flow in flows:
        last = next(iter(flow.runs(limit=1)), None)
        how, when = ("", "") if last is None else (last.status, as_ago(last.started))
        starts = "paused" if flow.paused else flow.starts
        rows.append((flow.name, state(how), when, starts, ", ".join(flow.tags), flow.description))
    what = "no workflow is published" if options.tag is None else f"nothing is tagged {options.tag}"
    print_list(
        ["name", "last run", "", "starts", "tags", ""], rows, none=f"{what} in {client.home}"
    )
    return 0


def show(options: Namespace) -> int:
    """What a workflow consists of."""
    flow = open_client(options).flow(options.flow)
    if options.json:
        print_json(flow_document(flow))
        return 0
    screen = console()
    version = flow.version()
    facts = [
        ("name", flow.name),
        ("description", flow.description),
        ("starts", flow.starts + (" (paused)" if flow.paused else "")),
        ("engine", flow.engine),
        ("tags", ", ".join(flow.tags)),
        ("keeps", f"{flow.keep_runs} runs" if flow.keep_runs else "all runs"),
        ("version", f"{version.number}, {version.digest}"),
        ("saves", ", ".join(f"{name} in {place}" for place, name in flow.saved())),
    ]
    screen.print(table(["", ""], [fact for fact in facts if fact[1]]))
    operators = [
        (item.name, item.kind, ", ".join(sorted(item.needs)), item.description)
        for item in version.spec.operators.values()
    ]
    screen.print(table(["operator", "kind", "needs", ""], operators))
    parameters = [
        (item.name, item.type, _default(item.value), item.description)
        for item in version.spec.parameters.values()
    ]
    if parameters:
        screen.print(table(["parameter", "type", "default", ""], parameters))
    versions = [(item.number, as_ago(item.published), item.digest) for item in flow.versions()]
    screen.print(table([">version", "published", ""], versions))
    return 0


def pause(options: Namespace) -> int:
    """Keep it from starting by itself."""
    flow = open_client(options).flow(options.flow)
    flow.pause()
    return _told(options, flow, "paused: it starts when you trigger it")


def resume(options: Namespace) -> int:
    """Let it start by itself again."""
    flow = open_client(options).flow(options.flow)
    flow.resume()
    return _told(
        options, flow, f"no longer paused: it starts {flow.starts or 'when you trigger it'}"
    )


def delete(options: Namespace) -> int:
    """Delete a workflow; 1 if something could not be deleted."""
    client = open_client(options)
    flow = client.flow(options.flow)
    saved = flow.saved() if options.all_saved else [_pair(text) for text in options.saved]
    if not (options.yes or _agreed(flow, saved)):
        raise AqueductError(f"{flow.name!r} was left as it is", hint="--yes deletes without asking")
    gone = client.delete_flow(flow.name, saved)
    if options.json:
        print_json(
            {
                "flow": gone.flow,
                "runs": gone.runs,
                "dropped": [list(item) for item in gone.dropped],
                "left": [list(item) for item in gone.left],
                "followers": list(gone.followers),
            }
        )
    else:
        print(gone)
    return 1 if gone.left else 0


def trigger(options: Namespace) -> int:
    """Run a workflow now; 1 if the run fails."""
    flow = open_client(options).flow(options.flow)
    parameters = read_parameters(options.parameter, flow.version().spec.parameters)
    run = flow.trigger(parameters)
    if options.json:
        print_json(run_document(run))
    else:
        print_run(run)
    return 0 if run.status in _FINE else 1


def diff(options: Namespace) -> int:
    """What is different in another version; 1 if anything is."""
    found = open_client(options).flow(options.flow).diff(options.a, options.b)
    if options.json:
        print_json(found.to_json())
    elif found:
        print_diff(found.text())
    else:
        print("Nothing is different.")
    return 1 if found else 0


def _told(options: Namespace, flow: Flow, text: str) -> int:
    if options.json:
        print_json({"name": flow.name, "paused": flow.paused})
    else:
        print(f"{flow.name}: {text}")
    return 0


def _pair(text: str) -> tuple[str, str]:
    place, sign, name = text.partition(":")
    if not sign:
        raise ParameterError(
            f"--saved {text!r} names no table",
            hint="--saved INTEGRATION:TABLE, as `flow show` lists",
        )
    return place, name


def _agreed(flow: Flow, saved: Sequence[tuple[str, str]]) -> bool:
    if not sys.stdin.isatty():
        return False
    also = "".join(f" and drop {name!r} in {place!r}" for place, name in saved)
    answer = input(f"Delete {flow.name!r} with its {len(flow.runs()):,} runs{also}? [y/N] ")
    return answer.strip().lower() in ("y", "yes")


def _default(value: object) -> str:
    if isinstance(value, dict) and "value" in value:
        from aqueduct_core.serializers import tagged

        try:
            return repr(tagged.from_json(value["value"]))
        except AqueductError:
            return "..."
    return "stored beside it"
