"""The tracking database as a whole."""

from __future__ import annotations

from typing import Any

from aqueduct_core.tracking._database import Database
from aqueduct_core.tracking._events import Events
from aqueduct_core.tracking._flows import Flows
from aqueduct_core.tracking._history import History
from aqueduct_core.tracking._integrations import Integrations
from aqueduct_core.tracking._marks import Marks
from aqueduct_core.tracking._overview import Overview
from aqueduct_core.tracking._results import Results
from aqueduct_core.tracking._retention import Retention
from aqueduct_core.tracking._runs import Runs
from aqueduct_core.tracking._schedules import Schedules
from aqueduct_core.tracking._schema import migrate, prepare
from aqueduct_core.tracking._search import Search
from aqueduct_core.tracking._secrets import Vault

__all__ = ["Tracking", "upgrade"]


class Tracking(
    Flows,
    Runs,
    Search,
    Results,
    History,
    Overview,
    Retention,
    Integrations,
    Schedules,
    Events,
    Marks,
):
    """Workflows, versions, runs and their results, in a database.

    One object can be used by many threads, and in child processes after a fork. All changes are
    transactions, repeated if they meet others.

    Args:
        url: `sqlite:////path/aqueduct.db`, `postgresql://user:password@host/name` or
            `mariadb://user:password@host/name`. A new SQLite file, and an empty database on a server,
            get their tables.
        secret: What the keys are made of that encrypt the secrets of integrations: the same each time.

    Raises:
        TrackingError: The database can't be reached, or has the tables of an older release.
        FormatVersionError: It has the tables of a newer release.
        MissingExtraError: The database's driver isn't installed.
    """

    def __init__(self, url: str, *, secret: bytes) -> None:
        self._vault = Vault(secret)
        self._positions = {}
        self._database = Database(url)
        try:
            prepare(self._database)
        except BaseException:
            self._database.close()
            raise

    def __repr__(self) -> str:
        return f"<Tracking {self._database}>"

    def __enter__(self) -> Tracking:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    @property
    def place(self) -> str:
        """Where the database is: its URL without the password."""
        return str(self._database)

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        self._database.close()


def upgrade(url: str) -> bool:
    """Bring the tables of a database up to date; make them, if there are none.

    Args:
        url: As for `Tracking`. Nobody else should use the database meanwhile.

    Returns:
        Whether there was anything to do.

    Raises:
        FormatVersionError: A newer release made the tables.
    """
    database = Database(url)
    try:
        return migrate(database)
    finally:
        database.close()
