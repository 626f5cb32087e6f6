"""The conformance kit: what our own tests use, and what a plugin's tests should.

- `SerializerTests`, `StorageTests`, `SQLIntegrationTests`: pytest classes to inherit; a plugin's
  test module is about 30 lines of values and fixtures.
- `assert_identical`: strict comparison of two values, type by type.
- `FaultyStorage`: a storage that fails when it is told to, by a plan of `Fault`s.
- `forbid_code`, `forge`, `tamper`: proofs that a loader is safe on hostile bytes.
- `strategies`: hypothesis strategies for values that a store must keep.

Needs pytest and hypothesis, which the extra `test` brings.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aqueduct_core.testing import _strategies as strategies
    from aqueduct_core.testing._audit import forbid_code
    from aqueduct_core.testing._compare import assert_identical
    from aqueduct_core.testing._faults import Fault, FaultyStorage
    from aqueduct_core.testing._serializer_tests import SerializerTests
    from aqueduct_core.testing._sql_tests import SQLIntegrationTests
    from aqueduct_core.testing._storage_tests import StorageTests
    from aqueduct_core.testing._tamper import forge, tamper

__all__ = [
    "Fault",
    "FaultyStorage",
    "SQLIntegrationTests",
    "SerializerTests",
    "StorageTests",
    "assert_identical",
    "forbid_code",
    "forge",
    "strategies",
    "tamper",
]

_HOMES = {
    "Fault": "_faults",
    "FaultyStorage": "_faults",
    "SQLIntegrationTests": "_sql_tests",
    "SerializerTests": "_serializer_tests",
    "StorageTests": "_storage_tests",
    "assert_identical": "_compare",
    "forbid_code": "_audit",
    "forge": "_tamper",
    "tamper": "_tamper",
}


def __getattr__(name: str) -> Any:
    if name == "strategies":
        return import_module(f"{__name__}._strategies")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
