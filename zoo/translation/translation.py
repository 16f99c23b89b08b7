"""Translation: sentences and texts from one language to another."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, overload

import numpy as np

from zoo.contracts import TranslationInference
from zoo.decoding.beam_search import (
    BeamHypothesis,
    BeamSettings,
    beam_search,
    check_search,
    length_penalty,
)
from zoo.errors import UsageError
from zoo.folder.bundle import Bundle
from zoo.network import PLAIN
from zoo.task import Task, batches_by_length, check_no_options, distinct, one_or_many
from zoo.translation.processor import BEGIN, END, PAD, Subwords, clean
from zoo.translation.results import (
    Alternative,
    TranslatedSentence,
    TranslatedText,
    TranslationScore,
    join_sentences,
)
from zoo.translation.sentences import TextPiece, split_long, split_sentences
from zoo.values import check_range

if TYPE_CHECKING:
    from zoo.inspection.subject import Subject

LONGEST_PIECE = 40
"""Tokens of a sentence that is translated in one go; a longer one is cut."""

MAX_BACKWARD_WEIGHT = 10.0

LONGEST_SCORED = 1000
"""Tokens of a text, and of its translation, that are scored in one go."""

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
    """

    backward_weight: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "backward_weight", float, 0.0, MAX_BACKWARD_WEIGHT)


class TranslationOptions(TypedDict, total=False):
    """Options of :meth:`Translation.translate`, which describes them."""

    source: str | None
    beam_size: int | None
    length_penalty: float | None
    backward_weight: float | None
    n_best: int
    on_progress: Callable[[int], object] | None


class Translation(Task):
    """A translator.

    Example:
        >>> model = zoo.load_model("seq2seq_lstm.tatoeba")
        >>> print(model.translate("Where is the station?", target="fr"))
    """

    verb = "translate"
    processor: Subwords

    def __init__(self, bundle: Bundle, network: Any = None, *, dtype: str = PLAIN) -> None:
        super().__init__(bundle, network, dtype=dtype)
        self.settings = TranslationSettings.from_folder(self.decoder)

    def set_search(self, settings: Mapping[str, Any]) -> None:
        """Change the model's own settings of the search.

        Args:
            settings: values of :class:`TranslationSettings`; those left out stay.

        Raises:
            FolderError: a setting is unknown or out of range.
        """
        decoder = {**self.decoder, **settings}
        self.settings = TranslationSettings.from_folder(decoder)
        self.decoder = decoder

    @property
    def directions(self) -> tuple[tuple[str, str], ...]:
        """Source and target language of each direction that the model was trained for."""
        return self.processor.directions

    @overload
    def translate(
        self, text: str, target: str | None = None, **options: Unpack[TranslationOptions]
    ) -> TranslatedText: ...
    @overload
    def translate(
        self,
        text: list[str] | tuple[str, ...],
        target: str | None = None,
        **options: Unpack[TranslationOptions],
    ) -> list[TranslatedText]: ...
    def translate(
        self,
        text: str | Sequence[str],
        target: str | None = None,
        *,
        source: str | None = None,
        beam_size: int | None = None,
        length_penalty: float | None = None,
        backward_weight: float | None = None,
        n_best: int = 1,
        on_progress: Callable[[int], object] | None = None,
    ) -> TranslatedText | list[TranslatedText]:
        """Translate a text.

        A text is cut into sentences, which are translated one by one and joined again with the
        white space that stood between them. Where there is nothing to translate, nothing is
        returned: a blank text gives an empty one.

        Args:
            text: a text, or a list of texts.
            target: ISO 639-1 code of the wanted language; may be left out if there is only one.
            source: code of the text's language, to have the direction checked; the network itself
                finds it out.
            beam_size: hypotheses that are followed side by side; 1 is greedy. Left out, it is the
                model's own setting, as is the next.
            length_penalty: 0 ranks by log-probability alone; more likes longer translations.
            backward_weight: how much it counts how likely the source is as the translation of what
                was found, by the same network; 0 for not at all, which saves the time. It ranks the
                hypotheses of the beam, so that it does nothing for a beam of 1.
            n_best: alternatives to return, at most ``beam_size``.
            on_progress: called with the number of characters of the texts whose translation is
                ready since the last call; the counts add up to the length of the texts.

        Returns:
            A :class:`~zoo.translation.results.TranslatedText`, or a list of them for a list.

        Raises:
            UsageError: an argument is out of its range, or there is no such direction, or none
                back where one is asked for.
        """
        single, texts = one_or_many(text, str)
        target = self.processor.check_direction(target, source)
        search = self._search(beam_size, length_penalty, backward_weight, n_best)
        origins = self._origins(target, source) if search.backward_weight else []
        if backward_weight and search.backward_weight and not origins:
            raise UsageError(f"the model does not translate back from {target!r}")
        pieces = [self._cut(text) for text in texts]
        characters = Counter[str]()
        for piece in chain.from_iterable(pieces):
            characters[clean(piece.text)] += len(piece.text)
        del characters[""]
        report = on_progress or (lambda count: None)
        translated: dict[str, TranslatedSentence] = {}
        batches = self._translate_sentences(
            self.inference, list(characters), target, search, n_best, origins
        )
        for batch in batches:
            translated |= batch
            report(sum(characters[sentence] for sentence in batch))
        report(sum(map(len, texts)) - characters.total())  # white space and blank pieces
        results = [
            join_sentences(text, target, parts, translated, n_best)
            for text, parts in zip(texts, pieces, strict=True)
        ]
        return results[0] if single else results

    def stream(
        self, text: str, target: str | None = None, *, source: str | None = None
    ) -> Iterator[str]:
        """Translate a text word by word, greedily.

        Args:
            text: the text.
            target: as in :meth:`translate`.
            source: as in :meth:`translate`.

        Yields:
            One word at a time with the white space before it, as soon as it is decided; put one
            after the other they are what :meth:`translate` gives with ``beam_size=1``.

        Raises:
            UsageError: as :meth:`translate` does, before the first word.
        """
        if not isinstance(text, str):
            raise UsageError(f"expected a str, got {text!r:.100}")
        pieces, target = self._cut(text), self.processor.check_direction(target, source)
        return self._stream(self.inference, pieces, target)

    @overload
    def score(
        self, text: str, translation: str, target: str | None = None, *, source: str | None = None
    ) -> TranslationScore: ...
    @overload
    def score(
        self,
        text: list[str] | tuple[str, ...],
        translation: list[str] | tuple[str, ...],
        target: str | None = None,
        *,
        source: str | None = None,
    ) -> list[TranslationScore]: ...
    def score(
        self,
        text: str | Sequence[str],
        translation: str | Sequence[str],
        target: str | None = None,
        *,
        source: str | None = None,
    ) -> TranslationScore | list[TranslationScore]:
        """How likely the model finds a given translation.

        Args:
            text: a text, or a list of texts; each is read in one go, so it should be one sentence.
            translation: its translation, or a list of as many.
            target: the translation's language, as in :meth:`translate`.
            source: as in :meth:`translate`.

        Returns:
            A :class:`~zoo.translation.results.TranslationScore`, or a list of them.

        Raises:
            UsageError: a text is blank or of more than :data:`LONGEST_SCORED` tokens, there are
                more texts than translations, or there is no such direction.
        """
        single, texts = one_or_many(text, str)
        single_translation, translations = one_or_many(translation, str)
        if single_translation != single or len(texts) != len(translations):
            raise UsageError("give one translation for one text, or as many as there are texts")
        target = self.processor.check_direction(target, source)
        sources = [
            self._scorable(text, self.processor.encode_source(text, target)) for text in texts
        ]
        written = [self._scorable(text, self.processor.encode(text)) for text in translations]
        results: list[Any] = [None] * len(texts)
        for i, log_probs, attention in _scored(self.inference, sources, written):
            results[i] = TranslationScore(
                texts[i],
                translations[i],
                float(log_probs.sum(dtype=np.float64)),
                tuple(self.processor.pieces([*written[i], END])),
                log_probs,
                tuple(self.processor.pieces(sources[i])),
                attention,
            )
        return results[0] if single else results

    def alignment_plot(
        self,
        text: str,
        translation: str | TranslatedText | None = None,
        target: str | None = None,
        *,
        source: str | None = None,
        path: str | Path | None = None,
    ) -> Any:
        """Draw which words of a sentence each word of its translation attends to.

        Args:
            text: one sentence.
            translation: its translation, as a text or as :meth:`translate` gave it; left out, the
                model's own.
            target: as in :meth:`translate`.
            source: as in :meth:`translate`.
            path: a ``.png``, ``.svg`` or ``.pdf`` file to write.

        Returns:
            A ``matplotlib.figure.Figure``.

        Raises:
            UsageError: as :meth:`translate` or :meth:`score`, the text is not one sentence or too
                long to be drawn, the network has no attention, or the file's name ends in something
                else.
            ZooError: the file cannot be written.
        """
        from zoo.translation.plot import draw_alignment

        if not self.inference.attends:
            raise UsageError("the network has no attention that could be drawn")
        if not isinstance(text, str) or not isinstance(translation, str | TranslatedText | None):
            raise UsageError("the sentence and its translation must be one text each")
        drawn: TranslatedSentence | TranslationScore
        if isinstance(translation, str):
            drawn = self.score(text, translation, target, source=source)
        else:
            translated = translation or self.translate(text, target, source=source)
            if len(translated.sentences) != 1:
                raise UsageError(f"give one sentence to draw, not {len(translated.sentences)}")
            drawn = translated.sentences[0]
        return draw_alignment(drawn.source_pieces, drawn.pieces, drawn.attention, path)

    def subject(
        self,
        source: str,
        translation: str | None = None,
        target: str | None = None,
        **options: Any,
    ) -> Subject:
        """A sentence pair with its subwords as steps; see :meth:`zoo.task.Task.subject`.

        Args:
            source: one sentence.
            translation: its translation; left out, the model's own.
            target: as in :meth:`translate`.
            **options: there are no others.

        Raises:
            UsageError: as :meth:`translate` and :meth:`score`.
        """
        from zoo.translation.inspection import pair_subject

        check_no_options(options)
        target = self.processor.check_direction(target)
        if translation is None:
            translation = self.translate(source, target).text
        ids = self._scorable(source, self.processor.encode_source(source, target))
        written = self._scorable(translation, self.processor.encode(translation))
        after = np.asarray([*written, END], np.int32)
        return pair_subject(
            ids,
            np.asarray([BEGIN, *written], np.int32),
            after,
            self.processor.pieces(ids),
            self.processor.pieces(after),
            self.processor.vocabulary,
            f"{source} -> {translation}",
        )

    def golden_inputs(self) -> dict[str, np.ndarray]:
        """Two short sources with targets, one of each padded."""
        first = 4 + np.arange(5) % (len(self.processor) - 4)
        source = _padded([first, first[::-1][:3]])
        return {"input.0": source, "input.1": _padded([[BEGIN, *first[:2]], [BEGIN, first[3]]])}

    def export_keras(self, path: str | Path) -> Path:
        """Write the network as one ``.keras`` file of Keras's own layers.

        Raises:
            UsageError: as :meth:`zoo.task.Task.export_keras`, or the network has input
                feeding, for which Keras has no layer.
            ZooError: it cannot be written.
        """
        if getattr(self.config, "input_feeding", False):
            raise UsageError("Keras has no layer for input feeding; export the model as a folder")
        return super().export_keras(path)

    def _search(
        self,
        beam_size: int | None,
        length_penalty: float | None,
        backward_weight: float | None,
        n_best: int,
    ) -> TranslationSettings:
        defaults = self.settings
        search = TranslationSettings(
            defaults.beam_size if beam_size is None else beam_size,
            defaults.length_penalty if length_penalty is None else length_penalty,
            defaults.backward_weight if backward_weight is None else backward_weight,
        )
        check_search(search.beam_size, search.length_penalty, n_best)
        return search if search.beam_size > 1 else replace(search, backward_weight=0.0)

    def _origins(self, target: str, source: str | None) -> list[str]:
        """Languages that it may be from which a text is translated, and that there is a way back
        to."""
        return [
            origin
            for origin, to in self.directions
            if to == target
            and source in (None, origin)
            and (target, origin) in self.processor.directions
        ]

    def _cut(self, text: str) -> list[TextPiece]:
        """The sentences of a text, none too long for the network."""

        def length(part: str) -> int:
            return len(self.processor.encode(part))

        cut = []
        for sentence in split_sentences(text.strip()):
            parts = split_long(sentence.text, LONGEST_PIECE, length)
            cut += [*parts[:-1], TextPiece(parts[-1].text, parts[-1].space + sentence.space)]
        return cut

    def _translate_sentences(
        self,
        inference: TranslationInference,
        sentences: list[str],
        target: str,
        search: TranslationSettings,
        n_best: int,
        origins: Sequence[str],
    ) -> Iterator[dict[str, TranslatedSentence]]:
        """Translations by sentence, a batch at a time, those of short sentences first."""
        encoded = {
            sentence: self.processor.encode_source(sentence, target) for sentence in sentences
        }
        ordered = sorted(sentences, key=lambda sentence: len(encoded[sentence]))
        for start in range(0, len(ordered), _BATCH):
            batch = ordered[start : start + _BATCH]
            sources = [encoded[sentence] for sentence in batch]
            hypotheses = beam_search(
                inference.step,
                inference.start(_padded(sources), search.beam_size),
                BEGIN,
                END,
                [_most_tokens(ids) for ids in sources],
                beam_size=search.beam_size,
                alpha=search.length_penalty,
                n_best=search.beam_size if origins or n_best > 1 else 1,
            )
            if origins:
                hypotheses = self._ranked_backward(inference, batch, hypotheses, search, origins)
            yield {
                sentence: self._sentence(sentence, ids, ranked, n_best)
                for sentence, ids, ranked in zip(batch, sources, hypotheses, strict=True)
            }

    def _ranked_backward(
        self,
        inference: TranslationInference,
        sentences: Sequence[str],
        hypotheses: Sequence[Sequence[BeamHypothesis]],
        search: TranslationSettings,
        origins: Sequence[str],
    ) -> list[list[BeamHypothesis]]:
        """Hypotheses ranked by how likely the sentence is as their translation, too.

        Where the sentence may be in several languages, it is in the one that makes it most likely
        as the translation of the first hypothesis.
        """
        texts = [
            [self.processor.decode(hypothesis.tokens) for hypothesis in beam] for beam in hypotheses
        ]
        wanted = [self.processor.encode(sentence) for sentence in sentences]
        languages = [origins[0]] * len(sentences)
        if len(origins) > 1:
            asked = [(number, code) for number in range(len(sentences)) for code in origins]
            likely = self._likelihoods(
                inference, [(texts[i][0], code, wanted[i]) for i, code in asked]
            )
            by_sentence = np.reshape(likely, (len(sentences), len(origins)))
            languages = [origins[column] for column in by_sentence.argmax(axis=1)]
        back = iter(
            self._likelihoods(
                inference,
                [
                    (text, code, ids)
                    for translations, code, ids in zip(texts, languages, wanted, strict=True)
                    for text in translations
                ],
            )
        )
        ranked = []
        for beam, ids in zip(hypotheses, wanted, strict=True):
            weight = search.backward_weight / length_penalty(len(ids) + 1, search.length_penalty)
            scored = [
                replace(hypothesis, score=hypothesis.score + weight * next(back))
                for hypothesis in beam
            ]
            ranked.append(
                sorted(scored, key=lambda hypothesis: (not hypothesis.finished, -hypothesis.score))
            )
        return ranked

    def _likelihoods(
        self, inference: TranslationInference, asked: Sequence[tuple[str, str, np.ndarray]]
    ) -> list[float]:
        """Log-probabilities of translations: of a text, into a language, the tokens."""
        sources = [self.processor.encode_source(text, code) for text, code, _ in asked]
        log_likelihoods = [-math.inf] * len(asked)
        for number, log_probs, _ in _scored(inference, sources, [ids for _, _, ids in asked]):
            log_likelihoods[number] = float(log_probs.sum(dtype=np.float64))
        return log_likelihoods

    def _sentence(
        self, source: str, ids: np.ndarray, ranked: Sequence[BeamHypothesis], n_best: int
    ) -> TranslatedSentence:
        best = ranked[0]
        written = [*best.tokens, END] if best.finished else list(best.tokens)
        assert best.kept is not None  # the attention
        alternatives = distinct(
            (
                Alternative(
                    self.processor.decode(hypothesis.tokens),
                    hypothesis.score,
                    hypothesis.log_probability,
                    int(not hypothesis.finished),
                )
                for hypothesis in ranked
            ),
            n_best,
        )
        return TranslatedSentence(
            source,
            alternatives[0].text,
            best.score,
            tuple(self.processor.pieces(written)),
            best.log_probs,
            tuple(self.processor.pieces(ids)),
            best.kept[:, : len(ids)],
            alternatives,
        )

    def _stream(
        self, inference: TranslationInference, pieces: list[TextPiece], target: str
    ) -> Iterator[str]:
        space = ""
        for piece in pieces:
            if clean(piece.text):
                words = self._words(inference, self.processor.encode_source(piece.text, target))
                yield space + next(words, "")
                yield from words
                space = ""
            space += piece.space

    def _words(self, inference: TranslationInference, source: np.ndarray) -> Iterator[str]:
        """The words of one sentence's greedy translation, each with the space before it."""
        state, token = inference.start(source[None]), BEGIN
        ids: list[int] = []
        shown = ""
        for _ in range(_most_tokens(source)):
            best, _, _, state = inference.step(state, np.zeros(1, int), np.asarray([token]), 1)
            token = int(best[0, 0])
            if token == END:
                break
            # A piece that begins with a space ends the word before it.
            if ids and self.processor.pieces([token])[0].startswith("▁"):
                whole = self.processor.decode(ids)
                if whole != shown:
                    yield whole[len(shown) :]
                    shown = whole
            ids.append(token)
        whole = self.processor.decode(ids)
        if whole != shown:
            yield whole[len(shown) :]

    def _scorable(self, text: str, ids: np.ndarray) -> np.ndarray:
        if not clean(text):
            raise UsageError("a text and its translation need at least one character to be scored")
        if len(ids) > LONGEST_SCORED:
            raise UsageError(
                f"a text of {len(ids)} tokens is too long to be scored in one go (at most "
                f"{LONGEST_SCORED}); score it sentence by sentence"
            )
        return ids


def _scored(
    inference: TranslationInference, sources: Sequence[np.ndarray], written: Sequence[np.ndarray]
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """For each source its number, the log-probability of each token that is written for it, the end
    included, and the attention."""
    longest = [max(map(len, both)) + 2 for both in zip(sources, written, strict=True)]
    for rows in batches_by_length(longest, _BATCH, _SCORED):
        log_probs, attention = inference.score(
            _padded([sources[i] for i in rows]),
            _padded([np.concatenate([[BEGIN], written[i]]) for i in rows]),
            _padded([np.concatenate([written[i], [END]]) for i in rows]),
        )
        for row, i in enumerate(rows):
            steps = len(written[i]) + 1
            yield i, log_probs[row, :steps], attention[row, :steps, : len(sources[i])]


def _padded(rows: Sequence[Any]) -> np.ndarray:
    """Ids of different lengths as ``(rows, longest)`` int32, padded at the end."""
    padded = np.full((len(rows), max(len(ids) for ids in rows)), PAD, np.int32)
    for row, ids in enumerate(rows):
        padded[row, : len(ids)] = ids
    return padded


def _most_tokens(source: np.ndarray) -> int:
    """Most tokens that a translation may have, its end included."""
    return 2 * len(source) + _SPARE_TOKENS
