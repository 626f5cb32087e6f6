"""`aqueduct server` in a process of its own, for tests."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Thread
from typing import Any

from tests.processes import PATIENCE

__all__ = ["Process"]


_NOT_ITS = ("DATABASE", "HOME", "API_KEY", "STORE", "SIGNING_KEY", "STORAGE_OPTIONS")


class Process:
    """A server in a process of its own.

    Args:
        home: Its folder.
        *options: What the command takes besides.
        environment: Variables that it gets besides.
    """

    def __init__(
        self, home: Path, *options: str, environment: Mapping[str, str] | None = None
    ) -> None:
        self.home = home
        command = [sys.executable, "-m", "aqueduct_core", "server", "--home", str(home)]
        command += ["--port", "0", "--json", *options]
        hidden = {f"AQUEDUCT_{name}" for name in _NOT_ITS}
        inherited = {key: value for key, value in os.environ.items() if key not in hidden}
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**inherited, "PYTHONUNBUFFERED": "1", **(environment or {})},
        )
        self.log: list[dict[str, Any]] = []
        self._reader = Thread(target=self._read)
        self._reader.start()
        self.said = ""
        self.address = ""
        for line in self._out:
            self.said += line
            if found := re.search(r"is at (http://\S+)", line):
                self.address = found[1]
                break

    @property
    def _out(self) -> Any:
        return self.process.stdout

    def _read(self) -> None:
        for line in self.process.stderr or ():
            self.log.append(json.loads(line))

    def more(self, pattern: str) -> str:
        """What it says next."""
        for line in self._out:
            self.said += line
            if found := re.search(pattern, line):
                return str(found[1])
        raise AssertionError(self.said, self.log)

    def key(self) -> str:
        """The first key, which it is about to show."""
        return self.more(r"(aq_\S+)")

    def headers(self) -> dict[str, str]:
        """Those of somebody with the first key."""
        return {"authorization": f"Bearer {self.key()}"}

    def end(self, number: int = signal.SIGTERM) -> int:
        """Stop it; its exit code."""
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self._reader.join()
        self._out.close()
        assert self.process.stderr
        self.process.stderr.close()
        return code
