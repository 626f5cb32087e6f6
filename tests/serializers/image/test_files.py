"""Images from files: untouched ones keep the bytes of their file, all frames and their place."""

from __future__ import annotations

import json
import shutil
import threading
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import GifImagePlugin, Image, ImageOps, ImageSequence

from aqueduct_core.abc import Budget
from aqueduct_core.errors import CorruptArtifactError, UnserializableError
from aqueduct_core.serializers.image import ImageFileSerializer
from aqueduct_core.serializers.image._describe import describe
from aqueduct_core.testing._compare_image import image_differences
from tests.serializers.image.images import encoded, exif_bytes, files, noise, opened, picture, store

MOVING = ["mpo", "png_animated", "gif_animated", "gif_transparent", "tiff_pages", "webp_animated"]


def put(im: Any, policy: str = "fast") -> tuple[Any, Any, bytes]:
    kept = store(policy)
    ref = kept.put(im, "k")
    with kept.open(ref) as file:
        return kept.get(ref), ref, file.read()


@pytest.mark.parametrize("name", files())
@pytest.mark.parametrize("policy", ["fast", "balanced"])
def test_an_untouched_file_keeps_its_bytes(name: str, policy: str) -> None:
    im = opened(name)
    loaded, ref, data = put(im, policy)
    assert ref.serializer == "image.file"
    assert ref.type == "image"
    assert data == files()[name]
    assert im._im is None or name == "ico"  # saving has not decoded it
    assert image_differences(im, loaded) == []


@pytest.mark.parametrize("name", files())
def test_a_decoded_file_comes_back_decoded(name: str, tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(files()[name])
    with Image.open(path) as im:
        im.load()
        loaded, ref, data = put(im)
        assert (ref.serializer, data) == ("image.file", files()[name])
        assert loaded._im is not None
        assert image_differences(im, loaded) == []
        again, second, _ = put(loaded)
        assert second.serializer == "image.file"
        assert image_differences(loaded, again) == []


@pytest.mark.parametrize("name", files())
def test_a_decoded_image_without_a_file_comes_back(name: str) -> None:
    im = opened(name)
    im.load()
    loaded, _, _ = put(im)
    assert image_differences(im, loaded) == []


def test_an_image_opened_in_a_with_block_keeps_its_bytes(tmp_path: Path) -> None:
    for name in files():
        path = tmp_path / name
        path.write_bytes(files()[name])
        with Image.open(path) as im:
            im.load()
        loaded, ref, data = put(im)
        assert ref.serializer == "image.file"
        assert data == files()[name]
        assert loaded.filename == (str(path) if getattr(loaded, "n_frames", 1) == 1 else "")


@pytest.mark.parametrize("name", MOVING)
@pytest.mark.parametrize("decoded", [False, True])
def test_the_current_frame_comes_back(name: str, decoded: bool) -> None:
    for frame in (1, 0):
        im = opened(name)
        im.seek(frame)
        if decoded:
            im.load()
        loaded, ref, data = put(im)
        assert loaded.tell() == im.tell() == frame
        assert ref.serializer == "image.file"
        # The decoder of WebP lets go of its file; the same frames are then stored anew.
        assert data == files()[name] or (decoded and name.startswith("webp"))
        assert image_differences(im, loaded) == []


@pytest.mark.parametrize("name", MOVING)
def test_an_animation_that_was_played_comes_back(name: str, tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(files()[name])
    for final in (None, 0, 1):
        with Image.open(path) as im:
            for frame in ImageSequence.Iterator(im):
                frame.load()
            im.seek(im.n_frames - 1 if final is None else final)
            loaded, ref, data = put(im)
            assert (ref.serializer, data) == ("image.file", files()[name])
            assert image_differences(im, loaded) == []


@pytest.mark.parametrize("name", MOVING)
def test_durations_and_frames_are_those_of_the_file(name: str) -> None:
    loaded, _, _ = put(opened(name))
    for one, other in zip(
        ImageSequence.Iterator(opened(name)), ImageSequence.Iterator(loaded), strict=True
    ):
        assert one.convert("RGBA").tobytes() == other.convert("RGBA").tobytes()
        assert one.info.get("duration") == other.info.get("duration")


@pytest.mark.parametrize("name", MOVING)
def test_an_animation_that_was_drawn_on_is_refused(name: str) -> None:
    im = opened(name)
    im.load()
    value = im.getpixel((0, 0))
    im.putpixel((0, 0), tuple(255 - v for v in value) if isinstance(value, tuple) else 255 - value)
    with pytest.raises(UnserializableError, match="frames") as caught:
        store("fast").put(im, "k")
    assert "ImageSequence" in str(caught.value)


@pytest.mark.parametrize("name", MOVING)
def test_changed_info_and_exif_of_an_animation_are_kept(name: str) -> None:
    im = opened(name)
    im.seek(1)
    im.load()
    im.info["note"] = ("mine", 1)
    im.getexif()[0x010E] = "mine"
    im.owner = "somebody"
    loaded, ref, _ = put(im)
    assert ref.serializer == "image.file"
    assert loaded.info == im.info
    assert loaded.getexif()[0x010E] == "mine"
    assert loaded.owner == "somebody"
    assert loaded.tobytes() == im.tobytes()
    loaded.seek(0)
    im.seek(0)
    assert loaded.info == im.info


def change_file(path: Path, im: Any) -> None:
    path.write_bytes(encoded(picture(seed=9), "JPEG"))


UNFAITHFUL: dict[str, Any] = {
    "pixel": lambda path, im: im.putpixel((0, 0), (1, 2, 3)),
    "paste": lambda path, im: im.paste((9, 9, 9), (0, 0, 5, 5)),
    "info": lambda path, im: im.info.update(dpi=(1, 1)),
    "info order": lambda path, im: im.info.update(jfif=im.info.pop("jfif")),
    "exif": lambda path, im: im.getexif().update({0x010E: "x"}),
    "tables": lambda path, im: im.quantization.clear(),
    "file": change_file,
    "file removed": lambda path, im: path.unlink(),
    "file is a folder": lambda path, im: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("change", UNFAITHFUL)
def test_what_was_changed_is_not_taken_for_its_file(change: str, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(files()["jpeg_full"])
    im: Any = Image.open(path)
    im.load()
    UNFAITHFUL[change](path, im)
    assert not ImageFileSerializer().accepts(im)
    loaded, ref, _ = put(im)
    assert ref.serializer == "image.raw"
    assert image_differences(im, loaded) == []
    assert loaded.filename == str(path)


def test_a_change_between_the_question_and_the_answer_is_noticed() -> None:
    im: Any = opened("png")
    im.load()
    serializer = ImageFileSerializer()
    assert serializer.accepts(im)
    im.putpixel((0, 0), (1, 2, 3))
    with pytest.raises(UnserializableError, match="was changed"):
        serializer.dump(im, None)  # type: ignore[arg-type]


def test_changed_tiff_tags_are_noticed() -> None:
    im: Any = opened("tiff_full")
    im.tag_v2[305] = "changed"
    loaded, ref, _ = put(im)
    assert ref.serializer == "image.raw"
    assert loaded.tag_v2[305] == "changed"
    assert image_differences(im, loaded) == []


def test_added_attributes_come_along() -> None:
    im: Any = opened("jpeg")
    im.owner = {"name": "somebody"}
    loaded, ref, _ = put(im)
    assert ref.serializer == "image.file"
    assert loaded.owner == im.owner


def test_the_position_of_a_file_that_is_shared_stays(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(files()["png"])
    with path.open("rb") as file:
        im = Image.open(file)
        before = file.tell()
        put(im)
        assert file.tell() == before
        assert im.tobytes() == opened("png").tobytes()


def test_transposing_by_exif_works_on_what_is_loaded() -> None:
    loaded, _, _ = put(opened("jpeg_full"))
    turned = ImageOps.exif_transpose(loaded)
    assert turned.size == (30, 40)
    changed, _, _ = put(turned)
    assert image_differences(turned, changed) == []


def test_a_truncated_file_that_was_not_decoded_stays_what_it_is() -> None:
    data = files()["jpeg_full"][:-60]
    loaded, ref, kept = put(Image.open(BytesIO(data)))
    assert (ref.serializer, kept) == ("image.file", data)
    with pytest.raises(OSError, match="truncated"):
        loaded.load()


def test_no_file_is_ever_read_in_place_of_the_stored_bytes(tmp_path: Path) -> None:
    """Pillow maps uncompressed pixels from the file of the image's name: it must not be followed."""
    path, other = tmp_path / "image.bmp", tmp_path / "other.bmp"
    gray = noise("L", (40, 30))
    path.write_bytes(encoded(gray, "BMP"))
    other.write_bytes(encoded(noise("L", (40, 30), 2), "BMP"))
    with Image.open(path) as im:
        kept = store("fast")
        ref = kept.put(im, "k")
        shutil.copy(other, path)
    loaded = kept.get(ref)
    assert loaded.filename == ""
    assert loaded.tobytes() == gray.tobytes()


def test_settings_that_change_what_a_file_means_are_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = store("fast")
    kept.put(opened("gif_animated"), "k")
    strategy = GifImagePlugin.LoadingStrategy.RGB_ALWAYS
    monkeypatch.setattr(GifImagePlugin, "LOADING_STRATEGY", strategy)
    with pytest.raises(CorruptArtifactError, match="settings"):
        kept.get("k")


def test_eps_is_never_opened_by_loading() -> None:
    """Decoding it runs Ghostscript."""
    im = Image.open(BytesIO(encoded(picture(), "EPS")))
    assert not ImageFileSerializer().accepts(im)


def test_many_threads_at_once() -> None:
    failures: list[Any] = []

    def work(name: str) -> None:
        for _ in range(5):
            im = opened(name)
            loaded, _, data = put(im)
            failures.extend(image_differences(im, loaded))
            if data != files()[name]:
                failures.append(name)

    names = ["jpeg_full", "gif_animated", "png_full", "tiff_pages"]
    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize("name", files())
def test_a_description_is_bounded_and_changes_nothing(name: str) -> None:
    im = opened(name)
    place, mode = im.tell(), im.mode
    found = describe(im, Budget())
    assert len(json.dumps(found, allow_nan=False)) < 16_384
    assert found["frames"] == getattr(opened(name), "n_frames", 1)
    assert (found["width"], found["height"], found["format"]) == (*im.size, im.format)
    assert found["preview"]["png"].startswith("iVBOR")  # type: ignore[index, call-overload, union-attr]
    assert im._im is None or name == "ico"
    assert (im.tell(), im.mode) == (place, mode)
    assert image_differences(opened(name), im) == []


def test_a_description_names_exif_tags() -> None:
    im = picture()
    im.info["exif"] = exif_bytes()
    found: Any = describe(im, Budget())
    assert found["exif"]["ImageDescription"] == "a description"
    assert found["exif"]["Orientation"] == 6
    assert im._exif is None
    assert found["statistics"]["R"]["max"] <= 255
    assert describe(noise("RGB", (900, 900)), Budget(size=2_048, seconds=0.002))["sampled"]
