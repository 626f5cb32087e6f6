"""Everything that has no format of its own: cloudpickle, buffers out of band, as the last resort."""

from __future__ import annotations

from aqueduct_core.serializers.pickle._serializer import PickleSerializer, why_unpicklable

__all__ = ["PickleSerializer", "why_unpicklable"]
