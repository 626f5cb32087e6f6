"""Temperatures with a unit."""

from acme_temperature.temperature import Temperature

__all__ = ["Temperature"]
