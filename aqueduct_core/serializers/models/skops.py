"""scikit-learn's models as skops files, which load without running code."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import skops
import skops.io as skops_io

from aqueduct_core.abc import JSON, Budget, Sink, Source
from aqueduct_core.errors import CorruptArtifactError, UnserializableError

__all__ = ["SkopsSerializer"]

_SCHEMA = "schema.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the time of all members: the same model gives the same bytes


class SkopsSerializer:
    """scikit-learn's estimators as skops files. It takes them only if it is asked to.

    `put(model, serializer="skops")`, or `registry.prefer("skops")` for all. Nothing in such a file is
    executed when it is loaded: it consists of types that skops trusts by itself. Models made of
    other types, such as trees, functions, classes of your own or of other packages, are refused. So it
    isn't what models are stored with by default: pickle takes them all.
    """

    name = "skops"
    version = 1
    types: tuple[type | str, ...] = ("sklearn.base.BaseEstimator",)
    artifact = "object"
    suffix = ".skops"
    compressed = True

    def accepts(self, obj: Any, /) -> bool:
        return type(obj).__module__.partition(".")[0] == "sklearn"

    def dump(self, obj: Any, sink: Sink, /) -> Mapping[str, JSON]:
        try:
            data = _normalized(skops_io.dumps(obj))
            unknown = skops_io.get_untrusted_types(data=data)
        except Exception as error:
            raise UnserializableError(
                f"skops can't keep this {type(obj).__name__}: {error}",
                hint='leave out serializer="skops" to have it pickled',
            ) from error
        if unknown:
            raise UnserializableError(
                f"this {type(obj).__name__} holds {', '.join(sorted(unknown)[:5])}, which skops "
                "does not load without being told to",
                hint='leave out serializer="skops" to have it pickled',
            )
        sink.write(data)
        return {"class": type(obj).__qualname__, "skops": skops.__version__}

    def load(self, source: Source, /) -> Any:
        try:
            return skops_io.loads(bytes(source.view()), trusted=[])
        except MemoryError:
            raise
        except Exception as error:
            raise CorruptArtifactError(f"the skops file can't be read: {error}") from error

    def describe(self, obj: Any, budget: Budget, /) -> Mapping[str, JSON]:
        """Its class and parameters."""
        from aqueduct_core.serializers.pickle._describe import preview

        return {"class": type(obj).__qualname__, "preview": preview(obj, budget)}


def _normalized(data: bytes) -> bytes:
    """The same file with numbers in the place of addresses in memory, and without times."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(target, "w") as new:
        schema = json.loads(old.read(_SCHEMA))
        files: dict[str, str] = {}
        _renumber(schema, {}, files)
        members = [(name, old.read(own)) for own, name in files.items()]
        members.append((_SCHEMA, json.dumps(schema).encode()))
        if len(members) != len(old.namelist()):
            raise ValueError("the file has members that its schema does not name")
        for name, content in members:
            new.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def _renumber(node: Any, ids: dict[int, int], files: dict[str, str]) -> None:
    if isinstance(node, list):
        for item in node:
            _renumber(item, ids, files)
    if not isinstance(node, dict):
        return
    if "__id__" in node:
        node["__id__"] = ids.setdefault(node["__id__"], len(ids) + 1)
    if "__loader__" in node and isinstance(node.get("file"), str):
        suffix = node["file"].rpartition(".")[2]
        node["file"] = files.setdefault(node["file"], f"{len(files) + 1}.{suffix}")
    for key, item in node.items():
        if key not in ("__id__", "file"):
            _renumber(item, ids, files)
