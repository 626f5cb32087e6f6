"""Default values of parameters: in the spec as tagged JSON, or beside it as artifacts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from aqueduct_core.dag._fingerprint import Fingerprints
from aqueduct_core.dag._modules import is_own_name
from aqueduct_core.dag._pickled import by_value
from aqueduct_core.dag._references import refuse_handle
from aqueduct_core.errors import AqueductError, ParameterError, UnserializableError
from aqueduct_core.reference import ArtifactRef
from aqueduct_core.serializers import tagged
from aqueduct_core.store import ArtifactStore
from aqueduct_core.store._keys import manifest_path

__all__ = ["ParameterDrafts"]

_LONGEST = 16_384  # characters of a value that stands in the spec itself
_TYPES = {str: "text", bytes: "bytes", bool: "bool", int: "numeric", float: "numeric"}
_OWN_KEY = b"drafts are signed, so that they may hold pickles"


@dataclass(slots=True, eq=False)
class ParameterDrafts:
    """Values of parameters on their way into a version.

    Attributes:
        flow: The workflow's id.
        refs: The artifacts to store, as references to where they will be.
    """

    flow: str
    refs: dict[str, ArtifactRef] = field(default_factory=dict)
    _fingerprints: Fingerprints = field(default_factory=Fingerprints)
    _store: ArtifactStore | None = None

    def value(self, name: str, value: Any) -> tuple[dict[str, Any], str]:
        """What a spec says of a value, and its artifact type.

        Raises:
            ParameterError: The value can't be stored.
        """
        try:
            refuse_handle(value)
            try:
                node = tagged.to_json(value)
            except UnserializableError:
                node = None  # no JSON: a table, a model
            else:
                if not _names_own_class(node) and _is_short(node):
                    return {"value": node}, _TYPES.get(type(value), "json")
            return self._artifact(name, value)
        except AqueductError as error:
            raise ParameterError(
                f"the parameter {name!r} can't be stored: {error.message}", hint=error.hint
            ) from error

    def save(self, store: ArtifactStore) -> None:
        """Put all artifacts where the references say they are."""
        for found, ref in self.refs.items():
            if self._store is None or store.exists(ref.key):
                continue
            manifest = self._store.manifest(found)
            for path in {part.path for part in manifest.parts} - {None}:
                assert path is not None
                store.storage.put(path, self._store.storage.get(path))
            # Not put anew: the store may prefer another format, and the reference names this one.
            data = replace(manifest, key=ref.key, name=ref.name).to_bytes(store._key)
            store.storage.put(manifest_path(ref.key), data)

    def _artifact(self, name: str, value: Any) -> tuple[dict[str, Any], str]:
        walk = self._fingerprints.walk(value)
        own = {node.obj.__module__ for node in walk.nodes if node.kind in ("class", "function")}
        if self._store is None:
            # `small` weighs nothing but the size: what comes out is the same for every storage.
            self._store = ArtifactStore("memory://", policy="small", signing_key=_OWN_KEY)
        with by_value(self._fingerprints.classes(walk)) as register:
            for module in own:
                register(module)
            draft = self._store.put(value, name=name, serializer="pickle" if own else None)
        key = f"flows/{self.flow}/parameters/{draft.digest.partition(':')[2]}"
        ref = self.refs[draft.key] = replace(draft, key=key)
        # The digest tells values apart; that of a pickled artifact is a new one in each process.
        return {"artifact": ref.serialize(), "digest": walk.digest}, ref.type


def _is_short(node: Any) -> bool:
    return len(json.dumps(node)) <= _LONGEST


def _names_own_class(node: Any) -> bool:
    """Whether it takes a class of the user's own, which workers don't have, to read tagged JSON."""
    waiting = [node]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Mapping):
            name = item.get("class")
            if "$type" in item and isinstance(name, str) and is_own_name(name.partition(":")[0]):
                return True
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return False
