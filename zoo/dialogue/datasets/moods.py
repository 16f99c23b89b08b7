"""Builders of the corpora of messages with moods, in conversations or alone."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from typing import Any

import tensorflow_datasets as tfds

from zoo.datasets.base import Resource, RowCorpus, fetch
from zoo.dialogue.datasets import MoodMessage

_GITHUB = "https://raw.githubusercontent.com"


class MoodCorpus(RowCorpus, skip_registration=True):  # type: ignore[call-arg]
    """A corpus of messages with moods; those of a conversation follow each other."""

    def features(self) -> dict[str, Any]:
        """See :class:`~zoo.datasets.base.Corpus`."""
        text = tfds.features.Text()
        return dict.fromkeys(("text", "speaker", "mood", "conversation"), text)

    def example(self, row: MoodMessage) -> dict[str, Any]:
        """See :class:`~zoo.datasets.base.RowCorpus`."""
        return {
            "text": row.text,
            "speaker": row.speaker,
            "mood": row.mood,
            "conversation": row.conversation,
        }


class TopicalChat(MoodCorpus):
    """Conversations of two people about topics, each message with its mood (Gopalakrishnan et al.
    2019).

    Of the published validation conversations nine tenths are the training set and one tenth, by the
    hash of their names, the validation set; the published test conversations are the test sets.
    """

    BASE = f"{_GITHUB}/alexa/Topical-Chat/7c939229cbcf6f55f6977b341a5a2f2fe982d53f/conversations"
    SHA256 = {  # noqa: RUF012
        "valid_freq.json": "d14e8bde94fa5556d4aad8fd3fb666df674e4fef8b4193c8c3c06c72822a366b",
        "valid_rare.json": "b0f3c59584ea4ed61e368dc94feade6ba499a207a6437573b028d1f3ff918714",
        "test_freq.json": "3c65693d59e40a1fb58ead35dcfe85fbcc88ea93a4d74557df620996f72c8f08",
        "test_rare.json": "4f21a18be16e310840280678e7bb4646852573b239b69183ddf8898f40119567",
    }
    SUMMARY = "2,156 conversations about topics with the mood of each message."
    HOMEPAGE = "https://github.com/alexa/Topical-Chat"
    CITATION = "Gopalakrishnan et al., Topical-Chat, Interspeech 2019."
    LICENSE = "CDLA-Sharing-1.0"

    def read_splits(self, downloads: Any) -> dict[str, list[MoodMessage]]:
        """Training and validation from the published validation sets, and both test sets."""
        splits: dict[str, list[MoodMessage]] = {"train": [], "validation": []}
        for part in ("valid_freq", "valid_rare"):
            for row in self._read(part, downloads):
                first = hashlib.sha256(row.conversation.encode()).digest()[0]
                splits["validation" if first < 26 else "train"].append(row)
        for part in ("test_freq", "test_rare"):
            splits[part] = list(self._read(part, downloads))
        return splits

    def _read(self, part: str, downloads: Any) -> Iterator[MoodMessage]:
        name = f"{part}.json"
        path = fetch(Resource(f"{self.BASE}/{name}", self.SHA256[name]), downloads)
        for identity, conversation in json.loads(path.read_text(encoding="utf-8")).items():
            for turn in conversation["content"]:
                mood = turn["sentiment"].strip().lower()
                mood = "curious" if mood.startswith("curious") else mood
                yield MoodMessage(turn["message"], turn["agent"], mood, identity)


class GoEmotions(MoodCorpus):
    """Comments of Reddit with one of 28 emotions or several (Demszky et al. 2020).

    Comments with one emotion are kept; each is a conversation of its own.
    """

    BASE = (
        f"{_GITHUB}/monologg/GoEmotions-pytorch/b75f9d3a8b76bc1060687925b04ca98a1b8ea66b/"
        "data/original"
    )
    PARTS = {"train": "train", "validation": "dev", "test": "test"}  # noqa: RUF012
    SHA256 = {  # noqa: RUF012
        "train.tsv": "1c254a142be5c00e80d819b9ae1bbd36d94b2eeb8f4b1271846508d57e57d9c5",
        "dev.tsv": "575489c079c9de1097062a01738f998590d6b7ead66dd1c9fd1d2ba01fd8bc62",
        "test.tsv": "0587b2dd8b27b97352adbfc3fb083d46005c8946657fdc2b1ca8b1cc7f1f8be4",
        "labels.txt": "45c3ef86782d2a4d7fedcd6d8c111aa0d0e94720689bd164fac94fefb4495a89",
    }
    SUMMARY = "Comments of Reddit with one of 28 emotions."
    HOMEPAGE = "https://github.com/monologg/GoEmotions-pytorch"
    CITATION = "Demszky et al., GoEmotions, ACL 2020."
    LICENSE = "Apache-2.0"

    def read_splits(self, downloads: Any) -> dict[str, list[MoodMessage]]:
        """The published splits."""
        names = self._text("labels.txt", downloads).split()
        return {
            split: list(self._read(part, names, downloads)) for split, part in self.PARTS.items()
        }

    def _read(self, part: str, names: list[str], downloads: Any) -> Iterator[MoodMessage]:
        for line in self._text(f"{part}.tsv", downloads).split("\n"):
            columns = line.split("\t")
            if len(columns) == 3 and columns[1].isdigit():
                yield MoodMessage(columns[0], "", names[int(columns[1])], columns[2])

    def _text(self, name: str, downloads: Any) -> str:
        path = fetch(Resource(f"{self.BASE}/{name}", self.SHA256[name]), downloads)
        return path.read_text(encoding="utf-8")


class Meld(MoodCorpus):
    """Lines of a television series with a sentiment each (Poria et al. 2019)."""

    BASE = f"{_GITHUB}/declare-lab/MELD/2d2011b409d3ca2d7e94460cd007d434b1d0a102/data/MELD"
    PARTS = {"train": "train", "validation": "dev", "test": "test"}  # noqa: RUF012
    SHA256 = {  # noqa: RUF012
        "train_sent_emo.csv": "d2fa2d6529cf03cac2989efec05c9b27d8fd2f4c8fc5974c7ae88aa537fa02db",
        "dev_sent_emo.csv": "2e89c6f8aa182d6f62f8c6331aece905ac7273ca4999660bfb5213e1d0370c1c",
        "test_sent_emo.csv": "8d37103938f7067600839fe29d5a114a6cd1bcdafb75bec101e06464c5006888",
    }
    SUMMARY = "13,708 lines of dialogues with a sentiment each."
    HOMEPAGE = "https://github.com/declare-lab/MELD"
    CITATION = "Poria et al., MELD, ACL 2019."
    LICENSE = "GPL-3.0"

    def read_splits(self, downloads: Any) -> dict[str, list[MoodMessage]]:
        """The published splits."""
        return {split: list(self._read(part, downloads)) for split, part in self.PARTS.items()}

    def _read(self, part: str, downloads: Any) -> Iterator[MoodMessage]:
        name = f"{part}_sent_emo.csv"
        path = fetch(Resource(f"{self.BASE}/{name}", self.SHA256[name]), downloads)
        for row in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))):
            yield MoodMessage(
                row["Utterance"], row["Speaker"], row["Sentiment"], row["Dialogue_ID"]
            )
