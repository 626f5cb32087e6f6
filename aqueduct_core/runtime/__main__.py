"""Runs one operator, for engines that start a command for each.

    python -m aqueduct_core.runtime LOCATION OPERATOR RUN [--attempt N]

LOCATION is that of a version's document, `s3://bucket/prefix/flows/<id>/versions/<digest>.json`. The
operator runs in a worker, so that whatever becomes of it, there is a result. Naming a save runs all
saves of the version into the same data system, in one transaction.

Everything else comes from the environment, and secrets aren't handed on to the operator's own:

    AQUEDUCT_SIGNING_KEY          in hex; by default that of the home folder
    AQUEDUCT_HOME                 the home folder, where environments are kept, and copies of
                                  versions and functions from a store elsewhere; ~/.aqueduct
    AQUEDUCT_STORAGE_OPTIONS      JSON, what the store's storage takes
    AQUEDUCT_INTEGRATION_<NAME>   JSON, {"kind": ..., "config": {...}}, or a URL; the name in
                                  capitals, with _ for whatever isn't a letter or a digit
    AQUEDUCT_PARAMETERS           JSON, other values for parameters, as specs have them

Exit codes: 0 succeeded, also with a warning; 1 failed; 2 nothing was run, because of how it was asked
for; 99 skipped; 128 and the number of the signal when it was canceled by one.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from aqueduct_core._environment import object_from
from aqueduct_core.dag import OperatorSpec, Version
from aqueduct_core.errors import AqueductError, ParameterError
from aqueduct_core.integrations import kinds
from aqueduct_core.integrations._settings import from_environment
from aqueduct_core.runtime import Result, Workspace
from aqueduct_core.runtime._supervised import Call, supervise, together

__all__ = ["main"]

_CODES = {"succeeded": 0, "warning": 0, "failed": 1, "canceled": 1, "skipped": 99}
_UNUSABLE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one operator; returns the exit code.

    Args:
        arguments: Those of the command line.
    """
    parser = argparse.ArgumentParser(
        prog="python -m aqueduct_core.runtime", description="Run one operator of a workflow."
    )
    parser.add_argument("location", help="of the version's document")
    parser.add_argument("operator", help="its name")
    parser.add_argument("run", help="the run key")
    parser.add_argument("--attempt", type=int, default=1, help="counts from 1")
    given = parser.parse_args(arguments)
    try:
        call = _call(given.location, given.operator, given.run, given.attempt)
    except (AqueductError, ValueError) as error:
        _say(str(error))
        return _UNUSABLE
    printed: dict[str, bytes] = {}
    results, number = supervise(call, printed)
    for stream, data in printed.items():
        getattr(sys, stream).write(data.decode(errors="replace"))
    for result in results:
        _tell(result)
    worst = max((_CODES[result.state] for result in results), key=[0, 99, 1].index)
    return 128 + number if number else worst


def _call(location: str, operator: str, run: str, attempt: int) -> Call:
    url, flow, digest = Version.locate(location)
    setup = {
        "store": url,
        "signing_key": _signing_key(),
        "storage_options": object_from("AQUEDUCT_STORAGE_OPTIONS"),
        "kept": str(_home() / "kept"),
    }
    workspace = Workspace.from_json(setup)
    version = workspace.constant(lambda store: Version.load(store, flow, digest))
    operators = together(version, operator)
    return Call(
        setup=setup | {"connections": dict(_connections(operators))},
        version=version,
        operators=operators,
        run=run,
        attempt=attempt,
        parameters=object_from("AQUEDUCT_PARAMETERS"),
        environments=_home() / "environments",
        report=_say,
    )


def _home() -> Path:
    return Path(os.environ.get("AQUEDUCT_HOME") or "~/.aqueduct").expanduser()


def _signing_key() -> str | None:
    key = os.environ.get("AQUEDUCT_SIGNING_KEY")
    file = _home() / "signing.key"
    if key is None and file.exists():
        key = file.read_text(encoding="ascii")
    if key is None:
        return None
    try:
        return bytes.fromhex(key).hex()
    except ValueError:
        raise ParameterError(
            "the signing key is not in hex",
            hint="set AQUEDUCT_SIGNING_KEY to what signing.key of the home folder holds",
        ) from None


def _connections(operators: Sequence[OperatorSpec]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for operator in operators:
        name = operator.task.get("integration")
        if isinstance(name, str):
            found = from_environment(name, kinds())
            if found:
                yield name, found


def _tell(result: Result) -> None:
    """Show what became of an operator to whoever reads this command's log."""
    told = f"{result.name} {result.state}" + (f": {result.reason}" if result.reason else "")
    trace = result.error.traceback if result.error else ""
    _say(f"{trace}{told}")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
