"""The interface of a language model in beam search, and the mapping from labels to characters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from zoo.errors import UsageError

UNKNOWN = math.log(1e-6)
"""Log-probability of a label that the language model does not know."""


class LanguageModel(Protocol):
    """The interface of a language model in beam search.

    States are immutable values that only the model interprets: the search keeps one per hypothesis
    and may continue from the same state many times. Log-probabilities are natural; ``-inf`` forbids
    a label.

    Attributes:
        labels: number of the recogniser's labels, the blank included.
    """

    labels: int

    def start(self) -> tuple[Any, np.ndarray]:
        """The state before any label, and ``(labels,)`` log-probabilities of the first label."""
        ...

    def advance(self, states: Sequence[Any], labels: np.ndarray) -> tuple[list[Any], np.ndarray]:
        """Add one label to each of several hypotheses.

        Args:
            states: one per hypothesis.
            labels: ``(hypotheses,)`` ints.

        Returns:
            The new states, and ``(hypotheses, labels)`` log-probabilities of the next label.
        """
        ...

    def finish(self, states: Sequence[Any]) -> np.ndarray:
        """``(hypotheses,)`` log-probability that the text ends here."""
        ...


def by_label(log_probs: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """A model's log-probabilities rearranged to ``(labels,)`` by :func:`label_ids`."""
    return np.where(ids >= 0, np.asarray(log_probs, np.float64)[ids], UNKNOWN)


def weighted(log_probs: np.ndarray, weight: float) -> np.ndarray:
    """Log-probabilities times a weight; what is forbidden stays so at weight 0."""
    with np.errstate(invalid="ignore"):  # there the product is NaN
        return np.where(np.isneginf(log_probs), -np.inf, np.asarray(log_probs) * weight)


def check_texts(texts: Iterable[str]) -> list[str]:
    """Return the texts as a list.

    Raises:
        UsageError: the list is empty, or not a list of texts.
    """
    if isinstance(texts, str):
        raise UsageError("texts must be a list of texts, not a single text")
    listed = list(texts)
    if not listed or not all(isinstance(text, str) for text in listed) or not any(listed):
        raise UsageError("there are no texts to train on")
    return listed


def check_alphabet(alphabet: Sequence[str]) -> tuple[str, ...]:
    """Return the text of each label.

    Raises:
        UsageError: it is not a list of texts.
    """
    if isinstance(alphabet, str) or not alphabet or not all(isinstance(t, str) for t in alphabet):
        raise UsageError("the alphabet must be a list with the text of each label")
    return tuple(alphabet)


def label_ids(
    alphabet: Sequence[str],
    characters: Sequence[str],
    renamed: Mapping[str, str] | None,
    loose: bool = False,
) -> np.ndarray:
    """The model's symbol for each label: ``(labels,)``, -1 where it has none.

    Args:
        alphabet: text of each label by index; ``""`` for the blank.
        characters: the model's characters.
        renamed: the model's character for a label's text, where they differ.
        loose: if the model lacks a character, use the same letter in the other case, and a line
            break for a space.

    Raises:
        UsageError: the alphabet is not a list of texts.
    """
    known = {character: number for number, character in enumerate(characters)}
    ids = []
    for text in check_alphabet(alphabet):
        text = (renamed or {}).get(text, text)
        candidates = [text, text.swapcase(), "\n" if text == " " else text] if loose else [text]
        ids.append(next((known[candidate] for candidate in candidates if candidate in known), -1))
    return np.array(ids, np.int64)
