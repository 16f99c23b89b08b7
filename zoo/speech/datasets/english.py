"""English read aloud by many people of many accents, under free licences.

Three public corpora in one: LibriSpeech (audio books), Common Voice (anyone's microphone) and
speechocean762 (Mandarin speakers who learn English, half of them children). A mirror may hold the
clips as they were prepared from the originals (``prepared/speech/english``); without one the public
archives are downloaded (LibriSpeech's alone have 7 GB) and prepared here, which takes half an hour,
by :mod:`zoo.speech.datasets.english_preparation`.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from tqdm import tqdm

from zoo.datasets.base import Resource, fetch, in_mirror
from zoo.errors import DataError
from zoo.speech.datasets.english_clips import TABLE, Clip, read_clips, read_recordings, write_clips
from zoo.speech.datasets.english_preparation import TRAIN_CLEAN_100, prepare_english, training_texts

SPLITS = ("train", "validation", "test_clean", "test_other", "test_common_voice")
FACTS = ("gender", "age", "accent")

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
    CLIPS = 6974
    FOLDER = "prepared/speech/english"
    TRANSCRIPTS = Resource(
        f"{FOLDER}/{TABLE}",
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
        folder = self._mirrored() or self._prepared(dl_manager)
        clips = read_clips(folder / TABLE)
        if len(clips) != self.CLIPS:
            raise DataError(
                f"{folder} has {len(clips)} clips, not {self.CLIPS}; delete it to prepare it again"
            )
        archives = {path.stem: path for path in folder.glob("*.zip")}
        return {
            split: self._generate_examples(
                [clip for clip in clips if clip.tfds_split == split], archives
            )
            for split in SPLITS
        }

    def _mirrored(self) -> Path | None:
        """The mirror's folder of prepared files, checked; ``None`` unless it has all of them."""
        table, *archives = (in_mirror(file) for file in (self.TRANSCRIPTS, *self.ARCHIVES))
        return table.parent if table is not None and all(archives) else None

    def _prepared(self, downloads: tfds.download.DownloadManager) -> Path:
        """A folder of prepared files, made from the public originals the first time."""
        folder = Path(downloads.download_dir) / "english_prepared"
        if not (folder / TABLE).is_file():
            clips = prepare_english(lambda original: fetch(original, downloads))
            write_clips(tqdm(clips, "encoding speech", self.CLIPS, leave=False, delay=2), folder)
        return folder

    def _generate_examples(
        self, clips: Iterable[Clip], archives: dict[str, Path]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        for clip, encoded in read_recordings(clips, archives):
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

    28,446 utterances, 987,649 words, 33,767 different. Those of the validation clips of
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
        mirrored = in_mirror(self.PREPARED)
        if mirrored is not None:
            with gzip.open(mirrored, "rt", encoding="utf-8") as lines:
                texts = dict(line.rstrip("\n").split("\t") for line in lines)
        else:
            texts = training_texts(fetch(TRAIN_CLEAN_100, dl_manager))
        return {"train": self._generate_examples(texts)}

    def _generate_examples(self, texts: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
        for identity, text in texts.items():
            yield identity, {"text": text.upper(), "id": identity}


def english() -> English:
    """The builder of the English corpus, in files that can be read in any order."""
    return English(file_format="array_record")
