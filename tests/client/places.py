"""Where tests of the client run."""

from __future__ import annotations

import pytest

__all__ = ["everywhere"]

# The same test on a client that works in a folder, and on a client of a server.
everywhere = pytest.mark.parametrize("client", ["embedded", "server"], indirect=True)
