"""The command line: `aqueduct`."""

from __future__ import annotations

from aqueduct_core.cli._main import main

__all__ = ["main"]
