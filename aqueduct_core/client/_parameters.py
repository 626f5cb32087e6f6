"""Values that a run overrides, on their way into it and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from numbers import Real
from typing import TYPE_CHECKING, Any

from aqueduct_core._offers import offer_parameters
from aqueduct_core.errors import AqueductError, ParameterError
from aqueduct_core.reference import ArtifactRef

if TYPE_CHECKING:
    from aqueduct_core.dag import FlowSpec, ParameterSpec
    from aqueduct_core.store import ArtifactStore

__all__ = ["overridden", "values_of"]


def overridden(
    spec: FlowSpec, values: Mapping[str, Any], store: ArtifactStore
) -> dict[str, dict[str, Any]]:
    """Other values for some parameters, as engines take them; what JSON can't hold is stored.

    Args:
        spec: The workflow.
        values: The values by name.
        store: Where tables, models and the like go.

    Raises:
        ParameterError: There is no such parameter, or it can't have this value.
    """
    if not values:
        return {}
    if not isinstance(values, Mapping):
        raise ParameterError(
            f"parameters={values!r}", hint='values by their names: parameters={"country": "US"}'
        )
    from aqueduct_core.dag import flow_id
    from aqueduct_core.dag._parameters import ParameterDrafts  # captures code: not for readers

    drafts = ParameterDrafts(flow_id(spec.name))
    found = {}
    for name, value in values.items():
        parameter = spec.parameters.get(name)
        if parameter is None:
            raise ParameterError(
                f"no parameter is called {name!r}", hint=offer_parameters(name, spec.parameters)
            )
        found[name], kind = drafts.value(name, value)
        if not _fits(value, kind, parameter):
            own = type(value).__name__
            given = _article(own) if kind == "json" else f"{_article(kind)}: {own}"
            raise ParameterError(
                f"the parameter {name!r} is {_article(_type_of(parameter))}, and was given {given}",
                hint="its day is value.date()"
                if isinstance(value, datetime)
                else "give a value of the default's type; another type needs another version",
            )
    drafts.save(store)
    return found


def values_of(
    spec: FlowSpec, other: Mapping[str, Mapping[str, Any]], store: ArtifactStore
) -> dict[str, Any]:
    """The value that each parameter had in a run.

    Args:
        spec: The workflow.
        other: What the run overrode.
        store: Where tables, models and the like are.
    """
    from aqueduct_core.serializers import tagged

    found = {}
    for name, parameter in spec.parameters.items():
        value = other.get(name, parameter.value)
        if "artifact" in value:
            found[name] = store.get(ArtifactRef.deserialize(value["artifact"]))
        else:
            found[name] = tagged.from_json(value["value"])
    return found


def _fits(value: Any, kind: str, parameter: ParameterSpec) -> bool:
    if value is None or parameter.value.get("value", ...) is None:
        return True
    if kind == parameter.type:
        # A time is a day to Python, and never equal to one in a database.
        return type(value) is date or _type_of(parameter) != "date"
    # Numbers of libraries are numbers, too.
    return parameter.type == "numeric" and isinstance(value, Real) and not isinstance(value, bool)


def _type_of(parameter: ParameterSpec) -> str:
    """What a parameter is, in words: of what JSON holds with a tag the class, `date` for example."""
    if parameter.type != "json" or "value" not in parameter.value:
        return parameter.type
    from aqueduct_core.serializers import tagged

    try:
        return type(tagged.from_json(parameter.value["value"])).__name__
    except AqueductError:  # a class that isn't there
        return parameter.type


def _article(kind: str) -> str:
    kind = {"numeric": "number", "bool": "truth value"}.get(kind, kind)
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
