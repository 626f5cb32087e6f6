"""What a client, its workflows and its runs share; each part is opened when it is first needed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from aqueduct_core._environment import object_from
from aqueduct_core.client._clusters import Clusters
from aqueduct_core.client._home import Home
from aqueduct_core.client._imports import no_garbage
from aqueduct_core.client._progress import say
from aqueduct_core.errors import AqueductError, MissingExtraError, ParameterError
from aqueduct_core.store import ArtifactStore

if TYPE_CHECKING:
    from aqueduct_core.client._connect import Connected
    from aqueduct_core.engines.base import Handle
    from aqueduct_core.engines.local import LocalEngine
    from aqueduct_core.tracking import Tracking

__all__ = ["Session"]

_WARNED: set[tuple[str, Path]] = set()
_PASSWORD = re.compile(r"(?<=://)[^/@\s:]*:\S*@")  # SQLAlchemy takes any but an @


class Session:
    """One workspace, as one program uses it. Thread-safe.

    Args:
        home: The folder of the workspace.
        database: The URL of another database than the folder's.
        store: The URL of another artifact store than the folder's; by default `AQUEDUCT_STORE`.
        storage_options: What `open_storage` takes for that URL; `AQUEDUCT_STORAGE_OPTIONS` for that
            of the environment.
        workers: How many operators run at a time on this machine; by default `AQUEDUCT_WORKERS`, or
            one for each core.

    Attributes:
        home: The folder.
        store: The artifact store.
        integrations: The data systems that were opened, by name.
        clusters: The clusters that run workflows.
    """

    is_remote = False

    def __init__(
        self,
        home: str | os.PathLike[str] | None = None,
        database: str | None = None,
        store: str | os.PathLike[str] | None = None,
        storage_options: Mapping[str, Any] | None = None,
        workers: int | None = None,
    ) -> None:
        self._workers = _workers() if workers is None else _checked(workers, "workers")
        self.home = Home(home)
        self._key = self.home.signing_key()
        self._database = database or os.environ.get("AQUEDUCT_DATABASE") or self.home.database
        if store is None and os.environ.get("AQUEDUCT_STORE"):
            store = os.environ["AQUEDUCT_STORE"]
            storage_options = storage_options or object_from("AQUEDUCT_STORAGE_OPTIONS")
        if store is None and not self._database.startswith("sqlite"):
            _warn_of_own_store(self._database, self.home)
        self.store = ArtifactStore(
            store if store is not None else self.home.artifacts,
            signing_key=self._key,
            storage_options=storage_options,
        )
        self.integrations: dict[str, Connected] = {}
        self.clusters = Clusters(self)
        self._storage_options = storage_options
        self._lock = RLock()
        self._tracking: Tracking | None = None
        self._engine: LocalEngine | None = None
        self._plugins: dict[str, Any] = {}
        self._handles: list[Handle] = []

    @property
    def place(self) -> str:
        """Where everything is kept."""
        return str(self.home.path)

    def check(self) -> None:
        """See whether what is kept in the folder of this workspace will be found there again.

        Raises:
            StorageError: The folder was deleted or replaced.
        """
        if self._database == self.home.database:
            self.home.check()

    @property
    def owner(self) -> str:
        """What tells this workspace from others, in words."""
        if self._database == self.home.database:
            return f"the client in {self.home.path}"
        return f"the client of {_PASSWORD.sub('***@', self._database)}"

    @property
    def database(self) -> str:
        """The URL of the tracking database, which may hold a password."""
        return self._database

    @property
    def tracking(self) -> Tracking:
        """The tracking database."""
        with self._lock:
            if self._tracking is None:
                try:
                    with no_garbage():
                        from aqueduct_core.tracking import Tracking
                except ModuleNotFoundError as error:
                    library = error.name or "sqlalchemy"
                    raise MissingExtraError(library, "workflows", "Keeping workflows") from error
                self._tracking = Tracking(self._database, secret=self._key)
            return self._tracking

    @property
    def engine(self) -> LocalEngine:
        """The engine that runs workflows on this machine."""
        with self._lock:
            if self._engine is None:
                from aqueduct_core.engines.local import LocalEngine
                from aqueduct_core.runtime import Workspace

                workspace = Workspace(self.store, _Connections(self))
                self._engine = LocalEngine(
                    workspace,
                    lambda: self.tracking,
                    home=self.home.path,
                    workers=self._workers,
                    storage_options=self._storage_options,
                )
            return self._engine

    def plugin_engine(self, name: str) -> Any:
        """An engine of another package.

        Raises:
            PluginError: It can't be opened.
        """
        with self._lock:
            if name not in self._plugins:
                from aqueduct_core.engines._plugins import open_engine
                from aqueduct_core.runtime import Workspace

                workspace = Workspace(self.store, _Connections(self))
                self._plugins[name] = open_engine(
                    name, workspace, lambda: self.tracking, home=self.home.path
                )
            return self._plugins[name]

    def keep(self, handle: Handle) -> None:
        """Remember a run that goes on in the background, to wait for it before anything is closed."""
        with self._lock:
            going_on = [item for item in self._handles if item.state in ("pending", "running")]
            self._handles = [*going_on, handle]

    def wait(self) -> None:
        """Wait for the runs in the background."""
        with self._lock:
            handles, self._handles = self._handles, []
        for handle in handles:
            try:
                handle.wait()
            except AqueductError as error:
                say(f"run {handle.run}: {error}")

    def close(self) -> None:
        """Wait for runs, and let workers and connections go; what is needed again opens again."""
        from aqueduct_core.integrations import close

        self.wait()
        with self._lock:
            engine, self._engine = self._engine, None
            plugins, self._plugins = self._plugins, {}
            tracking, self._tracking = self._tracking, None
            connected = [*self.integrations.values()]
        for item in connected:
            close(item)
        for opened in [*plugins.values(), *([] if engine is None else [engine])]:
            opened.close()
        if tracking is not None:
            tracking.close()


def _warn_of_own_store(database: str, home: Home) -> None:
    """Say once that whoever else uses a database finds runs in it whose artifacts are here alone."""
    if (database, home.artifacts) in _WARNED:
        return
    _WARNED.add((database, home.artifacts))
    say(
        f"aqueduct: artifacts are kept in {home.artifacts}, where others who use the database "
        f"{_PASSWORD.sub('***@', database)} can't read them. Set AQUEDUCT_STORE to what all of you "
        "can reach, such as s3://bucket/prefix; or to this folder, if nobody else uses it"
    )


def _workers() -> int | None:
    """What the environment says about how many operators run at a time."""
    text = os.environ.get("AQUEDUCT_WORKERS")
    if not text:
        return None
    return _checked(int(text) if text.isdecimal() else text, "AQUEDUCT_WORKERS")


def _checked(workers: Any, name: str) -> int:
    if type(workers) is not int or workers < 1:
        raise ParameterError(
            f"{name} is {workers!r}", hint="how many operators run at a time: a number from 1"
        )
    return workers


class _Connections(Mapping[str, Mapping[str, Any]]):
    """The data systems with their secrets, as they are when somebody asks; never written down."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        found = self._session.tracking.integration(name)
        if found is None:
            from aqueduct_core.integrations import kinds
            from aqueduct_core.integrations._settings import from_environment

            told = from_environment(name, kinds())
            if told is None:
                raise KeyError(name)
            return told
        return {"kind": found.kind, "config": {**found.config, **found.secrets}}

    def __iter__(self) -> Iterator[str]:
        return iter([item.name for item in self._session.tracking.integrations()])

    def __len__(self) -> int:
        return len(self._session.tracking.integrations())
