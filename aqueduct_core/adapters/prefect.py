"""Prefect's results in an artifact store.

    @flow(persist_result=True, result_serializer=AqueductSerializer(url="s3://bucket/prefix"))

Prefect keeps a reference where it keeps results; results that are equal are stored once. A process that reads
results without the code of the flow has to import this module.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from aqueduct_core.adapters._common import needs, store_of
from aqueduct_core.reference import ArtifactRef

with needs("prefect", "prefect"):
    from prefect.serializers import Serializer

__all__ = ["AqueductSerializer"]


class AqueductSerializer(Serializer):  # type: ignore[misc]  # Prefect isn't there when types are checked
    """Stores what a task or flow returned as a typed artifact.

    Prefect writes the fields below beside every result. So secrets belong into AQUEDUCT_SIGNING_KEY and
    AQUEDUCT_STORAGE_OPTIONS.
    """

    type: Literal["aqueduct"] = "aqueduct"
    url: str
    policy: Literal["fast", "balanced", "small"] | None = None
    allow_pickle: bool = False

    def dumps(self, obj: Any) -> bytes:
        """Store a result; what Prefect keeps is the reference."""
        return json.dumps(store_of(self).put(obj).serialize()).encode()

    def loads(self, blob: bytes) -> Any:
        """Load what a reference names.

        Raises:
            ArtifactNotFoundError: It is gone.
        """
        return store_of(self).get(ArtifactRef.deserialize(json.loads(blob)))
