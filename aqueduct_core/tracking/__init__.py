"""Tracking: what was published, what ran, and how it went."""

from __future__ import annotations

from aqueduct_core.tracking._records import Records

__all__ = ["Records"]
