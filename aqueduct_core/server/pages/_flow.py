"""What all pages of a workflow show: its name, what can be done with it, and where they are."""

from __future__ import annotations

from typing import Any

from aqueduct_core.dag import FlowSpec, ParameterSpec
from aqueduct_core.errors import ParameterError
from aqueduct_core.server._services import Services
from aqueduct_core.server.pages._operators import default_of
from aqueduct_core.server.pages._reading import flow_path, version_of
from aqueduct_core.tracking import FlowRecord, VersionDetail

__all__ = ["head_of", "parameter_fields", "values_from"]

_TYPED = ("numeric", "text", "bool", "json", "collection")


def head_of(services: Services, flow: FlowRecord, versions: int) -> dict[str, Any]:
    """What stands at the top of all pages of a workflow.

    Args:
        services: What routes work with.
        flow: The workflow.
        versions: How many versions it has.
    """
    here = flow_path(flow.id)
    current: VersionDetail = version_of(services, flow.id, flow.digest)
    return {
        "flow": flow,
        "here": here,
        "current": current,
        "fields": parameter_fields(current.spec),
        "crumbs": [("Workflows", "/flows")],
        "tabs": [
            {"name": "Overview", "href": here, "icon": "grid"},
            {"name": "Runs", "href": f"{here}/runs", "icon": "list"},
            {"name": "Graph", "href": f"{here}/versions/{current.number}", "icon": "graph"},
            {"name": "Versions", "href": f"{here}/versions", "icon": "branch", "count": versions},
            {"name": "Metrics", "href": f"{here}/metrics", "icon": "metric"},
            {"name": "Settings", "href": f"{here}/settings", "icon": "gear"},
        ],
    }


def parameter_fields(spec: FlowSpec) -> list[dict[str, Any]]:
    """The parameters as fields of a form."""
    return [
        {
            "name": name,
            "type": item.type,
            "description": item.description,
            "default": default_of(item),
            "is_typed": item.type in _TYPED and "value" in item.value,
        }
        for name, item in spec.parameters.items()
        if not item.implicit
    ]


def values_from(spec: FlowSpec, texts: dict[str, str]) -> dict[str, Any]:
    """The values that somebody typed, by the names of parameters; what is empty keeps its default.

    Raises:
        ParameterError: A text is no value of its parameter's type.
    """
    found = {}
    for name, text in texts.items():
        item = spec.parameters.get(name)
        if item is not None and text.strip() != "":
            found[name] = _value(name, item, text)
    return found


def _value(name: str, item: ParameterSpec, text: str) -> Any:
    import json

    if item.type == "text":
        return text
    try:
        value = json.loads(text.strip())
    except ValueError as error:
        raise ParameterError(
            f"{text!r} is no value of the parameter {name!r}, which is {item.type}",
            hint={"numeric": "a number: 12, 0.5", "bool": "true or false"}.get(item.type, "JSON"),
        ) from error
    is_whole = type(item.value.get("value")) is int
    if item.type == "numeric" and is_whole and isinstance(value, float) and value.is_integer():
        return int(value)
    return value
