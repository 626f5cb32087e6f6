"""Where in the user's own code something was called, and what of a traceback is theirs."""

from __future__ import annotations

import re
import sys
import sysconfig
import traceback
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any

from aqueduct_core.errors import GraphError

__all__ = [
    "CallSite",
    "call_site",
    "is_library",
    "own_traceback",
    "refusal",
    "short_name",
    "user_frames",
]

_PACKAGE = "aqueduct_core"
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})
_CELL = re.compile(r"[/\\]ipykernel_\d+[/\\]\d+\.py$")  # the name that a kernel gives to a cell
_OWN_CODE = "aqueduct_core.cli"  # the demo is written as a user would write it


@dataclass(frozen=True, slots=True)
class CallSite:
    """A line of the user's code.

    Attributes:
        file: The file's path, or a name like `<stdin>`.
        line: The line's number.
        function: The function it is in, `<module>` at the top.
    """

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{short_name(self.file)}:{self.line}"


def call_site() -> CallSite | None:
    """The innermost line on the stack that isn't of this package."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _is_internal(frame):
        frame = frame.f_back
    if frame is None:
        return None
    return CallSite(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


def refusal(message: str, *, hint: str) -> GraphError:
    """The error of a call that makes no sense, with the line of the user's code that made it."""
    site = call_site()
    return GraphError(f"{message} (at {site})" if site else message, hint=hint)


def own_traceback(found: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames of this package that lead to the user's function."""
    own = found
    while own is not None and _is_internal(own.tb_frame):
        own = own.tb_next
    return own or found


def user_frames(error: BaseException) -> list[CallSite]:
    """The frames of an exception from the user's function inwards; none if it raised none."""
    own = own_traceback(error.__traceback__)
    if own is None or _is_internal(own.tb_frame):
        return []
    summary = traceback.extract_tb(own)
    return [CallSite(frame.filename, frame.lineno or 0, frame.name) for frame in summary]


def is_library(file: str) -> bool:
    """Whether a file belongs to Python or to an installed package."""
    return file.startswith(("<frozen", *_LIBRARIES)) or "site-packages" in file


def short_name(file: str) -> str:
    """The last two segments of a path: enough to find it, short enough for one line."""
    if _CELL.search(file):
        return _cell(file)
    return "/".join(file.replace("\\", "/").split("/")[-2:])


def _cell(file: str) -> str:
    """The cell of a notebook, by the number that is shown beside it where that is known."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    # Nobody else knows which cell it is; another IPython may keep it somewhere else.
    numbers = getattr(getattr(shell, "compile", None), "_filename_map", {})
    return f"cell In[{numbers[file]}]" if file in numbers else "a notebook's cell"


def _is_internal(frame: FrameType) -> bool:
    module = frame.f_globals.get("__name__", "")
    inside = module == _PACKAGE or module.startswith(_PACKAGE + ".")
    return inside and not (module == _OWN_CODE or module.startswith(_OWN_CODE + "."))
