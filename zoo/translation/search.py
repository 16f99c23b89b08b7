"""The search for the translations of sentences, in which nothing is lost that must be kept."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from zoo.contracts import TranslationInference
from zoo.decoding.beam_search import BeamHypothesis, BeamSettings, beam_search, length_penalty
from zoo.memory import check_memory, memory_limit
from zoo.task import batches_by_length, distinct
from zoo.translation.alignment import Alignment
from zoo.translation.preparation import Prepared, finished, prepare
from zoo.translation.processor import BEGIN, END, PAD, Subwords
from zoo.translation.protection import has_words, split_protected
from zoo.translation.results import Alternative, TranslatedSentence, copied, joined_parts
from zoo.values import check_range

MAX_BACKWARD_WEIGHT = 10.0
NEVER = -100.0
"""A log-probability a piece that nothing is below."""

_BATCH = 64
_SCORED = 8192  # tokens, padding included, of texts and translations that are scored at once
_SPARE_TOKENS = 10  # that a translation may have beyond twice those of its source


@dataclass(frozen=True)
class TranslationSettings(BeamSettings):
    """How a translator searches.

    Args:
        backward_weight: how much it counts in the ranking of the beam's hypotheses how likely the
            source is as their translation (Li et al. 2016, arXiv:1510.03055; Yee et al. 2019,
            arXiv:1908.05731); 0 for not at all.
        doubtful_log_prob: natural log-probability a piece below which a translation is doubted.
    """

    backward_weight: float = 0.0
    doubtful_log_prob: float = NEVER

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "backward_weight", float, 0.0, MAX_BACKWARD_WEIGHT)
        check_range(self, "doubtful_log_prob", float, NEVER, 0.0)


@dataclass(frozen=True)
class SentenceSearch:
    """Translates sentences one by one.

    Args:
        inference: of the network.
        subwords: its vocabulary.
        target: the wanted language.
        settings: of the search.
        n_best: number of alternatives to return.
        origins: source languages whose reverse direction the model also has, to rerank by it; none
            for no reranking.
    """

    inference: TranslationInference
    subwords: Subwords
    target: str
    settings: TranslationSettings
    n_best: int
    origins: Sequence[str]

    def translate(self, sentences: Sequence[str]) -> Iterator[dict[str, TranslatedSentence]]:
        """Translate sentences, a batch at a time.

        A translation in which something is missing that must be kept is not taken. Such a sentence
        is translated again with stand-ins for its numbers, and if need be in parts.

        Args:
            sentences: different ones, in plain characters and without white space around them.

        Yields:
            Translations by sentence, those of short sentences first.
        """
        left = [one for one in sentences if has_words(one)]
        yield {one: copied(one) for one in sentences if not has_words(one)}
        for replace_numbers in (False, True):
            prepared = {
                one: prepare(one, self.subwords, self.target, replace_numbers=replace_numbers)
                for one in left
            }
            if replace_numbers:
                prepared = {one: made for one, made in prepared.items() if made.stand_ins}
            for batch in self._batches(prepared):
                yield batch
                left = [one for one in left if one not in batch]
        parts = {one: split_protected(one) for one in left}
        texts = {part for each in parts.values() for part in each if has_words(part)}
        found: dict[str, TranslatedSentence] = {}
        for batch in self._batches(
            {text: prepare(text, self.subwords, self.target) for text in texts}
        ):
            found |= batch
        yield {one: joined_parts(one, each, found) for one, each in parts.items()}

    def _batches(self, prepared: Mapping[str, Prepared]) -> Iterator[dict[str, TranslatedSentence]]:
        """Translations by sentence, without those in which something is missing."""
        encoded = {
            one: self.subwords.encode_source(made.text, self.target)
            for one, made in prepared.items()
        }
        settings = self.settings
        # Where hypotheses may be turned down the search must find several.
        checked = {one for one, made in prepared.items() if made.stand_ins or made.numbers}
        most = min(_BATCH, _rows_in_memory(len(self.subwords), settings.beam_size))
        for batch in [
            *_by_length(encoded, [one for one in prepared if one not in checked], most),
            *_by_length(encoded, checked, most),
        ]:
            several = bool(self.origins) or self.n_best > 1 or batch[0] in checked
            sources = [encoded[one] for one in batch]
            hypotheses = beam_search(
                self.inference.step,
                self.inference.start(padded(sources), settings.beam_size),
                BEGIN,
                END,
                [most_tokens(ids) for ids in sources],
                beam_size=settings.beam_size,
                alpha=settings.length_penalty,
                n_best=settings.beam_size if several else 1,
            )
            if self.origins:
                texts = [prepared[one].text for one in batch]
                hypotheses = self._ranked_backward(texts, hypotheses)
            made = {
                one: self._sentence(one, prepared[one], ids, ranked)
                for one, ids, ranked in zip(batch, sources, hypotheses, strict=True)
            }
            yield {one: sentence for one, sentence in made.items() if sentence is not None}

    def _ranked_backward(
        self,
        sentences: Sequence[str],
        hypotheses: Sequence[Sequence[BeamHypothesis]],
    ) -> list[list[BeamHypothesis]]:
        """Hypotheses ranked by how likely the sentence is as their translation, too.

        Where the sentence may be in several languages, it is in the one that makes it most likely
        as the translation of the first hypothesis.
        """
        texts = [[self.subwords.decode(one.tokens) for one in each] for each in hypotheses]
        wanted = [self.subwords.encode(sentence) for sentence in sentences]
        origins, settings = self.origins, self.settings
        languages = [origins[0]] * len(sentences)
        if len(origins) > 1:
            asked = [(number, code) for number in range(len(sentences)) for code in origins]
            likely = self._likelihoods([(texts[i][0], code, wanted[i]) for i, code in asked])
            by_sentence = np.reshape(likely, (len(sentences), len(origins)))
            languages = [origins[column] for column in by_sentence.argmax(axis=1)]
        back = iter(
            self._likelihoods(
                [
                    (text, code, ids)
                    for each, code, ids in zip(texts, languages, wanted, strict=True)
                    for text in each
                ]
            )
        )
        ranked = []
        for each, ids in zip(hypotheses, wanted, strict=True):
            weight = settings.backward_weight / length_penalty(
                len(ids) + 1, settings.length_penalty
            )
            scored = [replace(one, score=one.score + weight * next(back)) for one in each]
            ranked.append(sorted(scored, key=lambda one: (not one.finished, -one.score)))
        return ranked

    def _likelihoods(self, asked: Sequence[tuple[str, str, np.ndarray]]) -> list[float]:
        """Log-probabilities of translations: of a text, into a language, the tokens."""
        sources = [self.subwords.encode_source(text, code) for text, code, _ in asked]
        written = [ids for _, _, ids in asked]
        found = [-math.inf] * len(asked)
        for number, log_probs, _ in scored(self.inference, self.subwords, sources, written):
            found[number] = float(log_probs.sum(dtype=np.float64))
        return found

    def _sentence(
        self,
        sentence: str,
        prepared: Prepared,
        source: np.ndarray,
        ranked: Sequence[BeamHypothesis],
    ) -> TranslatedSentence | None:
        """The best translations that keep what must be kept; ``None`` if none does."""
        alternatives, best = [], None
        for one in ranked:
            written = self.subwords.decode(one.tokens)
            assert one.kept is not None  # the attention
            align = partial(
                Alignment.of, self.subwords, prepared.text, written, one.tokens, one.kept
            )
            text = finished(prepared, written, self.subwords, align)
            if text is not None:
                best = best or one
                cut = int(not one.finished)
                alternatives.append(Alternative(text, one.score, one.log_probability, cut))
        if best is None:
            return None
        assert best.kept is not None
        chosen = distinct(alternatives, self.n_best)
        return TranslatedSentence(
            sentence,
            chosen[0].text,
            best.score,
            tuple(self.subwords.pieces([*best.tokens, END] if best.finished else best.tokens)),
            best.log_probs,
            tuple(self.subwords.pieces(source)),
            best.kept[:, : len(source)],
            chosen,
        )


def _by_length(
    encoded: Mapping[str, np.ndarray], sentences: Iterable[str], most: int
) -> list[list[str]]:
    """Batches of so many sentences at most, the short ones first."""
    ordered = sorted(sentences, key=lambda one: (len(encoded[one]), one))
    return [ordered[start : start + most] for start in range(0, len(ordered), most)]


def _rows_in_memory(vocabulary: int, steps: int) -> int:
    """How many rows of so many steps may have their logits of a vocabulary in memory at once.

    Raises:
        ZooError: not even one.
    """
    row = 4 * vocabulary * steps
    check_memory(row, f"the logits of {steps:,} steps for a vocabulary of {vocabulary:,}")
    return max(1, memory_limit() // max(1, row))


def scored(
    inference: TranslationInference,
    subwords: Subwords,
    sources: Sequence[np.ndarray],
    written: Sequence[np.ndarray],
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """For each source its number, the log-probability of each token that is written for it, the end
    included, and the attention."""
    longest = [max(map(len, both)) + 2 for both in zip(sources, written, strict=True)]
    steps = max(longest, default=1)
    tokens = min(_SCORED, steps * _rows_in_memory(len(subwords), steps))
    for rows in batches_by_length(longest, _BATCH, tokens):
        log_probs, attention = inference.score(
            padded([sources[i] for i in rows]),
            padded([np.concatenate([[BEGIN], written[i]]) for i in rows]),
            padded([np.concatenate([written[i], [END]]) for i in rows]),
        )
        for row, i in enumerate(rows):
            steps = len(written[i]) + 1
            yield i, log_probs[row, :steps], attention[row, :steps, : len(sources[i])]


def padded(rows: Sequence[Any]) -> np.ndarray:
    """Ids of different lengths as ``(rows, longest)`` int32, padded at the end."""
    padded = np.full((len(rows), max(len(ids) for ids in rows)), PAD, np.int32)
    for row, ids in enumerate(rows):
        padded[row, : len(ids)] = ids
    return padded


def most_tokens(source: np.ndarray) -> int:
    """Most tokens that a translation may have, its end included."""
    return 2 * len(source) + _SPARE_TOKENS
