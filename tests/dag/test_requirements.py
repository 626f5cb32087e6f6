"""Which distributions code needs."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from aqueduct_core.dag import infer_requirements
from aqueduct_core.dag._modules import is_own_file, is_own_module
from aqueduct_core.dag._requirements import installed_versions, requirements_of


def pinned(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}=={version(name)}" for name in sorted(names, key=str.lower))


def test_modules_are_mapped_to_what_is_installed_under_whatever_name() -> None:
    modules = ["sklearn.linear_model", "dateutil.tz", "PIL.Image", "numpy", "pandas.core.frame"]
    assert requirements_of(modules) == pinned(
        "numpy", "pandas", "pillow", "python-dateutil", "scikit-learn"
    )


def test_a_namespace_that_many_share_is_told_by_the_module() -> None:
    pytest.importorskip("google.cloud.storage")
    assert requirements_of(["google.cloud.storage"]) == pinned("google-cloud-storage")


def test_the_standard_library_this_package_and_what_is_not_there_are_left_out() -> None:
    modules = ["json", "os.path", "__main__", "aqueduct_core.dag", "no_such_module", __name__]
    assert requirements_of(modules) == ()
    assert installed_versions(["json"]) == {}


def test_imports_inside_globals_helpers_and_values_count() -> None:
    import pandas as pd

    def helper(x: Any) -> Any:
        from dateutil import tz

        return tz.UTC, x

    table = pd.DataFrame({"a": [1]})

    def function() -> Any:
        import json

        import PIL.Image

        return helper(json), PIL.Image, table

    found = infer_requirements(function)
    assert {*pinned("numpy", "pandas", "pillow", "python-dateutil")} <= {*found}
    assert not any(item.startswith(("aqueduct", "cloudpickle", "pytest")) for item in found)


def test_a_package_that_is_only_imported_inside_is_not_imported_to_find_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "site-packages"
    (installed / "slow_package").mkdir(parents=True)
    (installed / "slow_package" / "__init__.py").write_text("raise RuntimeError('imported')")
    info = installed / "slow_package_dist-1.2+cpu.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: slow-package-dist\nVersion: 1.2+cpu\n"
    )
    (info / "RECORD").write_text("slow_package/__init__.py,,\n")
    monkeypatch.syspath_prepend(installed)

    def function() -> Any:
        import slow_package.inner

        return slow_package.inner

    assert infer_requirements(function) == ("slow-package-dist==1.2",)
    (info / "direct_url.json").write_text(
        '{"url": "https://git.example.org/slow", "vcs_info": {"vcs": "git", "commit_id": "1ab"}}'
    )
    assert infer_requirements(function) == (
        "slow-package-dist @ git+https://git.example.org/slow@1ab",
    )
    assert "slow_package" not in sys.modules


def test_what_is_the_users_own_is_told_by_where_it_is(tmp_path: Path) -> None:
    import json

    import numpy as np

    import aqueduct_core

    assert is_own_module(sys.modules[__name__])
    assert not any(map(is_own_module, (json, np, aqueduct_core, sys)))
    assert is_own_file(str(tmp_path / "script.py"))
    assert not is_own_file("/venv/lib/python3.11/site-packages/a.py")
    assert not is_own_file("/usr/lib/python3/dist-packages/a.py")
