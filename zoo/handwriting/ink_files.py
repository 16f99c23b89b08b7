"""Files of pen strokes: InkML (W3C 2011) and UNIPEN (Guyon et al. 1994)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import DataError, UsageError
from zoo.files import user_path
from zoo.handwriting.ink import check_strokes
from zoo.handwriting.ink_piece import Ink, read_ink_bytes
from zoo.handwriting.inkml import read_inkml
from zoo.handwriting.left_out import LeftOut
from zoo.handwriting.other_kind import HEAD, image_advice
from zoo.handwriting.unipen import is_unipen, read_unipen

SUFFIXES = (".inkml", ".dat", ".unp", ".unipen")
"""Endings of files that are taken for ink where a folder is searched for them."""

_BEFORE_XML = b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"  # marks of the encoding, and white space


def read_ink(path: str | Path, *, strict: bool = False) -> list[np.ndarray]:
    """The strokes of an ink file that holds one piece of writing.

    Args:
        path: an InkML or a UNIPEN file.
        strict: as in :func:`read_ink_file`.

    Raises:
        DataError: the file is missing, damaged, of another kind, or holds no ink.
        UsageError: it holds several pieces; :func:`read_ink_file` gives them all.
    """
    found = read_ink_file(path, strict=strict)
    if len(found) > 1:
        raise UsageError(
            f"{path} holds {len(found)} pieces of writing; read_ink_file gives them one by one"
        )
    return found[0].strokes


def read_ink_file(
    path: str | Path,
    include: Path | None = None,
    *,
    strict: bool = False,
    left_out: LeftOut | None = None,
) -> list[Ink]:
    """The pieces of writing in an ink file.

    All strokes of an InkML file are one piece. A UNIPEN file has a piece for each of its
    ``.SEGMENT`` entries, or one of all strokes if it has none. Traces and segments that are damaged
    are left out, with a :class:`~zoo.errors.ZooWarning` that names them.

    Args:
        path: an InkML or a UNIPEN file.
        include: the folder in which a UNIPEN file's ``.INCLUDE`` entries are looked up; left out,
            a folder ``include`` beside or above the file.
        strict: refuse what would be left out.
        left_out: takes what is left out, if several files are read.

    Raises:
        DataError: the file is missing, damaged as a whole, of another kind, or holds no ink.
    """
    source = user_path(path)
    data = read_ink_bytes(source)
    parts = left_out or LeftOut(strict)
    if data[:64].lstrip(_BEFORE_XML).startswith(b"<"):
        found = [read_inkml(data, str(source), parts)]
    elif is_unipen(data):
        found = read_unipen(data, source, include, parts)
    else:
        advice = image_advice(data[:HEAD])
        raise DataError(f"{source} is neither InkML nor UNIPEN{advice}")
    for ink in found:
        try:
            check_strokes(ink.strokes)
        except UsageError as error:
            raise DataError(f"{source}: {error}") from None
    if left_out is None:
        parts.warn(str(source))
    return found


def ink_of_any(value: Any) -> list[np.ndarray]:
    """Strokes of what a caller may give: a path, a piece of ink, or strokes.

    Raises:
        UsageError, DataError: as :func:`read_ink` and :func:`~zoo.handwriting.ink.check_strokes`.
    """
    if isinstance(value, Ink):
        return check_strokes(value.strokes)
    if isinstance(value, (str, os.PathLike)):
        return check_strokes(read_ink(Path(value)))
    return check_strokes(value)
