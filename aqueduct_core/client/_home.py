"""The folder of the embedded client.

signing.key     secret of this workspace, readable by its owner only
aqueduct.db     workflows, runs and data systems; secrets in it are encrypted
artifacts/      the artifact store, with what operators wrote beside it
environments/   of operators that have requirements of their own
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from tempfile import mkstemp

from aqueduct_core.errors import SignatureError, StorageError

__all__ = ["Home", "default_home"]

_KEY_BYTES = 32


def default_home() -> Path:
    """`AQUEDUCT_HOME`, or `.aqueduct` in the user's folder."""
    return Path(os.environ.get("AQUEDUCT_HOME") or "~/.aqueduct").expanduser()


class Home:
    """One workspace.

    Args:
        path: Its folder; made if it isn't there.

    Raises:
        StorageError: It can't be made.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = Path(path).expanduser() if path is not None else default_home()
        self.path = self.path.resolve()
        self._read: bytes | None = None  # what is in the key's file, where that is the key
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise self._refused("can't be made", error) from error

    def check(self) -> None:
        """See whether it is still the folder that was opened.

        Raises:
            StorageError: It was deleted or replaced: what is kept from now on would be lost.
        """
        try:
            read = None if self._read is None else self._key_file.read_bytes()
            same = self.path.exists() and read == self._read
        except OSError:
            same = False
        if not same:
            raise StorageError(
                f"the workspace {self.path} was deleted or replaced since it was opened",
                hint="a new Client() works with what is there now; in a notebook, restart the kernel",
            )

    @property
    def artifacts(self) -> Path:
        """The folder of the artifact store."""
        return self.path / "artifacts"

    @property
    def _key_file(self) -> Path:
        return self.path / "signing.key"

    @property
    def environments(self) -> Path:
        """The folder of environments."""
        return self.path / "environments"

    @property
    def database(self) -> str:
        """The URL of the tracking database."""
        return f"sqlite:///{self.path / 'aqueduct.db'}"

    def signing_key(self) -> bytes:
        """The secret that signs what this workspace stores: `AQUEDUCT_SIGNING_KEY`, or made once.

        Raises:
            SignatureError: The variable or the key file holds no key.
        """
        given = os.environ.get("AQUEDUCT_SIGNING_KEY")
        if given:
            return _key(given, "AQUEDUCT_SIGNING_KEY", "it is what signing.key of a folder holds")
        path = self._key_file
        if not path.exists():
            # Linked into place whole: of two programs that start at once, one makes the key.
            draft = self._draft(secrets.token_hex(_KEY_BYTES))
            try:
                os.link(draft, path)
            except FileExistsError:
                return self.signing_key()
            finally:
                draft.unlink()
        self._read = path.read_bytes()
        return _key(
            self._read.decode("utf-8", "replace"),
            str(path),
            "restore it from a backup; without it, models of older runs can't be loaded. A new key "
            "is made when the file is removed",
        )

    def _refused(self, what: str, error: OSError) -> StorageError:
        return StorageError(
            f"the workspace {self.path} {what}: {error.strerror}",
            hint="AQUEDUCT_HOME, Client(home=...) or --home names a folder that can be written",
        )

    def _draft(self, text: str) -> Path:
        """A new file that only its owner can read."""
        name = ""
        try:
            handle, name = mkstemp(dir=self.path, prefix=".draft-")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            if name:
                os.unlink(name)
            raise self._refused("can't be written to", error) from error
        return Path(name)


def _key(text: str, place: str, hint: str) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise SignatureError(f"{place} does not hold a signing key", hint=hint)
    return key
