"""What can be typed after `aqueduct`.

Nothing but argparse is imported here: `--help` and a mistyped command answer at once.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, TypeAlias

from aqueduct_core._version import __version__

__all__ = ["parser"]

_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

_EXIT_CODES = """
exit codes: 0 done; 1 done, and the answer is no (a failed run, damaged artifacts, versions that
differ); 2 the command could not be understood; 3 it could not be done; 130 interrupted
"""


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line.

    Each command has `command`, the module of this package and the function that does it.
    """
    common = argparse.ArgumentParser(add_help=False)
    _add_common(common, default=argparse.SUPPRESS)
    made = argparse.ArgumentParser(
        prog="aqueduct",
        description="Typed artifacts, and the workflows that make them.",
        epilog=_EXIT_CODES,
    )
    made.add_argument("--version", action="version", version=f"aqueduct {__version__}")
    _add_common(made)
    commands = _commands(made)
    demo = _add(commands, "demo", "_main:demo", "run a workflow on 336,776 real flights", common)
    demo.add_argument("--serve", action="store_true", help="then show it all in the web UI")
    demo.add_argument("--port", type=_port, default=8080, help="where (default: 8080)")
    _add_flows(commands, common)
    _add_runs(commands, common)
    _add_artifacts(commands, common)
    _add_integrations(commands, common)
    _add_airflow(commands, common)
    _add_bench(commands, common)
    _add_others(commands, common)
    return made


def _add_common(to: argparse.ArgumentParser, **default: Any) -> None:
    """What may stand before the command or after it; the last word counts."""
    to.add_argument("--json", action="store_true", help="print JSON, for programs", **default)
    to.add_argument(
        "--home",
        metavar="FOLDER",
        help="the workspace (default: AQUEDUCT_HOME or ~/.aqueduct)",
        **default,
    )


def _commands(above: argparse.ArgumentParser) -> _Commands:
    return above.add_subparsers(title="commands", required=True, metavar="COMMAND")


def _add(
    commands: _Commands, name: str, does: str, told: str, common: argparse.ArgumentParser
) -> argparse.ArgumentParser:
    made = commands.add_parser(name, parents=[common], help=told, description=_sentence(told))
    made.set_defaults(command=does)
    return made


def _group(commands: _Commands, name: str, told: str) -> _Commands:
    return _commands(commands.add_parser(name, help=told, description=_sentence(told)))


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _add_flows(commands: _Commands, common: argparse.ArgumentParser) -> None:
    flows = _add(commands, "flows", "_flows:ls", "list the workflows", common)
    flows.add_argument("--tag", help="only those that have this tag")

    group = _group(commands, "flow", "look at one workflow, pause it or delete it")
    show = _add(group, "show", "_flows:show", "what a workflow consists of", common)
    show.add_argument("flow", help="the name of the workflow")
    pause = _add(group, "pause", "_flows:pause", "keep it from starting by itself", common)
    pause.add_argument("flow", help="the name of the workflow")
    resume = _add(group, "resume", "_flows:resume", "let it start by itself again", common)
    resume.add_argument("flow", help="the name of the workflow")
    delete = _add(group, "delete", "_flows:delete", "delete a workflow and all its runs", common)
    delete.add_argument("flow", help="the name of the workflow")
    delete.add_argument(
        "--saved",
        action="append",
        default=[],
        metavar="INTEGRATION:TABLE",
        help="also drop this table that it saved; can be given several times",
    )
    delete.add_argument("--all-saved", action="store_true", help="drop every table that it saved")
    delete.add_argument("-y", "--yes", action="store_true", help="don't ask")

    trigger = _add(commands, "trigger", "_flows:trigger", "run a workflow now", common)
    trigger.add_argument("flow", help="the name of the workflow")
    trigger.add_argument(
        "-p",
        "--parameter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="another value for a parameter, read as its type asks for; can be given several times",
    )

    diff = _add(commands, "diff", "_flows:diff", "what is different in another version", common)
    diff.add_argument("flow", help="the name of the workflow")
    diff.add_argument("a", nargs="?", help="a version: the start of its digest (default: the last)")
    diff.add_argument("b", nargs="?", help="the other version (default: the current one)")


def _add_runs(commands: _Commands, common: argparse.ArgumentParser) -> None:
    runs = _add(commands, "runs", "_runs:ls", "list runs, the newest first", common)
    runs.add_argument("flow", nargs="?", help="only those of this workflow")
    runs.add_argument("-n", "--limit", type=_count, default=20, metavar="N", help="at most so many")

    group = _group(commands, "run", "look at one run, stop it or repeat what failed")
    show = _add(group, "show", "_runs:show", "what happened in a run", common)
    logs = _add(group, "logs", "_runs:logs", "what operators printed", common)
    cancel = _add(group, "cancel", "_runs:cancel", "stop a run", common)
    retry = _add(group, "retry", "_runs:retry", "run again what failed", common)
    graph = _add(group, "graph", "_runs:graph", "the graph as it was, as SVG", common)
    for one in (show, logs, cancel, retry, graph):
        one.add_argument("run", help="the id of the run, or the start of it")
    logs.add_argument("operator", nargs="?", help="only what this operator printed")
    logs.add_argument("--stream", choices=["stdout", "stderr"], help="only this stream")
    logs.add_argument("-f", "--follow", action="store_true", help="go on until the run has ended")
    graph.add_argument("-o", "--output", metavar="FILE", help="write it here")


def _add_artifacts(commands: _Commands, common: argparse.ArgumentParser) -> None:
    store = argparse.ArgumentParser(add_help=False, parents=[common])
    store.add_argument(
        "--store", metavar="URL", help="another artifact store than the workspace's: s3://..."
    )
    group = _group(commands, "artifacts", "look after stored artifacts")
    ls = _add(group, "ls", "_artifacts:ls", "list artifacts", store)
    ls.add_argument("prefix", nargs="?", default="", help="only keys that start with this")
    ls.add_argument(
        "-a", "--all", action="store_true", help="also the functions of workflows, as stored"
    )
    show = _add(group, "show", "_artifacts:show", "what is known about an artifact", store)
    show.add_argument("key")
    get = _add(group, "get", "_artifacts:get", "load an artifact", store)
    get.add_argument("key")
    get.add_argument(
        "-o", "--output", metavar="FILE", help="write it here: .csv, .parquet, .json, .txt, ..."
    )
    verify = _add(group, "verify", "_artifacts:verify", "check stored bytes", store)
    verify.add_argument("prefix", nargs="?", default="", help="only keys that start with this")
    gc = _add(group, "gc", "_artifacts:gc", "remove what no artifact uses", store)
    gc.add_argument("--grace", type=_age, metavar="HOURS", help="leave alone what is younger")


def _add_integrations(commands: _Commands, common: argparse.ArgumentParser) -> None:
    group = _group(commands, "integrations", "look after data systems")
    _add(group, "ls", "_integrations:ls", "list the data systems", common)
    add = _add(group, "add", "_integrations:add", "connect a data system", common)
    add.add_argument("name", help="what workflows call it")
    add.add_argument("kind", help="what it is: sqlite, postgres, s3, ...")
    add.add_argument(
        "setting", nargs="*", metavar="SETTING=VALUE", help="path=warehouse.db, host=..., ..."
    )
    add.add_argument(
        "--secret",
        action="append",
        default=[],
        metavar="SETTING",
        help="a setting that is asked for without showing it; without a terminal, one line of "
        "standard input each",
    )
    add.add_argument(
        "--secret-env",
        action="append",
        default=[],
        metavar="SETTING=VARIABLE",
        help="a setting that is read from an environment variable",
    )
    test = _add(group, "test", "_integrations:test", "connect to a data system once", common)
    rm = _add(group, "rm", "_integrations:rm", "forget a data system; its data stays", common)
    tables = _add(group, "tables", "_integrations:tables", "list the tables in it", common)
    files = _add(group, "files", "_integrations:files", "list the files in it", common)
    for one in (test, rm, tables, files):
        one.add_argument("name", help="the name of the data system")
    files.add_argument(
        "path", nargs="?", default="**", help="a folder, ending in a slash, or a pattern"
    )
    rm.add_argument("--force", action="store_true", help="even if workflows use it")


def _add_airflow(commands: _Commands, common: argparse.ArgumentParser) -> None:
    sync = _add(commands, "sync", "_airflow:sync", "record what has happened on clusters", common)
    sync.add_argument("cluster", nargs="?", help="only this one")
    sync.add_argument("--watch", action="store_true", help="go on until it is stopped")
    sync.add_argument(
        "--interval",
        type=_seconds,
        default=5.0,
        metavar="SECONDS",
        help="from one look to the next (default: 5)",
    )

    group = _group(commands, "airflow", "look after the DAG files of workflows")
    generate = _add(group, "generate", "_airflow:generate", "write a DAG file", common)
    check = _add(group, "check", "_airflow:check", "let Airflow read a DAG file", common)
    deploy = _add(group, "deploy", "_airflow:deploy", "hand a DAG file to the cluster", common)
    for one in (generate, check, deploy):
        one.add_argument("flow", help="the name of the workflow")
    generate.add_argument("-o", "--output", metavar="FILE", help="write it here")
    check.add_argument(
        "--python", default="python3", metavar="PATH", help="an interpreter that has Airflow"
    )


def _add_bench(commands: _Commands, common: argparse.ArgumentParser) -> None:
    bench = _add(commands, "bench", "_bench:bench", "how a value is best stored here", common)
    bench.add_argument("case", nargs="*", help="values of ours: mixed frame, array, records, ...")
    several: dict[str, Any] = {"action": "append", "default": []}
    bench.add_argument(
        "--value", metavar="SOURCE", help="a value of yours: module:function, or a file", **several
    )
    bench.add_argument(
        "--store",
        metavar="URL",
        help="store it there (default: a folder of this machine)",
        **several,
    )
    bench.add_argument("--policy", metavar="NAME", help="only this policy", **several)
    bench.add_argument("--serializer", metavar="NAME", help="only this serializer", **several)
    bench.add_argument("--codec", metavar="CODEC", help="none, or zstd:1 to zstd:19", **several)
    bench.add_argument("--rounds", type=_count, metavar="N", help="how often (default: 7)")
    bench.add_argument("--quick", action="store_true", help="our values at a tenth, three rounds")
    bench.add_argument("--no-memory", action="store_true", help="leave peak memory out")
    for name, default, told in (
        ("--price-storage", 0.023, "dollars for a gigabyte and a month"),
        ("--price-compute", 3.6, "dollars for an hour of what waits"),
        ("--price-transfer", 0.0, "dollars for a gigabyte that is loaded"),
        ("--saves", 30.0, "how often it is saved in a month"),
        ("--loads", 3.0, "how often each save is loaded"),
        ("--months", 12.0, "for how long each save is kept"),
    ):
        bench.add_argument(
            name, type=_amount, default=default, metavar="X", help=f"{told} (default: {default:g})"
        )
    bench.add_argument("--figure", type=Path, metavar="FILE", help="draw it: .svg, .png or .pdf")
    bench.add_argument(
        "--compare", type=Path, metavar="FILE", help="fail if worse than this earlier --json"
    )
    bench.add_argument(
        "--tolerance",
        type=_amount,
        default=0.25,
        metavar="X",
        help="how much worse times and memory may be (default: 0.25, a quarter)",
    )
    other = bench.add_mutually_exclusive_group()
    other.add_argument(
        "--calibrate", metavar="URL", help="measure a storage, for the policy to reckon with"
    )
    other.add_argument(
        "--workflows", action="store_true", help="measure operators that do nothing, instead"
    )


def _add_others(commands: _Commands, common: argparse.ArgumentParser) -> None:
    keys = _group(commands, "apikey", "look after the keys for the server")
    create = _add(keys, "create", "_apikeys:create", "make a key; it is shown once", common)
    create.add_argument("name", help="what it is for")
    create.add_argument(
        "--role",
        choices=["viewer", "editor", "admin"],
        default="admin",
        help="what it may do (default: admin)",
    )
    _add(keys, "ls", "_apikeys:ls", "list the keys", common)
    revoke = _add(keys, "revoke", "_apikeys:revoke", "make a key useless", common)
    revoke.add_argument("key", help="its name or id")

    server = _add(commands, "server", "_server:run", "web UI, REST API and scheduler", common)
    server.add_argument("--host", default="127.0.0.1", help="where to listen (default: 127.0.0.1)")
    server.add_argument("--port", type=_port, default=8080, help="(default: 8080; 0: any free one)")
    server.add_argument(
        "--address", metavar="URL", help="where people find it, if a proxy stands before it"
    )
    server.add_argument(
        "--no-scheduler", action="store_true", help="start no workflows by the clock"
    )
    _add(commands, "scheduler", "_scheduler:run", "start workflows when it is time", common)

    database = _group(commands, "db", "look after the database of workflows and runs")
    _add(
        database,
        "upgrade",
        "_database:upgrade",
        "bring its tables to those of this release",
        common,
    )

    env = _group(commands, "env", "look after the environments of operators")
    _add(env, "ls", "_environments:ls", "list the environments", common)
    prune = _add(env, "prune", "_environments:prune", "remove environments", common)
    prune.add_argument(
        "--unused-for", type=_age, default=30.0, metavar="DAYS", help="(default: 30)"
    )
    listing = _add(
        commands,
        "serializers",
        "_serializers:serializers",
        "list the serializers that are installed",
        common,
    )
    listing.add_argument(
        "--check", action="store_true", help="import each of them, to see whether it can be"
    )


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) >= 1 << 16:
        raise argparse.ArgumentTypeError("a number from 0 to 65535")
    return int(text)


def _number(text: str, told: str, low: float, high: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not low <= number <= high:
        raise argparse.ArgumentTypeError(told)
    return number


def _seconds(text: str) -> float:
    return _number(text, "a number of seconds from 0.1 to 86400", 0.1, 86_400)


def _amount(text: str) -> float:
    return _number(text, "a number from 0", 0, sys.float_info.max)


def _age(text: str) -> float:
    return _number(text, "a number from 0 to 100000", 0, 100_000)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("a number from 1")
    return int(text)
