"""What things are called in Airflow: DAGs, files, tags, runs and tasks."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from keyword import iskeyword
from typing import TYPE_CHECKING
from urllib.parse import quote

from aqueduct_core.digest import digest_of

if TYPE_CHECKING:
    from aqueduct_core.dag import Version

__all__ = [
    "TAG",
    "dag_id",
    "file_name",
    "identifiers",
    "run_key",
    "slug",
    "task_ids",
    "version_tag",
]

TAG = "aqueduct"

_LONGEST = 100  # of 250 characters that Airflow takes, so that there is room in its pages
_LONGEST_RUN = 150  # a folder has this name, and file systems allow 255 bytes


def dag_id(name: str, flow: str) -> str:
    """The DAG of a workflow: the same for all its versions, another one for each workflow.

    Args:
        name: The workflow's name.
        flow: Its id; a part of it keeps `My Flow` and `my flow` apart.
    """
    # Lower once more: letters of mathematics become plain capitals.
    return f"{slug(name.lower()).lower()}_{flow[:8]}"


def file_name(name: str, flow: str) -> str:
    """The file of a workflow's DAG."""
    return f"{dag_id(name, flow)}.py"


def version_tag(version: Version) -> str:
    """The tag by which Airflow tells which version of a workflow it has."""
    return f"version:{version.digest.partition(':')[2][:12]}"


def run_key(run_id: str) -> str:
    """The run key that stands for the id of one of Airflow's runs: legal in every storage."""
    quoted = quote(run_id, safe="").replace("~", "%7E")
    if len(quoted) <= _LONGEST_RUN:
        return quoted
    return f"{quoted[: _LONGEST_RUN - 33]}-{digest_of(run_id.encode()).partition(':')[2][:32]}"


def slug(name: str) -> str:
    """A name as Airflow takes it: ASCII letters, digits, `_` and `-`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9-]+", "_", plain).strip("_-")[:_LONGEST].rstrip("_-") or "unnamed"


def task_ids(names: Iterable[str]) -> dict[str, str]:
    """A task id for each name; where two would be the same, the later one gets a number."""
    return _unique(names, slug)


def identifiers(ids: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """A variable of the generated file for each task.

    Args:
        ids: The task ids.
        taken: Names that the file uses already.
    """
    return _unique(ids, _identifier, taken)


def _identifier(task_id: str) -> str:
    plain = task_id.replace("-", "_")
    return plain if plain.isidentifier() and not iskeyword(plain) else f"task_{plain}"


def _unique(
    names: Iterable[str], shorten: Callable[[str], str], taken: Iterable[str] = ()
) -> dict[str, str]:
    found: dict[str, str] = {}
    used = set(taken)
    for name in names:
        first = shorten(name)
        candidate, number = first, 2
        while candidate in used:
            candidate = f"{first}_{number}"
            number += 1
        used.add(candidate)
        found[name] = candidate
    return found
