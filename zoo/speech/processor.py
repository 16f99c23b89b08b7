"""Recordings to features, and labels to text: what a speech recogniser is given and gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from zoo.ctc.alphabet import Alphabet
from zoo.errors import FolderError
from zoo.speech.audio import AudioSource, Channel, read_audio
from zoo.speech.features import LogMel


@dataclass(frozen=True)
class Utterance:
    """A recording of what one person said.

    Args:
        samples: ``(samples,)`` float32 in [-1, 1], at the recogniser's sample rate.
        text: what was said.
        speaker: who said it.
        identity: its name in the corpus or the folder.
        source: which set of a corpus that was put together it is from, such as ``ls_train5``.
        facts: what is known of the speaker: ``gender``, ``age``, ``accent``, each as its source
            names it; what is unknown is left out.
    """

    samples: np.ndarray
    text: str
    speaker: str
    identity: str
    source: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Description:
    """What is known of an utterance before its recording is read; see :class:`Utterance`.

    Args:
        text: what was said.
        speaker: who said it.
        identity: its name in the corpus.
        seconds: length of the recording.
        source: which set it is from.
        facts: what is known of the speaker.
    """

    text: str
    speaker: str
    identity: str
    seconds: float
    source: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Speech:
    """Log-mel features on one side, an alphabet on the other.

    Args:
        log_mel: the features.
        alphabet: the labels.
    """

    log_mel: LogMel
    alphabet: Alphabet

    @classmethod
    def from_folder(cls, settings: Mapping[str, Any], files: Mapping[str, bytes]) -> Speech:
        """Rebuild from a model folder.

        Raises:
            FolderError: a part is missing or malformed.
        """
        features, alphabet = settings.get("features"), settings.get("alphabet")
        if not isinstance(features, dict) or not isinstance(alphabet, dict):
            raise FolderError("the processor's settings must have tables 'features' and 'alphabet'")
        return cls(LogMel.from_folder(features, files), Alphabet.from_folder(alphabet, files))

    def settings(self) -> dict[str, Any]:
        """Plain values for ``config.json``."""
        return {"features": self.log_mel.settings(), "alphabet": self.alphabet.settings()}

    def files(self) -> dict[str, bytes]:
        """The files to write into a model folder."""
        return self.alphabet.files()

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The labels by index."""
        return self.alphabet.vocabulary

    def with_vocabulary(self, vocabulary: tuple[str, ...]) -> Speech:
        """The same features with other labels.

        Raises:
            UsageError: the labels are no alphabet.
        """
        return replace(self, alphabet=Alphabet(vocabulary))

    def read(
        self,
        source: AudioSource,
        sample_rate: float | None = None,
        channel: Channel = "auto",
    ) -> np.ndarray:
        """Samples of a recording at the features' rate.

        Raises:
            UsageError, DataError: as :func:`zoo.speech.audio.read_audio`.
        """
        return read_audio(source, sample_rate, self.log_mel.sample_rate, channel)
