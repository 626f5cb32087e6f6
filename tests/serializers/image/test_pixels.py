"""Images that were made or changed in memory: each mode, size, palette and info comes back."""

from __future__ import annotations

import array
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImagePalette

from aqueduct_core.errors import UnserializableError
from aqueduct_core.serializers.image._pixels import strips
from aqueduct_core.testing._compare_image import image_differences
from tests.serializers.image.images import (
    ICC,
    exif_bytes,
    files,
    infos,
    modes,
    noise,
    opened,
    picture,
    store,
)

FORMATS = ["image.raw", "image.png"]
IN_PNG = ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "I;16", "CMYK", "LAB", "I", "F"]


@pytest.fixture(params=["fast", "balanced", "small"])
def policy(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def round_trip(im: Any, policy: str = "fast", serializer: str | None = None) -> Any:
    kept = store(policy)
    ref = kept.put(im, "k", serializer=serializer)
    assert ref.type == "image"
    loaded = kept.get(ref)
    assert image_differences(im, loaded) == []
    return loaded


@pytest.mark.parametrize("mode", modes())
@pytest.mark.parametrize("size", [(7, 3), (1, 1), (33, 1), (1, 9), (0, 5), (5, 0), (0, 0)])
def test_every_mode_and_size_comes_back_in_every_format(mode: str, size: tuple[int, int]) -> None:
    im = noise(mode, size)
    round_trip(im, "fast")
    round_trip(im, "small")
    round_trip(im, serializer="image.raw")
    if mode in IN_PNG and 0 not in size:
        round_trip(im, serializer="image.png")
    else:
        with pytest.raises(UnserializableError, match="exactly"):
            round_trip(im, serializer="image.png")


@pytest.mark.parametrize("mode", modes())
def test_loaded_images_can_be_changed_in_every_way(mode: str, policy: str) -> None:
    im = noise(mode, (7, 3))
    before = im.tobytes()
    loaded = round_trip(im, policy)
    value = im.getpixel((6, 2))
    assert not loaded.readonly
    loaded.putpixel((0, 0), value)
    loaded.load()[1, 1] = value
    loaded.paste(loaded.crop((0, 0, 2, 2)), (4, 1))
    assert loaded.getpixel((0, 0)) == value
    assert im.tobytes() == before


def test_what_is_loaded_does_not_share_memory_with_the_store() -> None:
    kept = store("fast")
    ref = kept.put(noise("L", (50, 50)), "k")
    ImageDraw.Draw(kept.get(ref)).rectangle((0, 0, 49, 49), fill=0)
    assert image_differences(noise("L", (50, 50)), kept.get(ref)) == []


@pytest.mark.parametrize("info", infos())
@pytest.mark.parametrize("mode", ["RGB", "P", "I;16"])
def test_info_comes_back_exactly(info: str, mode: str, policy: str) -> None:
    im = noise(mode, (5, 4))
    if mode == "P":
        im.putpalette(bytes(range(60)))
    im.info = infos()[info]
    loaded = round_trip(im, policy)
    assert list(loaded.info) == list(im.info)


def test_objects_in_info_are_stored_by_their_own_serializers() -> None:
    im = picture()
    im.info = {"mask": np.arange(6).reshape(2, 3), "other": picture("L"), "big": bytes(100_000)}
    kept = store("fast")
    loaded = kept.get(kept.put(im, "k"))
    assert np.array_equal(loaded.info["mask"], im.info["mask"])
    assert image_differences(im.info["other"], loaded.info["other"]) == []
    assert loaded.info["big"] == im.info["big"]


def test_an_info_that_can_not_be_told_is_refused_with_its_path() -> None:
    im = picture()
    im.info["outer"] = [1, {"file": (n for n in ())}]
    with pytest.raises(UnserializableError, match=r"info\['outer'\]\[1\]\['file'\]"):
        store("fast").put(im, "k")
    circle: list[Any] = []
    circle.append(circle)
    im.info = {"circle": circle}
    with pytest.raises(UnserializableError, match="contains itself"):
        store("fast").put(im, "k")
    im.info = type("Info", (dict,), {})()
    with pytest.raises(UnserializableError, match="must be a dict"):
        store("fast").put(im, "k")


def palettes() -> dict[str, Image.Image]:
    def with_palette(data: Any, rawmode: str = "RGB", mode: str = "P") -> Image.Image:
        im = noise(mode, (6, 5))
        im.putpalette(data, rawmode)
        return im

    keyed = with_palette(bytes(range(30)))
    keyed.info["transparency"] = 4
    applied = keyed.copy()
    applied.apply_transparency()
    raw = noise("P", (3, 3))
    raw.palette = ImagePalette.raw("BGR", bytes(range(12)))
    raw.palette.dirty = 1
    drawn = with_palette([1, 2, 3, 4, 5, 6])
    drawn.putpixel((0, 0), (9, 9, 9))
    on_gray = noise("L", (3, 3))
    on_gray.palette = ImagePalette.ImagePalette("RGB", bytearray(b"\1\2\3"))
    listed = noise("P", (2, 2))
    listed.palette = ImagePalette.ImagePalette("RGB", array.array("B", bytes(range(9))))
    return {
        "none": noise("P", (6, 5)),
        "short": with_palette([1, 2, 3]),
        "full": with_palette(bytes(range(256)) * 3),
        "rgba": with_palette(bytes(range(80)), "RGBA"),
        "cmyk": with_palette(bytes(range(80)), "CMYK"),
        "bgr": with_palette(bytes(range(9)), "BGR"),
        "pa": with_palette(bytes(range(9)), "RGB", "PA"),
        "pa_rgba": with_palette(bytes(range(12)), "RGBA", "LA"),
        "from_l": with_palette(bytes(range(9)), "RGB", "L"),
        "keyed": keyed,
        "applied": applied,
        "raw": raw,
        "drawn": drawn,
        "on_gray": on_gray,
        "listed": listed,
        "color": Image.new("P", (3, 3), (10, 20, 30)),
        "quantized": picture().quantize(7),
        "quantized_alpha": picture("RGBA").quantize(7),
        "adaptive": picture().convert("P", palette=Image.Palette.ADAPTIVE, colors=5),
        "web": picture().convert("P"),
    }


@pytest.mark.parametrize("name", palettes())
@pytest.mark.parametrize("serializer", FORMATS)
def test_palettes_come_back_as_python_and_the_pixels_have_them(name: str, serializer: str) -> None:
    im = palettes()[name]
    loaded = round_trip(im, serializer=serializer)
    for mode in ("RGB", "RGBA"):
        if im.mode == "P" and im.palette.mode != "CMYK":
            assert loaded.convert(mode).tobytes() == im.convert(mode).tobytes()


def test_a_changed_exif_object_is_kept(policy: str) -> None:
    im = picture()
    im.info["exif"] = exif_bytes()
    exif = im.getexif()
    exif[0x010E] = "another description"
    del exif[0x0112]
    exif[0x9C9B] = b"bytes"
    exif.get_ifd(0x8769)[0x9004] = "2025:01:01 00:00:00"
    loaded = round_trip(im, policy)
    assert loaded.getexif().tobytes() == exif.tobytes()
    assert loaded.info["exif"] == im.info["exif"]


def test_exif_without_info_is_kept() -> None:
    im = picture()
    im.getexif()[0x0112] = 3
    assert round_trip(im).getexif()[0x0112] == 3


def test_an_exif_object_that_was_only_read_takes_no_room() -> None:
    im = picture()
    im.info["exif"] = exif_bytes()
    im.getexif().get_ifd(0x8825)
    kept = store("fast")
    assert "exif" not in kept.manifest(kept.put(im, "k")).content.meta


def test_attributes_of_plain_images_are_kept() -> None:
    im = picture()
    im.format = "PNG"
    im.owner = {"name": "somebody", "tags": ("a", 1)}  # type: ignore[attr-defined]
    loaded = round_trip(im)
    assert loaded.format == "PNG"
    assert loaded.owner == im.owner  # type: ignore[attr-defined]


def test_an_attribute_that_hides_a_method_is_refused() -> None:
    im = picture()
    im.resize = "no"  # type: ignore[assignment, method-assign]
    with pytest.raises(UnserializableError, match="'resize'"):
        store("fast").put(im, "k")


def test_an_image_over_foreign_memory_comes_back_as_read_only_as_it_was() -> None:
    im = Image.frombuffer("L", (4, 4), bytes(16), "raw", "L", 0, 1)
    loaded = round_trip(im)
    assert loaded.readonly == 1
    loaded.putpixel((0, 0), 5)
    assert im.getpixel((0, 0)) == 0


def test_a_closed_image_is_refused() -> None:
    im = picture()
    im.close()
    with pytest.raises(UnserializableError, match="is closed"):
        store("fast").put(im, "k")


class Special(Image.Image):
    """Somebody's own kind of image."""


def test_other_classes_are_left_to_others() -> None:
    im = Special()
    im.im, im._mode, im._size = picture().im, "RGB", (40, 30)
    with pytest.raises(UnserializableError, match="no serializer of its own"):
        store("fast").put(im, "k")


def test_the_pixel_limit_holds_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = store("fast")
    kept.put(noise("L", (50, 20)), "raw", serializer="image.raw")
    kept.put(noise("L", (50, 20)), "png", serializer="image.png")
    kept.put(opened("png"), "file")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    kept.get("raw")
    kept.get("png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 499)
    for key in ("raw", "png", "file"):
        with pytest.raises(ValueError, match=r"998 pixels.*MAX_IMAGE_PIXELS"):
            kept.get(key)
    with pytest.raises(UnserializableError, match="MAX_IMAGE_PIXELS"):
        kept.put(noise("L", (50, 20)), "again")


CHANGES: dict[str, Any] = {
    "pixel": lambda im: im.putpixel((0, 0), im.getpixel((5, 5))),
    "paste": lambda im: im.paste(im.crop((0, 0, 9, 9)), (3, 2)),
    "info": lambda im: im.info.update(note="changed"),
    "exif": lambda im: im.getexif().update({0x010E: "changed"}),
}
SINGLE = [name for name in files() if name not in ("mpo", "tiff_pages") and "anim" not in name]
SINGLE.remove("gif_transparent")


@pytest.mark.parametrize("name", SINGLE)
@pytest.mark.parametrize("change", CHANGES)
def test_changed_file_images_keep_class_and_data(name: str, change: str) -> None:
    im = opened(name)
    im.load()
    CHANGES[change](im)
    for policy in ("fast", "small"):
        kept = store(policy)
        ref = kept.put(im, "k")
        assert ref.serializer != "image.file" or im.tobytes() == opened(name).tobytes()
        loaded = kept.get(ref)
        assert image_differences(im, loaded) == []
        assert loaded.tell() == 0
        assert image_differences(loaded, kept.get(kept.put(loaded, "again"))) == []


def test_a_drafted_jpeg_is_stored_as_drafted() -> None:
    im = opened("jpeg")
    im.draft("L", (10, 10))
    kept = store("fast")
    ref = kept.put(im, "k")
    assert ref.serializer == "image.raw"
    assert (kept.get(ref).mode, kept.get(ref).size) == ("L", im.size)


def test_a_jpeg_of_changed_pixels_can_be_saved_with_its_tables() -> None:
    im = opened("jpeg")
    im.putpixel((0, 0), (1, 2, 3))
    loaded = round_trip(im)
    one, other = BytesIO(), BytesIO()
    im.save(one, "JPEG", quality="keep")
    loaded.save(other, "JPEG", quality="keep")
    assert one.getvalue() == other.getvalue()


@given(st.data())
def test_any_pixels(data: st.DataObject) -> None:
    mode = data.draw(st.sampled_from(modes()))
    size = data.draw(st.tuples(st.integers(0, 40), st.integers(0, 40)))
    im = noise(mode, size, data.draw(st.integers(0, 999)))
    round_trip(im, data.draw(st.sampled_from(["fast", "small"])))


def test_strips_are_what_pillow_packs() -> None:
    for mode in modes():
        im = noise(mode, (3, 11))
        assert b"".join(strips(im)) == im.tobytes()
    wide = noise("RGB", (1_200, 800))
    assert len(list(strips(wide))) > 1
    assert b"".join(strips(wide)) == wide.tobytes()
    assert ICC
