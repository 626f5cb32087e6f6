"""Airflow's XCom for data: what a task returns goes into an artifact store, typed and exact.

For DAGs that are written by hand. In the environment of all of Airflow's processes:

    AIRFLOW__CORE__XCOM_BACKEND=aqueduct_core.adapters.airflow.XComBackend
    AQUEDUCT_XCOM_STORE=s3://bucket/prefix

The store's signing key and options are AQUEDUCT_SIGNING_KEY and AQUEDUCT_STORAGE_OPTIONS, or password and
extra of the Airflow connection `aqueduct`. Texts, numbers, dates and lists and dicts of them stay in XCom,
as long as they are small; a table, an array, an image or a model is stored, with a reference in XCom.
An `ArtifactRef` of a store of yours stays what it is.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from secrets import token_hex
from typing import TYPE_CHECKING, Any
from uuid import UUID

from aqueduct_core.serializers._jsontext import has_utf8

try:
    from airflow.sdk.bases.xcom import BaseXCom

    _IS_TWO = False
except ImportError:
    from airflow.models.xcom import BaseXCom

    _IS_TWO = True

if TYPE_CHECKING:
    from aqueduct_core.store import ArtifactStore

__all__ = ["XComBackend"]

_MARK = "$aqueduct"  # stands for the value
_REF = "$aqueduct_ref"  # is the value
# A dict of the user with one of these names is stored: it would be taken for something else.
_MARKS = (_MARK, _REF, "__classname__", "__type", "__var")
_CONNECTION = "aqueduct"
_SMALL = 65_536  # characters; what Airflow's database takes without trouble
_KEPT = (bool, int, str, date, datetime, timedelta, Decimal, UUID, type(None))


class XComBackend(BaseXCom):  # type: ignore[misc]  # Airflow isn't there when types are checked
    """Keeps what is big, or isn't JSON, in an artifact store."""

    @staticmethod
    def serialize_value(
        value: Any,
        *,
        key: str | None = None,
        task_id: str | None = None,
        dag_id: str | None = None,
        run_id: str | None = None,
        map_index: int | None = None,
    ) -> Any:
        """What XCom holds of a value; called by Airflow.

        Raises:
            UnserializableError: The value can't be stored as it is.
        """
        if _is_ref(value):
            value = {_REF: value.serialize()}  # Airflow would want each class in its configuration
        elif not _stays(value):
            from aqueduct_core.adapters._common import key_of

            place = [dag_id, run_id, task_id, str(-1 if map_index is None else map_index), key]
            # A name of its own: what is deleted late must not be what was put anew.
            path = key_of("xcom", *(item or "-" for item in place), token_hex(4))
            ref = _store().put(value, path, name=f"{task_id}.{key}")
            value = {_MARK: ref.serialize()}
        return BaseXCom.serialize_value(
            value, key=key, task_id=task_id, dag_id=dag_id, run_id=run_id, map_index=map_index
        )

    @staticmethod
    def deserialize_value(result: Any) -> Any:
        """The value that XCom holds, or refers to; called by Airflow.

        Raises:
            ArtifactNotFoundError: It is gone.
        """
        value = BaseXCom.deserialize_value(result)
        ref = _reference(value)
        if ref is not None:
            return _store().get(_ref(ref))
        given = _reference(value, _REF)
        return value if given is None else _ref(given)

    @classmethod
    def purge(cls, xcom: Any, *args: Any) -> None:
        """Delete what an entry refers to; called by Airflow when the entry goes."""
        if xcom is None:
            return
        # Airflow 2 has read the entry already, Airflow 3 hasn't.
        is_read = _IS_TWO and not isinstance(xcom.value, bytes)
        ref = _reference(xcom.value if is_read else BaseXCom.deserialize_value(xcom))
        if ref is not None:
            _store().delete(_ref(ref).key)


def _store() -> ArtifactStore:
    from aqueduct_core.engines.airflow._credentials import store_setup
    from aqueduct_core.errors import ParameterError
    from aqueduct_core.runtime import Workspace

    url = os.environ.get("AQUEDUCT_XCOM_STORE")
    if not url:
        raise ParameterError(
            "XCom has no store for this value: AQUEDUCT_XCOM_STORE is not set",
            hint="set it to the URL of a folder or bucket, for all of Airflow's processes",
        )
    return Workspace.from_json(store_setup(url, _CONNECTION)).store


def _ref(document: Mapping[str, Any]) -> Any:
    from aqueduct_core.reference import ArtifactRef

    return ArtifactRef.deserialize(document)


def _is_ref(value: Any) -> bool:
    kind = type(value)  # looked up by name: most values need nothing of ours imported
    return (kind.__module__, kind.__name__) == ("aqueduct_core.reference", "ArtifactRef")


def _reference(value: Any, mark: str = _MARK) -> Mapping[str, Any] | None:
    if isinstance(value, Mapping) and set(value) == {mark}:
        found: Mapping[str, Any] = value[mark]
        return found
    return None


def _stays(value: Any) -> bool:
    """Whether Airflow keeps a value exactly, and it is small."""
    kind = type(value)
    if kind.__module__.partition(".")[0] == "airflow":
        return True  # what Airflow tells itself
    return _is_plain(value) and len(json.dumps(value, default=str)) <= _SMALL


def _is_plain(value: Any) -> bool:
    kind = type(value)
    if kind is float:
        return math.isfinite(value)
    if kind is str:
        return has_utf8(value)
    if kind in (list, tuple):
        return all(map(_is_plain, value))
    if kind is dict:
        names = all(type(name) is str and has_utf8(name) and name not in _MARKS for name in value)
        return names and all(map(_is_plain, value.values()))
    return kind in _KEPT
