"""An Airflow cluster under a name: where it is, how to get in, and where its DAG files go."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from aqueduct_core.engines.airflow._deliver import probe
from aqueduct_core.engines.airflow._git import shown
from aqueduct_core.engines.airflow._settings import Layout
from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations._settings import check_fields

if TYPE_CHECKING:
    from aqueduct_core.engines.airflow._api import AirflowApi

__all__ = ["AirflowCluster", "open_cluster"]

_OLDEST = (2, 11)
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, kw_only=True)
class AirflowCluster:
    """An existing Airflow that runs workflows.

    Attributes:
        name: What workflows call it: `publish_flow(engine=name)`.
        url: Where its API server (in Airflow 2, its web server) is.
        auth: A token; user name and password; or `{"class": "package.module:Name", ...}`, an
            `httpx.Auth` with what it is made with; None where nobody has to sign in.
        dags: Where it reads DAG files from: a folder, the URL of a bucket, or a git repository, as
            `git+https://...#branch:folder`. None leaves it to you to put the files there.
        dags_options: What the storage of that URL takes; or for a repository `username`, `password`
            and `author`.
        store: The artifact store's URL as workers see it, if that is another one than here.
        connections: The Airflow connection of each data system; those that aren't named have the
            connection of their own name.
        store_connection: The Airflow connection with the signing key as its password, and in its
            extra what the store's storage takes.
        environments: The folder on workers where environments of operators are kept.
        interpreter: A Python on workers, with this package, that runs operators which have no
            environment of their own; by default that of Airflow runs them.
        owner: Who is shown as the owner of DAGs.
        tags: Tags of all DAGs.
        max_active_runs: How many runs of one DAG go on at a time.
        patience: Seconds that Airflow gets to read a new DAG file.
    """

    kind: ClassVar[str] = "airflow"
    secrets: ClassVar[frozenset[str]] = frozenset({"auth", "dags_options"})

    name: str
    url: str
    auth: str | Sequence[str] | Mapping[str, Any] | None = field(default=None, repr=False)
    dags: str | None = field(default=None, repr=False)
    dags_options: Mapping[str, Any] | None = field(default=None, repr=False)
    store: str | None = None
    connections: Mapping[str, str] = field(default_factory=dict)
    store_connection: str = "aqueduct"
    environments: str | None = None
    interpreter: str | None = None
    owner: str | None = None
    tags: Sequence[str] = ()
    max_active_runs: int = 1
    patience: float = 120.0

    @cached_property
    def api(self) -> AirflowApi:
        """Its REST API.

        Raises:
            MissingExtraError: httpx is not installed.
            IntegrationError: The class that signs requests can't be had.
        """
        from aqueduct_core.engines.airflow._api import AirflowApi

        if self.auth is None or isinstance(self.auth, str):
            return AirflowApi(self.url, self.auth)
        if isinstance(self.auth, Mapping):
            return AirflowApi(self.url, _signer(self.auth))
        username, password = self.auth
        return AirflowApi(self.url, (username, password))

    def close(self) -> None:
        """Let go of connections; they are made again when they are needed."""
        api = self.__dict__.pop("api", None)
        if api is not None:
            api.close()

    @property
    def layout(self) -> Layout:
        """What its DAGs have in common."""
        return Layout(
            connections=self.connections,
            store_connection=self.store_connection,
            environments=self.environments,
            interpreter=self.interpreter,
            owner=self.owner,
            tags=tuple(self.tags),
            max_active_runs=self.max_active_runs,
        )

    def config(self) -> dict[str, Any]:
        """What `open_cluster` needs to make it again, without what is as by default."""
        found = {
            item.name: getattr(self, item.name) for item in fields(self) if item.name != "name"
        }
        defaults = open_cluster(self.name, {"url": self.url})
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in found.items()
            if name == "url" or value != getattr(defaults, name)
        }

    def test(self) -> None:
        """Sign in, and find out what may be done, and whether DAG files can be put where they go.

        Raises:
            IntegrationError: Something can't be done, or Airflow is too old; the text says which.
        """
        try:
            self._test()
        except BaseException:
            self.close()  # it is most likely not asked again
            raise

    def _test(self) -> None:
        version = self.api.version()
        numbers = [int(number) for number in _NUMBER.findall(version)[:2]]
        if tuple(numbers) < _OLDEST:
            raise IntegrationError(
                f"Airflow at {self.url} is version {version}, which is too old",
                hint="2.11, or any 3, is needed",
            )
        self.api.import_errors()  # which takes signing in
        self.api.may_change()
        if self.dags is not None:
            probe(self.dags, self.dags_options)


def _signer(auth: Mapping[str, Any]) -> Any:
    """What signs requests, by the name of its class."""
    import httpx

    given = dict(auth)
    target = str(given.pop("class"))
    module, _, name = target.partition(":")
    try:
        made = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise IntegrationError(
            f"there is no {target!r} here to sign requests with: {error}",
            hint='auth={"class": "package.module:Name", ...} names a class that can be imported',
        ) from error
    if not (isinstance(made, type) and issubclass(made, httpx.Auth)):
        raise IntegrationError(f"{target!r} is no httpx.Auth", hint="a subclass of it is needed")
    return made(**given)


def open_cluster(name: str, config: Mapping[str, Any]) -> AirflowCluster:
    """Make a cluster from its configuration, without connecting.

    Raises:
        IntegrationError: The configuration doesn't fit.
    """
    check_fields(AirflowCluster, config, f"{name!r} can't be made an Airflow cluster")
    place = urlsplit(str(config["url"]))
    if place.scheme not in ("http", "https") or "@" in place.netloc:
        what = "has a login in it" if "@" in place.netloc else "is no web address"
        raise IntegrationError(
            f"url={shown(str(config['url']))!r} of {name!r} {what}",
            hint='such as url="https://airflow.example.com", and auth=("user", "password")',
        )
    auth = config.get("auth")
    is_pair = isinstance(auth, list | tuple) and [type(item) for item in auth] == [str, str]
    is_class = isinstance(auth, Mapping) and isinstance(auth.get("class"), str)
    if not (auth is None or isinstance(auth, str) or is_pair or is_class):
        raise IntegrationError(
            f"auth= of {name!r} is neither a token nor a pair",
            hint='auth="the token", auth=("user", "password"), or '
            'auth={"class": "package.module:Name", ...}',
        )
    return AirflowCluster(name=name, **{**config, "tags": tuple(config.get("tags", ()))})
