"""What all tests share."""

from __future__ import annotations

import os
import re

import pytest
from hypothesis import HealthCheck, settings

# No deadline: a machine that is busy is no bug. Set HYPOTHESIS_PROFILE=thorough to dig deeper.
settings.register_profile(
    "quick",
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=1_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Take addresses out of test ids: xdist wants the same ids from every process."""
    if " at 0x" in item.nodeid:
        item._nodeid = re.sub(r" at 0x[0-9a-f]+", "", item.nodeid)
