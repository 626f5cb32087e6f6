"""The server: REST API, sign-in and the web UI.

Importing this brings FastAPI along, which the extra `server` installs.
"""

from __future__ import annotations

from aqueduct_core.server._auth import ROLES, Auth, Role, User, require
from aqueduct_core.server._services import Services, services_of
from aqueduct_core.server._settings import Settings
from aqueduct_core.server._templates import environment, render, static
from aqueduct_core.server.app import create_app

__all__ = [
    "ROLES",
    "Auth",
    "Role",
    "Services",
    "Settings",
    "User",
    "create_app",
    "environment",
    "render",
    "require",
    "services_of",
    "static",
]
