"""The user's front door: integrations, publishing, and looking at runs."""

from __future__ import annotations

from aqueduct_core.client._client import Client
from aqueduct_core.client._flow import Flow
from aqueduct_core.client._home import default_home
from aqueduct_core.client._run import CheckResult, Run, RunArtifact

__all__ = ["CheckResult", "Client", "Flow", "Run", "RunArtifact", "default_home"]
