"""Bridges into other tools: artifacts in places where those keep their own."""
