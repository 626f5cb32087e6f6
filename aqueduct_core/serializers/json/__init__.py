"""Nests of everything: JSON with tags, and apart from it what isn't JSON."""

from __future__ import annotations

from aqueduct_core.serializers.json._serializer import JsonSerializer

__all__ = ["JsonSerializer"]
