"""What the pictures of all tasks share: formats, plain text in them, and how they are saved."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

from zoo.errors import UsageError
from zoo.files import write_bytes

FORMATS = (".png", ".svg", ".pdf")


def check_format(path: Path) -> None:
    """Check a picture's name.

    Raises:
        UsageError: it ends in none of :data:`FORMATS`.
    """
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"{path}: the picture's name must end in {', '.join(FORMATS)}")


def plain(text: str) -> str:
    """A text as Matplotlib shows it as it is; a dollar sign would begin a formula."""
    return text.replace("$", r"\$")


def save_picture(figure: Any, path: Path, dpi: int = 110) -> Path:
    """Write a ``matplotlib.figure.Figure`` in the format that its name ends in.

    Raises:
        ZooError: the file cannot be written.
    """
    stream = io.BytesIO()
    with warnings.catch_warnings():
        # Letters that the font lacks are drawn as boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(stream, format=path.suffix.lower()[1:], dpi=dpi)
    write_bytes(path, stream.getvalue())
    return path
