"""What all tests share."""

from __future__ import annotations

import os

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
