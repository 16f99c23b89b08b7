"""The word n-gram language model, spelled letter by letter, with a closed or open vocabulary."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from zoo.errors import UsageError
from zoo.language_models.fusion import LanguageModel, check_alphabet, check_texts
from zoo.language_models.ngram import SMOOTHINGS, NgramModel, Ngrams, cache_of
from zoo.values import is_whole

MAX_UNKNOWN_ORDER = 8
"""Maximum length of the n-grams of letters that spell unknown words."""


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
    def train(
        cls, texts: Iterable[str], order: int = 3, smoothing: str = SMOOTHINGS[0]
    ) -> WordNgram:
        """Count the n-grams of texts, split at white space; each text has a begin and an end.

        A plain list of words works too: with ``order=1`` every word is equally likely.

        Args:
            texts: what to count in.
            order: words of an n-gram.
            smoothing: see :mod:`zoo.language_models.ngram`; ``"kneser-ney"`` for long texts.

        Raises:
            UsageError: there is no text, or an argument is out of range.
        """
        lines = [text.split() for text in check_texts(texts)]
        words = sorted(set().union(*lines))
        if not words:
            raise UsageError("there are no words to train on")
        ids = {word: number for number, word in enumerate(words)}
        end = len(words)
        coded = ([*(ids[word] for word in line), end] for line in lines)
        return cls(words, Ngrams.count(coded, end + 1, order, smoothing))

    def bind(
        self,
        alphabet: Sequence[str],
        separator: str = " ",
        unknown_word_probability: float = 0.0,
        unknown_word_order: int = 0,
    ) -> LanguageModel:
        """The model over a recogniser's labels, which spell words of this vocabulary.

        Each label gets the probability of all words that continue with it, so that a word's whole
        probability is spent at its end and nothing has to wait for the separator. Words that the
        alphabet cannot spell are ignored.

        Args:
            alphabet: text of each label by index; ``""`` for the blank.
            separator: text of the label between words.
            unknown_word_probability: probability that a word is not in the vocabulary. 0 closes the
                vocabulary.
            unknown_word_order: order of the n-grams of letters, counted in the words of the
                vocabulary, that spell such a word; with 0 all its letters are equally likely.

        Raises:
            UsageError: there is no separator in the alphabet, no word can be spelled, or an
                argument is out of range.
        """
        if not 0.0 <= unknown_word_probability < 1.0:
            raise UsageError(
                "unknown_word_probability must be from 0 to below 1, "
                f"not {unknown_word_probability!r}"
            )
        if not is_whole(unknown_word_order) or not 0 <= unknown_word_order <= MAX_UNKNOWN_ORDER:
            raise UsageError(
                f"unknown_word_order must be from 0 to {MAX_UNKNOWN_ORDER}, "
                f"not {unknown_word_order!r}"
            )
        return _BoundWords(
            self,
            check_alphabet(alphabet),
            separator,
            unknown_word_probability,
            unknown_word_order,
        )


@dataclass(frozen=True)
class _WordState:
    """The position of a hypothesis in the vocabulary.

    Args:
        history: the previous words, as a history of the word model.
        first, last: the words with the current prefix, as a range of the sorted vocabulary.
        length: number of letters of the current word so far.
        unknown: probability of these letters given that the word is unknown.
        begun: whether there is a word before this one.
        spelled: the last letters, as a history of what spells unknown words.
    """

    history: tuple[int, ...]
    first: int
    last: int
    length: int
    unknown: float
    begun: bool
    spelled: tuple[int, ...]


class _Spelling:
    """Spells words outside of the vocabulary as those in it are spelled.

    Args:
        letters: ``(letters,)`` their labels, ascending.
        words: the labels of each word to learn from.
        order: of the n-grams; with 0 all letters are equally likely, and so, after the first one,
            is the end of the word.
    """

    def __init__(self, letters: np.ndarray, words: Sequence[tuple[int, ...]], order: int) -> None:
        self._count = len(letters)
        self._ngrams: Ngrams | None = None
        if order and words:
            places = {int(label): place for place, label in enumerate(letters)}
            coded = ([*(places[label] for label in word), self._count] for word in words)
            self._ngrams = Ngrams.count(coded, self._count + 1, order)

    def start(self) -> tuple[int, ...]:
        """The history at the beginning of a word."""
        return self._ngrams.start() if self._ngrams else ()

    def after(self, history: tuple[int, ...], place: int) -> tuple[int, ...]:
        """The history after one more letter."""
        return self._ngrams.history(history, place) if self._ngrams else ()

    def letters(self, history: tuple[int, ...], length: int) -> np.ndarray:
        """Probability of each letter after so many of them, ``(letters,)``."""
        if self._ngrams is None:
            return np.full(self._count, 1.0 / (self._count + (length > 0)))
        found: np.ndarray = self._ngrams.probabilities(history)
        return found[:-1] if length else found[:-1] / (1.0 - found[-1])

    def end(self, history: tuple[int, ...]) -> float:
        """Probability that a word with letters ends here."""
        if self._ngrams is None:
            return 1.0 / (self._count + 1)
        return float(self._ngrams.probabilities(history)[-1])


class _BoundWords:
    """The words, sorted as label sequences, form a prefix tree: each prefix is a range of them.

    With ``P`` the probability of a range of words, and ``u`` of an unknown one, the probability of
    a letter after a prefix is ``((1 - u) P(longer) + u q(longer)) / ((1 - u) P(prefix) + u
    q(prefix))``, where ``q`` spells unknown words.
    """

    def __init__(
        self,
        model: WordNgram,
        alphabet: tuple[str, ...],
        separator: str,
        unknown: float,
        unknown_order: int,
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
        self._spelling = _Spelling(self._letters, self._spellings if unknown else [], unknown_order)
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
            spelled = self._spelling.letters(state.spelled, state.length)
            probabilities[self._letters] = self._unknown * state.unknown * spelled
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
        ends = self._unknown * state.unknown * self._spelling.end(state.spelled)
        return float((1.0 - self._unknown) * known + ends)

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
        start = self._spelling.start()
        return _WordState(history, 0, len(self._spellings), 0, 1.0, begun, start)

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
        place = int(np.searchsorted(self._letters, label))
        spelled = self._spelling.letters(state.spelled, state.length)[place]
        return _WordState(
            state.history,
            first,
            last,
            state.length + 1,
            state.unknown * float(spelled),
            state.begun,
            self._spelling.after(state.spelled, place),
        )

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
