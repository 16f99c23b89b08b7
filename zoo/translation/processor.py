"""Text to subwords and back, for translation (sentencepiece, Kudo and Richardson 2018).

One vocabulary serves all languages (arXiv:1808.06226). A token such as ``<2fr>`` in front of the
source says which language is wanted, so that one network translates in several directions (Johnson
et al. 2017, arXiv:1611.04558). Characters that the vocabulary lacks are written as UTF-8 bytes, so
every text can be read and written.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sentencepiece

from zoo.errors import DataError, FolderError, UsageError, did_you_mean

MODEL_FILE = "sentencepiece.model"
PAD, BEGIN, END = 0, 1, 2

_UNKNOWN = 3
_LANGUAGE = re.compile(r"[a-z]{2,3}")
# Punctuation is cut off from words; with that, contractions such as "don't" can be one piece.
_PUNCTUATION = (*'.,?!;:"¿¡«»„“”()…', *("▁" + mark for mark in '?!:;«»¿¡"„“'))
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))

Direction = tuple[str, str]
"""Source and target language, as ISO 639-1 codes."""


@dataclass(frozen=True)
class Subwords:
    """A subword vocabulary and the directions that it is used for.

    Ids 0, 1 and 2 are padding, the begin and the end of a sentence.

    Args:
        model: a serialised sentencepiece model.
        directions: source and target language of each direction.

    Raises:
        UsageError: the model or a direction is not of the kind that is needed.
    """

    model: bytes
    directions: tuple[Direction, ...]

    def __post_init__(self) -> None:
        if not self.directions or not all(map(is_direction, self.directions)):
            raise UsageError("directions must be pairs of two different language codes")
        # sentencepiece would read on past the end of what is no model at all.
        if not self.model:
            raise UsageError("the sentencepiece model is empty")
        try:
            processor = sentencepiece.SentencePieceProcessor(model_proto=self.model)
        except (RuntimeError, ValueError) as error:
            raise UsageError(f"not a valid sentencepiece model: {error}") from None
        try:
            processor.id_to_piece(list(range(processor.get_piece_size())))
        except UnicodeDecodeError:
            raise UsageError("the sentencepiece model has pieces that are not UTF-8") from None
        special = (processor.pad_id(), processor.bos_id(), processor.eos_id(), processor.unk_id())
        if special != (PAD, BEGIN, END, _UNKNOWN):
            raise UsageError("ids 0 to 3 must be padding, begin, end and the unknown piece")
        if not processor.is_byte(processor.piece_to_id("<0x00>")):
            raise UsageError("the sentencepiece model must fall back to bytes")
        for target in self.targets:
            if not processor.is_control(processor.piece_to_id(language_token(target))):
                raise UsageError(f"the sentencepiece model has no token {language_token(target)}")
        object.__setattr__(self, "_processor", processor)

    @classmethod
    def train(
        cls, texts: Iterable[str], vocabulary_size: int, directions: Sequence[Direction]
    ) -> Subwords:
        """Learn a vocabulary by byte-pair encoding (Sennrich et al. 2016, arXiv:1508.07909).

        Args:
            texts: sentences of all languages; the same texts give the same vocabulary.
            vocabulary_size: number of pieces, all special ones included.
            directions: source and target language of each direction.

        Raises:
            DataError: the texts are too few for a vocabulary of that size.
        """
        targets = dict.fromkeys(target for _, target in directions)
        written = io.BytesIO()
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=(clean(text) for text in texts),
                model_writer=written,
                model_type="bpe",
                vocab_size=vocabulary_size,
                character_coverage=0.9999,
                byte_fallback=True,
                normalization_rule_name="identity",
                split_by_unicode_script=False,
                user_defined_symbols=list(_PUNCTUATION),
                control_symbols=[language_token(target) for target in targets],
                pad_id=PAD,
                bos_id=BEGIN,
                eos_id=END,
                unk_id=_UNKNOWN,
                num_threads=1,
                minloglevel=2,
            )
        except RuntimeError as error:
            raise DataError(
                f"cannot learn a vocabulary of {vocabulary_size} subwords from these texts: {error}"
            ) from None
        return cls(written.getvalue(), tuple(directions))

    @classmethod
    def from_folder(cls, settings: Mapping[str, Any], files: Mapping[str, bytes]) -> Subwords:
        """Rebuild from a model folder.

        Raises:
            FolderError: the sentencepiece model or the directions are missing or malformed.
        """
        if MODEL_FILE not in files:
            raise FolderError(f"the model folder has no {MODEL_FILE}")
        directions = settings.get("directions")
        if not isinstance(directions, list) or not all(map(is_direction, directions)):
            raise FolderError("the processor's directions must be a list of language pairs")
        try:
            return cls(
                files[MODEL_FILE], tuple((direction[0], direction[1]) for direction in directions)
            )
        except UsageError as error:
            raise FolderError(f"{MODEL_FILE}: {error}") from None

    def settings(self) -> dict[str, Any]:
        """Plain values for ``config.json``: the directions."""
        return {"directions": [list(direction) for direction in self.directions]}

    def files(self) -> dict[str, bytes]:
        """The files to write into a model folder."""
        return {MODEL_FILE: self.model}

    def numbers(self) -> dict[str, Any]:
        """The subwords for other implementations.

        ``pieces`` has each piece by id with its score, by which pairs are joined, highest first,
        and its kind: ``normal``, ``fixed`` (never joined), ``byte`` or ``control``.
        """

        def kind(number: int) -> str:
            if self._pieces.is_control(number) or self._pieces.is_unknown(number):
                return "control"
            if self._pieces.is_byte(number):
                return "byte"
            return "fixed" if number in fixed else "normal"

        fixed = {self._pieces.piece_to_id(piece) for piece in _PUNCTUATION}
        return {
            **self.settings(),
            "pieces": [
                [self._pieces.id_to_piece(number), self._pieces.get_score(number), kind(number)]
                for number in range(len(self))
            ],
            "begin": BEGIN,
            "end": END,
        }

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The pieces by id; ``▁`` stands for a space."""
        return tuple(self._pieces.id_to_piece(i) for i in range(len(self)))

    def with_vocabulary(self, vocabulary: tuple[str, ...]) -> Subwords:
        """The same, since subwords cannot be changed one by one and cover every text.

        Raises:
            UsageError: ``vocabulary`` is another.
        """
        if vocabulary != self.vocabulary:
            raise UsageError(
                "a subword vocabulary cannot be changed; it reads and writes every text as it is"
            )
        return self

    @property
    def targets(self) -> tuple[str, ...]:
        """The languages that can be translated into, each once."""
        return tuple(dict.fromkeys(target for _, target in self.directions))

    def check_direction(self, target: str | None, source: str | None = None) -> str:
        """The target language that a caller means.

        Args:
            target: its code, or ``None`` if there is only one.
            source: the code of the source language, or ``None`` for any that fits.

        Raises:
            UsageError: there is no such direction; the message names those there are.
        """
        known = ", ".join(f"{a}-{b}" for a, b in self.directions)
        if target is None:
            fitting = {b for a, b in self.directions if source in (None, a)}
            if len(fitting) == 1:
                return fitting.pop()
            raise UsageError(f"name the target language; the model translates {known}")
        if target not in self.targets:
            hint = did_you_mean(str(target), self.targets)
            raise UsageError(
                f"the model does not translate into {target!r}{hint}; it translates {known}"
            )
        if source is not None and (source, target) not in self.directions:
            raise UsageError(
                f"the model does not translate {source}-{target}; it translates {known}"
            )
        return target

    def __len__(self) -> int:
        return int(self._pieces.get_piece_size())

    def encode_source(self, text: str, target: str) -> np.ndarray:
        """Ids of a text to be translated.

        Args:
            text: any string.
            target: the language that is wanted, one of :attr:`targets`.

        Returns:
            ``(tokens,)`` int32: the token of the language, the text and the end.
        """
        token = self._pieces.piece_to_id(language_token(target))
        return np.asarray([token, *self._pieces.encode(clean(text)), END], np.int32)

    def encode(self, text: str) -> np.ndarray:
        """Ids of a text alone, ``(tokens,)`` int32."""
        return np.asarray(self._pieces.encode(clean(text)), np.int32)

    def encode_many(
        self, texts: Sequence[str], dropout: float = 0.0, seed: int = 0
    ) -> list[np.ndarray]:
        """The same for many texts at once.

        Args:
            texts: any strings.
            dropout: probability that two pieces that would be joined are left apart (BPE-dropout,
                Provilkov et al. 2020, arXiv:1910.13267).
            seed: of what is left apart, below 2**32; the same seed gives the same ids.
        """
        sampling = {}
        if dropout:
            # Each call below has a generator of its own that begins with this seed.
            sentencepiece.set_random_generator_seed(seed)
            sampling = {"enable_sampling": True, "alpha": dropout, "nbest_size": -1}
        encoded = self._pieces.encode([clean(text) for text in texts], num_threads=1, **sampling)
        return [np.asarray(ids, np.int32) for ids in encoded]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids; special ones stand for nothing, bytes that are no UTF-8 for U+FFFD."""
        return str(self._pieces.decode([int(i) for i in ids]))

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """The piece of each id, with ``▁`` for a space."""
        return [self._pieces.id_to_piece(int(i)) for i in ids]

    @property
    def _pieces(self) -> Any:
        return self._processor  # type: ignore[attr-defined]


def language_token(target: str) -> str:
    """The token that asks for a language, such as ``<2fr>``."""
    return f"<2{target}>"


def clean(text: str) -> str:
    """A text as the vocabulary knows it.

    Letters and their accents are composed (NFC), invisible hyphens and marks go, control characters
    become spaces, white space becomes single spaces, and lone surrogates, which UTF-8 cannot hold,
    become U+FFFD.
    """
    text = unicodedata.normalize("NFC", text).translate(_INVISIBLE)
    text = "".join(_shown(character) for character in text) if not text.isprintable() else text
    return " ".join(text.split())


def _shown(character: str) -> str:
    category = unicodedata.category(character)
    return {"Cc": " ", "Cs": "\ufffd"}.get(category, character)


def is_direction(value: Any) -> bool:
    """Whether it is a pair of two different language codes."""
    return (
        isinstance(value, (list, tuple))
        and len(value) == 2
        and all(isinstance(code, str) and _LANGUAGE.fullmatch(code) for code in value)
        and value[0] != value[1]
    )
