"""`aqueduct bench`: how a value is best stored here, and what storages and workflows take."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aqueduct_core.bench import (
    Change,
    Options,
    Prices,
    calibrate,
    case_names,
    compare,
    draw,
    front,
    run,
)
from aqueduct_core.cli._print import as_size, as_time, console, print_json, table
from aqueduct_core.errors import ParameterError
from aqueduct_core.store._profiles import save_profile

__all__ = ["bench"]

_USUAL = ("mixed frame", "array", "records", "image")
_COLUMNS = (
    *("", "way", "stored as", ">save", ">load", ">stored", ">$ a month"),
    *(">memory, save", ">memory, load", "comes back"),
)


def bench(options: Namespace) -> int:
    """Measure; 1 if something is worse than in the report to compare with."""
    if options.calibrate:
        return _calibrate(options)
    if options.workflows:
        return _workflows(options)
    if options.figure is not None and options.figure.suffix not in (".svg", ".png", ".pdf"):
        raise ParameterError(f"{options.figure} is no figure", hint="end it in .svg, .png or .pdf")
    before = None if options.compare is None else _earlier(options.compare)
    sources = [*options.case, *options.value] or [name for name in _USUAL if name in case_names()]
    report = run(sources, _options(options), _tell)
    changes = [] if before is None else compare(report, before, tolerance=options.tolerance)
    if options.figure is not None:
        draw(report, options.figure)
    if options.json:
        print_json(report)
    else:
        _show(report)
    for change in changes:
        _complain(change)
    return 1 if changes else 0


def _options(options: Namespace) -> Options:
    return Options(
        stores=options.store or ("",),
        policies=options.policy,
        serializers=options.serializer,
        codecs=options.codec,
        rounds=options.rounds or (3 if options.quick else 7),
        quick=options.quick,
        memory=not options.no_memory,
        prices=Prices(
            storage=options.price_storage,
            compute=options.price_compute,
            transfer=options.price_transfer,
            saves=options.saves,
            loads=options.loads,
            months=options.months,
        ),
    )


def _tell(what: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{what} ...", end="", file=sys.stderr, flush=True)


def _show(report: Mapping[str, Any]) -> None:
    _tell("\r\033[K\r")
    screen = console()
    screen.width = max(screen.width, 150) if not screen.is_terminal else screen.width
    loads = report["options"]["prices"]["loads"]
    for name, value in report["values"].items():
        stored = [result for result in value["results"] if "refused" not in result]
        spots = [
            (item["save"]["median"] + loads * item["load"]["median"], item["stored"])
            for item in stored
        ]
        best = {id(stored[index]) for index in front(spots)}
        rows = [_row(result, starred=id(result) in best) for result in _ordered(value["results"])]
        title = f"{name}: {value['class']}, {as_size(value['size'])}"
        screen.print(table(_COLUMNS, rows, title=title))
    screen.print(
        f"*: no other way is both quicker, for one save and {loads:g} loads, and smaller. Times are "
        "medians; half of the rounds were within ±."
    )


def _ordered(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cheapest first, what can't be stored last."""
    return sorted(results, key=lambda result: result.get("cost", float("inf")))


def _row(result: Mapping[str, Any], *, starred: bool) -> list[str]:
    way = result["way"]["name"]
    if "refused" in result:
        return ["", way, "not", "", "", "", "", "", "", result["refused"]]
    used = result.get("memory", {})
    how = " + ".join(name for name in (result["serializer"], result["codec"]) if name != "none")
    return [
        "*" if starred else "",
        way,
        how or "pickle",
        _time(result["save"]),
        _time(result["load"]),
        as_size(result["stored"]),
        f"{result['cost']:.3g}",
        as_size(used["save"]) if used else "",
        as_size(used["load"]) if used else "",
        result["fidelity"],
    ]


def _time(spread: Mapping[str, Any]) -> str:
    middle = spread["median"] * 1e3
    half = (spread["high"] - spread["low"]) / 2 * 1e3
    digits = 0 if middle >= 100 else 1 if middle >= 1 else 2
    return f"{middle:.{digits}f} ±{half:.{digits}f} ms"


def _complain(change: Change) -> None:
    print(
        f"{change.value}, {change.way}: {change.what} was {change.before}, is {change.now}",
        file=sys.stderr,
    )


def _earlier(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ParameterError(
            f"the earlier report {path} can't be read: {error}", hint="it is what --json prints"
        ) from error
    if not isinstance(found, dict):
        raise ParameterError(f"{path} is no report", hint="it is what --json prints")
    return found


def _calibrate(options: Namespace) -> int:
    """Measure a storage, and keep the result for all stores on it."""
    if options.home:
        raise ParameterError(
            "--home says nothing to --calibrate: stores without a client have to find the profile",
            hint="set AQUEDUCT_HOME, for this command and for whatever uses the store",
        )
    found = calibrate(options.calibrate, price=options.price_storage)
    profile = found.profile
    path = save_profile(found.url, profile)
    if options.json:
        document = {
            "url": found.url,
            "upload": profile.upload,
            "download": profile.download,
            "latency": profile.latency,
            "price": profile.price,
            "default": profile.default,
            "written": str(path),
        }
        print_json(document)
        return 0
    rows = [
        ("upload", f"{as_size(round(profile.upload))}/s"),
        ("download", f"{as_size(round(profile.download))}/s"),
        ("latency", f"{profile.latency * 1e3:.3g} ms"),
        ("price", f"{profile.price:g} $ for a GB and a month"),
    ]
    console().print(table(["what", ">measured"], rows, title=found.url))
    print(f"written to {path}; stores at or below this URL reckon with it from now on")
    return 0


def _workflows(options: Namespace) -> int:
    from aqueduct_core.cli._bench_workflows import steps

    with TemporaryDirectory(prefix="aqueduct-bench-") as folder:
        found = steps(Path(folder) / "home")
    if options.json:
        print_json(found)
        return 0
    told = [(name.replace("_", " "), as_time(seconds)) for name, seconds in found.items()]
    console().print(table(["what", ">takes"], told, title="Operators that do nothing"))
    return 0
