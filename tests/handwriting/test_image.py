"""Images of any kind as grey values, and what is said of those that are none."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zoo.errors import DataError, UsageError
from zoo.handwriting.image import MAX_PIXELS, read_image, read_oriented

GREY = (np.arange(60).reshape(6, 10) * 4).astype(np.uint8)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def test_a_path_bytes_a_stream_an_array_and_an_image_give_the_same(tmp_path: Path) -> None:
    data = encoded(Image.fromarray(GREY))
    (tmp_path / "a.png").write_bytes(data)
    sources = [tmp_path / "a.png", str(tmp_path / "a.png"), data, io.BytesIO(data), GREY]
    for source in [*sources, Image.fromarray(GREY)]:
        found = read_image(source)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, GREY)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "PPM", "WEBP", "GIF", "JPEG2000"])
def test_lossless_formats_are_read_exactly(kind: str) -> None:
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    found = read_image(encoded(Image.fromarray(GREY), kind, **options))
    np.testing.assert_allclose(found.astype(int), GREY, atol=2 if kind == "WEBP" else 0)


def test_colours_become_their_luma() -> None:
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    np.testing.assert_allclose(read_image(colours), [[76, 150, 29, 255]], atol=1)
    cmyk = Image.new("CMYK", (2, 1), (0, 0, 0, 255))
    assert read_image(encoded(cmyk, "TIFF")).max() == 0
    assert read_image(encoded(Image.new("CMYK", (2, 1), (0, 0, 0, 0)), "JPEG")).min() > 250


def test_transparent_places_are_white_paper() -> None:
    image = np.zeros((1, 3, 4), np.uint8)
    image[0, :, 3] = [0, 128, 255]
    np.testing.assert_allclose(read_image(image), [[255, 127, 0]], atol=1)
    palette = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    palette.putpalette([0, 0, 0, 10, 10, 10])
    np.testing.assert_array_equal(read_image(encoded(palette, transparency=0)), [[255, 10]])


def test_white_writing_on_a_transparent_ground_stays_writing() -> None:
    image = np.full((20, 60, 4), 255, np.uint8)
    image[..., 3] = 0
    image[8:12, 5:55, 3] = 255
    image[12, 5:55, 3] = 128
    for mode in ("RGBA", "LA"):
        found = read_image(encoded(Image.fromarray(image).convert(mode)))
        expected = image[..., 3] if mode == "RGBA" else np.asarray(image[..., 3])
        np.testing.assert_allclose(found, expected, atol=1)
    # A part of a page is cut out of white paper.
    image[..., 3] = 0
    image[4:12, 5:55] = 255
    image[7, 10:20, :3] = 0
    found = read_image(image)
    assert (found[0, 0], found[5, 6], found[7, 12]) == (255, 255, 0)


def test_floats_above_255_are_scaled_by_their_range() -> None:
    for top in (4095.0, 65535.0, 1e6):
        values = (GREY / GREY.max() * top).astype(np.float32)
        found = read_image(encoded(Image.fromarray(values), "TIFF"))
        np.testing.assert_allclose(found, GREY / GREY.max() * 255, atol=1)
    values[0, 0] = np.inf
    assert read_image(encoded(Image.fromarray(values), "TIFF"))[0, 0] == 255


def test_sixteen_bits_and_floats_keep_their_brightness() -> None:
    deep = (GREY.astype(np.uint16)) * 257
    np.testing.assert_array_equal(read_image(deep), GREY)
    np.testing.assert_array_equal(read_image(encoded(Image.fromarray(deep))), GREY)
    shares = (GREY / 255).astype(np.float32)
    np.testing.assert_array_equal(read_image(shares), GREY)
    np.testing.assert_array_equal(read_image(encoded(Image.fromarray(shares), "TIFF")), GREY)
    np.testing.assert_array_equal(read_image(GREY > 100), np.where(GREY > 100, 255, 0))


def test_the_orientation_of_a_camera_is_applied() -> None:
    exif = Image.Exif()
    exif[274] = 6  # turned to the right
    found = read_image(encoded(Image.fromarray(GREY), exif=exif))
    np.testing.assert_array_equal(found, np.rot90(GREY, -1))


def png_header(width: int, height: int) -> bytes:
    """A PNG file that only claims its size."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + head
    body = struct.pack(">I", len(head)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return b"\x89PNG\r\n\x1a\n" + body + struct.pack(">I", 0) + b"IDAT"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"not an image at all", "not a valid image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a valid image"),
        (png_header(50_000, 50_000), "pixels"),
        (png_header(15_000, 11_000), "pixels"),
        (png_header(0, 10), "image"),
    ],
)
def test_bytes_that_are_no_image_are_data_errors(data: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_image(data)


def test_a_truncated_file_is_a_data_error(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    for kind in ("JPEG", "PNG", "TIFF", "WEBP"):
        data = encoded(Image.fromarray(noise), kind)
        (tmp_path / "cut").write_bytes(data[: len(data) // 2])
        with pytest.raises(DataError, match="cut"):
            read_image(tmp_path / "cut")


def test_a_text_named_png_and_missing_files_are_data_errors(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(DataError, match=r"text\.png is not a valid image"):
        read_image(tmp_path / "text.png")
    with pytest.raises(DataError, match="No such file"):
        read_image(tmp_path / "nowhere.png")
    with pytest.raises(DataError, match="cannot read"):
        read_image(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="empty"):
        read_image(tmp_path / "pipe")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((0, 5), np.uint8), "no pixels"),
        (np.zeros(5, np.uint8), "is .height, width."),
        (np.zeros((4, 4, 2), np.uint8), "is .height, width."),
        (np.full((2, 2), np.nan, np.float32), "from 0 to 1"),
        (np.full((2, 2), 7.0), "from 0 to 1"),
        (np.zeros((2, 2), np.int64), "int64"),
        (np.zeros((2, 2), complex), "complex"),
        (np.broadcast_to(np.uint8(0), (MAX_PIXELS, 2)), "more than"),
    ],
)
def test_arrays_of_another_form_are_usage_errors(array: np.ndarray, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_image(array)


@pytest.mark.parametrize("source", [5, None, io.StringIO("x")])
def test_other_things_are_usage_errors(source: Any) -> None:
    with pytest.raises(UsageError):
        read_image(source)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("1", "PNG"),
        ("L", "PNG"),
        ("LA", "PNG"),
        ("P", "GIF"),
        ("RGB", "PNG"),
        ("RGBA", "PNG"),
        ("CMYK", "TIFF"),
        ("I;16", "PNG"),
        ("I", "TIFF"),
        ("F", "TIFF"),
    ],
)
def test_an_image_read_in_bands_is_the_image(
    monkeypatch: pytest.MonkeyPatch, mode: str, kind: str
) -> None:
    rng = np.random.default_rng(1)
    if mode in ("I;16", "I"):
        image = Image.fromarray(rng.integers(0, 65_536, (23, 7)).astype(np.uint16))
        image = image.convert(mode)
    elif mode == "F":
        image = Image.fromarray(rng.random((23, 7), np.float32))
    else:
        image = Image.fromarray(rng.integers(0, 256, (23, 7, 4)).astype(np.uint8)).convert(mode)
    whole = read_image(encoded(image, kind))
    monkeypatch.setattr("zoo.handwriting.image._BAND_PIXELS", 30)
    np.testing.assert_array_equal(read_image(encoded(image, kind)), whole)
    assert whole.std() > 10


def test_floats_are_judged_by_the_whole_image_and_not_by_a_band(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("zoo.handwriting.image._BAND_PIXELS", 2)
    values = np.array([[0.5, 1.0], [200.0, np.nan], [np.inf, -np.inf]], np.float32)
    found = read_image(encoded(Image.fromarray(values), "TIFF"))
    assert found.tolist() == [[0, 1], [200, 0], [255, 0]]


@pytest.mark.parametrize("kind", ["TIFF", "PNG", "JPEG"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_orientations_are_followed_in_every_format(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    stored = Image.fromarray(np.pad(np.full((8, 8), 255, np.uint8), ((0, 16), (0, 32))))
    image = read_oriented(encoded(stored, kind, exif=exif))
    assert image.orientation == orientation
    assert image.stored_size == (40, 24)
    corner = image.grey[-8:, -8:] if orientation == 3 else image.grey[:8, -8:]
    assert corner.min() > 200
    assert image.grey.shape == ((24, 40) if orientation == 3 else (40, 24))


def test_what_reading_will_take_is_counted_before(monkeypatch: pytest.MonkeyPatch) -> None:
    colours = Image.new("RGB", (100, 100))
    needs = {
        kind: (encoded(colours, kind, **options), bytes_)
        for kind, options, bytes_ in (
            ("PNG", {}, 6),
            ("JPEG", {"progressive": True}, 11),
            ("JPEG2000", {}, 25),
            ("TIFF", {}, 10),
        )
    }
    for kind, (data, each) in needs.items():
        monkeypatch.setattr("zoo.handwriting.image.MAX_MEMORY", each * 10_000 + len(data))
        assert read_image(data).shape == (100, 100), kind
        monkeypatch.setattr("zoo.handwriting.image.MAX_MEMORY", each * 10_000 + len(data) - 1)
        with pytest.raises(DataError, match=f"100 x 100 pixels of {kind}, needs"):
            read_image(data)


@pytest.mark.filterwarnings("error")
def test_odd_files_are_read_without_warnings() -> None:
    image = Image.new("RGB", (8, 8))
    data = bytearray(encoded(image, "TIFF", description="x" * 50, exif=Image.Exif()))
    assert read_image(bytes(data)).shape == (8, 8)
    for place in range(0, len(data), 3):  # Pillow warns of odd tags
        damaged = bytearray(data)
        damaged[place] ^= 0x41
        try:
            read_image(bytes(damaged))
        except DataError:
            continue
