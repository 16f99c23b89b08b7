"""A file that another kind of model reads is named as what it is."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from zoo.errors import DataError
from zoo.handwriting.image import FORMATS, read_image
from zoo.handwriting.ink_files import read_ink

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.mark.parametrize("kind", FORMATS)
def test_an_image_given_for_ink_is_named(kind: str, tmp_path: Path) -> None:
    stored = io.BytesIO()
    Image.new("RGB", (40, 30), "white").save(stored, kind)
    (tmp_path / "word.inkml").write_bytes(stored.getvalue())
    named = "" if kind == "PPM" else ".* looks like an image, which a model such as crnn.latin"
    with pytest.raises(DataError, match=f"neither InkML nor UNIPEN{named}"):
        read_ink(tmp_path / "word.inkml")


@pytest.mark.parametrize(
    "ink",
    [
        (SAMPLES / "word.inkml").read_bytes(),
        (SAMPLES / "word.inkml").read_text().encode("utf-16"),
        b".COMMENT by a tablet\n.VERSION 1.0\n.COORD X Y\n.PEN_DOWN\n1 2\n.PEN_UP\n",
    ],
    ids=["InkML", "UTF-16", "UNIPEN"],
)
def test_ink_given_for_an_image_is_named(ink: bytes, tmp_path: Path) -> None:
    (tmp_path / "line.png").write_bytes(ink)
    with pytest.raises(
        DataError, match=r"not a valid image; it looks like pen strokes.*pen_bilstm"
    ):
        read_image(tmp_path / "line.png")


def test_a_text_is_neither(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("We think. VERSION is a word.")
    with pytest.raises(DataError, match="not a valid image; readable formats are PNG"):
        read_image(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"neither InkML nor UNIPEN$"):
        read_ink(tmp_path / "a.png")
