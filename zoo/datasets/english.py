"""English read aloud by many people of many accents, under free licences.

Three public corpora in one: LibriSpeech (audio books), Common Voice (anyone's microphone) and
speechocean762 (Mandarin speakers who learn English, half of them children). A mirror may hold the
clips as they were prepared from the originals (``prepared/speech/english``): Ogg/Opus at 16 kHz,
a zip for each corpus, and ``transcripts.tsv`` about them.
"""

from __future__ import annotations

import csv
import gzip
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from zoo.datasets.base import MIRROR_VARIABLE, Resource, in_mirror
from zoo.errors import DataError

SPLITS = ("train", "validation", "test_clean", "test_other", "test_common_voice")
COLUMNS = (
    "file",
    "speaker",
    "split",
    "text",
    "set",
    "seconds",
    "gender",
    "age",
    "accent",
    "origin",
)
FACTS = ("gender", "age", "accent")

_TESTS = {
    "ls_test_clean_tenth": "test_clean",
    "ls_test_other100": "test_other",
    "cv_en": "test_common_voice",
}
_LICENSE = (
    "LibriSpeech: CC BY 4.0, (c) 2014 Vassil Panayotov. Common Voice: CC0 1.0; nobody may try to "
    "find out who a speaker is. speechocean762: free for both commercial and non-commercial "
    "purposes."
)
_CITATION = (
    "Panayotov et al. 2015, Librispeech: an ASR corpus based on public domain audio books, ICASSP. "
    "Ardila et al. 2020, Common Voice: a massively-multilingual speech corpus, LREC. "
    "Zhang et al. 2021, speechocean762: an open-source non-native English speech corpus for "
    "pronunciation assessment, Interspeech."
)


@dataclass(frozen=True)
class Clip:
    """What ``transcripts.tsv`` says of a clip.

    Args:
        file: ``ARCHIVE/NAME.opus``; the archive is ``ARCHIVE.zip``.
        speaker: who speaks: ``ls`` (LibriSpeech), ``cv`` (Common Voice) or ``so`` (speechocean762)
            and a number.
        split: ``train``, ``dev`` or ``test``; no speaker is in two.
        text: what is said; a to z in small letters, apostrophe and space.
        set: which part of which corpus, such as ``ls_train5``.
        seconds: length.
        gender: as the corpus names it, or empty.
        age: years (speechocean762), a decade such as ``twenties`` (Common Voice), or empty.
        accent: as the corpus names it, or empty.
        origin: the public repository that the clip is from.
    """

    file: str
    speaker: str
    split: str
    text: str
    set: str
    seconds: float
    gender: str
    age: str
    accent: str
    origin: str

    @property
    def identity(self) -> str:
        """Name of the clip, the same in no other corpus."""
        return Path(self.file).stem

    @property
    def own_split(self) -> str:
        """Which of :data:`SPLITS` the clip is in."""
        if self.split == "test":
            return _TESTS[self.set]
        return {"dev": "validation"}.get(self.split, self.split)


class English(  # type: ignore[call-arg]
    tfds.core.GeneratorBasedBuilder, skip_registration=True
):
    """11.5 hours of English by 522 speakers to train on, and three test parts.

    =================== ====== ====== ========================================================
    split                clips  hours what
    =================== ====== ====== ========================================================
    train                5,868  11.46 LibriSpeech 5.87 h, Common Voice 2.98, speechocean762 2.61
    validation             444   0.72 127 other speakers of the three
    test_clean             262   0.56 every tenth utterance of LibriSpeech's test-clean
    test_other             100   0.21 ten speakers of LibriSpeech's test-other
    test_common_voice      300   0.47 Common Voice, other speakers
    =================== ====== ====== ========================================================

    No speaker is in two splits. Transcripts are in capitals, as AN4's and LibriSpeech's are, with
    apostrophe and space. Clips are kept as the Opus files that they are (14 kbit/s) and decoded
    when they are read.
    """

    VERSION = tfds.core.Version("1.0.0")
    FOLDER = "prepared/speech/english"
    TRANSCRIPTS = Resource(
        f"{FOLDER}/transcripts.tsv",
        "e962664b8a673d03f83afe77547f2677653662b0ccb8b0c84d51b07762f08a21",
    )
    ARCHIVES = (
        Resource(
            f"{FOLDER}/commonvoice.zip",
            "1a24433fd1e5dc42fb982d88cd8e844919f1be0832c17fee77910e408acb6f32",
        ),
        Resource(
            f"{FOLDER}/librispeech.zip",
            "b723dbe9366a330d0d59dadb8c402123fff60202793d53a73f1f1500d0d1d5f0",
        ),
        Resource(
            f"{FOLDER}/speechocean762.zip",
            "581499f086f899bbe6be9bbe040e8c16066e0b7318f22c653d200cd567140472",
        ),
    )

    def _info(self) -> tfds.core.DatasetInfo:
        text = tfds.features.Text()
        return tfds.core.DatasetInfo(
            builder=self,
            description="English speech of LibriSpeech, Common Voice and speechocean762.",
            features=tfds.features.FeaturesDict(
                {
                    "speech": tfds.features.Tensor(shape=(), dtype=np.object_),  # Ogg/Opus
                    "text": text,
                    "speaker": text,
                    "id": text,
                    "seconds": np.float32,
                    "source": text,
                    **dict.fromkeys(FACTS, text),
                }
            ),
            homepage="https://www.openslr.org/12",
            citation=_CITATION,
            license=_LICENSE,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        transcripts = _prepared(self.TRANSCRIPTS)
        archives = {path.stem: path for path in map(_prepared, self.ARCHIVES)}
        clips = read_clips(transcripts)
        return {
            split: self._generate_examples(
                [clip for clip in clips if clip.own_split == split], archives
            )
            for split in SPLITS
        }

    def _generate_examples(
        self, clips: Iterable[Clip], archives: dict[str, Path]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        for clip, encoded in read_audio_files(clips, archives):
            yield (
                clip.identity,
                {
                    "speech": encoded,
                    "text": clip.text.upper(),
                    "speaker": clip.speaker,
                    "id": clip.identity,
                    "seconds": clip.seconds,
                    "source": clip.set,
                    **{name: getattr(clip, name) for name in FACTS},
                },
            )


class LibrispeechText(  # type: ignore[call-arg]
    tfds.core.GeneratorBasedBuilder, skip_registration=True
):
    """Transcripts of LibriSpeech's train-clean-100 in capitals, for language models.

    28,446 utterances, 987,649 words, 33,767 different. Those of validation speakers of
    :class:`English` are left out.
    """

    VERSION = tfds.core.Version("1.0.0")
    PREPARED = Resource(
        "prepared/speech/english/train-clean-100.transcripts.tsv.gz",
        "616427f28030fc20db87e8493632759eaaea313e7a506f1c29a3c86bb6ad316c",
    )

    def _info(self) -> tfds.core.DatasetInfo:
        text = tfds.features.Text()
        return tfds.core.DatasetInfo(
            builder=self,
            description="Transcripts of LibriSpeech's train-clean-100.",
            features=tfds.features.FeaturesDict({"text": text, "id": text}),
            homepage="https://www.openslr.org/12",
            citation=_CITATION.partition(" Ardila")[0],
            license="CC BY 4.0, (c) 2014 Vassil Panayotov",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        return {"train": self._generate_examples(_prepared(self.PREPARED))}

    def _generate_examples(self, path: Path) -> Iterator[tuple[str, dict[str, str]]]:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                identity, _, text = line.rstrip("\n").partition("\t")
                yield identity, {"text": text.upper(), "id": identity}


def english() -> English:
    """The builder of the English corpus, in files that can be read in any order."""
    return English(file_format="array_record")


def read_clips(path: Path) -> list[Clip]:
    """The rows of ``transcripts.tsv``: tab-separated, no quoting, see :class:`Clip`.

    Raises:
        DataError: its columns are others.
    """
    with open(path, encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise DataError(f"{path} must have the columns {' '.join(COLUMNS)}")
        return [Clip(seconds=float(row.pop("seconds")), **row) for row in rows]


def read_audio_files(
    clips: Iterable[Clip], archives: dict[str, Path]
) -> Iterator[tuple[Clip, bytes]]:
    """Each clip with its encoded audio.

    Args:
        clips: which ones.
        archives: the zips by name, without ``.zip``.

    Raises:
        DataError: an archive is damaged or lacks a clip.
    """
    opened: dict[str, zipfile.ZipFile] = {}
    try:
        for clip in clips:
            name, _, inside = clip.file.partition("/")
            if name not in opened:
                opened[name] = zipfile.ZipFile(archives[name])
            yield clip, opened[name].read(inside)
    except KeyError as error:
        raise DataError(f"there is no recording {clip.file}: {error}") from None
    except (zipfile.BadZipFile, OSError, zlib.error) as error:
        raise DataError(f"{archives[name]} is a damaged archive: {error}") from None
    finally:
        for archive in opened.values():
            archive.close()


def _prepared(resource: Resource) -> Path:
    path = in_mirror(resource)
    if path is None:
        raise DataError(
            f"there is no {resource.url}; set {MIRROR_VARIABLE} to a folder that has it"
        )
    return path
