"""`aqueduct artifacts`: one function per action."""

from __future__ import annotations

import json
import re
from argparse import Namespace
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from aqueduct_core.cli._open import open_client
from aqueduct_core.cli._print import (
    as_size,
    console,
    preview_table,
    print_json,
    print_list,
    short,
    table,
)
from aqueduct_core.client._csv import write_csv
from aqueduct_core.errors import (
    AqueductError,
    ArtifactNotFoundError,
    ConversionError,
    ParameterError,
)
from aqueduct_core.manifest import Manifest
from aqueduct_core.reference import ArtifactRef
from aqueduct_core.store import ArtifactStore

__all__ = ["gc", "get", "ls", "show", "verify"]

_ROWS = 10
_FUNCTION = re.compile(r"flows/[^/]+/code/")  # where versions of workflows keep them


def ls(options: Namespace) -> int:
    """List artifacts; functions of workflows, which are no data, only if they are asked for."""
    store = _store(options)
    found = list(store.list(options.prefix))
    shows_all = options.all or _FUNCTION.match(options.prefix)
    refs = [ref for ref in found if shows_all or not _FUNCTION.match(ref.key)]
    if options.json:
        print_json([ref.serialize() for ref in refs])
        return 0
    rows = [(ref.name, _kind(ref), ref.serializer, as_size(ref.size), ref.key) for ref in refs]
    where = f" under {options.prefix!r}" if options.prefix else ""
    columns = ["name", "type", "format", ">size", "key"]
    print_list(columns, rows, none=f"no artifacts{where} in {store.url}")
    hidden = len(found) - len(refs)
    if hidden:
        what = "function" if hidden == 1 else "functions"
        console().print(f"{hidden} {what} of workflows not shown: --all shows them", style="dim")
    return 0


def show(options: Namespace) -> int:
    """What is known about an artifact."""
    manifest = _there(_store(options), options.key)
    if options.json:
        print_json(manifest.to_json())
        return 0
    stored = sum(part.stored or part.size for part in manifest.parts)
    facts = [
        ("key", manifest.key),
        ("name", manifest.name),
        ("type", manifest.type),
        ("format", f"{manifest.content.serializer} {manifest.content.version}"),
        ("size", f"{as_size(manifest.size)}, {as_size(stored)} stored"),
        ("saved", manifest.created),
        ("digest", manifest.digest),
        ("safe to load", "yes" if manifest.safe else "only if signed: it is a pickle"),
        ("signed", "yes" if manifest.signature else "no"),
    ]
    screen = console()
    screen.print(table(["", ""], facts))
    _show_description(screen, manifest.description)
    return 0


def _show_description(screen: Any, description: Mapping[str, Any]) -> None:
    statistics = description.get("statistics", {})
    schema = description.get("schema")
    if schema:
        rows = []
        for column in schema:
            found = statistics.get(column["name"], {})
            numbers = [short(found.get(key)) for key in ("min", "mean", "max")]
            rows.append((column["name"], column["type"], column.get("nulls"), *numbers))
        screen.print(table(["column", "type", ">nulls", ">min", ">mean", ">max"], rows))
    preview = description.get("preview")
    if isinstance(preview, Mapping) and "rows" in preview:
        screen.print(preview_table(preview, rows=_ROWS))
    elif preview is not None and not schema:
        shown = preview if isinstance(preview, str) else json.dumps(preview, ensure_ascii=False)
        screen.print(shown[:2000], markup=False)


def get(options: Namespace) -> int:
    """Load an artifact, and print it or write it into a file."""
    store = _store(options)
    _there(store, options.key)
    if options.output:
        folder = Path(options.output).parent
        if not folder.is_dir():  # what writes says so in many ways
            raise ParameterError(f"there is no folder {str(folder)!r}", hint="make it first")
        written = _export(store, options.key, Path(options.output))
        message = {"key": options.key, "output": str(written), "bytes": written.stat().st_size}
        if options.json:
            print_json(message)
        else:
            print(f"{written} ({as_size(written.stat().st_size)})")
        return 0
    value = store.get(options.key)
    if options.json:
        from aqueduct_core.serializers import tagged

        ref = store.manifest(options.key).ref
        try:
            document = tagged.to_json(value)
        except AqueductError as error:
            raise ConversionError(
                f"{options.key!r} is a {ref.type}, which has no JSON form",
                hint="write it into a file: --output table.csv",
            ) from error
        print_json({**ref.serialize(), "value": document})
    else:
        print(value)
    return 0


def verify(options: Namespace) -> int:
    """Check stored bytes; 1 if some are damaged."""
    problems = _store(options).verify(options.prefix)
    if options.json:
        print_json([{"key": item.key, "problem": str(item.error)} for item in problems])
    elif problems:
        rows = [(item.key, str(item.error)) for item in problems]
        console().print(table(["key", "problem"], rows))
    else:
        print("Every byte is what was written.")
    return 1 if problems else 0


def gc(options: Namespace) -> int:
    """Remove what no artifact uses."""
    store = _store(options)
    if options.grace is None:
        swept = store.gc()
    else:
        swept = store.gc(grace=timedelta(hours=options.grace))
    if options.json:
        print_json({"artifacts": swept.artifacts, "objects": swept.objects, "bytes": swept.size})
    else:
        print(f"{swept.objects} objects removed, {as_size(swept.size)}")
    return 0


def _kind(ref: ArtifactRef) -> str:
    return "function" if _FUNCTION.match(ref.key) else ref.type


def _store(options: Namespace) -> ArtifactStore:
    if options.store:
        return ArtifactStore(options.store)

    return open_client(options).store


def _there(store: ArtifactStore, key: str) -> Manifest:
    """What is known of an artifact.

    Raises:
        ArtifactNotFoundError: There is none.
    """
    try:
        return store.manifest(key)
    except ArtifactNotFoundError as error:
        raise ArtifactNotFoundError(
            error.message, hint="`aqueduct artifacts ls` lists what there is"
        ) from error


def _export(store: ArtifactStore, key: str, path: Path) -> Path:
    kind = store.manifest(key).type
    suffix = path.suffix.lower()
    if kind in ("table", "series"):
        if suffix == ".csv":
            with path.open("wb") as file:
                write_csv(store, key, file)
            return path
        if suffix == ".parquet":
            _frame(store, key, kind).to_parquet(path)
            return path
        raise _no_form(key, kind, suffix, ".csv, .parquet")
    value = store.get(key)
    if isinstance(value, str):
        path.write_text(value, encoding="utf-8", newline="")
    elif isinstance(value, bytes | bytearray):
        path.write_bytes(value)
    elif kind == "image":
        value.save(path)
    elif suffix == ".json":
        from aqueduct_core.serializers import tagged

        path.write_text(json.dumps(tagged.to_json(value), ensure_ascii=False), encoding="utf-8")
    else:
        raise _no_form(key, kind, suffix, ".json")
    return path


def _frame(store: ArtifactStore, key: str, kind: str) -> Any:
    import pandas as pd

    if kind == "table":
        return store.get(key, as_=pd.DataFrame)
    return store.get(key).to_frame()


def _no_form(key: str, kind: str, suffix: str, known: str) -> ConversionError:
    return ConversionError(
        f"{key!r} is a {kind}, which can't be written as {suffix or 'a file without suffix'}",
        hint=f"what it can be written as: {known}",
    )
