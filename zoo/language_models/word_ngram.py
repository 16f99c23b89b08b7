"""The word n-gram language model, spelled letter by letter, with a closed or open vocabulary."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from zoo.errors import UsageError
from zoo.language_models.fusion import LanguageModel, check_alphabet, check_texts
from zoo.language_models.ngram import NgramModel, Ngrams, cache_of


class WordNgram(NgramModel):
    """A word n-gram model with the smoothing of :mod:`zoo.language_models.ngram`.

    Args:
        words: the word of each symbol; the end of a text is one more symbol.
        ngrams: the counts.

    Raises:
        UsageError: a word is empty or the counts are for another number.
    """

    kind: ClassVar[str] = "words"

    def __init__(self, words: Sequence[str], ngrams: Ngrams) -> None:
        if ngrams.symbols != len(words) + 1 or not all(words):
            raise UsageError("a word model needs words and n-grams over them")
        super().__init__(words, ngrams)

    @classmethod
    def train(cls, texts: Iterable[str], order: int = 3) -> WordNgram:
        """Count the n-grams of texts, split at white space; each text has a begin and an end.

        A plain list of words works too: with ``order=1`` every word is equally likely.

        Raises:
            UsageError: there is no text, or the order is out of range.
        """
        lines = [text.split() for text in check_texts(texts)]
        words = sorted(set().union(*lines))
        if not words:
            raise UsageError("there are no words to train on")
        ids = {word: number for number, word in enumerate(words)}
        end = len(words)
        coded = ([*(ids[word] for word in line), end] for line in lines)
        return cls(words, Ngrams.count(coded, end + 1, order))

    def bind(
        self,
        alphabet: Sequence[str],
        separator: str = " ",
        unknown_word_probability: float = 0.0,
    ) -> LanguageModel:
        """The model over a recogniser's labels, which spell words of this vocabulary.

        Each label gets the probability of all words that continue with it, so that a word's whole
        probability is spent at its end and nothing has to wait for the separator. Words that the
        alphabet cannot spell are ignored.

        Args:
            alphabet: text of each label by index; ``""`` for the blank.
            separator: text of the label between words.
            unknown_word_probability: probability that a word is not in the vocabulary; such a word
                is spelled by labels that are all equally likely. 0 closes the vocabulary.

        Raises:
            UsageError: there is no separator in the alphabet, no word can be spelled, or the
                probability is out of range.
        """
        if not 0.0 <= unknown_word_probability < 1.0:
            raise UsageError(
                "unknown_word_probability must be from 0 to below 1, "
                f"not {unknown_word_probability!r}"
            )
        return _BoundWords(self, check_alphabet(alphabet), separator, unknown_word_probability)


@dataclass(frozen=True)
class _WordState:
    """The position of a hypothesis in the vocabulary.

    Args:
        history: the previous words, as a history of the word model.
        first, last: the words with the current prefix, as a range of the sorted vocabulary.
        length: number of letters of the current word so far.
        unknown: probability of these letters given that the word is unknown.
        begun: whether there is a word before this one.
    """

    history: tuple[int, ...]
    first: int
    last: int
    length: int
    unknown: float
    begun: bool


class _BoundWords:
    """The words, sorted as label sequences, form a prefix tree: each prefix is a range of them.

    With ``P`` the probability of a range of words, and ``u`` of an unknown one, the probability of
    a letter after a prefix is ``((1 - u) P(longer) + u q(longer)) / ((1 - u) P(prefix) + u
    q(prefix))``, where ``q`` spells unknown words.
    """

    def __init__(
        self, model: WordNgram, alphabet: tuple[str, ...], separator: str, unknown: float
    ) -> None:
        if separator not in alphabet:
            raise UsageError(f"the alphabet has no separator {separator!r}")
        self.labels = len(alphabet)
        self._ngrams, self._unknown = model.ngrams, unknown
        self._separator = alphabet.index(separator)
        index = {text: label for label, text in enumerate(alphabet) if text and text != separator}
        self._letters = np.array(sorted(index.values()), np.int64)
        spelled = sorted(
            (tuple(index[c] for c in word), symbol)
            for symbol, word in enumerate(model.symbols)
            if all(c in index for c in word)
        )
        if not spelled:
            raise UsageError("the alphabet can spell none of the language model's words")
        self._spellings = [spelling for spelling, _ in spelled]
        self._symbols = np.array([symbol for _, symbol in spelled], np.int64)
        self._end = model.ngrams.symbols - 1
        self._known = cache_of(len(spelled))(self._cumulated)
        self._following = cache_of(self.labels)(self._log_probs)
        self._children = cache_of(self.labels)(self._ranges)

    def _cumulated(self, history: tuple[int, ...]) -> np.ndarray:
        """Cumulative probability of the words before each word, and of all: ``(words + 1,)``.

        Conditioned on a word that can be spelled coming next.
        """
        words = self._ngrams.probabilities(history)[self._symbols]
        return np.concatenate([[0.0], np.cumsum(words / words.sum())])

    def _ranges(self, first: int, last: int, length: int) -> tuple[np.ndarray, np.ndarray, bool]:
        """The next letters of a range of words, the start of each letter's words, and a flag.

        The flag says whether the prefix itself is a word, which is then the first of the range.
        """
        whole = last > first and len(self._spellings[first]) == length
        at = first + whole
        letters, starts = [], []
        while at < last:
            letter = self._spellings[at][length]
            letters.append(letter)
            starts.append(at)
            prefix = (*self._spellings[at][:length], letter + 1)
            at = bisect.bisect_left(self._spellings, prefix, at, last)
        return np.array(letters, np.int64), np.array([*starts, last], np.int64), whole

    def _log_probs(self, state: _WordState) -> np.ndarray:
        letters, starts, _ = self._children(state.first, state.last, state.length)
        probabilities = np.zeros(self.labels)
        before = self._weight(state)
        if before > 0.0:
            cumulated = self._known(state.history)
            probabilities[self._letters] = self._unknown * state.unknown * self._spell(state)
            probabilities[letters] += (1.0 - self._unknown) * np.diff(cumulated[starts])
            probabilities[self._separator] = self._word_weight(state) * (1.0 - self._ending(state))
            probabilities /= before
            if not state.begun and not state.length:
                probabilities *= 1.0 - float(self._ngrams.probabilities(state.history)[self._end])
        with np.errstate(divide="ignore"):
            return np.log(probabilities)

    def _weight(self, state: _WordState) -> float:
        """Probability of the letters so far."""
        cumulated = self._known(state.history)
        known = cumulated[state.last] - cumulated[state.first]
        return float((1.0 - self._unknown) * known + self._unknown * state.unknown)

    def _word_weight(self, state: _WordState) -> float:
        """Probability that the letters so far are the whole word."""
        if not state.length:
            return 0.0
        whole = self._children(state.first, state.last, state.length)[2]
        cumulated = self._known(state.history)
        known = cumulated[state.first + 1] - cumulated[state.first] if whole else 0.0
        return float(
            (1.0 - self._unknown) * known + self._unknown * state.unknown * self._spell(state)
        )

    def _spell(self, state: _WordState) -> float:
        """Probability of each letter of an unknown word: all are equally likely, and so, after the
        first one, is the end of the word."""
        return 1.0 / (len(self._letters) + (state.length > 0))

    def _ending(self, state: _WordState) -> float:
        """Probability that no word follows this one."""
        return float(self._ngrams.probabilities(self._after_word(state))[self._end])

    def _after_word(self, state: _WordState) -> tuple[int, ...]:
        if self._children(state.first, state.last, state.length)[2]:
            return self._ngrams.history(state.history, int(self._symbols[state.first]))
        return ()

    def start(self) -> tuple[Any, np.ndarray]:
        state = self._new_word(self._ngrams.start(), begun=False)
        return state, self._following(state)

    def _new_word(self, history: tuple[int, ...], begun: bool) -> _WordState:
        return _WordState(history, 0, len(self._spellings), 0, 1.0, begun)

    def advance(self, states: Sequence[Any], labels: np.ndarray) -> tuple[list[Any], np.ndarray]:
        after = [
            self._advance(state, label)
            for state, label in zip(states, labels.tolist(), strict=True)
        ]
        return after, np.stack([self._following(state) for state in after])

    def _advance(self, state: _WordState, label: int) -> _WordState:
        if label == self._separator:
            return self._new_word(self._after_word(state), begun=True)
        letters, starts, _ = self._children(state.first, state.last, state.length)
        at = int(np.searchsorted(letters, label))
        first = last = 0
        if at < len(letters) and letters[at] == label:
            first, last = int(starts[at]), int(starts[at + 1])
        unknown = state.unknown * self._spell(state)
        length = state.length + 1
        return _WordState(state.history, first, last, length, unknown, state.begun)

    def finish(self, states: Sequence[Any]) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return np.log([self._finish(state) for state in states])

    def _finish(self, state: _WordState) -> float:
        if state.length:
            before = self._weight(state)
            return self._word_weight(state) * self._ending(state) / before if before else 0.0
        ending = float(self._ngrams.probabilities(state.history)[self._end])
        # A trailing separator counts as if it were not there.
        return ending / (1.0 - ending) if state.begun else ending
