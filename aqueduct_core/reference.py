"""References: the small value that names a stored artifact wherever it travels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from aqueduct_core._version import newer
from aqueduct_core.errors import FormatVersionError

__all__ = ["ArtifactRef"]


@dataclass(frozen=True, slots=True)
class ArtifactRef:
    """Names one stored artifact; small, immutable and JSON-able, so it can travel anywhere.

    Attributes:
        key: Where the manifest is.
        type: The artifact type: `table`, `array`, `json`, ...
        serializer: The serializer's name.
        size: Bytes of all parts, before compression.
        digest: Digest of the content: the same for equal bytes under any key.
        name: A name for people.
    """

    key: str
    type: str
    serializer: str
    size: int
    digest: str
    name: str | None = None

    __version__: ClassVar[int] = 1

    def serialize(self) -> dict[str, Any]:
        """The reference as plain JSON."""
        return {
            "key": self.key,
            "type": self.type,
            "serializer": self.serializer,
            "size": self.size,
            "digest": self.digest,
            "name": self.name,
        }

    @staticmethod
    def deserialize(data: Mapping[str, Any], version: int = 1) -> ArtifactRef:
        """A reference from what `serialize` returned."""
        if version > ArtifactRef.__version__:
            raise FormatVersionError(
                f"this reference has version {version}; version {ArtifactRef.__version__} is the "
                "newest known here",
                hint=newer(),
            )
        known = ("key", "type", "serializer", "size", "digest", "name")
        return ArtifactRef(**{name: data[name] for name in known if name in data})
