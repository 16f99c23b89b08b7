"""New utterances out of the words of old ones.

A small corpus has each word in few neighbourhoods, and a network learns the neighbourhoods by
heart. Words that were cut out by forced alignment and put together in another order, each utterance
out of one speaker's words, undo that; the idea is that of aligned data augmentation (Lam et al.
2021, arXiv:2104.01393).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from zoo.speech.processor import Utterance

if TYPE_CHECKING:
    from zoo.speech.recognition import SpeechRecognition

_LONGEST_RUN = 3
_WINDOW_SECONDS = 0.02
_FADE_SECONDS = 0.008


class Splicer:
    """Puts runs of one to three neighbouring words of a speaker together.

    Args:
        utterances: where the words come from.
        model: a recogniser that finds the words in them.
    """

    def __init__(self, utterances: Sequence[Utterance], model: SpeechRecognition) -> None:
        self._utterances = utterances
        self._rate = model.processor.log_mel.sample_rate
        self._words: list[list[str]] = []
        self._cuts: list[np.ndarray] = []
        self._speakers: dict[str, list[int]] = {}
        self._speaker: list[str] = []
        for number in tqdm(range(len(utterances)), desc="finding words", delay=2, leave=False):
            utterance = utterances[number]
            places = model.align(utterance.samples, utterance.text, self._rate).words
            self._words.append(utterance.text.split())
            self._cuts.append(cut_points(utterance.samples, places, self._rate))
            self._speakers.setdefault(utterance.speaker, []).append(number)
            self._speaker.append(utterance.speaker)

    def make(self, number: int, rng: np.random.Generator) -> tuple[np.ndarray, str]:
        """A new utterance of the speaker of an old one, with about as many words.

        Args:
            number: of the old utterance.
            rng: of all draws.

        Returns:
            ``(samples,)`` float32 and what is said.
        """
        choices = self._speakers[self._speaker[number]]
        pieces: list[np.ndarray] = []
        words: list[str] = []
        while len(words) < len(self._words[number]):
            source = choices[int(rng.integers(len(choices)))]
            count = len(self._words[source])
            first = int(rng.integers(count))
            last = min(count, first + int(rng.integers(1, _LONGEST_RUN + 1)))
            cuts = self._cuts[source]
            pieces.append(self._utterances[source].samples[cuts[first] : cuts[last]])
            words += self._words[source][first:last]
        return join(pieces, round(_FADE_SECONDS * self._rate)), " ".join(words)


def cut_points(samples: np.ndarray, words: Sequence[Any], rate: int) -> np.ndarray:
    """Where to cut an utterance so that each piece holds one word.

    Between two words that is the quietest moment from the last character of one to the first of the
    next; the ends are those of the utterance.

    Args:
        samples: ``(samples,)``.
        words: with ``start`` and ``end`` in seconds, in order.
        rate: samples a second.

    Returns:
        ``(words + 1,)`` positions in rising order.
    """
    window = round(_WINDOW_SECONDS * rate)
    energy = np.convolve(np.square(samples, dtype=np.float64), np.ones(window), mode="same")
    cuts = [0]
    for word, other in itertools.pairwise(words):
        begin = min(max(cuts[-1], int(word.end * rate)), len(samples) - 1)
        end = min(max(begin + 1, int(other.start * rate)), len(samples))
        cuts.append(begin + int(energy[begin:end].argmin()))
    return np.array([*cuts, len(samples)])


def join(pieces: Sequence[np.ndarray], fade: int) -> np.ndarray:
    """Put pieces one after the other, each faded into the next over ``fade`` samples."""
    joined = pieces[0]
    for piece in pieces[1:]:
        length = min(fade, len(joined), len(piece))
        ramp = np.linspace(0.0, 1.0, length, dtype=np.float32)
        middle = joined[len(joined) - length :] * (1 - ramp) + piece[:length] * ramp
        joined = np.concatenate([joined[: len(joined) - length], middle, piece[length:]])
    return joined.astype(np.float32)
