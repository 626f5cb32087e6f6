"""A dtype of somebody else, registered with pandas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray, ExtensionDtype, register_extension_dtype

__all__ = ["Money", "MoneyArray", "MoneyDtype"]


class Money(float):
    """An amount."""


@register_extension_dtype
class MoneyDtype(ExtensionDtype):
    name = "money"
    type = Money
    kind = "f"
    na_value = np.nan

    @classmethod
    def construct_array_type(cls) -> type[ExtensionArray]:
        return MoneyArray


class MoneyArray(ExtensionArray):
    """Amounts."""

    def __init__(self, values: np.ndarray[Any, Any]) -> None:
        self._values = values

    @classmethod
    def _from_sequence(cls, scalars: Any, *, dtype: Any = None, copy: bool = False) -> MoneyArray:
        return cls(np.array(list(scalars), "f8"))

    @classmethod
    def _from_factorized(cls, values: Any, original: Any) -> MoneyArray:
        return cls(np.asarray(values, "f8"))

    @classmethod
    def _concat_same_type(cls, to_concat: Sequence[MoneyArray]) -> MoneyArray:
        return cls(np.concatenate([one._values for one in to_concat]))

    def __getitem__(self, item: Any) -> Any:
        found = self._values[item]
        return Money(found) if np.isscalar(found) else MoneyArray(found)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> Any:
        return self._values == np.asarray(other)

    @property
    def dtype(self) -> MoneyDtype:
        return MoneyDtype()

    @property
    def nbytes(self) -> int:
        return self._values.nbytes

    def isna(self) -> Any:
        return np.isnan(self._values)

    def take(self, indices: Any, *, allow_fill: bool = False, fill_value: Any = None) -> MoneyArray:
        taken = pd.api.extensions.take(
            self._values, np.asarray(indices), allow_fill=allow_fill, fill_value=np.nan
        )
        return MoneyArray(taken)

    def copy(self) -> MoneyArray:
        return MoneyArray(self._values.copy())
