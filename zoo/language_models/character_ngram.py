"""The character n-gram language model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from zoo.errors import UsageError
from zoo.language_models.fusion import LanguageModel, by_label, check_texts, label_ids
from zoo.language_models.ngram import NgramModel, Ngrams, cache_of


class CharacterNgram(NgramModel):
    """A character n-gram model with the smoothing of :mod:`zoo.language_models.ngram`.

    Args:
        characters: the character of each symbol; the end of a text is one more symbol.
        ngrams: the counts.

    Raises:
        UsageError: an entry is not a single character, or the counts are for another number.
    """

    kind: ClassVar[str] = "characters"

    def __init__(self, characters: Sequence[str], ngrams: Ngrams) -> None:
        if ngrams.symbols != len(characters) + 1 or any(len(c) != 1 for c in characters):
            raise UsageError("a character model needs single characters and n-grams over them")
        super().__init__(characters, ngrams)

    @classmethod
    def train(cls, texts: Iterable[str], order: int = 6) -> CharacterNgram:
        """Count the n-grams of texts; each text is an utterance or line with a begin and an end.

        Raises:
            UsageError: there is no text, or the order is out of range.
        """
        texts = check_texts(texts)
        characters = sorted(set().union(*texts))
        ids = {character: number for number, character in enumerate(characters)}
        end = len(characters)
        coded = ([*(ids[c] for c in text), end] for text in texts)
        return cls(characters, Ngrams.count(coded, end + 1, order))

    def log_probability(self, text: str) -> float:
        """Natural log-probability of a text and its end."""
        alphabet = sorted(set(text)) or [""]
        labels = [alphabet.index(character) for character in text]
        return _log_probability(self.bind(alphabet), labels)

    def bind(
        self, alphabet: Sequence[str], characters: Mapping[str, str] | None = None
    ) -> LanguageModel:
        """The model over a recogniser's labels.

        Args:
            alphabet: text of each label by index; ``""`` for the blank.
            characters: the model's character for a label's text, where they differ, such as
                ``{"|": " "}``.

        Raises:
            UsageError: the alphabet is empty or not a list of texts.
        """
        return _BoundCharacters(self.ngrams, label_ids(alphabet, self.symbols, characters))


class _BoundCharacters:
    """Its states are histories of the n-gram model."""

    def __init__(self, ngrams: Ngrams, ids: np.ndarray) -> None:
        self.labels = len(ids)
        self._ngrams, self._ids = ngrams, ids
        self._following = cache_of(self.labels)(self._log_probs)

    def _log_probs(self, history: tuple[int, ...]) -> np.ndarray:
        return by_label(np.log(self._ngrams.probabilities(history)), self._ids)

    def start(self) -> tuple[Any, np.ndarray]:
        state = self._ngrams.start()
        return state, self._following(state)

    def advance(self, states: Sequence[Any], labels: np.ndarray) -> tuple[list[Any], np.ndarray]:
        # An unknown character clears the history.
        after = [
            self._ngrams.history(state, symbol) if symbol >= 0 else ()
            for state, symbol in zip(states, self._ids[labels].tolist(), strict=True)
        ]
        return after, np.stack([self._following(state) for state in after])

    def finish(self, states: Sequence[Any]) -> np.ndarray:
        return np.log([self._ngrams.probabilities(state)[-1] for state in states])


def _log_probability(model: LanguageModel, labels: Sequence[int]) -> float:
    state, following = model.start()
    total = 0.0
    for label in labels:
        total += float(following[label])
        (state,), (following,) = model.advance([state], np.array([label]))
    return total + float(model.finish([state])[0])
