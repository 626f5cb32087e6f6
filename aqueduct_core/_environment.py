"""What variables of the environment hold, where it is more than a text."""

from __future__ import annotations

import json
import os
from typing import Any

from aqueduct_core.errors import ParameterError

__all__ = ["object_from"]


def object_from(variable: str) -> dict[str, Any]:
    """The object in JSON that a variable of the environment holds; empty if there is no such variable.

    Raises:
        ParameterError: It holds something else. The text is never shown, since there may be secrets
            in it.
    """
    try:
        found = json.loads(os.environ.get(variable) or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ParameterError(f"{variable} holds no object in JSON", hint='such as {"name": ...}')
    return found
