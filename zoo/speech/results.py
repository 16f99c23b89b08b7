"""Results of speech recognition: transcripts and alignments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from zoo.ctc.grammar import Phrase
from zoo.ctc.results import Alternative, Word
from zoo.speech.subtitles import to_srt, to_vtt


@dataclass(frozen=True)
class Transcript:
    """What was said.

    Args:
        text: the text.
        words: each with its start and end in seconds, and its confidence, 0 to 1. CTC puts a
            character into a frame or two near where it is heard, so times are good to about a
            tenth of a second.
        confidence: 0 to 1: the geometric mean of the characters' confidences, or for a model whose
            confidences are calibrated the mean of the words', which is the share of them to be
            expected right. With given phrases it is the probability of the answer.
        alternatives: the ``n_best`` texts, this one first. With given phrases there is at least the
            runner-up beside it; a text that is none of them is empty.
        seconds: length of the recording.
        phrases: of given phrases those that were said, as they were given; ``None`` if none were
            given.
        doubts: why the text may be wrong or missing, in words; empty if there is no reason.
    """

    text: str
    words: tuple[Word, ...] = field(repr=False)
    confidence: float
    alternatives: tuple[Alternative, ...] = field(repr=False)
    seconds: float
    phrases: tuple[Phrase, ...] | None = field(default=None, repr=False)
    doubts: tuple[str, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return self.text

    @property
    def slots(self) -> dict[str, str]:
        """The named slots of the phrases that were said, each with its text.

        Of a slot that several phrases have it is the last one's; ``phrases`` has each.
        """
        return {name: text for phrase in self.phrases or () for name, text in phrase.slots}

    def to_dict(self) -> dict[str, Any]:
        """The transcript as plain JSON values: times to milliseconds, the rest to 4 decimals."""
        given: dict[str, Any] = {}
        if self.phrases is not None:
            phrases = [{"text": one.text, "slots": dict(one.slots)} for one in self.phrases]
            given = {"slots": self.slots, "phrases": phrases}
        return {
            "text": self.text,
            **given,
            "confidence": round(self.confidence, 4),
            "seconds": round(self.seconds, 3),
            "words": [word.to_dict() for word in self.words],
            "alternatives": [other.to_dict() for other in self.alternatives],
            "doubts": list(self.doubts),
        }

    def to_srt(self) -> str:
        """The transcript as SubRip subtitles (SRT)."""
        return to_srt(self.words)

    def to_vtt(self) -> str:
        """The transcript as WebVTT subtitles."""
        return to_vtt(self.words)


@dataclass(frozen=True)
class Alignment:
    """Where a known text stands in a recording.

    Args:
        text: the text.
        words: each with its start and end in seconds and its confidence.
        characters: the same for each character, spaces included.
        log_probability: natural log-probability of the text under the network.
    """

    text: str
    words: tuple[Word, ...] = field(repr=False)
    characters: tuple[Word, ...] = field(repr=False)
    log_probability: float

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """The alignment as plain JSON values: times to milliseconds, the rest to 4 decimals."""
        return {
            "text": self.text,
            "log_probability": round(self.log_probability, 4),
            "words": [word.to_dict() for word in self.words],
            "characters": [character.to_dict() for character in self.characters],
        }
