"""Parameters: as fields of Airflow's trigger form, and back from what a run was given.

What JSON holds as it is has a field of its type, and dates have a date picker. Everything else, a
table or a model, has the default None in the form, which stands for the value that was published;
another one travels as `{"$aqueduct": ...}` with the form that `ParameterSpec.value` has.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from aqueduct_core.errors import ParameterError

if TYPE_CHECKING:
    from aqueduct_core.dag import FlowSpec, ParameterSpec

__all__ = ["conf_of", "form", "overrides"]

_EXACT = "$aqueduct"
_JSON = ["boolean", "number", "string", "array", "object", "null"]
_DATES = {"date": "date", "datetime": "date-time"}


def form(spec: FlowSpec) -> dict[str, tuple[Any, dict[str, Any]]]:
    """The fields of a workflow's trigger form, by name: the default and the rest of the schema."""
    return {name: _field(item) for name, item in spec.parameters.items()}


def conf_of(spec: FlowSpec, parameters: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What Airflow is to be told of the values that a run overrides.

    Args:
        spec: The workflow.
        parameters: The values, in the form of `ParameterSpec.value`.
    """
    return {
        name: value["value"]
        if _is_plain_value(value) and _is_plain_value(spec.parameters[name].value)
        else {_EXACT: dict(value)}
        for name, value in parameters.items()
    }


def overrides(spec: FlowSpec, given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The values that a run overrides, in the form of `ParameterSpec.value`.

    Args:
        spec: The workflow.
        given: What Airflow says its parameters are; names that the workflow doesn't have are of no
            interest here.

    Raises:
        ParameterError: A date is none.
    """
    found = {}
    for name, parameter in spec.parameters.items():
        if name not in given:
            continue
        value, default = given[name], _field(parameter)[0]
        if isinstance(value, Mapping) and set(value) == {_EXACT}:
            found[name] = dict(value[_EXACT])
        elif value != default or type(value) is not type(default):
            found[name] = _value(parameter, value)
    return found


def _field(parameter: ParameterSpec) -> tuple[Any, dict[str, Any]]:
    about = {"description": parameter.description} if parameter.description else {}
    if parameter.implicit:
        about["section"] = "Arguments"
    tag = _tag(parameter)
    if tag in _DATES:
        # A zone has no place in the form; a moment is shown as it was written.
        return parameter.value["value"]["value"], {
            "type": ["string", "null"],
            "format": _DATES[tag],
            **about,
        }
    if not _is_plain_value(parameter.value):
        return None, {"type": ["object", "null"], **about}
    default = parameter.value["value"]
    return default, {"type": _types(default), **about}


def _types(default: Any) -> list[str]:
    for kind, name in ((bool, "boolean"), (int | float, "number"), (str, "string")):
        if isinstance(default, kind):
            return [name, "null"]
    # JSON of any shape: what is a list now may well be None or a dict in the next run.
    return _JSON


def _value(parameter: ParameterSpec, value: Any) -> dict[str, Any]:
    from aqueduct_core.serializers import tagged

    tag = _tag(parameter)
    if tag in _DATES and isinstance(value, str):
        try:
            moment = (date if tag == "date" else datetime).fromisoformat(value)
        except ValueError as error:
            raise ParameterError(
                f"the parameter {parameter.name!r} is a {tag}, and was given {value!r}",
                hint="write it as 2026-01-31" + ("" if tag == "date" else "T08:00:00"),
            ) from error
        node = tagged.to_json(moment)
        zone = parameter.value["value"].get("zone")
        if zone is not None and isinstance(node, dict):
            node.setdefault("zone", zone)
        return {"value": node}
    return {"value": tagged.to_json(value)}


def _tag(parameter: ParameterSpec) -> str | None:
    node = parameter.value.get("value")
    return node.get("$type") if isinstance(node, Mapping) else None


def _is_plain_value(value: Mapping[str, Any]) -> bool:
    return "value" in value and _is_plain(value["value"])


def _is_plain(node: Any) -> bool:
    """Whether tagged JSON is the value itself."""
    if isinstance(node, Mapping):
        return not any(name.startswith("$") for name in node) and all(map(_is_plain, node.values()))
    return not isinstance(node, list) or all(map(_is_plain, node))
