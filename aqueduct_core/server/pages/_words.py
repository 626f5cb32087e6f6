"""How templates say things: durations, sizes, numbers, moments. Filters of all templates."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from markupsafe import Markup

from aqueduct_core.client._words import as_time, schedule_words
from aqueduct_core.dag import schedule_from

__all__ = [
    "FILTERS",
    "elapsed",
    "file_size",
    "kind_title",
    "last_of",
    "moment",
    "number",
    "plural",
    "share",
    "short_digest",
    "short_run",
    "took",
    "when",
]

_SIZES = ("bytes", "kB", "MB", "GB", "TB", "PB")
_OURS = re.compile(r"\d{8}T\d{12}Z-([0-9a-f]{6})")
_THEIRS = re.compile(r"[a-z_]+__(\d{4}-\d\d-\d\d)T(\d\d:\d\d(?::(?!00)\d\d)?)")
_AGO = ((31_536_000, "y"), (2_592_000, "mo"), (86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_TODAY = 43_200  # seconds; of what is longer ago people want the time of day
_ICONS = frozenset(
    ["op", "metric", "check", "query", "save", "parameter", "table", "series", "array", "image",
     "text", "bytes", "json", "numeric", "bool", "collection", "object"]
)  # fmt: skip

_TITLES = {
    "airflow": "Apache Airflow", "azure": "Azure Blob Storage", "bigquery": "BigQuery", "duckdb": "DuckDB", "gcs": "Google Cloud Storage",
    "mariadb": "MariaDB", "mysql": "MySQL", "postgres": "PostgreSQL", "s3": "Amazon S3",
    "slack": "Slack", "sqlalchemy": "Another SQL database", "sqlite": "SQLite",
    "filesystem": "Folder", "mssql": "SQL Server",
}  # fmt: skip


def took(seconds: float) -> str:
    """A duration: `380 ms`, `4.1 s`, `2 min 5 s`."""
    return "< 1 ms" if 0 <= seconds < 0.0005 else as_time(seconds)


def elapsed(since: datetime) -> str:
    """How long ago something started."""
    return as_time(max((datetime.now(UTC) - since).total_seconds(), 0.0))


def file_size(size: float) -> str:
    """Bytes as people read them: `8.6 MB`."""
    if size == 1:
        return "1 byte"
    power = 0
    while abs(size) >= 999.5 and power < len(_SIZES) - 1:
        size /= 1000
        power += 1
    return (
        f"{size:,.0f} {_SIZES[power]}"
        if power == 0 or size >= 100
        else f"{size:.1f} {_SIZES[power]}"
    )


def number(value: Any) -> str:
    """A number, short: integers whole, others with four significant digits."""
    if value is None or isinstance(value, bool):
        return "–" if value is None else str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "−∞"}.get(value, "NaN")
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1e15 or abs(value) < 1e-4:
        return f"{value:.3e}"
    return f"{value:,.{max(0, 3 - math.floor(math.log10(abs(value))))}f}"


def share(part: float) -> str:
    """A part of a whole, 0 to 1: `6.1%`."""
    return "0%" if part == 0 else f"{100 * part:.1f}%"


def last_of(count: int, word: str = "run") -> str:
    """The newest of something: `the last 8 runs`."""
    return f"the last {word}" if count == 1 else f"the last {count:,} {word}s"


def plural(count: int, word: str) -> str:
    """How many there are: `1 row`, `1,295 rows`."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def moment(value: datetime | None) -> str:
    """A moment: `22 Nov 2026, 19:03:12 UTC`."""
    return "never" if value is None else f"{value.astimezone(UTC):%-d %b %Y, %H:%M:%S} UTC"


def iso(value: datetime) -> str:
    """A moment for programs."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ago(value: datetime) -> str:
    """How long ago, or in how long."""
    seconds = (datetime.now(UTC) - value).total_seconds()
    if abs(seconds) < 10:
        return "just now"
    size, unit = next((size, unit) for size, unit in _AGO if abs(seconds) >= size)
    told = f"{int(abs(seconds) // size)} {unit}"
    return f"{told} ago" if seconds > 0 else f"in {told}"


def when(value: datetime) -> str:
    """A moment in a list: `3 h ago` of today, `22 Nov 2026, 19:03 UTC` of another day."""
    if (datetime.now(UTC) - value).total_seconds() < _TODAY:
        return ago(value)
    return f"{value.astimezone(UTC):%-d %b %Y, %H:%M} UTC"


def short_digest(digest: str) -> str:
    """The beginning of a digest, which is enough to tell versions apart."""
    return digest.partition(":")[2][:8] or digest[:8]


def short_run(run: str) -> str:
    """A run's key, short: the end of those that we make, the moment of Airflow's, others as they are."""
    found = _OURS.fullmatch(run)
    if found:
        return found[1]
    theirs = _THEIRS.match(unquote(run))
    return f"{theirs[1]} {theirs[2]}" if theirs else unquote(run)


def schedule(spec: Mapping[str, Any] | None, *, begins: bool = True) -> str:
    """When a workflow runs by itself, in words; as the beginning of a sentence or inside one."""
    words = schedule_words(spec)
    return words[:1].upper() + words[1:] if begins else words


def cron(spec: Mapping[str, Any]) -> str:
    """The same as a cron expression."""
    return str(schedule_from(spec).cron)


def breakable(text: str) -> Markup:
    """Code that may be broken behind brackets, where there is no room for a line."""
    return Markup("(<wbr>").join(text.split("("))


def state_word(state: str) -> str:
    """A state as it is said; `cached` is one of ours."""
    return "from cache" if state == "cached" else state


def icon_name(kind: str) -> str:
    """The icon of an operator's kind or an artifact's type."""
    return kind if kind in _ICONS else "object"


def kind_title(kind: str) -> str:
    """What people call a kind of integration."""
    return _TITLES.get(kind, kind.replace("_", " ").capitalize())


def file_name(path: str) -> str:
    """The end of a path that says enough: the file and its folder."""
    return "/".join(path.replace("\\", "/").split("/")[-2:])


FILTERS: Mapping[str, Callable[..., str]] = {
    "ago": ago,
    "breakable": breakable,
    "cron": cron,
    "elapsed": elapsed,
    "file_name": file_name,
    "file_size": file_size,
    "icon_name": icon_name,
    "iso": iso,
    "kind_title": kind_title,
    "last_of": last_of,
    "moment": moment,
    "number": number,
    "plural": plural,
    "quoted": repr,
    "schedule": schedule,
    "share": share,
    "short_digest": short_digest,
    "short_run": short_run,
    "state_word": state_word,
    "took": took,
    "when": when,
}
