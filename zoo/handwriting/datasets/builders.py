"""Handwriting with transcripts: images of lines, and pen strokes.

The corpora are large, so a mirror may hold sets that were prepared from them
(``prepared/handwriting``); without one the public archive is downloaded and prepared here, by
:mod:`zoo.handwriting.datasets.preparation`.
"""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from zoo.datasets.base import Resource, in_mirror
from zoo.errors import DataError
from zoo.handwriting.datasets.preparation import (
    SPLITS,
    PreparedInk,
    PreparedLine,
    prepare_copiste,
    prepare_hooker,
    prepare_poilus,
    prepare_unipen,
)
from zoo.handwriting.datasets.splits import UNIPEN_TEST, UNIPEN_VALIDATION, split_of
from zoo.handwriting.image import read_image
from zoo.handwriting.ink_files import Ink
from zoo.handwriting.processor import Line

HEIGHT = 48
_CITATION_48 = "Lines cut by their ALTO or PAGE polygons, 48 pixels high."


class PreparedLines(Sequence[Line]):
    """The lines of a split, each read when it is asked for.

    Args:
        made: the prepared builder.
        split: which split.
    """

    def __init__(self, made: LineCorpus, split: str) -> None:
        # The images are decoded by the code that decodes everyone's.
        encoded = {"image": tfds.decode.SkipDecoding()}
        self._source = made.as_data_source(split=split, decoders=encoded)

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: Any) -> Any:
        row = self._source[_inside(index, len(self))]
        image = read_image(row["image"])
        names = (row[key].decode() for key in ("text", "writer", "page", "kind", "id"))
        return Line(image, *names)


class PreparedInks(Sequence[Ink]):
    """The pieces of ink of a split, each read when it is asked for.

    Args:
        made: the prepared builder.
        split: which split.
    """

    def __init__(self, made: Unipen, split: str) -> None:
        self._source = made.as_data_source(split=split)

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: Any) -> Any:
        row = self._source[_inside(index, len(self))]
        points = np.asarray(row["points"], np.float64)
        strokes = np.split(points, np.cumsum(row["lengths"])[:-1])
        names = (row[key].decode() for key in ("text", "category", "quality", "writer"))
        return Ink(strokes, *names)


def _inside(index: int, length: int) -> int:
    """An index that ends a loop where the data ends."""
    if not 0 <= index < length:
        raise IndexError(index)
    return index


class LineCorpus(  # type: ignore[call-arg]
    tfds.core.GeneratorBasedBuilder, skip_registration=True
):
    """A corpus of lines.

    A subclass sets ``PREPARED``, ``ORIGINAL`` and what the information says.
    """

    VERSION = tfds.core.Version("1.0.0")
    PREPARED: Resource
    ORIGINAL: str
    SUMMARY: str
    HOMEPAGE: str
    CITATION: str
    LICENSE: str

    def prepare(self, archive: Path) -> Iterator[PreparedLine]:
        """The lines of the public archive."""
        raise NotImplementedError

    def _info(self) -> tfds.core.DatasetInfo:
        text = tfds.features.Text()
        return tfds.core.DatasetInfo(
            builder=self,
            description=f"{self.SUMMARY} {_CITATION_48}",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(HEIGHT, None, 1), encoding_format="png"),
                    "text": text,
                    "writer": text,
                    "page": text,
                    "kind": text,
                    "id": text,
                }
            ),
            supervised_keys=("image", "text"),
            homepage=self.HOMEPAGE,
            citation=self.CITATION,
            license=self.LICENSE,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        mirrored = in_mirror(self.PREPARED)
        if mirrored is not None:
            found = list(read_prepared_lines(mirrored))
        else:
            found = list(self.prepare(Path(dl_manager.download(self.ORIGINAL))))
        return {
            split: self._generate_examples([line for line in found if line.split == split])
            for split in SPLITS
        }

    def _generate_examples(
        self, lines: Iterable[PreparedLine]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        for line in lines:
            yield (
                line.identity,
                {
                    "image": line.image[..., None],
                    "text": line.text,
                    "writer": line.writer,
                    "page": line.page,
                    "kind": line.kind,
                    "id": line.identity,
                },
            )


class Copiste(LineCorpus):
    """Copiste d'un jour: French texts of Wikipedia, copied by hand by 247 people in 2024.

    Kinds are ``text``, ``consent`` (one formula that every writer copied) and ``id`` (page marks).
    Crossed-out words are ``>word<``, unreadable ones ``><``; ``-`` stands where the printed text
    had a character foreign to French. No writer is in two splits.
    """

    PREPARED = Resource(
        "prepared/handwriting/copiste_48.zip",
        "acd676aeaebd8129540fa7a16c248f3400ad8486c550a7b4fef1869058645448",
    )
    ORIGINAL = (
        "https://github.com/banq-dcn/Copiste-d-un-jour/archive/"
        "a3636d2e151b4312973cfb88438a0c4ccd1eb523.zip"
    )
    SUMMARY = "Lines of French handwriting of today, of 247 writers."
    HOMEPAGE = "https://github.com/banq-dcn/Copiste-d-un-jour"
    CITATION = "Bibliothèque et Archives nationales du Québec, Copiste d'un jour, 2024."
    LICENSE = "CC BY 4.0, (c) BAnQ; the formula of consent speaks of non-commercial ends"

    def prepare(self, archive: Path) -> Iterator[PreparedLine]:
        """The lines of the public archive."""
        return prepare_copiste(archive)


class Poilus(LineCorpus):
    """Testaments de Poilus: French wills of the years 1914 to 1918, about 136 hands.

    Crossed-out words are ``>word<``, unreadable ones ``><``; the long s is kept. No will is in two
    splits.
    """

    PREPARED = Resource(
        "prepared/handwriting/poilus_48.zip",
        "ed080d1f0f61113bf0e529678b1b2906aaf4f2d9b97de27a62eea094589a4fbe",
    )
    ORIGINAL = (
        "https://github.com/HTR-United/CREMMA-AN-TestamentsDePoilus/archive/"
        "8ffa4a8cd40f691d68f188e2ed1c6458bf2d6ec9.zip"
    )
    SUMMARY = "Lines of French soldiers' wills, 1914 to 1918."
    HOMEPAGE = "https://github.com/HTR-United/CREMMA-AN-TestamentsDePoilus"
    CITATION = "Archives nationales and CREMMA, Testaments de Poilus, HTR-United."
    LICENSE = "CC BY 4.0"

    def prepare(self, archive: Path) -> Iterator[PreparedLine]:
        """The lines of the public archive."""
        return prepare_poilus(archive)


class Hooker(LineCorpus):
    """Letters of Joseph Dalton Hooker, English, 1850 to 1911, one hand.

    No letter is in two splits. Some lines' polygons are too thin for their writing.
    """

    PREPARED = Resource(
        "prepared/handwriting/hooker_48.zip",
        "9ff340646b1c6330b5f7778f1612a24cc8c22c4ea6047fff3c44ae2a7a740c10",
    )
    ORIGINAL = (
        "https://github.com/jschaefer738b/JosephHookerHTR/archive/"
        "ece582973283818621e956163f295fcde672786c.zip"
    )
    SUMMARY = "Lines of letters of Joseph Dalton Hooker."
    HOMEPAGE = "https://github.com/jschaefer738b/JosephHookerHTR"
    CITATION = "Schaefer and Litvine 2023, Joseph Hooker HTR Model, doi 10.5281/zenodo.8038689."
    LICENSE = "CC BY-SA 4.0 by the HTR-United catalogue"

    def prepare(self, archive: Path) -> Iterator[PreparedLine]:
        """The lines of the public archive."""
        return prepare_hooker(archive)


class Unipen(  # type: ignore[call-arg]
    tfds.core.GeneratorBasedBuilder, skip_registration=True
):
    """UNIPEN's train_r01_v07: pen strokes of about 595 writers, mostly English.

    Writers are named ``source/writer``. Some sources are of little use for English words, see
    :func:`zoo.handwriting.training.texts.usable_ink`. No writer is in two splits.
    """

    VERSION = tfds.core.Version("1.0.0")
    CATEGORIES: dict[str, tuple[Resource, Resource]]
    ORIGINAL = "https://github.com/GreenCappuccino/train_r01_v07/archive/552a4d4.zip"

    def _info(self) -> tfds.core.DatasetInfo:
        text = tfds.features.Text()
        return tfds.core.DatasetInfo(
            builder=self,
            description=f"Pen strokes of UNIPEN, categories {', '.join(self.CATEGORIES)}.",
            features=tfds.features.FeaturesDict(
                {
                    "points": tfds.features.Tensor(shape=(None, 2), dtype=np.int32),
                    "lengths": tfds.features.Tensor(shape=(None,), dtype=np.int32),
                    "text": text,
                    "category": text,
                    "quality": text,
                    "writer": text,
                }
            ),
            homepage="https://doi.org/10.5281/zenodo.1195803",
            citation="Guyon et al. 1994, UNIPEN project of on-line data exchange and recognizer "
            "benchmarks, ICPR.",
            license="CC BY 4.0",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        folder = None
        found: list[PreparedInk] = []
        for category, resources in self.CATEGORIES.items():
            mirrored = [in_mirror(resource) for resource in resources]
            if all(mirrored):
                found += read_prepared_ink(category, *mirrored)  # type: ignore[arg-type]
            else:
                folder = folder or Path(dl_manager.download_and_extract(self.ORIGINAL))
                found += prepare_unipen(folder, category)
        return {
            split: self._generate_examples(split, [ink for ink in found if ink.split == split])
            for split in SPLITS
        }

    def _generate_examples(
        self, split: str, inks: Sequence[PreparedInk]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        for number, ink in enumerate(inks):
            yield (
                f"{split}_{number:06d}",
                {
                    "points": ink.points,
                    "lengths": ink.lengths,
                    "text": ink.text,
                    "category": ink.category,
                    "quality": ink.quality,
                    "writer": ink.writer,
                },
            )


def _unipen(category: str, strokes: str, table: str) -> dict[str, tuple[Resource, Resource]]:
    name = f"prepared/handwriting/unipen_cat{category}"
    return {category: (Resource(f"{name}.npz", strokes), Resource(f"{name}.tsv", table))}


class UnipenWords(Unipen):
    """Category 7: isolated words in any style."""

    CATEGORIES = _unipen(
        "7",
        "8367df6a4369105e4178915de458aa2981bd7aed835b6fefa39f7605e3166b33",
        "300b0618e14e4d1224d41399be02bc866938b5e457852aa874e4bbb09de0ac34",
    )


class UnipenTexts(Unipen):
    """Category 8: texts of two words and more, most of them a line."""

    CATEGORIES = _unipen(
        "8",
        "c5c1debd9210a80c8348451ffc039a7a1ec09203f6f9ecfd121a2a94c34bc8c5",
        "c8c00b406d5e48df7abc7d454149b51c0204dada02b58d239929958289792ace",
    )


class UnipenCharacters(Unipen):
    """Categories 1a, 1b and 1c: isolated digits, capitals and small letters."""

    CATEGORIES = (
        _unipen(
            "1a",
            "909878aae25ee8509cd0d9511f68669be79ee6f037eb2c3dfa72b30e643d61f5",
            "69491174f509eba69b9373d3ede7ed77808e6e4160ebb4e38eaf08b8bfc1d970",
        )
        | _unipen(
            "1b",
            "1db00097d113256c0eaf7b2f389528a32de11ba282220344c6db5302d710a42a",
            "c4dc9999b38c357139b7b715d2a77d38d28d33d66f199d65ba188333bf78e4a1",
        )
        | _unipen(
            "1c",
            "e8fbf1db8c512749486c3699986dfa0fdc6dd646b878c2111e70daca45761787",
            "64d8b25c6f7e568ae370655b82fc3553989c56419003190dcffac85bfec33486",
        )
    )


def copiste() -> Copiste:
    """The builder of Copiste, in files that can be read in any order."""
    return Copiste(file_format="array_record")


def poilus() -> Poilus:
    """The builder of Poilus, in files that can be read in any order."""
    return Poilus(file_format="array_record")


def hooker() -> Hooker:
    """The builder of Hooker, in files that can be read in any order."""
    return Hooker(file_format="array_record")


def unipen_words() -> UnipenWords:
    """The builder of UNIPEN's words, in files that can be read in any order."""
    return UnipenWords(file_format="array_record")


def unipen_texts() -> UnipenTexts:
    """The builder of UNIPEN's texts, in files that can be read in any order."""
    return UnipenTexts(file_format="array_record")


def unipen_characters() -> UnipenCharacters:
    """The builder of UNIPEN's characters, in files that can be read in any order."""
    return UnipenCharacters(file_format="array_record")


def read_prepared_lines(path: Path) -> Iterator[PreparedLine]:
    """The lines of a prepared archive: PNG files, and ``lines.tsv`` about them.

    Raises:
        DataError: the archive is damaged, or a line's image is missing or no image.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, zlib.error) as error:
        raise DataError(f"{path} is a damaged archive: {error}") from None
    rows = csv.DictReader(
        io.StringIO(files["lines.tsv"].decode("utf-8")), delimiter="\t", quoting=csv.QUOTE_NONE
    )
    for row in rows:
        if row["file"] not in files:
            raise DataError(f"{path} has no {row['file']}")
        yield PreparedLine(
            image=read_image(files[row["file"]]),
            text=row["text"],
            writer=row["writer"],
            page=row["page"],
            kind=row["kind"],
            identity=row["file"].removesuffix(".png"),
            split={"val": "validation"}.get(row["split"], row["split"]),
        )


def read_prepared_ink(category: str, strokes: Path, table: Path) -> Iterator[PreparedInk]:
    """The pieces of ink of a prepared set: steps of the pen, and a table about them.

    Raises:
        DataError: the two do not fit together.
    """
    with np.load(strokes, allow_pickle=False) as stored:
        steps = np.stack([stored["dx"], -stored["dy"]], axis=1).astype(np.int32)
        last = np.unpackbits(stored["stroke_end"], count=len(steps)).astype(bool)
        offsets = stored["offsets"]
    rows = [line.split("\t") for line in table.read_text(encoding="utf-8").split("\n")[1:] if line]
    if len(rows) + 1 != len(offsets):
        raise DataError(f"{table} has {len(rows)} rows, {strokes} {len(offsets) - 1} samples")
    for number, row in enumerate(rows):
        part = slice(offsets[number], offsets[number + 1])
        ends = np.flatnonzero(last[part]) + 1
        # A few labels end in tabs.
        (source, writer, quality), text = row[:3], " ".join(" ".join(row[3:-2]).split())
        yield PreparedInk(
            points=np.cumsum(steps[part], axis=0, dtype=np.int32),
            lengths=np.diff(ends, prepend=0).astype(np.int32),
            text=text,
            category=category,
            quality=quality,
            writer=f"{source}/{writer}",
            split=split_of(writer, UNIPEN_VALIDATION, UNIPEN_TEST),
        )
