"""Artifacts as earlier versions stored them; they must be readable for ever."""
