"""Environments: the packages and the Python that an operator asks for, made once and shared."""

from __future__ import annotations

from aqueduct_core.runtime.environments._ensure import ensure
from aqueduct_core.runtime.environments._folder import Environment, environments, hold, prune
from aqueduct_core.runtime.environments._stored import is_remote, with_store
from aqueduct_core.runtime.environments._uv import Progress

__all__ = [
    "Environment",
    "Progress",
    "ensure",
    "environments",
    "hold",
    "is_remote",
    "prune",
    "with_store",
]
