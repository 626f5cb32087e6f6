"""Files in folders and buckets as data systems: read with `file()`, written with `save()`.

A *place* holds the bytes (`_local`, `_remote`), a *format* turns them into values and back
(`_formats` and what it names). Neither knows of the other.
"""

from __future__ import annotations

from aqueduct_core.integrations.files._clouds import (
    AzureIntegration,
    GcsIntegration,
    S3Integration,
)
from aqueduct_core.integrations.files._integration import FileIntegration
from aqueduct_core.integrations.files._stores import FilesystemIntegration

__all__ = [
    "AzureIntegration",
    "FileIntegration",
    "FilesystemIntegration",
    "GcsIntegration",
    "S3Integration",
]
