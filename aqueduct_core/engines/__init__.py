"""Engines: where workflows run."""
