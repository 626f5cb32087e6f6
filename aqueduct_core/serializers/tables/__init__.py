"""Tables of pandas, pyarrow and polars: one way through Arrow, in two containers.

`ArrowSerializer` writes Arrow IPC, which is mapped back without a copy; `ParquetSerializer` writes
Parquet, which is small and lasts. Both keep every value exactly or leave it to the other. Importing
this package imports pyarrow; pandas and polars are imported when a value of theirs is met.
"""

from __future__ import annotations

from aqueduct_core.serializers.tables._convert import convert
from aqueduct_core.serializers.tables._serializer import ArrowSerializer, ParquetSerializer
from aqueduct_core.serializers.tables._stream import FrameStream

__all__ = ["ArrowSerializer", "FrameStream", "ParquetSerializer", "convert"]
