"""The forms that connect integrations: made of what each kind takes, those of plugins included."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aqueduct_core._annotations import signature_of
from aqueduct_core.errors import ParameterError
from aqueduct_core.integrations import kinds
from aqueduct_core.integrations._kinds import load_kind
from aqueduct_core.server.pages._words import kind_title

__all__ = ["Field", "Kind", "all_kinds", "config_from", "fields_of", "texts_of"]

FieldLook = Literal["text", "secret", "number", "switch", "choice", "list", "json"]

_HELP = re.compile(r"^\s*(\w+): (.*)$")
_LABELS = {"ca_file": "CA file", "dags": "DAG files", "dags_options": "Options for them", "sslmode": "TLS", "sslrootcert": "CA file",
           "url": "URL"}  # fmt: skip
_UP_FRONT = ("auth", "dags", "user", "port", "key", "region")  # though they may be left out
_SECTION = re.compile(r"^\s*(Args|Attributes):\s*$")
_EXAMPLES = {
    ("airflow", "auth"): "a token, or user:password",
    ("airflow", "url"): "https://airflow.example.com",
    ("airflow", "dags"): "s3://bucket/dags, or a folder",
    ("email", "host"): "smtp.example.com",
    ("email", "recipients"): "ada@example.com, team@example.com",
    ("postgres", "host"): "db.example.com",
    ("slack", "url"): "https://hooks.slack.com/services/…",
    ("sqlalchemy", "url"): "mysql+pymysql://user:password@host/database",
    ("sqlite", "path"): "/data/warehouse.db",
    ("webhook", "url"): "https://example.com/hooks/aqueduct",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of integration.

    Attributes:
        name: What `connect_integration` calls it.
        title: What people call it.
        icon: Its icon.
        group: `data`, `engine` or `message`.
    """

    name: str
    title: str
    icon: str
    group: str


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form.

    Attributes:
        name: The setting.
        look: How it is asked for.
        help: A sentence.
        is_required: Whether it must be given.
        default: What it is when it is left empty, in words.
        example: What it may look like.
        choices: What there is to choose from.
    """

    name: str
    look: FieldLook
    help: str = ""
    is_required: bool = False
    default: str = ""
    example: str = ""
    choices: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What people call it."""
        words = self.name.replace("_", " ")
        return _LABELS.get(self.name, words[:1].upper() + words[1:])

    @property
    def is_up_front(self) -> bool:
        """Whether most people have something to say about it."""
        return self.is_required or self.look == "secret" or self.name in _UP_FRONT


def all_kinds() -> list[Kind]:
    """What can be connected here."""
    from aqueduct_core.notifications import KINDS

    found = [Kind(name, kind_title(name), "query", "data") for name in kinds()]
    found.sort(key=lambda kind: (kind.name == "sqlalchemy", kind.title.lower()))  # what is left
    found.append(Kind("airflow", kind_title("airflow"), "graph", "engine"))
    return [*found, *(Kind(name, kind_title(name), "bell", "message") for name in KINDS)]


def fields_of(kind: str) -> list[Field]:
    """What a kind takes.

    Raises:
        UnsupportedError: There is no such kind.
        MissingExtraError: A library is missing.
    """
    made = _class_of(kind)
    told = _told(made)
    secrets: frozenset[str] = getattr(made, "secrets", frozenset())
    found = [
        _field(kind, item, told.get(item.name, ""), is_secret=item.name in secrets)
        for item in signature_of(made).parameters.values()
        if item.name != "name" and item.kind is not item.VAR_KEYWORD
    ]
    return sorted(found, key=lambda item: not item.is_required)


def config_from(
    fields: list[Field], texts: Mapping[str, str], known: Mapping[str, Any]
) -> dict[str, Any]:
    """The configuration that somebody typed.

    Args:
        fields: What the kind takes.
        texts: What was typed, by setting.
        known: How it was connected before: secrets that are left empty stay as they are.

    Raises:
        ParameterError: Something is missing, or is not what it should be.
    """
    found: dict[str, Any] = {}
    for field in fields:
        text = texts.get(field.name, "").strip()
        if field.look == "switch":
            found[field.name] = text == "yes"
        elif text:
            found[field.name] = _value(field, text)
            if field.name == "auth" and ":" in text and isinstance(found["auth"], str):
                found["auth"] = text.split(":", 1)  # tokens have no colon
        elif field.look == "secret" and field.name in known:
            found[field.name] = known[field.name]
        elif field.is_required:
            raise ParameterError(f"{field.name} is missing", hint=field.help or None)
    return found


def texts_of(fields: list[Field], config: Mapping[str, Any]) -> dict[str, str]:
    """What stands in the fields when a connection is changed; secrets are left empty."""
    found = {}
    for field in fields:
        value = config.get(field.name)
        if value is None or field.look == "secret":
            continue
        if field.look == "switch":
            found[field.name] = "yes" if value else ""
        elif field.look == "list":
            found[field.name] = ", ".join(map(str, value))
        else:
            found[field.name] = json.dumps(value) if field.look == "json" else str(value)
    return found


def _class_of(kind: str) -> Any:
    if kind == "airflow":
        from aqueduct_core.engines.airflow import AirflowCluster

        return AirflowCluster
    if kind not in kinds():
        from aqueduct_core.notifications import KINDS

        if kind in KINDS:
            return KINDS[kind]
    return load_kind(kind)


def _field(kind: str, item: inspect.Parameter, told: str, *, is_secret: bool) -> Field:
    from aqueduct_core.notifications import LEVELS

    words = str(item.annotation)
    is_required = item.default is item.empty
    look: FieldLook = "text"
    choices: tuple[str, ...] = ()
    if is_secret:
        look = "secret"
    elif words.startswith("Level"):
        look, choices = "choice", tuple(LEVELS)
    elif words.startswith("Literal["):
        look, choices = "choice", tuple(re.findall(r"[\"']([^\"']+)[\"']", words))
    elif words.startswith(("int", "float")):
        look = "number"
    elif words.startswith("bool"):
        look = "switch"
    elif words.startswith(("Mapping", "dict")):
        look = "json"
    elif words.startswith(("Sequence", "tuple", "list")):
        look = "list"
    default = item.default
    is_plain = isinstance(default, str | int | float) and not isinstance(default, bool)
    return Field(
        item.name,
        look,
        told.replace("`", ""),
        is_required,
        str(default) if is_plain else "",
        _EXAMPLES.get((kind, item.name), ""),
        choices,
    )


def _value(field: Field, text: str) -> Any:
    if field.look == "number":
        try:
            return int(text) if re.fullmatch(r"-?\d+", text) else float(text)
        except ValueError as error:
            raise ParameterError(f"{field.name} must be a number, not {text!r}") from error
    if field.look == "list":
        return [item.strip() for item in text.split(",") if item.strip()]
    if field.look == "choice" and text not in field.choices:
        raise ParameterError(f"{field.name} can't be {text!r}", hint=", ".join(field.choices))
    if field.look == "json" or (field.look == "secret" and text[:1] in "[{"):
        try:
            return json.loads(text)
        except ValueError as error:
            raise ParameterError(f"{field.name} must be JSON: {error}") from error
    return text


def _told(made: Any) -> dict[str, str]:
    """What the class says of its settings in its docstring."""
    found: dict[str, str] = {}
    inside, last = False, ""
    for line in (inspect.getdoc(made) or "").splitlines():
        if _SECTION.match(line):
            inside = True
        elif not line.strip():
            inside = False
        elif inside and (match := _HELP.match(line)):
            last = match[1]
            found.setdefault(last, match[2])
        elif inside and last:
            found[last] += f" {line.strip()}"
    return found
