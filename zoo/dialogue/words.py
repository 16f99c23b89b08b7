"""Messages as ids of words and characters: what all dialogue networks read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from zoo.dialogue.spelling import Spelling
from zoo.dialogue.tokens import Token, base_letter, tokenize, word_key
from zoo.dialogue.word_ids import FIRST, numbered, token_ids
from zoo.errors import FolderError, UsageError
from zoo.folder.vocabulary import MAX_VOCABULARY

WORDS_FILE = "words.txt"
CHARACTERS_FILE = "characters.txt"

MAX_TOKENS = 25_000
"""Words, numbers and signs of a message at most; so many are read in seconds."""

_MAX_KEY = 64  # characters of a word in the vocabulary
_FREQUENT = 2_000  # words of the training data whose spelling counts


class WordIds(NamedTuple):
    """A message as ids.

    Args:
        tokens: the words, with their places in the message.
        words: ``(tokens,)`` int32 rows of the word vectors.
        known: ``(tokens,)`` int32 rows of the vectors that were learnt in training.
        characters: ``(tokens, word_characters)`` int32, padded at the end.
    """

    tokens: list[Token]
    words: np.ndarray
    known: np.ndarray
    characters: np.ndarray


@dataclass(frozen=True)
class Words:
    """The vocabulary of words and characters.

    Args:
        words: distinct keys of :func:`~zoo.dialogue.tokens.word_key`, those of the training data
            first.
        known: how many of them, from the first, have a vector that was learnt in training.
        characters: distinct characters.
        word_characters: how many characters of a word are read; of a longer one the first and last
            halves.

    Raises:
        UsageError: there are too many entries, or one is repeated or malformed.
    """

    words: tuple[str, ...]
    known: int
    characters: str
    word_characters: int = 16

    def __post_init__(self) -> None:
        if not len(self.words) + FIRST <= MAX_VOCABULARY:
            raise UsageError(f"a vocabulary has at most {MAX_VOCABULARY} words")
        if len(set(self.words)) != len(self.words) or len(set(self.characters)) != len(
            self.characters
        ):
            raise UsageError("a vocabulary must not repeat an entry")
        if not all(isinstance(w, str) and 0 < len(w) <= _MAX_KEY for w in self.words):
            raise UsageError(f"a word of a vocabulary has 1 to {_MAX_KEY} characters")
        if type(self.known) is not int or not 0 <= self.known <= len(self.words):
            raise UsageError(f"known must be from 0 to {len(self.words)}, not {self.known!r}")
        if type(self.word_characters) is not int or not 2 <= self.word_characters <= 64:
            raise UsageError(f"word_characters must be from 2 to 64, not {self.word_characters!r}")
        object.__setattr__(self, "_words", numbered(self.words))
        object.__setattr__(self, "_characters", numbered(self.characters))

    @classmethod
    def of_texts(
        cls,
        texts: Iterable[str],
        more: Sequence[str] = (),
        *,
        size: int,
        least: int = 1,
        least_characters: int = 3,
    ) -> Words:
        """The vocabulary of a corpus.

        Args:
            texts: the training messages.
            more: further words that have vectors, the most frequent first.
            size: number of words.
            least: how often a word must stand in the texts.
            least_characters: the same of characters.
        """
        words: Counter[str] = Counter()
        characters: Counter[str] = Counter()
        for text in texts:
            characters.update(text)
            words.update(word_key(token.text) for token in tokenize(text))
        learnt = [
            word
            for word, count in sorted(words.items(), key=lambda item: (-item[1], item[0]))
            if count >= least and len(word) <= _MAX_KEY
        ][:size]
        taken = set(learnt)
        others = [word for word in more if word not in taken and len(word) <= _MAX_KEY]
        seen = sorted(c for c, n in characters.items() if n >= least_characters and c.isprintable())
        return cls(
            (*learnt, *others[: size - len(learnt)]), len(learnt), "".join(seen).replace(" ", "")
        )

    @classmethod
    def from_files(cls, settings: Mapping[str, Any], files: Mapping[str, bytes]) -> Words:
        """Rebuild from a model folder's settings and files.

        Raises:
            FolderError: a file or a setting is missing or malformed.
        """
        texts = []
        for name in (WORDS_FILE, CHARACTERS_FILE):
            if name not in files:
                raise FolderError(f"the model folder has no {name}")
            try:
                texts.append(files[name].decode("utf-8").removesuffix("\n"))
            except UnicodeDecodeError:
                raise FolderError(f"{name} is not UTF-8 text") from None
        words = tuple(texts[0].split("\n")) if texts[0] else ()
        try:
            return cls(
                words, settings.get("known", 0), texts[1], settings.get("word_characters", 16)
            )
        except UsageError as error:
            raise FolderError(f"{WORDS_FILE}: {error}") from None

    @cached_property
    def base_letters(self) -> frozenset[str]:
        """The characters' letters, see :func:`~zoo.dialogue.tokens.base_letter`."""
        return frozenset(base_letter(one) for one in self.characters if one.isalpha())

    @cached_property
    def spelling(self) -> Spelling:
        """How words are spelt that have a vector, and those that were frequent in training.

        What was rare in training may be noise or codes itself.
        """
        return Spelling((*self.words[: min(self.known, _FREQUENT)], *self.words[self.known :]))

    def settings(self) -> dict[str, Any]:
        """Plain values for ``config.json``."""
        return {"known": self.known, "word_characters": self.word_characters}

    def files(self) -> dict[str, bytes]:
        """The vocabulary files of a model folder."""
        return {
            WORDS_FILE: ("\n".join(self.words) + "\n").encode(),
            CHARACTERS_FILE: (self.characters + "\n").encode(),
        }

    def encode(self, text: str) -> WordIds:
        """A message as ids.

        Raises:
            UsageError: it has too many words.
        """
        tokens = tokenize(text)
        if len(tokens) > MAX_TOKENS:
            raise UsageError(
                f"a message of {len(tokens):,} words and signs is too long; split it into parts of "
                f"at most {MAX_TOKENS:,}"
            )
        return self.encode_tokens(tokens)

    def encode_tokens(self, tokens: list[Token]) -> WordIds:
        """Tokens as ids."""
        table: dict[str, int] = self._words  # type: ignore[attr-defined]
        letters: dict[str, int] = self._characters  # type: ignore[attr-defined]
        ids = token_ids(tokens, table, self.known, letters, self.word_characters)
        return WordIds(tokens, *ids)


def pad_words(
    messages: Sequence[WordIds], length: int = 1, rows: int = 1
) -> tuple[np.ndarray, ...]:
    """Messages as arrays ``words``, ``known`` ``(batch, tokens)`` and ``characters``.

    Args:
        messages: as ids.
        length: tokens at least.
        rows: messages at least; those that are added have no words.
    """
    longest = max(length, *(len(ids.words) for ids in messages))
    width = messages[0].characters.shape[1]
    rows = max(rows, len(messages))
    words = np.zeros((rows, longest), np.int32)
    known = np.zeros_like(words)
    characters = np.zeros((rows, longest, width), np.int32)
    for row, ids in enumerate(messages):
        count = len(ids.words)
        words[row, :count], known[row, :count] = ids.words, ids.known
        characters[row, :count] = ids.characters
    return words, known, characters
