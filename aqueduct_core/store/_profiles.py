"""What storages cost from this machine: as `aqueduct bench --calibrate` has measured it, or as usual.

Measured profiles are in `profiles.json` of the home folder, by URL; that of a store is the one whose URL
is the longest start of its own.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

from aqueduct_core.abc import Storage
from aqueduct_core.encoding import POLICIES, PROFILES, Profile
from aqueduct_core.errors import ParameterError

__all__ = ["profile_of", "profiles_file", "save_profile"]


def profiles_file() -> Path:
    """Where measured profiles are."""
    return Path(os.environ.get("AQUEDUCT_HOME") or "~/.aqueduct").expanduser() / "profiles.json"


def profile_of(storage: Storage) -> Profile:
    """The profile that the encoding policy reckons with.

    Raises:
        ParameterError: The file with the measured ones can't be read; or the storage is of no kind
            that there is.
    """
    own = _place(storage.url)
    measured = _measured()
    fitting = [url for url in measured if own.startswith(url)]
    if storage.profile not in PROFILES:
        raise ParameterError(
            f"{type(storage).__name__} has the profile {storage.profile!r}",
            hint=f"a storage's profile is one of {', '.join(PROFILES)}",
        )
    return measured[max(fitting, key=len)] if fitting else PROFILES[storage.profile]


def save_profile(url: str, profile: Profile) -> Path:
    """Keep what was measured, for all stores at or below a URL; returns the file."""
    path = profiles_file()
    known = {**_measured(), _place(url): profile}
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {name: asdict(known[name]) for name in sorted(known)}
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(json.dumps(document, indent=2) + "\n")
    new.replace(path)
    return path


def _place(url: str) -> str:
    return url.rstrip("/") + "/"  # so that s3://bucket/a isn't the start of s3://bucket/ab


def _measured() -> dict[str, Profile]:
    path = profiles_file()
    try:
        found = path.stat()
    except OSError:  # there is none, or it is none of our business
        return {}
    return _read(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=4)
def _read(path: Path, *state: int) -> dict[str, Profile]:
    try:
        records = json.loads(path.read_bytes())
        return {str(url): _profile(record) for url, record in records.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ParameterError(
            f"the measured profiles of storages in {path} can't be read: {error}",
            hint="remove the file, and measure again: aqueduct bench --calibrate URL",
        ) from error


def _profile(record: dict[str, float | str]) -> Profile:
    numbers = {name: float(record[name]) for name in ("upload", "download", "latency", "price")}
    if record["default"] not in POLICIES or not all(map(math.isfinite, numbers.values())):
        raise ValueError(f"{record} is no profile")
    if min(numbers["upload"], numbers["download"]) <= 0:
        raise ValueError(f"{record} has a speed of nothing")
    return Profile(default=record["default"], **numbers)  # type: ignore[arg-type]  # checked above
