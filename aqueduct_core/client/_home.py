"""The folder of the embedded client: artifacts and records, integrations, the signing key.

signing.key           secret of this workspace, readable by its owner only
integrations/*.json   one file each, so that two programs can add some at once
artifacts/            the artifact store, with the records of workflows and runs beside it
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkstemp
from typing import Any
from urllib.parse import quote, unquote

from aqueduct_core.errors import ParameterError, SignatureError

__all__ = ["Home", "default_home"]

_KEY_BYTES = 32
_LONGEST_NAME = 100


def default_home() -> Path:
    """`AQUEDUCT_HOME`, or `.aqueduct` in the user's folder."""
    return Path(os.environ.get("AQUEDUCT_HOME") or "~/.aqueduct").expanduser()


class Home:
    """One workspace.

    Args:
        path: Its folder; made if it isn't there.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = Path(path).expanduser() if path is not None else default_home()
        self.path = self.path.resolve()
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def artifacts(self) -> Path:
        """The folder of the artifact store."""
        return self.path / "artifacts"

    def signing_key(self) -> bytes:
        """The secret that signs what this workspace stores; made once.

        Raises:
            SignatureError: The key file holds no key.
        """
        path = self.path / "signing.key"
        if not path.exists():
            # Linked into place whole: of two programs that start at once, one makes the key.
            draft = self._draft(secrets.token_hex(_KEY_BYTES))
            try:
                os.link(draft, path)
            except FileExistsError:
                return self.signing_key()
            finally:
                draft.unlink()
        try:
            key = bytes.fromhex(path.read_text(encoding="ascii").strip())
        except ValueError:
            key = b""
        if len(key) != _KEY_BYTES:
            raise SignatureError(
                f"{path} does not hold a signing key",
                hint="restore it from a backup; without it, models of older runs can't be loaded. "
                "A new key is made when the file is removed",
            )
        return key

    def put_integration(self, name: str, data: Mapping[str, Any]) -> None:
        """Keep the configuration of an integration."""
        path = self._integration_path(name)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        self._draft(json.dumps(data, indent=1)).replace(path)

    def integration(self, name: str) -> dict[str, Any] | None:
        """The configuration of an integration, if there is one."""
        try:
            data: dict[str, Any] = json.loads(self._integration_path(name).read_text("utf-8"))
        except FileNotFoundError:
            return None
        return data

    def integrations(self) -> list[str]:
        """The names of all integrations."""
        return sorted(unquote(path.stem) for path in (self.path / "integrations").glob("*.json"))

    def delete_integration(self, name: str) -> None:
        """Forget an integration."""
        self._integration_path(name).unlink(missing_ok=True)

    def _integration_path(self, name: str) -> Path:
        if not name or len(name) > _LONGEST_NAME:
            raise ParameterError(
                f"{name!r} can't be the name of an integration",
                hint=f"1 to {_LONGEST_NAME} characters",
            )
        return self.path / "integrations" / f"{quote(name, safe='').replace('.', '%2E')}.json"

    def _draft(self, text: str) -> Path:
        """A new file that only its owner can read."""
        handle, name = mkstemp(dir=self.path, prefix=".draft-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        return Path(name)
