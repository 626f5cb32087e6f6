"""`aqueduct integrations`: one function per action. No secret ever stands in the arguments."""

from __future__ import annotations

import json
import os
import re
import sys
from argparse import Namespace
from collections.abc import Mapping
from getpass import getpass
from typing import Any

from aqueduct_core.cli._open import open_client, open_session
from aqueduct_core.cli._print import print_json, print_list
from aqueduct_core.cli._values import read_pairs
from aqueduct_core.client import integration_users
from aqueduct_core.errors import IntegrationError, ParameterError, UnsupportedError
from aqueduct_core.integrations import FileIntegration, SqlIntegration

__all__ = ["add", "files", "ls", "rm", "settings", "tables", "test"]

_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)?$|secret|token|credential|api_?key|access_?key(?!_id$)|private_?key",
    re.IGNORECASE,
)
_PASSWORD_IN_URL = re.compile(r"://[^/@\s:]*:\S+@")
_EXAMPLE = "host=db.example.org path=warehouse.db, or port:=5432 for what is no text"


def ls(options: Namespace) -> int:
    """List the data systems."""
    session = open_session(options)
    users = integration_users(session)
    known = session.tracking.integrations()
    if options.json:
        print_json(
            [
                {
                    "name": item.name,
                    "kind": item.kind,
                    "config": dict(item.config),
                    "flows": users.get(item.name, []),
                }
                for item in known
            ]
        )
        return 0
    rows = [
        (item.name, item.kind, _told(item.config), ", ".join(users.get(item.name, [])))
        for item in known
    ]
    none = f"no data systems in {session.place}: `aqueduct integrations add` connects one"
    print_list(["name", "kind", "", "used by"], rows, none=none)
    return 0


def add(options: Namespace) -> int:
    """Connect a data system."""
    config = settings(options)
    made = open_client(options).connect_integration(options.name, options.kind, **config)
    if options.json:
        print_json({"name": made.name, "kind": made.kind})
    else:
        print(f"{made.name}: connected")
    return 0


def test(options: Namespace) -> int:
    """Connect once; 1 if it can't be reached."""
    integration = open_client(options).integration(options.name)
    problem = None
    try:
        integration.test()
    except IntegrationError as error:
        problem = error
    if options.json:
        print_json({"name": options.name, "ok": problem is None, "problem": _text(problem)})
    else:
        print(f"{options.name}: {'it answers' if problem is None else problem}")
    return 0 if problem is None else 1


def rm(options: Namespace) -> int:
    """Forget a data system."""
    open_client(options).delete_integration(options.name, force=options.force)
    if options.json:
        print_json({"name": options.name, "deleted": True})
    else:
        print(f"{options.name}: forgotten; its data is where it was")
    return 0


def tables(options: Namespace) -> int:
    """List the tables in a data system."""
    integration = open_client(options).integration(options.name)
    if not isinstance(integration, SqlIntegration):
        raise UnsupportedError(
            f"{options.name!r} is of kind {integration.kind!r}, which has no tables",
            hint="aqueduct integrations ls",
        )
    found = integration.tables()
    if options.json:
        print_json(found)
    else:
        print("".join(f"{name}\n" for name in found), end="")
    return 0


def files(options: Namespace) -> int:
    """List the files in a data system."""
    integration = open_client(options).integration(options.name)
    if not isinstance(integration, FileIntegration):
        raise UnsupportedError(
            f"{options.name!r} is of kind {integration.kind!r}, which has no files",
            hint="aqueduct integrations ls",
        )
    found = integration.files(options.path)
    if options.json:
        print_json(found)
    else:
        print("".join(f"{name}\n" for name in found), end="")
    return 0


def settings(options: Namespace) -> dict[str, Any]:
    """What a data system is connected with, secrets included.

    Raises:
        ParameterError: A secret stands in the arguments, or can't be read from where it should be.
    """
    return {
        **_plain_settings(options.setting),
        **_from_environment(options.secret_env),
        **{name: _ask(name) for name in options.secret},
    }


def _plain_settings(texts: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in read_pairs(texts, _EXAMPLE).items():
        plain = name.removesuffix(":")
        if _SECRET_NAME.search(plain) or _PASSWORD_IN_URL.search(value):
            raise ParameterError(
                f"the setting {plain!r} has a secret in it, and everybody on this machine can read "
                "the arguments of a program",
                hint=f"--secret {plain} asks for it; --secret-env {plain}=VARIABLE reads it from "
                "the environment",
            )
        found[plain] = _document(plain, value) if name.endswith(":") else value
    return found


def _document(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ParameterError(f"{name}:= takes JSON: {error}", hint=_EXAMPLE) from error


def _from_environment(texts: list[str]) -> dict[str, str]:
    found = {}
    for name, variable in read_pairs(texts, "--secret-env password=PGPASSWORD").items():
        if variable not in os.environ:
            raise ParameterError(
                f"the environment has no variable {variable}", hint=f"export {variable} first"
            )
        found[name] = os.environ[variable]
    return found


def _ask(name: str) -> str:
    if sys.stdin.isatty():
        return getpass(f"{name}: ")
    line = sys.stdin.readline()
    if not line:
        raise ParameterError(
            f"{name} was expected on standard input, which has ended",
            hint="one line for each --secret, in their order",
        )
    return line.rstrip("\r\n")


def _told(config: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in config.items() if value is not None)


def _text(error: IntegrationError | None) -> str | None:
    return None if error is None else str(error)
