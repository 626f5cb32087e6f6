"""Arguments in, exit code out.

Exit codes: 0 done; 1 done, and the answer is no (a failed run, damaged artifacts, versions that
differ); 2 the command could not be understood; 3 it could not be done; 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from io import TextIOWrapper

from aqueduct_core.cli._parser import parser
from aqueduct_core.errors import AqueductError, MissingExtraError

__all__ = ["main"]

_NOT_UNDERSTOOD = 2
_FAILED = 3
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: What was typed after `aqueduct`.

    Returns:
        The exit code.
    """
    if not (sys.argv[1:] if arguments is None else arguments):
        parser().print_help(sys.stderr)
        return _NOT_UNDERSTOOD
    options = parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # names may have letters that the terminal hasn't
            stream.reconfigure(errors="backslashreplace")
    try:
        with ExitStack() as options.closing:
            return _command(options.command)(options)
    except AqueductError as error:
        print(f"aqueduct: {error}", file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader, `head` for instance, has seen enough; Python must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.filename is None:  # no file that somebody has named
            raise
        print(f"aqueduct: {error.filename}: {error.strerror}", file=sys.stderr)
        return _FAILED


def demo(options: argparse.Namespace) -> int:
    """`aqueduct demo`."""
    from aqueduct_core.cli.demo import demo, was_told

    if not options.serve:
        return int(demo(options.home, as_json=options.json))
    from aqueduct_core.cli._open import open_client
    from aqueduct_core.cli._server import check_installed, serve

    check_installed()
    client = open_client(options)
    if not was_told(client):
        demo(options.home, as_json=options.json)
    return serve(client, opens=True, port=options.port)


def _command(place: str) -> Callable[[argparse.Namespace], int]:
    """A command, imported when it is used: most need libraries that others don't."""
    module, _, name = place.partition(":")
    try:
        found: Callable[[argparse.Namespace], int] = getattr(
            importlib.import_module(f"aqueduct_core.cli.{module}"), name
        )
    except MissingExtraError:
        raise
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            error.name or "a library", "workflows", f"`aqueduct {module.strip('_')}`"
        ) from error
    return found
