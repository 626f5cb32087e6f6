"""Classes of a script, as another process finds them."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

SAVES = """
import ctypes, dataclasses, typing
import attrs
from aqueduct_core import ArtifactStore

@dataclasses.dataclass(slots=True, frozen=True)
class Point:
    x: int
    y: list = dataclasses.field(default_factory=list)

class Hidden:
    __slots__ = ("a", "__b")
    def __init__(self):
        self.a, self.__b = 1, [2]
    def hidden(self):
        return self.__b

class Child(Hidden):
    __slots__ = ("c",)

class Loose(Hidden):
    pass

@attrs.define
class Attrs:
    x: int

class Named(typing.NamedTuple):
    x: int

def inside():
    class Local:
        pass
    return Local()

child, loose = Child(), Loose()
child.c = 3
loose.c = 3
values = [Point(1, [2]), Hidden(), child, loose, Attrs(1), Named(1), inside(), (ctypes.c_short * 7)(1, 2)]
store = ArtifactStore(FOLDER, allow_pickle=True)
store.put(values, "values")
"""

LOADS = """
from aqueduct_core import ArtifactStore

values = ArtifactStore(FOLDER, allow_pickle=True).get("values")
point, hidden, child, loose, attrs, named, local, array = values
for value in (point, hidden, child, attrs, named):
    assert not hasattr(value, "__dict__"), type(value)
assert (point.x, point.y) == (1, [2])
assert repr(point).endswith("Point(x=1, y=[2])")
assert (hidden.a, hidden.hidden()) == (1, [2])
assert (child.a, child.hidden(), child.c) == (1, [2], 3)
assert (loose.hidden(), vars(loose)) == ([2], {"c": 3})
assert (attrs.x, named.x) == (1, 1)
assert type(local).__qualname__ == "inside.<locals>.Local"
assert (type(array).__module__, array[:2]) == ("__main__", [1, 2])
print("the same")
"""


@pytest.mark.parametrize("wrapped", [False, True])
def test_classes_keep_slots_and_names(wrapped: bool, tmp_path: Path) -> None:
    for source in (SAVES, LOADS):
        text = source.replace("FOLDER", repr(str(tmp_path / "store")))
        if wrapped:  # all of them classes of a function
            text = f"def main():\n{textwrap.indent(text, '    ')}\nmain()\n"
            text = text.replace('"inside.<locals>', '"main.<locals>.inside.<locals>')
        file = tmp_path / "script.py"
        file.write_text(text)
        done = subprocess.run(
            [sys.executable, file], capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
    assert done.stdout == "the same\n"


SAVES_CLASSES = """
import numpy as np
from aqueduct_core import ArtifactStore
from tests.serializers.pickle.pickles import Boxed, Plain

records = np.zeros(2, [("a", "O")]).view(np.recarray)
store = ArtifactStore(FOLDER, allow_pickle=True)
store.put([records, Plain(a=np.recarray), Boxed[int](content=1)], "values", serializer="pickle")
"""

LOADS_CLASSES = """
import numpy as np
from aqueduct_core import ArtifactStore
from tests.serializers.pickle.pickles import Boxed

records, plain, boxed = ArtifactStore(FOLDER, allow_pickle=True).get("values")
assert type(records) is np.recarray
assert plain.a is np.recarray
assert type(boxed) is Boxed[int]
print("the same")
"""


def test_classes_that_are_found_by_asking_their_package_stay_the_same_ones(tmp_path: Path) -> None:
    for source in (SAVES_CLASSES, LOADS_CLASSES):
        text = source.replace("FOLDER", repr(str(tmp_path / "store")))
        done = subprocess.run(
            [sys.executable, "-c", text], capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
    assert done.stdout == "the same\n"
