"""Publishing from other machines: a version whose functions are stored by now."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from aqueduct_core.client._engines import deploy, leave
from aqueduct_core.dag import Version, flow_id
from aqueduct_core.errors import AqueductError, ParameterError
from aqueduct_core.server.api import _models as models
from aqueduct_core.server.api._route import Editor, Served, new_router
from aqueduct_core.tracking import checked_tags

__all__ = ["read_version", "router"]

router = new_router("workflows")


@router.post("/flows", status_code=201)
def publish(services: Served, user: Editor, wanted: models.Publication) -> models.Published:
    """Publish a version of a workflow; the same again makes no new version."""
    version = read_version(wanted.document)
    settings: dict[str, Any] = {
        "notify": wanted.notify,
        "keep_runs": wanted.keep_runs,
        "tags": checked_tags(wanted.tags),  # before anything is stored
    }
    version.save(services.session.store)
    before, said = services.tracking.flow_named(version.name), []
    if version.spec.engine != "local":
        said = deploy(services.session, version, settings["tags"], quiet=True)
    is_new = services.tracking.publish(version, **settings)
    said += leave(services.session, before, version)
    flow = models.Flow.model_validate(services.tracking.flow(version.flow))
    return models.Published(flow=flow, is_new=is_new, notes=said)


def read_version(document: dict[str, Any]) -> Version:
    """The version of a document, whose names are those that it must have.

    Raises:
        ParameterError: It is no version of a workflow.
    """
    try:
        version = Version.from_json(document)
        digest, flow = version.digest, flow_id(version.name)
        ids = {name: str(uuid5(UUID(flow), f"{digest}/{name}")) for name in version.spec.operators}
        is_own = all(
            name in ids and str(key).startswith(f"flows/{flow}/code/")
            for name, key in version.code.items()
        )
    except AqueductError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ParameterError(f"this is no version of a workflow: {error!r}") from error
    if (
        version.name != version.spec.name
        or version.flow != flow
        or version.ids != ids
        or not is_own
    ):
        raise ParameterError(
            f"the names in this version of {version.name!r} are not those that it must have",
            hint="client and server should be of the same release",
        )
    return version
