"""Run a benchmark: one process for the times of all ways, and one for the memory of each."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from aqueduct_core._version import __version__
from aqueduct_core.bench._cost import Prices
from aqueduct_core.bench._source import load_value
from aqueduct_core.bench._ways import Way, ways_for
from aqueduct_core.errors import ParameterError

__all__ = ["FORMAT", "Options", "run"]

FORMAT = 1
_LIBRARIES = ("numpy", "pandas", "polars", "pyarrow", "pillow", "orjson", "blake3", "cloudpickle")


@dataclass(frozen=True, slots=True)
class Options:
    """How to measure.

    Attributes:
        stores: URLs of storages; an empty one is a new folder on this machine.
        policies: Policies to try.
        serializers: Serializers to try.
        codecs: Codecs to try.
        rounds: How often each way is measured.
        patience: Seconds after which a way has its answer, however few the rounds were.
        quick: Cases at a tenth of their size.
        memory: Measure memory, too; a process for each way.
        prices: What things cost.
    """

    stores: Sequence[str] = ("",)
    policies: Sequence[str] = ()
    serializers: Sequence[str] = ()
    codecs: Sequence[str] = ()
    rounds: int = 7
    patience: float = 15.0
    quick: bool = False
    memory: bool = True
    prices: Prices = Prices()  # noqa: RUF009 - frozen


def run(
    sources: Sequence[str], options: Options, tell: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Measure values.

    Args:
        sources: Names of cases, `module:function`, or files.
        options: How.
        tell: Is told what is being measured.

    Returns:
        The report, as plain JSON.

    Raises:
        ParameterError: There is no such value, or what makes it has failed.
    """
    return {
        "format": FORMAT,
        "machine": _machine(),
        "options": {"quick": options.quick, "prices": options.prices.to_json()},
        "values": {source: _measured(source, options, tell) for source in sources},
    }


def _measured(source: str, options: Options, tell: Callable[[str], None]) -> dict[str, Any]:
    ways = ways_for(
        load_value(source, quick=True),
        stores=options.stores,
        policies=options.policies,
        serializers=options.serializers,
        codecs=options.codecs,
    )
    tell(f"{source}: {len(ways)} ways")
    found = _work(source, ways, options, memory=False)
    for result in found["results"]:
        way = Way(**result["way"])
        if "refused" in result:
            continue
        if options.memory:
            tell(f"{source}: memory of {way.name}")
            result |= _work(source, [way], options, memory=True)["results"][0]
        result["cost"] = options.prices.month(
            result["save"]["median"], result["load"]["median"], result["stored"]
        )
    return found


def _work(source: str, ways: list[Way], options: Options, *, memory: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="aqueduct-bench-") as folder:
        job, result = Path(folder, "job.json"), Path(folder, "result.json")
        document = {
            "source": source,
            "ways": [way.to_json() for way in ways],
            "rounds": options.rounds,
            "patience": options.patience,
            "quick": options.quick,
            "memory": memory,
        }
        job.write_text(json.dumps(document))
        command = [sys.executable, "-m", "aqueduct_core.bench._worker", str(job), str(result)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own
        if done.returncode or not result.exists():
            said = [line for line in done.stderr.splitlines() if line and line[:5] != "Hint:"]
            reason = said[-1] if said else f"exit code {done.returncode}"
            raise ParameterError(
                f"{source!r} can't be measured: {reason}",
                hint="the value is made in a process of its own: does the function work there?",
            )
        found: dict[str, Any] = json.loads(result.read_text())
        return found


def _machine() -> dict[str, Any]:
    """What the figures depend on."""
    libraries = {"aqueduct-core": __version__}
    for name in _LIBRARIES:
        try:
            libraries[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "libraries": libraries,
    }
