"""Messages and candidates to arrays: ids, and how far words look alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from zoo.dialogue.tokens import word_key
from zoo.dialogue.tracking.ontology import MAX_WORDS, Ontology
from zoo.dialogue.word_ids import UNKNOWN
from zoo.dialogue.words import WordIds, Words
from zoo.errors import FolderError, UsageError

LIKE = 0.8
"""Words that are less alike, by edit distance, do not match at all."""

SHORTEST = 5
"""Characters of a word that may differ a little."""

MAX_MATCHES = 100_000_000
"""Words of a message times words of all candidates."""


@dataclass(frozen=True)
class CandidateIds:
    """An ontology's candidates as ids.

    Args:
        words: ``(candidates, words)`` int32 rows of word vectors, padded with 0.
        slots: the same of the names of their slots.
        kinds: ``(candidates,)`` int32.
    """

    words: np.ndarray
    slots: np.ndarray
    kinds: np.ndarray


@dataclass(frozen=True)
class TrackedWords:
    """The vocabulary of a tracker and its ontology.

    Args:
        words: the vocabulary.
        ontology: what a dialogue may be about.
    """

    adjustable: ClassVar[tuple[str, ...]] = ("ontology",)

    words: Words
    ontology: Ontology

    def adjusted(self, *, ontology: Any) -> TrackedWords:
        """The same words for another ontology.

        Args:
            ontology: an :class:`~zoo.dialogue.tracking.ontology.Ontology`, or a table of slots.

        Raises:
            UsageError: it is none.
        """
        return replace(self, ontology=Ontology.from_values(ontology))

    def with_copied(self, texts: Iterable[str]) -> TrackedWords:
        """The same, with the words of some texts as values of the open slots."""
        ontology = self.ontology.with_copied(texts)
        return self if ontology is self.ontology else replace(self, ontology=ontology)

    @classmethod
    def from_folder(cls, settings: Mapping[str, Any], files: Mapping[str, bytes]) -> TrackedWords:
        """Rebuild from a model folder's settings and files.

        Raises:
            FolderError: a file or a setting is missing or malformed.
        """
        words = Words.from_files(settings, files)
        try:
            return cls(words, Ontology.from_values(settings.get("ontology")))
        except UsageError as error:
            raise FolderError(f"config.json, processor: {error}") from None

    def settings(self) -> dict[str, Any]:
        """Plain values for ``config.json``."""
        return {**self.words.settings(), "ontology": self.ontology.to_values()}

    def files(self) -> dict[str, bytes]:
        """The vocabulary files of a model folder."""
        return self.words.files()

    def encode(self, text: str) -> WordIds:
        """A message as ids."""
        return self.words.encode(text)

    @cached_property
    def candidates(self) -> CandidateIds:
        """The candidates as ids."""
        found = self.ontology.candidates
        return CandidateIds(
            self._rows([one.words for one in found]),
            self._rows([tuple(one.slot.lower().split()) for one in found]),
            np.asarray([one.kind for one in found], np.int32),
        )

    def matches(self, ids: WordIds) -> tuple[np.ndarray, np.ndarray]:
        """How far the words of a message look like those of the candidates.

        Args:
            ids: the message.

        Returns:
            For each token and candidate the likeness of the candidate's nearest word ``(tokens,
            candidates)``, from 0 to 1, and for each candidate the mean over its words of the
            nearest token's likeness ``(candidates,)``; both float32.

        Raises:
            UsageError: the message is too long for so large an ontology.
        """
        if len(ids.tokens) * self._places.size > MAX_MATCHES:
            raise UsageError(
                f"a message of {len(ids.tokens):,} words is too long for an ontology of "
                f"{len(self._places):,} candidates; shorten the message or the ontology"
            )
        tokens = [word_key(token.text) for token in ids.tokens]
        likeness = self._likeness(tokens)
        nearest = likeness[:, self._places]  # (tokens, candidates, words)
        if not len(tokens):
            return np.zeros((0, len(self._places)), np.float32), np.zeros(
                len(self._places), np.float32
            )
        covered = nearest.max(axis=0).sum(axis=1) / np.maximum(self._counts, 1)
        return nearest.max(axis=2), covered.astype(np.float32)

    @cached_property
    def _vocabulary(self) -> list[str]:
        """The different words of all candidates; the first is no word."""
        words = {word for one in self.ontology.candidates for word in one.words}
        return ["", *sorted(words)]

    @cached_property
    def _places(self) -> np.ndarray:
        """``(candidates, words)`` where the words of each candidate are in the vocabulary."""
        place = {word: number for number, word in enumerate(self._vocabulary)}
        found = [one.words for one in self.ontology.candidates]
        longest = max(map(len, found), default=1) or 1
        places = np.zeros((len(found), longest), np.int64)
        for row, words in enumerate(found):
            places[row, : len(words)] = [place[word] for word in words]
        return places

    @cached_property
    def _counts(self) -> np.ndarray:
        return np.asarray([len(one.words) for one in self.ontology.candidates], np.float32)

    def _likeness(self, tokens: list[str]) -> np.ndarray:
        """``(tokens, vocabulary)``: 1 for the same word, less for one that is spelt alike."""
        from rapidfuzz import process
        from rapidfuzz.distance import Levenshtein

        if not tokens:
            return np.zeros((0, len(self._vocabulary)), np.float32)
        found = process.cdist(
            tokens,
            self._vocabulary,
            scorer=Levenshtein.normalized_similarity,
            score_cutoff=LIKE,
            dtype=np.float32,
        )
        # A word that begins otherwise is another: "inexpensive" is not "expensive".
        begins = np.asarray([token[:1] for token in tokens])
        others = begins[:, None] != np.asarray([word[:1] for word in self._vocabulary])
        short = np.asarray([len(token) < SHORTEST for token in tokens])
        found[(others | short[:, None]) & (found < 1)] = 0.0
        found[:, 0] = 0.0
        return found

    def _rows(self, names: list[tuple[str, ...]]) -> np.ndarray:
        longest = max(map(len, names), default=1) or 1
        rows = np.zeros((len(names), min(longest, MAX_WORDS)), np.int32)
        table: dict[str, int] = self.words._words  # type: ignore[attr-defined]
        for number, words in enumerate(names):
            ids = [table.get(word, UNKNOWN) for word in words[:MAX_WORDS]]
            rows[number, : len(ids)] = ids
        return rows
