"""Tables as files of formats that other programs read."""

from __future__ import annotations

import os
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from aqueduct_core.client._csv import write_csv
from aqueduct_core.errors import AqueductError, MissingExtraError, UnsupportedError
from aqueduct_core.reference import ArtifactRef
from aqueduct_core.store import ArtifactStore

__all__ = ["as_file"]


def as_file(store: ArtifactStore, ref: ArtifactRef, form: str) -> tuple[BinaryIO, int]:
    """A table as a file that is gone when it is closed, and how large it is.

    Args:
        store: Where it is. It must not trust pickles.
        ref: The table.
        form: `csv` or `parquet`.

    Raises:
        UnsupportedError: It has columns that this format can't hold.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise MissingExtraError("pyarrow", "tables", "Tables as files") from error
    file = TemporaryFile()  # noqa: SIM115 - whoever sends it closes it
    try:
        if form == "csv":
            write_csv(store, ref, cast("BinaryIO", file))
        else:
            parquet.write_table(store.get(ref, as_=pa.Table), file)
    except AqueductError:
        file.close()
        raise
    except pa.ArrowException as error:
        file.close()
        raise UnsupportedError(
            f"it has values that {form} can't hold: {error}",
            hint="download it as it is stored, or load it in Python",
        ) from error
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return cast("BinaryIO", file), size
