"""The typed artifact store: a registry of serializers joined with a storage."""

from aqueduct_core.manifest import ArtifactRef, Manifest
from aqueduct_core.store._artifact_store import ArtifactStore
from aqueduct_core.store._sweep import Problem, Retention, Swept

__all__ = ["ArtifactRef", "ArtifactStore", "Manifest", "Problem", "Retention", "Swept"]
