"""Speech with transcripts."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import soundfile
import tensorflow_datasets as tfds

from zoo.datasets.base import ZipResource, fetch
from zoo.errors import DataError
from zoo.speech.audio import read_audio
from zoo.speech.datasets import english
from zoo.speech.processor import Description, Utterance

SAMPLE_RATE = 16_000
VALIDATION_UTTERANCES = 100

SPLITS = {
    "an4": {"train": "train", "validation": "validation", "test": "test"},
    "english": {split: split for split in english.SPLITS},
    "librispeech": {
        "train": "train_clean100+train_clean360+train_other500",
        "validation": "dev_clean",
        "test": "test_clean",
    },
}

_LINE = re.compile(r"(?:<s> )?(?P<text>[A-Z' ]+?)(?: </s>)? \((?P<id>[\w-]+)\)")


class Utterances(Sequence[Utterance]):
    """The utterances of a split, each read when it is asked for.

    Args:
        source: the random-access data source of tensorflow-datasets.
    """

    def __init__(self, source: Any) -> None:
        self._source = source

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: Any) -> Any:
        row = self._source[range(len(self))[index]]
        # WAV, FLAC or Opus as it was downloaded
        return Utterance(read_audio(row["speech"]), *_names(row), *_facts(row))

    def descriptions(self) -> list[Description]:
        """Text, speaker, length and source of every utterance, in order; no audio is decoded."""
        return [
            Description(*_names(row), _seconds(row), *_facts(row))
            for row in map(self._source.__getitem__, range(len(self)))
        ]


class JoinedUtterances(Sequence[Utterance]):
    """The utterances of several corpora in a row; one without a source has its corpus's name.

    Args:
        corpora: by name.
    """

    def __init__(self, corpora: Mapping[str, Sequence[Utterance]]) -> None:
        self._places = [
            (name, corpus, i) for name, corpus in corpora.items() for i in range(len(corpus))
        ]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: Any) -> Any:
        name, corpus, own = self._places[index]
        utterance = corpus[own]
        return utterance if utterance.source else replace(utterance, source=name)


def _names(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Text, speaker and identity."""
    speaker = row["speaker"].decode() if "speaker" in row else str(row["speaker_id"])
    return row["text"].decode(), speaker, row["id"].decode()


def _facts(row: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Source, and what is known of the speaker."""
    facts = {name: row[name].decode() for name in english.FACTS if row.get(name)}
    return row["source"].decode() if "source" in row else "", facts


def _seconds(row: Mapping[str, Any]) -> float:
    if "seconds" in row:
        return float(row["seconds"])
    return float(soundfile.info(io.BytesIO(row["speech"])).duration)


def an4() -> An4:
    """The builder of AN4, in files that can be read in any order."""
    return An4(file_format="array_record")


def librispeech() -> Any:
    """The builder of LibriSpeech that tensorflow-datasets has: 960 hours, 60 GB to download.

    Its FLAC files are kept as they are and decoded when they are read, which takes a sixth of the
    disk and no ffmpeg.
    """
    return tfds.builder("librispeech/lazy_decode", file_format="array_record")


class An4(  # type: ignore[call-arg]
    tfds.core.GeneratorBasedBuilder, skip_registration=True
):
    """CMU's AN4: spelled words, numbers and commands, 16 kHz.

    ``train`` and ``test`` are the corpus's own lists; no speaker is in both. The corpus has no
    validation list: here the speakers whose names' sha256 come first, as many as it takes to reach
    100 utterances, are taken out of the training list. The WAV files are kept as they are and
    decoded when they are read.
    """

    VERSION = tfds.core.Version("2.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"2.0.0": "WAV files in place of samples."}
    RESOURCE = ZipResource(
        "https://github.com/cmusphinx/an4/archive/b567d132f43304e70a2b2eca6077f22255311812.zip",
        "da8a9c01900eb2797faf82ec252347ff773057d215967bdf9763a62920f0e242",
        (
            "etc/an4_train.fileids",
            "etc/an4_train.transcription",
            "etc/an4_test.fileids",
            "etc/an4_test.transcription",
            "wav/*.wav",
        ),
    )

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description="Census data spoken by 84 people: letters, numbers, names and commands.",
            features=tfds.features.FeaturesDict(
                {
                    "speech": tfds.features.Tensor(shape=(), dtype=np.object_),  # WAV
                    "text": tfds.features.Text(),
                    "speaker": tfds.features.Text(),
                    "id": tfds.features.Text(),
                }
            ),
            supervised_keys=("speech", "text"),
            homepage="http://www.speech.cs.cmu.edu/databases/an4/",
            citation="Acero, Acoustical and Environmental Robustness in Automatic Speech "
            "Recognition, Kluwer 1993.",
            license="free for any use, BSD-like, (c) Carnegie Mellon University",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        path = fetch(self.RESOURCE, dl_manager)
        files = dict(self.RESOURCE.files(path))
        train = list(utterances(files, "train"))
        held_out = validation_speakers([speaker for _, _, speaker in train])
        splits = {
            "train": [row for row in train if row[2] not in held_out],
            "validation": [row for row in train if row[2] in held_out],
            "test": list(utterances(files, "test")),
        }
        return {name: self._generate_examples(rows, files) for name, rows in splits.items()}

    def _generate_examples(
        self, rows: Iterable[tuple[str, str, str]], files: dict[str, bytes]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, text, speaker in rows:
            recording = files[f"wav/{name}.wav"]
            rate = soundfile.info(io.BytesIO(recording)).samplerate
            if rate != SAMPLE_RATE:
                raise DataError(f"{name} has {rate} samples a second, not {SAMPLE_RATE}")
            identity = name.rpartition("/")[2]
            yield identity, {"speech": recording, "text": text, "speaker": speaker, "id": identity}


def utterances(files: dict[str, bytes], split: str) -> Iterator[tuple[str, str, str]]:
    """File name, transcript and speaker of each utterance of AN4's ``train`` or ``test`` list.

    Raises:
        DataError: the two lists of the split do not fit together.
    """
    names = files[f"etc/an4_{split}.fileids"].decode().split()
    lines = files[f"etc/an4_{split}.transcription"].decode().splitlines()
    for name, line in zip(names, lines, strict=True):
        match = _LINE.fullmatch(line.strip())
        if not match or match["id"] != name.rpartition("/")[2]:
            raise DataError(f"the transcript of {name} cannot be read: {line!r}")
        yield name, match["text"], name.split("/")[-2]


def validation_speakers(speakers: list[str]) -> set[str]:
    """The speakers to hold out, given the speaker of each training utterance."""
    held_out: set[str] = set()
    for speaker in sorted(set(speakers), key=lambda name: hashlib.sha256(name.encode()).digest()):
        if sum(name in held_out for name in speakers) >= VALIDATION_UTTERANCES:
            break
        held_out.add(speaker)
    return held_out
