"""A server with Snowflake's protocol, run in an environment of its own: `python snowflake_server.py PORT`.

Its SQL is DuckDB's behind a translation. It gives a timestamp that is NULL as 1970, which the real one
does not; that is put right here.
"""

from __future__ import annotations

import sys

import fakesnow.arrow
import fakesnow.server
import pyarrow as pa
import pyarrow.compute as pc
import uvicorn

_struct_of = fakesnow.arrow.timestamp_to_sf_struct


def _with_nulls(values: pa.ChunkedArray | pa.Array) -> pa.StructArray:
    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    found = _struct_of(array.fill_null(0))
    mask = pc.is_null(array)
    return pa.StructArray.from_arrays(found.flatten(), fields=list(found.type), mask=mask)


fakesnow.arrow.timestamp_to_sf_struct = _with_nulls
uvicorn.run(fakesnow.server.app, host="127.0.0.1", port=int(sys.argv[1]), log_level="critical")
