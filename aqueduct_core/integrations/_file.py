"""Databases that are a file: what is the same for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations._names import is_text
from aqueduct_core.integrations._sql import SqlDatabase

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON

__all__ = ["DatabaseFile"]


class DatabaseFile(SqlDatabase):
    """A database in a file of this machine.

    Args:
        name: What the user calls it.
        path: The file. It is made by the first save if it isn't there.
    """

    def __init__(self, name: str, *, path: str | Path) -> None:
        super().__init__(name)
        if str(path) in ("", ":memory:"):
            raise IntegrationError(
                f"{name}: a database in memory is gone with its connection",
                hint="give the path of a file",
            )
        self.path = Path(path).expanduser().resolve()

    def config(self) -> Mapping[str, JSON]:
        return {"path": str(self.path)}

    def quote(self, name: str) -> str:
        if not is_text(name):
            raise IntegrationError(
                f"{name!r} can't be the name of anything in a database",
                hint="leave out NUL, and what is only half of a character",
            )
        return '"' + name.replace('"', '""') + '"'

    def check_folder(self) -> None:
        """See that there is a folder for the file."""
        if not self.path.parent.is_dir():
            raise IntegrationError(
                f"{self.name}: there is no folder {self.path.parent}",
                hint="check the path, or make the folder",
            )
