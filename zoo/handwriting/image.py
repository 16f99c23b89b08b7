"""Images of any common kind as grey arrays, read within limits.

What comes out is ``(height, width)`` uint8, 0 black and 255 white, upright as a viewer shows it. A
file from anywhere may be damaged or made to do harm: its size is looked at before its pixels are,
only formats that hold pixels are read (no PostScript, no PDF), and what cannot be read is a
:class:`~zoo.errors.DataError`.
"""

from __future__ import annotations

import io
import os
import warnings
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from zoo.errors import DataError, UsageError
from zoo.files import open_without_waiting, user_path

ImageSource = str | os.PathLike[str] | bytes | BinaryIO | np.ndarray | Image.Image
"""A path, the bytes of a file, an open file, an array or a Pillow image."""

MAX_PIXELS = 150_000_000
"""Pixels of the largest image that is read."""
_TURNED_BY_90 = 5  # from this orientation on
MAX_FILE_BYTES = 512 * 2**20
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

    Transparent places become white paper, colours their luma (ITU-R BT.601), 16 bits the upper 8,
    and the orientation that a camera noted in EXIF is applied. Of several pages the first is read.

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


def read_oriented(source: ImageSource) -> OrientedImage:
    """An image as grey values, and how it is stored.

    Args:
        source: as :func:`read_image` takes it.

    Raises:
        DataError, UsageError: as :func:`read_image`.
    """
    if isinstance(source, np.ndarray):
        return OrientedImage(_grey_of_array(source))
    if isinstance(source, Image.Image):
        orientation = _orientation(source)
        return OrientedImage(_grey_of_image(source, "the image"), orientation)
    data, name = _file_bytes(source)
    if not data:
        raise DataError(f"{name} is empty")
    try:
        with warnings.catch_warnings():
            # The size is checked below, before anything is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise DataError(f"{name} has more than {MAX_PIXELS:,} pixels") from None
    except UnidentifiedImageError:
        known = ", ".join(FORMATS)
        raise DataError(f"{name} is not a valid image; readable formats are {known}") from None
    except Exception as error:  # Pillow's plug-ins raise many kinds on damaged headers
        raise DataError(f"{name} is a damaged image: {error}") from None
    with image:
        orientation = _orientation(image)  # TIFF files lose it when they are loaded
        return OrientedImage(_grey_of_image(image, name), orientation)


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
            reason = getattr(error, "strerror", None) or error
            raise DataError(f"cannot read {path}: {reason}") from None
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


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged EXIF data; the pixels may be whole
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _grey_of_image(image: Image.Image, name: str) -> np.ndarray:
    width, height = image.size
    if not width or not height:
        raise DataError(f"{name} has no pixels")
    if width * height > MAX_PIXELS:
        raise DataError(
            f"{name} has {width} x {height} pixels; at most {MAX_PIXELS:,} in all are read"
        )
    try:
        upright = ImageOps.exif_transpose(image)
        if upright.mode in ("I", "F") or upright.mode.startswith("I;16"):
            return _grey_of_deep(np.asarray(upright), upright.mode)
        if upright.has_transparency_data:
            layered = upright.convert("RGBA")
            paper = Image.new("RGBA", layered.size, "white")
            upright = Image.alpha_composite(paper, layered)
        if upright.mode not in ("L", "1", "RGB"):
            upright = upright.convert("RGB")
        return np.array(upright.convert("L"))
    except Exception as error:  # Pillow's decoders raise many kinds
        raise DataError(f"{name} is a damaged image: {error}") from None


def _grey_of_deep(values: np.ndarray, mode: str) -> np.ndarray:
    """Grey of more than 8 bits: whole numbers are of 16 bits, floats go from 0 to 1 or to 255."""
    deep = values.astype(np.float32)
    deep = np.nan_to_num(deep, nan=0.0, posinf=255.0, neginf=0.0)
    if mode == "F":
        deep *= 255.0 if deep.max(initial=0.0) <= 1.0 else 1.0
    else:
        deep /= 257.0
    return np.clip(np.round(deep), 0, 255).astype(np.uint8)


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
