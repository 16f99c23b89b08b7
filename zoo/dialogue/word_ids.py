"""Tokens to ids of words and characters, in NumPy alone: an exported model has this file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from zoo.dialogue.tokens import Token, word_key

PADDING, UNKNOWN, FIRST = 0, 1, 2
"""Ids of padding, what is not in the vocabulary, and the first entry."""


def numbered(entries: Sequence[str]) -> dict[str, int]:
    """The ids of a vocabulary's entries."""
    return {entry: number for number, entry in enumerate(entries, FIRST)}


def token_ids(
    tokens: Sequence[Token],
    words: Mapping[str, int],
    known: int,
    letters: Mapping[str, int],
    width: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tokens as ids.

    Args:
        tokens: the words of a message.
        words: ids of the words by :func:`~zoo.dialogue.tokens.word_key`.
        known: how many of them, from the first, have a vector that was learnt in training.
        letters: ids of the characters.
        width: how many characters of a word are read; of a longer one the first and last halves.

    Returns:
        Rows of the word vectors ``(tokens,)``, rows of the learnt vectors ``(tokens,)``, and
        characters ``(tokens, width)``, padded at the end; int32 each.
    """
    ids = (words.get(word_key(token.text), UNKNOWN) for token in tokens)
    rows = np.fromiter(ids, np.int32, len(tokens))
    learnt = np.where(rows < known + FIRST, rows, UNKNOWN).astype(np.int32)
    characters = np.full((len(tokens), width), PADDING, np.int32)
    for row, token in enumerate(tokens):
        word = token.text
        if len(word) > width:
            word = word[: width // 2] + word[-(width - width // 2) :]
        characters[row, : len(word)] = [letters.get(one, UNKNOWN) for one in word]
    return rows, learnt, characters
