"""Images of any common kind as grey arrays, read within limits.

What comes out is ``(height, width)`` uint8, 0 black and 255 white, upright as a viewer shows it. A
file from anywhere may be damaged or made to do harm: its size is looked at before its pixels are,
only formats that hold pixels are read (no PostScript, no PDF), and what cannot be read is a
:class:`~zoo.errors.DataError`.
"""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from zoo.errors import DataError, UsageError
from zoo.files import open_without_waiting, reason_of, user_path
from zoo.handwriting.other_kind import HEAD, ink_advice

ImageSource = str | os.PathLike[str] | bytes | BinaryIO | np.ndarray | Image.Image
"""A path, the bytes of a file, an open file, an array or a Pillow image."""

MAX_PIXELS = 150_000_000
"""Pixels of the largest image that is read."""
MAX_MEMORY = 1536 * 2**20
"""Bytes that reading an image may take; some formats need so many for fewer pixels."""
_BAND_PIXELS = 1 << 20
# Bytes that decoders take besides the image, as times of its own: components of 32 bits, copies,
# and a TIFF file's strips and its turned copy.
_DECODERS = {"JPEG2000": 5.0, "WEBP": 2.0, "GIF": 5.0, "TIFF": 1.25}
_PROGRESSIVE = 1.5  # coefficients of a whole JPEG
_TURNED_BY_90 = 5  # from this orientation on
MAX_FILE_BYTES = 512 * 2**20
MAX_PAGES = 10_000
"""Pages of the longest file that is read."""
_LIGHT = 128  # grey value from which on ink is light
_DARK = 0.01  # of what is not transparent, which light writing has at most of dark ink
_MOST_INK = 0.5  # of an image that writing covers; a part of a page covers more
_NEW_SUBFILE_TYPE, _REDUCED = 254, 1  # TIFF 6.0: bit 0 marks a smaller copy of another image
SUFFIXES = (
    ".png",
    ".jpg",
    ".jpeg",
    ".tif",
    ".tiff",
    ".bmp",
    ".gif",
    ".webp",
    ".ppm",
    ".pgm",
    ".jp2",
)
"""Endings of files that are taken for images where one is looked for by the name of another."""
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "PPM", "JPEG2000")


@dataclass(frozen=True)
class OrientedImage:
    """An image as it is shown, and how it is stored.

    Args:
        grey: ``(height, width)`` uint8, upright as a viewer shows it.
        orientation: 1 to 8 as EXIF has it (tag 274); 1 if it is stored as it is shown.
    """

    grey: np.ndarray
    orientation: int = 1

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height of what is stored."""
        height, width = self.grey.shape
        return (height, width) if self.orientation >= _TURNED_BY_90 else (width, height)


def read_image(source: ImageSource) -> np.ndarray:
    """An image as grey values.

    Transparent places become white paper, or black under light writing, colours their luma (ITU-R
    BT.601), 16 bits the upper 8, floats above 255 a share of the highest, and the orientation that
    a camera noted in EXIF is applied. Of several pages the first is read.

    Args:
        source: a path, the bytes of a file, an open file, a Pillow image, or an array
            ``(height, width)`` or ``(height, width, channels)`` with 1, 3 or 4 channels, of bool,
            uint8, uint16 or floats from 0 to 1.

    Returns:
        ``(height, width)`` uint8.

    Raises:
        DataError: a file is missing, empty, damaged, no image, or has more than
            :data:`MAX_PIXELS` pixels.
        UsageError: the source is none of these, or an array of another form.
    """
    return read_oriented(source).grey


def read_oriented(source: ImageSource, page: int = 1) -> OrientedImage:
    """An image as grey values, and how it is stored.

    Args:
        source: as :func:`read_image` takes it.
        page: which page of a TIFF file, from 1; see :func:`count_pages`.

    Raises:
        DataError, UsageError: as :func:`read_image`, or there is no such page.
    """
    if isinstance(source, np.ndarray):
        return OrientedImage(_grey_of_array(source))
    if isinstance(source, Image.Image):
        orientation = _orientation(source)
        return OrientedImage(_grey_of_image(source, "the image"), orientation)
    data, name = _file_bytes(source)
    if not data:
        raise DataError(f"{name} is empty")
    with _opened(io.BytesIO(data), name) as image:
        if page > 1:
            _seek(image, page, name)
        orientation = _orientation(image)  # TIFF files lose it when they are loaded
        return OrientedImage(_grey_of_image(image, name, len(data)), orientation)


def count_pages(path: Path) -> int:
    """How many pages an image file has: of a TIFF file its full-size images, of others one.

    Args:
        path: the file, of which only the headers are read.

    Raises:
        DataError: as :func:`read_image`, or there are more than :data:`MAX_PAGES`.
    """
    try:
        with (
            open(path, "rb", opener=open_without_waiting) as stream,
            _opened(stream, str(path)) as image,
        ):
            if image.format != "TIFF":
                return 1
            return sum(1 for _ in _full_frames(image, str(path)))
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path}: {reason_of(error)}") from None


def _full_frames(image: Image.Image, name: str) -> Iterator[int]:
    """The numbers of a TIFF file's images from 0, without the smaller copies of others."""
    for frame in itertools.count():
        try:
            with _quiet():
                image.seek(frame)
                kind = image.tag_v2.get(_NEW_SUBFILE_TYPE, 0)  # type: ignore[attr-defined]
        except EOFError:
            return
        except Exception as error:  # Pillow's plug-ins raise many kinds on damaged headers
            raise DataError(f"{name} is a damaged image: {error}") from None
        if frame >= MAX_PAGES:
            raise DataError(f"{name} has more than {MAX_PAGES:,} pages")
        if not (isinstance(kind, int) and kind & _REDUCED) or not frame:
            yield frame


def _seek(image: Image.Image, page: int, name: str) -> None:
    frames = _full_frames(image, name) if image.format == "TIFF" else iter((0,))
    if next(itertools.islice(frames, page - 1, None), None) is None:
        raise DataError(f"{name} has no page {page}")


def _opened(stream: BinaryIO, name: str) -> Image.Image:
    """An image whose pixels have not been read yet."""
    try:
        # The size is checked before anything is decoded.
        with _quiet():
            return Image.open(stream, formats=FORMATS)
    except Image.DecompressionBombError:
        raise DataError(f"{name} has more than {MAX_PIXELS:,} pixels") from None
    except UnidentifiedImageError:
        stream.seek(0)
        advice = ink_advice(stream.read(HEAD)) or f"; readable formats are {', '.join(FORMATS)}"
        raise DataError(f"{name} is not a valid image{advice}") from None
    except Exception as error:  # Pillow's plug-ins raise many kinds on damaged headers
        raise DataError(f"{name} is a damaged image: {error}") from None


def _file_bytes(source: Any) -> tuple[bytes, str]:
    """The bytes of a file and its name in messages."""
    if isinstance(source, bytes):
        return source, "the image"
    if isinstance(source, (str, os.PathLike)):
        path = user_path(source)
        try:
            with open(path, "rb", opener=open_without_waiting) as stream:
                data = stream.read(MAX_FILE_BYTES + 1)
        except (OSError, ValueError) as error:
            raise DataError(f"cannot read {path}: {reason_of(error)}") from None
        name = str(path)
    elif hasattr(source, "read"):
        data, name = source.read(MAX_FILE_BYTES + 1), "the image"
        if not isinstance(data, bytes):
            raise UsageError("an open image file must be open for bytes, not for text")
    else:
        raise UsageError(
            "an image is a path, bytes, an open file, a NumPy array or a Pillow image, not "
            f"{type(source).__name__}"
        )
    if len(data) > MAX_FILE_BYTES:
        raise DataError(f"{name} is larger than {MAX_FILE_BYTES:,} bytes")
    return data, name


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings of Pillow and NumPy about files that are odd; errors stay."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def _orientation(image: Image.Image) -> int:
    try:
        with _quiet():
            value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged EXIF data; the pixels may be whole
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _grey_of_image(image: Image.Image, name: str, held: int = 0) -> np.ndarray:
    _check_size(image, held, name)
    orientation = _orientation(image)
    try:
        with _quiet():
            image.load()
            convert = _converter(image)
            grey = np.empty(image.size[::-1], np.uint8)
            for top, band in _bands(image):
                grey[top : top + band.size[1]] = convert(band)
    except Exception as error:  # Pillow's decoders raise many kinds
        raise DataError(f"{name} is a damaged image: {error}") from None
    # A TIFF file was turned when it was loaded, and says so no more.
    return _upright(grey, orientation if image.format != "TIFF" else 1)


def _converter(image: Image.Image) -> Callable[[Image.Image], np.ndarray]:
    """What makes a part of an image grey."""
    if image.mode == "F":
        return _float_converter(image)
    if image.mode == "I" or image.mode.startswith("I;16"):
        return _grey_of_deep
    return _layered_converter(image) if image.has_transparency_data else _luma


def _check_size(image: Image.Image, held: int, name: str) -> None:
    width, height = image.size
    if not width or not height:
        raise DataError(f"{name} has no pixels")
    if width * height > MAX_PIXELS:
        raise DataError(
            f"{name} has {width} x {height} pixels; at most {MAX_PIXELS:,} in all are read"
        )
    stored = 1 if image.mode in ("1", "L", "P") else 2 if image.mode.startswith("I;16") else 4
    extra = _DECODERS.get(image.format or "", 0.25)
    if image.format in ("JPEG", "MPO") and image.info.get("progressive"):
        extra = _PROGRESSIVE
    needed = held + int(width * height * (1 + stored * (1 + extra)))
    if needed > MAX_MEMORY:
        raise DataError(
            f"{name}, {width} x {height} pixels of {image.format}, needs {needed >> 20:,} MB to "
            f"be read, more than {MAX_MEMORY >> 20:,}; scale it down or cut it"
        )


def _bands(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Rows of an image, some at a time: where they begin, and they."""
    width, height = image.size
    rows = max(1, _BAND_PIXELS // width)
    for top in range(0, height, rows):
        yield top, image.crop((0, top, width, min(top + rows, height)))


def _layered_converter(image: Image.Image) -> Callable[[Image.Image], np.ndarray]:
    """To grey from what is partly transparent.

    Its ground is white. It is black where what covers it is little and nearly all light, since that
    is white writing; a part of a page has dark writing in it.
    """
    covering = np.zeros(256)
    for _, band in _bands(image):
        layered = band.convert("RGBA")
        opacity = np.asarray(layered.getchannel("A")).ravel() / 255.0
        covering += np.bincount(_luma(layered).ravel(), opacity, len(covering))
    whole, dark = covering.sum(), covering[:_LIGHT].sum()
    is_writing = whole < _MOST_INK * image.width * image.height and dark < _DARK * whole
    return functools.partial(_on_ground, ground="black" if is_writing else "white")


def _on_ground(band: Image.Image, ground: str) -> np.ndarray:
    layered = band.convert("RGBA")
    return _luma(Image.alpha_composite(Image.new("RGBA", layered.size, ground), layered))


def _luma(band: Image.Image) -> np.ndarray:
    if band.mode not in ("L", "1", "RGB"):
        band = band.convert("RGB")
    return np.asarray(band.convert("L"))


def _grey_of_deep(band: Image.Image, factor: float = 1 / 257) -> np.ndarray:
    """Grey of more than 8 bits; whole numbers are of 16 bits."""
    deep = np.asarray(band).astype(np.float32) * np.float32(factor)
    deep = np.nan_to_num(deep, nan=0.0, posinf=255.0, neginf=0.0)
    return np.clip(np.round(deep), 0, 255).astype(np.uint8)


def _float_converter(image: Image.Image) -> Callable[[Image.Image], np.ndarray]:
    """To grey from floats, which go from 0 to 1, to 255, or to their highest value above that."""
    bands = (np.asarray(band) for _, band in _bands(image))
    highest = max(band[np.isfinite(band)].max(initial=0.0) for band in bands)
    white = 1.0 if highest <= 1.0 else max(255.0, float(highest))
    return functools.partial(_grey_of_deep, factor=255.0 / white)


def _upright(grey: np.ndarray, orientation: int) -> np.ndarray:
    """What is stored in an orientation of EXIF as it is shown."""
    if orientation >= _TURNED_BY_90:
        grey = grey.T
    if orientation in (2, 3, 6, 7):
        grey = grey[:, ::-1]
    if orientation in (3, 4, 7, 8):
        grey = grey[::-1]
    return np.ascontiguousarray(grey)


def _grey_of_array(array: np.ndarray) -> np.ndarray:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise UsageError(
            f"an image array is (height, width) or (height, width, 1, 3 or 4), not {array.shape}"
        )
    if not array.size:
        raise UsageError(f"the image array has no pixels: {array.shape}")
    if array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise UsageError(f"the image array has more than {MAX_PIXELS:,} pixels: {array.shape}")
    kind = array.dtype.kind
    if kind == "f":
        low, high = array.min(), array.max()
        if not (low >= 0.0 and high <= 1.0):  # also when they are NaN
            raise UsageError(f"an image array of floats goes from 0 to 1, not {low} to {high}")
        array = np.round(array * 255).astype(np.uint8)
    elif array.dtype == np.uint16:
        array = (array >> 8).astype(np.uint8)
    elif kind == "b":
        array = array.astype(np.uint8) * np.uint8(255)
    elif array.dtype != np.uint8:
        raise UsageError(
            f"an image array is of bool, uint8, uint16 or floats from 0 to 1, not {array.dtype}"
        )
    if array.ndim == 2:
        return np.ascontiguousarray(array)
    return _grey_of_image(Image.fromarray(np.ascontiguousarray(array)), "the image array")
