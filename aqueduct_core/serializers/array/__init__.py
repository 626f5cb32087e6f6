"""NumPy arrays of every dtype but object, as `.npy` files that are mapped back."""

from __future__ import annotations

from aqueduct_core.serializers.array._serializer import ArraySerializer

__all__ = ["ArraySerializer"]
