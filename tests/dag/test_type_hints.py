"""Type parameters, aliases and annotations of the user's own, as workers get them.

Sources are texts: each Python has syntax that an older one can't read, and this file's import says when
annotations are computed.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import aqueduct_core as aq
from aqueduct_core.adapters.tasks import by_reference
from tests.dag.capturing import capture, digest

ROOT = Path(__file__).parents[2]
since_3_12 = pytest.mark.skipif(sys.version_info < (3, 12), reason="syntax of Python 3.12")
since_3_14 = pytest.mark.skipif(sys.version_info < (3, 14), reason="annotations of Python 3.14")

OLD = """
import typing
T = typing.TypeVar("T", bound=int, covariant=True)
S = typing.TypeVar("S", str, bytes)
P = typing.ParamSpec("P")
Ts = typing.TypeVarTuple("Ts")
class G(typing.Generic[T]):
    def get(self, x): return typing.cast(T, x)
def f():
    found = T.__bound__, T.__covariant__, S.__constraints__, P.__name__, repr(Ts)
    return *found, G().get(1), G.__parameters__ == (T,)
"""
NEW = """
class G[T: int, *Ts, **P]:
    item: T
    def get[S](self, x: T, *rest: *Ts) -> S: return x
type Pair[T] = tuple[T, T]
type Json = dict[str, Json] | int
type Gone = Missing
class H[T: Missing]: pass
def helper(x: Json, y: Pair[int], z: Gone = 1) -> Json: return x
def f(x: Json = 1):
    inside = Json.__value__.__args__[0].__args__[1] is Json
    bounds = [getattr(item, "__bound__", None) for item in G.__type_params__[:2]]
    substituted = Pair.__value__.__args__[0] is Pair.__type_params__[0]
    infers = G.__type_params__[0].__infer_variance__
    return G().get(1), repr(G.__type_params__), bounds, infers, str(Json), inside, substituted, helper(H() and x, 2)
"""
HINTS = """
import functools, typing
class Own: pass
class A:
    a: int
    b: Own
class N(typing.NamedTuple):
    a: int
class D(typing.TypedDict, total=False):
    k: int
def helper(x: int, *, y: Own = None) -> str: return ""
def f():
    hints = [sorted(typing.get_type_hints(item)) for item in (A, N, D, helper)]
    return hints, typing.get_type_hints(A)["b"] is Own
"""
METHODS = """
import functools
class A:
    def _go(self, n, m=0, *, k=0): return n, m, k
    go = functools.partialmethod(_go, 3, k=5)
    @functools.singledispatchmethod
    def kind(self, x): return "any"
    @kind.register
    def _(self, x: int): return "int"
def f(): return A().go(4), A().kind(1), A().kind("")
"""
LATE = """
import dataclasses
class A:
    a: Missing
    def get(self, x: Missing, *, y: Missing = 2) -> Missing.Nothing:
        def inner(z: Missing) -> Missing: return z
        return inner(x), y
class B:
    if True:
        b: Missing
@dataclasses.dataclass
class C:
    a: Missing
    b: int = 2
def f(x: Missing = 3) -> Missing:
    kind = C.__dataclass_fields__["a"].type.__forward_arg__
    return A().get(x), B.__name__, repr(C(1)), A.__annotations__, kind
"""


def define(source: str) -> Any:
    """The function `f` of a script, whose annotations are those of its Python."""
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, "<script>", "exec", dont_inherit=True), space)
    return space["f"]


def elsewhere(f: Any, folder: Path) -> str:
    """What the function gives in another process, which has none of its classes."""
    (folder / "head").write_bytes(capture(f).pickled.head)
    code = (
        "import sys; from pathlib import Path; from aqueduct_core.dag._pickled import PickledFunction\n"
        "print(PickledFunction(Path(sys.argv[1]).read_bytes()).load()())"
    )
    command = [sys.executable, "-c", code, str(folder / "head")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return done.stdout.strip()


def test_type_parameters_go_along(tmp_path: Path) -> None:
    found = elsewhere(define(OLD), tmp_path)
    assert found == str((int, True, (str, bytes), "P", "Ts", 1, True))


@since_3_12
def test_what_new_syntax_makes_goes_along(tmp_path: Path) -> None:
    found = elsewhere(define(NEW), tmp_path)
    assert found == str((1, "(T, Ts, P)", [int, None], True, "Json", True, True, 1))


@pytest.mark.skipif(sys.version_info < (3, 13), reason="syntax of Python 3.13")
def test_a_type_parameter_keeps_its_default(tmp_path: Path) -> None:
    source = "class G[T = None, S = int]: pass\n"
    f = define(f"{source}def f(): return [item.__default__ for item in G.__type_params__]")
    assert elsewhere(f, tmp_path) == str([None, int])


@pytest.mark.parametrize(
    "source", [OLD, pytest.param(NEW, marks=since_3_12), HINTS, METHODS, pytest.param(LATE, marks=since_3_14)],
    ids=["old", "new", "hints", "methods", "late"],
)  # fmt: skip
def test_the_digest_is_the_same_each_time(source: str) -> None:
    assert digest(define(source)) == digest(define(source))


def test_another_bound_is_another_digest() -> None:
    assert digest(define(OLD)) != digest(define(OLD.replace("bound=int", "bound=float")))


def test_annotations_can_be_read_where_the_function_runs(tmp_path: Path) -> None:
    found = elsewhere(define(HINTS), tmp_path)
    assert found == str(([["a", "b"], ["a"], ["k"], ["return", "x", "y"]], True))


def test_methods_with_some_arguments_given_go_along(tmp_path: Path) -> None:
    assert elsewhere(define(METHODS), tmp_path) == str(((3, 4, 5), "int", "any"))


@since_3_14
def test_annotations_for_type_checkers_alone_do_no_harm(tmp_path: Path) -> None:
    found = elsewhere(define(LATE), tmp_path)
    assert found == str(((3, 2), "B", "C(a=1, b=2)", {"a": "Missing"}, "Missing"))


@since_3_14
def test_an_operator_may_have_annotations_for_type_checkers_alone(tmp_path: Path) -> None:
    f = define("def f(x: Missing, y: int = 2) -> Missing: return x + y")
    assert aq.op(f).local(1) == 3
    assert aq.op(f)(1).operator.name == "f"
    task = by_reference(f, str(tmp_path))
    assert aq.ArtifactStore(tmp_path).get(task(1)) == 3
