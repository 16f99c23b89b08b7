"""What the beam search asks of a language model, and how labels become a model's characters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from zoo.errors import UsageError

UNKNOWN = math.log(1e-6)
"""Log-probability of a label that the language model does not know."""


class LanguageModel(Protocol):
    """What the beam search asks of a language model.

    States belong to the model and are values: the search keeps one a hypothesis, and may go on from
    the same state many times. Log-probabilities are natural; ``-inf`` forbids.

    Attributes:
        labels: number of the recogniser's labels, the blank included.
    """

    labels: int

    def start(self) -> tuple[Any, np.ndarray]:
        """The state before any label, and ``(labels,)`` log-probabilities of the first."""
        ...

    def advance(self, states: Sequence[Any], labels: np.ndarray) -> tuple[list[Any], np.ndarray]:
        """Add a label to each of several hypotheses, all at once.

        Args:
            states: one a hypothesis.
            labels: ``(hypotheses,)`` ints.

        Returns:
            The new states, and ``(hypotheses, labels)`` log-probabilities of the next label.
        """
        ...

    def finish(self, states: Sequence[Any]) -> np.ndarray:
        """``(hypotheses,)`` log-probability that the text ends there."""
        ...


def by_label(log_probs: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """``(labels,)`` of a model's own log-probabilities, by :func:`label_ids`."""
    return np.where(ids >= 0, np.asarray(log_probs, np.float64)[ids], UNKNOWN)


def check_texts(texts: Iterable[str]) -> list[str]:
    """Return the texts as a list.

    Raises:
        UsageError: there are none, or they are no texts.
    """
    if isinstance(texts, str):
        raise UsageError("texts must be a list of texts, not one text")
    found = list(texts)
    if not found or not all(isinstance(text, str) for text in found) or not any(found):
        raise UsageError("there are no texts to train on")
    return found


def check_alphabet(alphabet: Sequence[str]) -> tuple[str, ...]:
    """Return the text of each label.

    Raises:
        UsageError: it is no list of texts.
    """
    if isinstance(alphabet, str) or not alphabet or not all(isinstance(t, str) for t in alphabet):
        raise UsageError("an alphabet is a list of each label's text")
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
        characters: the model's.
        renamed: the model's character for a label's text, where it is another one.
        loose: take the same letter in the other case and a line break for a space, where the model
            lacks the character itself.

    Raises:
        UsageError: the alphabet is no list of texts.
    """
    known = {character: number for number, character in enumerate(characters)}
    found = []
    for text in check_alphabet(alphabet):
        text = (renamed or {}).get(text, text)
        ways = [text, text.swapcase(), "\n" if text == " " else text] if loose else [text]
        found.append(next((known[way] for way in ways if way in known), -1))
    return np.array(found, np.int64)
