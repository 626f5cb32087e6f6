"""Requirements that mean the same are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_core.runtime.environments._requirements import normalized, redacted, with_own

SAME = [
    (["Pandas >= 3, <4"], ["pandas<4,>=3"]),
    (["scikit_learn", "six"], ["six", "scikit.learn"]),
    (["six  # needed by others", "", "  "], ["six"]),
    (["Requests[socks, Security]==2.*"], ["requests[security,socks] == 2.*"]),
    (['six;python_version<"3.12"'], ['six ; python_version<"3.12"']),
    (["six @  https://host/six.whl"], ["six @ https://host/six.whl"]),
]
DIFFERENT = [
    (["six==1.16"], ["six==1.17"]),
    (["requests"], ["requests[socks]"]),
    (["./Local"], ["./local"]),
    (["git+https://host/A"], ["git+https://host/a"]),
    (["six requests"], ["sixrequests"]),
    (["six (>=1) requests"], ["six(>=1)requests"]),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spelling_and_order_do_not_matter(one: list[str], other: list[str]) -> None:
    assert normalized(one) == normalized(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_differs_stays_different(one: list[str], other: list[str]) -> None:
    assert normalized(one) != normalized(other)


@given(st.lists(st.text(alphabet="aZ0-_.[]<>=,;@ #/:\n'\"~")))
def test_the_normal_form_is_its_own_normal_form(requirements: list[str]) -> None:
    once = normalized(requirements)
    assert normalized(once) == once
    assert not any("\n" in item for item in once)


def test_this_package_brings_what_it_needs_for_the_libraries_asked_for() -> None:
    assert with_own(normalized(["pandas>=3", "six"])) == (("pandas>=3", "six"), ("tables",))
    assert with_own(normalized(["pandas-stubs", "six"])) == (("pandas-stubs", "six"), ())


def test_a_requirement_on_this_package_adds_extras_and_no_other_version() -> None:
    asked = normalized(["aqueduct_core[s3, json]==0.0.1", "six"])
    assert with_own(asked) == (("six",), ("json", "s3"))


def test_a_path_is_no_name() -> None:
    assert with_own(("./aqueduct-core", "pandas/")) == (("./aqueduct-core", "pandas/"), ())


def test_passwords_are_not_shown() -> None:
    assert redacted("six @ https://me:secret@host/six.whl") == "six @ https://***@host/six.whl"
