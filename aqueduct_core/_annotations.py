"""What functions take, also where their annotations name what only type checkers know."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["signature_of"]


def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """The parameters of a function or class; annotations are texts wherever they need be computed.

    From Python 3.14 on they are computed when somebody asks for them, and names that are imported
    under `TYPE_CHECKING` alone are missing then.
    """
    if sys.version_info >= (3, 14):
        import annotationlib

        return inspect.signature(function, annotation_format=annotationlib.Format.STRING)
    return inspect.signature(function)
