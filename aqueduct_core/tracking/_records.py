"""Records of workflows and runs as JSON documents beside the artifacts.

    flows/<flow id>/flow.json               name and current version
    flows/<flow id>/versions/<digest>.json  the spec of a version
    flows/<flow id>/runs/<run key>.json     a run: version, status, operators
    operators/<operator id>/<run key>/result.json

Each document is put whole, after what it points at, so that a reader finds everything it names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aqueduct_core.errors import CorruptArtifactError, StorageNotFoundError
from aqueduct_core.runtime import Result

if TYPE_CHECKING:
    from aqueduct_core.abc import Storage

__all__ = ["Records"]


class Records:
    """Reads and writes the records.

    Args:
        storage: Where they are.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def put_flow(self, flow: str, data: Mapping[str, Any]) -> None:
        """Write a workflow's record."""
        self._put(f"flows/{flow}/flow.json", data)

    def flow(self, flow: str) -> dict[str, Any] | None:
        """A workflow's record, if there is one."""
        return self._get(f"flows/{flow}/flow.json")

    def flows(self) -> list[dict[str, Any]]:
        """The records of all workflows, by name."""
        keys = [info.key for info in self._storage.list("flows/")]
        found = [self._get(key) for key in keys if key.endswith("/flow.json")]
        return sorted((item for item in found if item), key=lambda item: str(item["name"]))

    def put_version(self, flow: str, digest: str, data: Mapping[str, Any]) -> None:
        """Write the record of a version."""
        self._put(f"flows/{flow}/versions/{_plain(digest)}.json", data)

    def version(self, flow: str, digest: str) -> dict[str, Any] | None:
        """The record of a version, if there is one."""
        return self._get(f"flows/{flow}/versions/{_plain(digest)}.json")

    def put_run(self, flow: str, run: str, data: Mapping[str, Any]) -> None:
        """Write the record of a run."""
        self._put(f"flows/{flow}/runs/{run}.json", data)

    def run(self, flow: str, run: str) -> dict[str, Any] | None:
        """The record of a run, if there is one."""
        return self._get(f"flows/{flow}/runs/{run}.json")

    def runs(self, flow: str) -> list[str]:
        """The keys of all runs, the oldest first."""
        folder = f"flows/{flow}/runs/"
        keys = [info.key for info in self._storage.list(folder)]
        return sorted(key[len(folder) : -len(".json")] for key in keys if key.endswith(".json"))

    def put_result(self, result: Result) -> None:
        """Write the result of an operator; its outputs are stored by now."""
        self._put(f"operators/{result.operator}/{result.run}/result.json", result.to_json())

    def result(self, operator: str, run: str) -> Result | None:
        """The result of an operator, or None if it hasn't come to an end."""
        data = self._get(f"operators/{operator}/{run}/result.json")
        return None if data is None else Result.from_json(data)

    def _put(self, key: str, data: Mapping[str, Any]) -> None:
        self._storage.put(key, json.dumps(data, allow_nan=False).encode())

    def _get(self, key: str) -> dict[str, Any] | None:
        try:
            data = bytes(self._storage.get(key))
        except StorageNotFoundError:
            return None
        try:
            document = json.loads(data)
        except ValueError as error:
            raise CorruptArtifactError(f"a record is no JSON: {error}", key=key) from error
        if not isinstance(document, dict):
            raise CorruptArtifactError("a record is no JSON object", key=key)
        return document


def _plain(digest: str) -> str:
    return digest.partition(":")[2]
