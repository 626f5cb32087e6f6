"""Arguments in, exit code out.

Exit codes: 0 done; 1 done, and something is wrong (damaged artifacts, a failed run); 2 the command
could not be understood; 3 it could not be done.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from aqueduct_core._version import __version__
from aqueduct_core.errors import AqueductError

__all__ = ["main"]

_FAILED = 3
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: What was typed after `aqueduct`.

    Returns:
        The exit code.
    """
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except AqueductError as error:
        print(f"aqueduct: {error}", file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader, `head` for instance, has seen enough; Python must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print JSON, for programs")
    common.add_argument(
        "--home", metavar="FOLDER", help="the workspace (default: AQUEDUCT_HOME or ~/.aqueduct)"
    )
    parser = argparse.ArgumentParser(
        prog="aqueduct", description="Typed artifacts, and the workflows that make them."
    )
    parser.add_argument("--version", action="version", version=f"aqueduct {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    demo = commands.add_parser(
        "demo", parents=[common], help="run a workflow on 336,776 real flights"
    )
    demo.set_defaults(command=_demo)

    artifacts = commands.add_parser("artifacts", help="look after stored artifacts")
    _add_artifacts(artifacts, common)

    serializers = commands.add_parser(
        "serializers", parents=[common], help="list the serializers that are installed"
    )
    serializers.set_defaults(command=_serializers)
    return parser


def _add_artifacts(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    store = argparse.ArgumentParser(add_help=False, parents=[common])
    store.add_argument(
        "--store", metavar="URL", help="another artifact store than the workspace's: s3://..."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    ls = commands.add_parser("ls", parents=[store], help="list artifacts")
    ls.add_argument("prefix", nargs="?", default="", help="only keys that start with this")

    show = commands.add_parser("show", parents=[store], help="what is known about an artifact")
    show.add_argument("key")

    get = commands.add_parser("get", parents=[store], help="load an artifact")
    get.add_argument("key")
    get.add_argument(
        "-o", "--output", metavar="FILE", help="write it here: .csv, .parquet, .json, .txt, ..."
    )

    verify = commands.add_parser("verify", parents=[store], help="check stored bytes")
    verify.add_argument("prefix", nargs="?", default="", help="only keys that start with this")

    gc = commands.add_parser("gc", parents=[store], help="remove what no artifact uses")
    gc.add_argument("--grace", type=float, metavar="HOURS", help="leave alone what is younger")

    for name, sub in commands.choices.items():
        sub.set_defaults(command=_artifacts, action=name)


def _demo(options: argparse.Namespace) -> int:
    from aqueduct_core.cli._demo import demo

    return int(demo(options.home, as_json=options.json))


def _artifacts(options: argparse.Namespace) -> int:
    from aqueduct_core.cli import _artifacts

    return int(getattr(_artifacts, options.action)(options))


def _serializers(options: argparse.Namespace) -> int:
    from aqueduct_core.cli._serializers import serializers

    return int(serializers(as_json=options.json))
