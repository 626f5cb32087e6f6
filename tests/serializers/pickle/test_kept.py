"""What other pickles change, lose or refuse, and these keep."""

from __future__ import annotations

import ctypes
import dataclasses
import email.message
import importlib.metadata
import io
import pathlib
import traceback
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest
import scipy.sparse as sp
from PIL import Image, ImageSequence, PngImagePlugin

from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing import assert_identical
from tests.serializers.pickle.pickles import Plain, again


@pytest.fixture(scope="module")
def store() -> ArtifactStore:
    return ArtifactStore("memory://kept", allow_pickle=True)


class OtherArguments(Exception):
    def __init__(self, a: int, b: int) -> None:
        super().__init__(f"{a} {b}")
        self.a = a


class Worded(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(f"code {code}")


class Named(ValueError):
    def __init__(self, *, name: str) -> None:
        super().__init__(name)


class Gone(OSError):
    def __init__(self, path: str) -> None:
        super().__init__(2, "gone", path)
        self.where = path


class NoModule(ImportError):
    def __init__(self, module: str) -> None:
        super().__init__(f"no {module}", name=module)


class NoAttribute(AttributeError):
    def __init__(self, thing: str) -> None:
        super().__init__(f"no {thing}", name=thing, obj=3)


class Slotted(Exception):
    __slots__ = ("detail",)


class Forgetful(Exception):
    def __reduce__(self) -> Any:
        return Forgetful, (1,)


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    code: int


@attrs.frozen
class FrozenAttrs(Exception):
    code: int


def slotted() -> Exception:
    error = Slotted("x")
    error.detail = [1]
    return error


EXCEPTIONS: dict[str, Callable[[], Any]] = {
    "other arguments": lambda: OtherArguments(1, 2),
    "text made of arguments": lambda: Worded(3),
    "arguments by name": lambda: Named(name="n"),
    "of the system": lambda: Gone("here"),
    "of an import": lambda: NoModule("m"),
    "of an attribute": lambda: NoAttribute("a"),
    "with slots": slotted,
    "that says how it is pickled": lambda: Forgetful(1),
    "frozen": lambda: Frozen(3),
    "frozen by attrs": lambda: FrozenAttrs(3),
    "a property instead of an attribute": lambda: importlib.metadata.PackageNotFoundError("x"),
}


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_exceptions(name: str, store: ArtifactStore) -> None:
    error = EXCEPTIONS[name]()
    BaseException.__setattr__(error, "__cause__", OtherArguments(3, 4))
    error.__dict__["__notes__"] = ["a note"]
    back = again({"errors": [error]}, store)["errors"][0]
    assert type(back) is type(error)
    assert back.args == error.args
    assert vars(back) == vars(error)
    assert traceback.format_exception(back) == traceback.format_exception(error)
    for attribute in ("detail", "errno", "filename", "name"):
        assert getattr(back, attribute, None) == getattr(error, attribute, None)


class Unit(np.ndarray):
    def __array_finalize__(self, source: Any) -> None:
        self.unit = getattr(source, "unit", None)


class WithSlot(np.ndarray):
    __slots__ = ("unit",)


ARRAYS: dict[str, Callable[[], Any]] = {
    "a class with an attribute": lambda: np.arange(6.0).reshape(2, 3).view(Unit),
    "in Fortran order": lambda: np.asfortranarray(np.arange(6.0).reshape(2, 3)).view(Unit),
    "a class with a slot": lambda: np.arange(3).view(WithSlot),
    "matrix": lambda: np.arange(4).reshape(2, 2).view(np.matrix),
    "records": lambda: np.zeros(2, [("a", "i4")]).view(np.recarray),
    "masked": lambda: np.ma.array([1, 2], mask=[0, 1], hard_mask=True),
    "masked matrix": lambda: np.ma.array(np.arange(2).view(np.matrix)),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_attributes_of_arrays(name: str, store: ArtifactStore) -> None:
    array = ARRAYS[name]()
    array.unit = ["m"]
    back = again(Plain(a=array), store).a
    assert type(back) is type(array)
    assert back.unit == ["m"]
    assert back.flags.f_contiguous == array.flags.f_contiguous
    assert getattr(back, "_mask", None) is np.ma.nomask or back.tobytes() == array.tobytes()
    assert getattr(back, "hardmask", None) == getattr(array, "hardmask", None)


def test_attributes_of_mapped_arrays(store: ArtifactStore, tmp_path: pathlib.Path) -> None:
    array: Any = np.memmap(tmp_path / "a", "i4", "w+", shape=2)
    array.unit = "m"
    back = again(array, store)
    assert type(back) is np.memmap
    assert back.unit == "m"


def test_records_with_long_long_fields(store: ArtifactStore) -> None:
    array = np.zeros(2, [("a", "q"), ("b", "l"), ("c", [("d", "Q")])])
    back = again(Plain(a=array), store).a
    assert back.dtype["a"].char == "q"
    assert back.dtype["c"]["d"].char == "Q"


def animation() -> Any:
    frames = [Image.new("L", (8, 6), shade) for shade in (0, 90, 200)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=[40, 50, 60])
    opened = Image.open(file)
    opened.seek(1)
    return opened


def with_text() -> Any:
    text = PngImagePlugin.PngInfo()
    text.add_text("k", "v")
    file = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(file, "PNG", pnginfo=text)
    return Image.open(file)


def photo() -> Any:
    exif = Image.Exif()
    exif[0x010E] = "description"
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(file, "JPEG", exif=exif, comment=b"c")
    return Image.open(file)


def drawn() -> Any:
    image = photo()
    image.putpixel((0, 0), (1, 2, 3))
    image.info["mine"] = {"a": (1, 2)}
    return image


@pytest.mark.parametrize("make", [animation, with_text, photo, drawn])
def test_images_inside_objects(make: Callable[[], Any], store: ArtifactStore) -> None:
    back = again(Plain(image=make()), store).image
    assert_identical(back, make())


def test_all_frames_of_an_animation_inside_an_object(store: ArtifactStore) -> None:
    value = ImageSequence.Iterator(animation())
    back = again(value, store)
    assert back.im.n_frames == 3
    assert [frame.tobytes() for frame in back] == [frame.tobytes() for frame in value]


def test_images_shared_inside_an_object(store: ArtifactStore) -> None:
    image = photo()
    back = again(Plain(a=image, b=image), store)
    assert back.a is back.b


def test_paths_that_were_asked_for_their_text(store: ArtifactStore) -> None:
    path = pathlib.PurePosixPath("a/b")
    assert str(path) == "a/b"
    assert hash(path) == hash(pathlib.PurePosixPath("a/b"))
    assert again(Plain(path=path), store).path == path


def test_messages(store: ArtifactStore) -> None:
    message = email.message.EmailMessage()
    message["To"] = "a@b.c"
    message.set_content("text\n")
    message.add_attachment(b"\0", maintype="application", subtype="octet-stream")
    message.set_boundary("---")
    back = again(message, store)
    assert back.as_bytes() == message.as_bytes()
    assert back["To"].addresses == message["To"].addresses


def test_methods_of_builtin_objects(store: ArtifactStore) -> None:
    text = "a-"
    assert again(Plain(f=text.join), store).f("bc") == "ba-c"


@pytest.mark.parametrize("make", [sp.dok_array, sp.dok_matrix])
def test_sparse_dicts_of_keys(make: Any, store: ArtifactStore) -> None:
    value = make(np.array([[0, 1.5], [2.5, 0]]))
    back = again(value, store)
    assert type(back) is make
    assert list(back.items()) == list(value.items())
    assert back.dtype == value.dtype


def test_arrays_of_c_say_where_they_are_from(store: ArtifactStore) -> None:
    value = (ctypes.c_short * 7)(1, 2)
    assert type(again(value, store)) is type(value)
