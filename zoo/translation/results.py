"""What a translator gives back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from zoo.errors import UsageError
from zoo.results import rounded
from zoo.task import distinct
from zoo.translation.processor import clean
from zoo.translation.sentences import TextPiece
from zoo.values import shown

_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Alternative:
    """A text that a source may be translated as.

    Args:
        text: the text.
        score: natural log; what texts are ranked by: the log-probability with the length taken
            into account, and how likely the source is as their translation, where that counts.
        log_probability: natural log-probability of the text.
        cut: sentences of it that were cut at their greatest length, before they came to an end.
    """

    text: str
    score: float
    log_probability: float
    cut: int = 0

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """Text and score as plain JSON values; the score to 5 decimals."""
        return {"text": self.text, "score": round(self.score, 5)}


@dataclass(frozen=True)
class TranslatedSentence:
    """A sentence that was translated in one go.

    Where the sentence has addresses, tags or placeholders, or an unusual spelling, the network read
    and wrote another text than ``source`` and ``text``: that of ``source_pieces`` and ``pieces``.

    Args:
        source: the sentence.
        text: its translation.
        score: natural log; what translations are ranked by, as in :class:`Alternative`.
        pieces: the subwords of the translation, ``▁`` for a space, and the end; without the end
            where the translation was cut at its greatest length.
        log_probs: ``(pieces,)`` natural log-probability of each piece.
        source_pieces: the token of the target language, the source's subwords and the end.
        attention: ``(pieces, source_pieces)``, how much each piece attends to each of the source's;
            all 0 for a network without attention.
        alternatives: the ``n_best`` translations, this one first.
    """

    source: str
    text: str
    score: float
    pieces: tuple[str, ...] = field(repr=False)
    log_probs: np.ndarray = field(repr=False)
    source_pieces: tuple[str, ...] = field(repr=False)
    attention: np.ndarray = field(repr=False)
    alternatives: tuple[Alternative, ...] = field(repr=False)

    def __str__(self) -> str:
        return self.text

    def is_doubtful(self, limit: float) -> bool:
        """Whether it has numbers that are not those of the source, or is improbable.

        Args:
            limit: natural log-probability a piece below which it is.
        """
        given, written = (set(_NUMBER.findall(text)) for text in (self.source, self.text))
        improbable = len(self.log_probs) > 0 and float(self.log_probs.mean()) < limit
        return improbable or bool(given and written - given)

    def to_dict(self) -> dict[str, Any]:
        """The sentence as plain JSON values, with its attention; figures to 5 decimals."""
        return {
            "text": self.text,
            "source": self.source,
            "score": round(self.score, 5),
            "alternatives": [other.to_dict() for other in self.alternatives],
            "pieces": list(self.pieces),
            "log_probs": rounded(self.log_probs, 5),
            "source_pieces": list(self.source_pieces),
            "attention": rounded(self.attention, 5),
        }


@dataclass(frozen=True)
class TranslatedText:
    """A translation.

    Args:
        text: the translation.
        source: the text that was translated.
        target: the language it was translated into.
        score: natural log; the sum of the sentences' scores.
        alternatives: the ``n_best`` translations of the whole, this one first.
        sentences: the sentences of the text, each with its pieces, their probabilities and the
            attention.
        warnings: what a reader of the translation should know, such as that the text was in the
            target language already.
    """

    text: str
    source: str
    target: str
    score: float
    alternatives: tuple[Alternative, ...] = field(repr=False)
    sentences: tuple[TranslatedSentence, ...] = field(repr=False)
    warnings: tuple[str, ...] = ()

    def doubted(self, limit: float) -> TranslatedText:
        """The same with a warning of the sentences that are to be doubted.

        Args:
            limit: natural log-probability a piece below which a sentence is.
        """
        doubtful = [one.source for one in self.sentences if one.is_doubtful(limit)]
        if not doubtful:
            return self
        what = "the translation is"
        if len(self.sentences) > 1:
            count, total = len(doubtful), len(self.sentences)
            what = f"the translations of {count} of {total} sentences are"
        warning = f"{what} doubtful: {', '.join(map(shown, doubtful[:3]))}"
        return replace(self, warnings=(*self.warnings, warning))

    @property
    def pieces(self) -> tuple[str, ...]:
        """The subwords of all sentences, with their ends."""
        return tuple(piece for sentence in self.sentences for piece in sentence.pieces)

    @property
    def log_probs(self) -> np.ndarray:
        """``(pieces,)`` natural log-probability of each piece."""
        parts = [sentence.log_probs for sentence in self.sentences]
        return np.concatenate([*parts, np.zeros(0, np.float32)])

    @property
    def log_probability(self) -> float:
        """Natural log-probability of the translation."""
        return float(self.log_probs.sum(dtype=np.float64))

    @property
    def attention(self) -> np.ndarray:
        """``(pieces, source_pieces)`` of a text of one sentence.

        Raises:
            UsageError: the text has more sentences or none; look at those of ``sentences``.
        """
        if len(self.sentences) != 1:
            raise UsageError(
                f"the text has {len(self.sentences)} sentences, each with an attention of its own: "
                "see result.sentences"
            )
        return self.sentences[0].attention

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """The translation as plain JSON values, without the attention; figures to 5 decimals."""
        return {
            "text": self.text,
            "source": self.source,
            "target": self.target,
            "score": round(self.score, 5),
            "log_probability": round(self.log_probability, 5),
            "alternatives": [other.to_dict() for other in self.alternatives],
            "warnings": list(self.warnings),
            "pieces": list(self.pieces),
            "log_probs": rounded(self.log_probs, 5),
        }


@dataclass(frozen=True)
class TranslationScore:
    """How likely a model finds a given translation.

    Args:
        source: the text that was translated.
        text: the translation.
        log_probability: natural log-probability of the translation and its end.
        pieces: the subwords of the translation, and the end.
        log_probs: ``(pieces,)`` natural log-probability of each piece, given all before it.
        source_pieces: the token of the target language, the source's subwords and the end.
        attention: ``(pieces, source_pieces)``; all 0 for a network without attention.
    """

    source: str
    text: str
    log_probability: float
    pieces: tuple[str, ...] = field(repr=False)
    log_probs: np.ndarray = field(repr=False)
    source_pieces: tuple[str, ...] = field(repr=False)
    attention: np.ndarray = field(repr=False)

    @property
    def perplexity(self) -> float:
        """Of each piece."""
        return float(np.exp(-self.log_probs.mean(dtype=np.float64)))

    def __str__(self) -> str:
        return f"{self.log_probability:.4f} nats (perplexity {self.perplexity:.2f})"

    def to_dict(self) -> dict[str, Any]:
        """The score as plain JSON values, without the attention; figures to 5 decimals."""
        return {
            "text": self.text,
            "source": self.source,
            "log_probability": round(self.log_probability, 5),
            "perplexity": round(self.perplexity, 5),
            "pieces": list(self.pieces),
            "log_probs": rounded(self.log_probs, 5),
        }


def copied(sentence: str) -> TranslatedSentence:
    """A sentence that needs no translation."""
    none = np.zeros(0, np.float32)
    same = Alternative(sentence, 0.0, 0.0)
    return TranslatedSentence(
        sentence, sentence, 0.0, (), none, (), np.zeros((0, 0), np.float32), (same,)
    )


def joined_parts(
    sentence: str, parts: Sequence[str], found: Mapping[str, TranslatedSentence]
) -> TranslatedSentence:
    """The translation of a sentence whose parts were translated one by one.

    Args:
        sentence: the sentence.
        parts: what it consists of.
        found: the translations of some parts; the others stay as they are.
    """
    chosen = [found.get(part) or copied(part) for part in parts]
    shape = (sum(len(one.pieces) for one in chosen), sum(len(one.source_pieces) for one in chosen))
    attention, row, column = np.zeros(shape, np.float32), 0, 0
    for one in chosen:
        rows, columns = one.attention.shape
        attention[row : row + rows, column : column + columns] = one.attention
        row, column = row + rows, column + columns
    log_probs = np.concatenate([one.log_probs for one in chosen])
    text, score = "".join(one.text for one in chosen), sum(one.score for one in chosen)
    cut = sum(one.alternatives[0].cut for one in chosen)
    return TranslatedSentence(
        sentence,
        text,
        score,
        tuple(piece for one in chosen for piece in one.pieces),
        log_probs,
        tuple(piece for one in chosen for piece in one.source_pieces),
        attention,
        (Alternative(text, score, float(log_probs.sum(dtype=np.float64)), cut),),
    )


def join_sentences(
    text: str,
    target: str,
    pieces: Sequence[TextPiece],
    translated: Mapping[str, TranslatedSentence],
    n_best: int,
    warnings: tuple[str, ...] = (),
    whole: str = "",
) -> TranslatedText:
    """The translation of a text whose sentences were translated one by one.

    Args:
        text: the text.
        target: the language it was translated into.
        pieces: the sentences it was cut into.
        translated: their translations, by the sentence as the vocabulary knows it.
        n_best: alternatives to make of the sentences' alternatives.
        warnings: of the result.
        whole: the text, if all of it stays as it is.
    """
    best = [Alternative("", 0.0, 0.0)]
    sentences = []
    space = ""
    for piece in pieces:
        sentence = translated.get(clean(piece.text))
        if sentence is not None:
            sentences.append(sentence)
            joined = [
                Alternative(
                    a.text + space + b.text,
                    a.score + b.score,
                    a.log_probability + b.log_probability,
                    a.cut + b.cut,
                )
                for a in best
                for b in sentence.alternatives
            ]
            # What came to an end first, as in the search itself.
            joined.sort(key=lambda alternative: (alternative.cut, -alternative.score))
            best = list(distinct(joined, n_best))
            space = ""
        space += piece.space
    if space.strip():  # marks such as </p>
        best = [replace(one, text=one.text + space.rstrip()) for one in best]
    if whole:
        best[0] = replace(best[0], text=whole)
    return TranslatedText(
        best[0].text, text, target, best[0].score, tuple(best), tuple(sentences), warnings
    )
