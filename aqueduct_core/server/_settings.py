"""How a server is set up."""

from __future__ import annotations

from dataclasses import dataclass

from aqueduct_core.errors import ParameterError

__all__ = ["Settings"]

_LOCAL = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a server is set up.

    Attributes:
        host: The address that it listens at; by default nobody but this machine reaches it.
        port: The port.
        address: The URL that people reach it at, where a proxy stands before it.
        scheduler: Whether it starts workflows when it is time.
        largest_body: The most bytes of a request, uploads excepted.
        largest_upload: The most bytes of one uploaded object.
        patience: Seconds to wait for the next bytes of a request.
        read_timeout: Seconds in which what is only looked at must begin to be answered.
        work_timeout: The same for what changes something, or asks another system.
        session_days: How long somebody stays signed in.
        grace: Seconds that requests get to come to their end when the server stops.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    address: str | None = None
    scheduler: bool = True
    largest_body: int = 1 << 20
    largest_upload: int = 16 << 30
    patience: float = 30.0
    read_timeout: float = 45.0
    work_timeout: float = 3600.0
    session_days: int = 14
    grace: float = 20.0

    def __post_init__(self) -> None:
        if self.address is not None and not self.address.startswith(("http://", "https://")):
            raise ParameterError(
                f"{self.address!r} is no address of a server", hint="https://aqueduct.example.com"
            )

    @property
    def url(self) -> str:
        """Where people find it, without a slash at the end."""
        if self.address is not None:
            return self.address.rstrip("/")
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 - compared
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def is_secure(self) -> bool:
        """Whether people come by HTTPS only, so that cookies needn't travel otherwise."""
        return self.url.startswith("https://")

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches it."""
        return self.host in _LOCAL
