"""This very package, for an environment to install.

An environment runs the code that is running here, not merely its version: an editable tree is
installed as such, another installation that came from no index is packed into a wheel again.
"""

from __future__ import annotations

import csv
import json
import zipfile
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import pathname2url

from aqueduct_core._version import __version__
from aqueduct_core.digest import digest_of
from aqueduct_core.runtime.environments._requirements import OWN

__all__ = ["Own", "own"]

_LOCAL_FILES = {"INSTALLER", "RECORD", "REQUESTED", "direct_url.json"}


@dataclass(frozen=True, slots=True)
class Own:
    """How this package is installed here.

    Attributes:
        fingerprint: Differs where the code, or what it needs, differs.
        tree: The source tree of an editable installation.
        packed: Whether it must be packed, for no index has it.
    """

    fingerprint: str
    tree: Path | None = None
    packed: bool = False

    def requirement(self, extras: tuple[str, ...], folder: Path) -> str:
        """A line of a requirements file.

        Args:
            extras: The extras to install.
            folder: Where a wheel is written, if one is needed.
        """
        suffix = f"[{','.join(extras)}]" if extras else ""
        if self.tree is not None:
            return f"-e file://{pathname2url(str(self.tree))}{suffix}"
        if self.packed:
            return f"{OWN}{suffix} @ file://{pathname2url(str(_pack(folder)))}"
        return f"{OWN}{suffix}=={__version__}"


def own() -> Own:
    """How this package is installed here."""
    tree, packed, record = _installation()
    if tree is not None:
        # The code is shared, whatever becomes of it; what it needs is not.
        about = (tree / "pyproject.toml").read_bytes()
        return Own(f"{tree} {digest_of(about)}", tree=tree)
    return Own(f"{__version__} {record}" if packed else __version__, packed=packed)


@cache
def _installation() -> tuple[Path | None, bool, str]:
    """The tree of an editable installation, whether to pack another one, digest of its files."""
    try:
        installed = distribution(OWN)
    except PackageNotFoundError:
        # On the path without being installed: a source tree is used as it is.
        tree = Path(__file__).resolve().parents[3]
        return (tree if (tree / "pyproject.toml").exists() else None), False, ""
    origin = json.loads(installed.read_text("direct_url.json") or "{}")
    if origin.get("dir_info", {}).get("editable"):
        return Path(unquote(urlsplit(origin["url"]).path)), False, ""
    record = installed.read_text("RECORD")
    return None, bool(origin and record), digest_of((record or "").encode())


def _pack(folder: Path) -> Path:
    """A wheel of the installed files."""
    installed: Distribution = distribution(OWN)
    path = folder / f"aqueduct_core-{__version__}-py3-none-any.whl"
    rows = csv.reader((installed.read_text("RECORD") or "").splitlines())
    kept = [row for row in rows if _belongs(row[0])]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as wheel:
        for name, *_ in kept:
            wheel.write(str(installed.locate_file(name)), name)
        info = next(row[0].partition("/")[0] for row in kept if row[0].endswith("/METADATA"))
        record = f"{info}/RECORD"
        wheel.writestr(record, "".join(f"{','.join(row)}\n" for row in [*kept, [record, "", ""]]))
    return path


def _belongs(name: str) -> bool:
    """Whether an installed file came out of the wheel."""
    parts = name.split("/")
    if ".." in parts or "__pycache__" in parts or name.startswith("/"):
        return False
    return not (parts[0].endswith(".dist-info") and parts[-1] in _LOCAL_FILES)
