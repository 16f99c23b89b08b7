"""What to say of a file that another kind of model for handwriting reads."""

from __future__ import annotations

import re

HEAD = 4096
"""Bytes at the beginning of a file by which its kind is known."""

_IMAGES = re.compile(
    rb"\x89PNG|\xff\xd8\xff|II\*\0|MM\0\*|GIF8|BM.{4}\0{4}|RIFF.{4}WEBP|\0\0\0\x0cjP  ", re.DOTALL
)
_INK = re.compile(rb"<(?:\w+:)?ink\b|^\.(?:VERSION|DATA_SOURCE|COORD|SEGMENT|PEN_DOWN)\b", re.M)


def image_advice(head: bytes) -> str:
    """What to add to the error for a file that is no ink: a clause if it is an image."""
    if not _IMAGES.match(head):
        return ""
    return "; it looks like an image, which a model such as crnn.latin reads"


def ink_advice(head: bytes) -> str:
    """What to add to the error for a file that is no image: a clause if it is ink."""
    # UTF-16 has a zero beside each of these letters.
    if not _INK.search(head.replace(b"\0", b"")):
        return ""
    return "; it looks like pen strokes, which a model such as pen_bilstm.unipen reads"
