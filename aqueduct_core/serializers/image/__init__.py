"""Images of Pillow: the file they came from while they are unchanged, else their pixels."""

from __future__ import annotations

from aqueduct_core.serializers.image._serializers import (
    ImageFileSerializer,
    PngImageSerializer,
    RawImageSerializer,
)

__all__ = ["ImageFileSerializer", "PngImageSerializer", "RawImageSerializer"]
