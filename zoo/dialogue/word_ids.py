"""Tokens to ids of words and characters, in NumPy alone: an exported model has this file."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

import numpy as np

from zoo.dialogue.tokens import Token, spelt, word_key
from zoo.typography import plain_spelling

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

    A sign or a character that is not in the vocabulary is read as the one that it is a variant of:
    a curly quote as a straight one, an accented letter without its accent, a capital as a small
    letter.

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
    ids = (_word_id(token.text, words) for token in tokens)
    rows = np.fromiter(ids, np.int32, len(tokens))
    learnt = np.where(rows < known + FIRST, rows, UNKNOWN).astype(np.int32)
    characters = np.full((len(tokens), width), PADDING, np.int32)
    for row, token in enumerate(tokens):
        word = spelt(token.text)
        if len(word) > width:
            word = word[: width // 2] + word[-(width - width // 2) :]
        characters[row, : len(word)] = [_letter_id(one, letters) for one in word]
    return rows, learnt, characters


def _word_id(text: str, words: Mapping[str, int]) -> int:
    found = words.get(word_key(text))
    return words.get(word_key(plain_spelling(text)), UNKNOWN) if found is None else found


def _letter_id(letter: str, letters: Mapping[str, int]) -> int:
    if letter in letters:
        return letters[letter]
    plain = plain_spelling(letter)[:1]
    base = unicodedata.normalize("NFKD", letter)[:1]
    variants = (plain, base, letter.lower(), base.lower())
    return next((letters[one] for one in variants if one in letters), UNKNOWN)
