"""Translation: sentences and texts from one language to another."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict, Unpack, overload

import numpy as np

from zoo.contracts import TranslationInference
from zoo.decoding.beam_search import check_search
from zoo.errors import UsageError
from zoo.folder.bundle import Bundle
from zoo.languages import language_code
from zoo.network import PLAIN
from zoo.task import Task, check_no_options, one_or_many
from zoo.translation.languages import what_to_leave
from zoo.translation.preparation import prepare
from zoo.translation.processor import BEGIN, END, Subwords, clean
from zoo.translation.protection import find_protected, has_words, plain_outside
from zoo.translation.results import (
    TranslatedSentence,
    TranslatedText,
    TranslationScore,
    copied,
    join_sentences,
)
from zoo.translation.search import (
    SentenceSearch,
    TranslationSettings,
    most_tokens,
    padded,
    scored,
)
from zoo.translation.sentences import (
    TextPiece,
    join_lines,
    split_long,
    split_sentences,
    verbatim_parts,
    with_spaces,
)
from zoo.translation.spelling import with_apostrophes

if TYPE_CHECKING:
    from zoo.inspection.subject import InspectedInput

LONGEST_PIECE = 40
"""Tokens of a sentence that is translated in one go; a longer one is cut."""

LONGEST_SCORED = 1000
"""Tokens of a text, and of its translation, that are scored in one go."""

_SURROGATE = re.compile("[\ud800-\udfff]")


class TranslationOptions(TypedDict, total=False):
    """Options of :meth:`Translation.translate`, which describes them."""

    source: str | None
    beam_size: int | None
    length_penalty: float | None
    backward_weight: float | None
    n_best: int
    keep_lines: bool
    on_progress: Callable[[int], object] | None


class _Reading(NamedTuple):
    """A text before its translation.

    Args:
        pieces: its sentences.
        unchanged: those that stay as they are.
        warnings: what is told of the text.
        whole: the text, if all of it stays as it is; else empty.
    """

    pieces: list[TextPiece]
    unchanged: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()
    whole: str = ""


class Translation(Task):
    """A translator.

    Example:
        >>> model = zoo.load_model("seq2seq_lstm.tatoeba")
        >>> print(model.translate("Where is the station?", target="fr"))
    """

    verb = "translate"
    example = "zoo.translation.standalone"
    processor: Subwords

    def __init__(self, bundle: Bundle, network: Any = None, *, dtype: str = PLAIN) -> None:
        super().__init__(bundle, network, dtype=dtype)
        self.settings = TranslationSettings.from_folder(self.decoder)

    def set_search(self, settings: Mapping[str, Any]) -> None:
        """Change the model's own settings of the search.

        Args:
            settings: values of :class:`~zoo.translation.search.TranslationSettings`; others stay.

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
        keep_lines: bool = False,
        on_progress: Callable[[int], object] | None = None,
    ) -> TranslatedText | list[TranslatedText]:
        """Translate a text.

        A text is cut into sentences, which are translated one by one and joined again with the
        white space that stood between them. Where there is nothing to translate, nothing is
        returned: a blank text gives an empty one.

        Numbers, prices, dates, addresses, tags, placeholders and file paths stay as they are. A
        sentence in CAPITALS, in Title Case or in small letters is translated as its usual spelling
        and gets its letter case back.

        Args:
            text: a text, or a list of texts.
            target: the wanted language as a code, a locale or a name, such as ``"fr"``,
                ``"fr-FR"`` or ``"French"``; may be left out if there is only one.
            source: the text's language, named in the same way. Left out, it is recognised: a text
                that is in the target language already stays as it is, and the result's
                ``warnings`` say so, as they do where the language is none of the model's or one
                from which it does not translate into the target language, and of sentences whose
                translations the network is less sure of than of nearly all others.
            beam_size: hypotheses that are followed side by side; 1 is greedy. Left out, it is the
                model's own setting, as is the next.
            length_penalty: 0 ranks by log-probability alone; more likes longer translations.
            backward_weight: how much it counts how likely the source is as the translation of what
                was found, by the same network; 0 for not at all, which saves the time. It ranks the
                hypotheses of the beam, so that it does nothing for a beam of 1.
            n_best: alternatives to return, at most ``beam_size``.
            keep_lines: take each line by itself; otherwise a sentence that is broken over several
                lines is joined.
            on_progress: called with the number of characters of the texts whose translation is
                ready since the last call; the counts add up to the length of the texts.

        Returns:
            A :class:`~zoo.translation.results.TranslatedText`, or a list of them for a list.

        Raises:
            UsageError: an argument is out of its range, or there is no such direction, or none
                back where one is asked for.
        """
        single, texts = one_or_many(text, str)
        target, source = self._direction(target, source)
        search = self._search(beam_size, length_penalty, backward_weight, n_best)
        origins = self._origins(target, source) if search.backward_weight else []
        if backward_weight and search.backward_weight and not origins:
            raise UsageError(f"the model does not translate back from {target!r}")
        read = [self._read(one, target, source, keep_lines) for one in texts]
        characters = Counter[str]()
        for piece in chain.from_iterable(each.pieces for each in read):
            characters[clean(piece.text)] += len(piece.text)
        del characters[""]
        report = _reporter(on_progress, sum(map(len, texts)))
        known = {one for each in read for one in each.unchanged}
        found = {one: copied(one) for one in known}
        report(sum(characters[one] for one in known))
        sentences = [one for one in characters if one not in known]
        for batch in SentenceSearch(
            self.inference, self.processor, target, search, n_best, origins
        ).translate(sentences):
            found |= batch
            report(sum(characters[one] for one in batch))
        results = [
            join_sentences(
                one, target, each.pieces, found, n_best, each.warnings, each.whole
            ).doubted(search.doubtful_log_prob)
            for one, each in zip(texts, read, strict=True)
        ]
        report(math.inf)  # white space
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
        target, source = self._direction(target, source)
        return self._stream(self.inference, self._read(text, target, source), target)

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
        target, source = self._direction(target, source)
        sources = [
            self._scorable(text, self.processor.encode_source(text, target)) for text in texts
        ]
        written = [self._scorable(text, self.processor.encode(text)) for text in translations]
        results: list[Any] = [None] * len(texts)
        for i, log_probs, attention in scored(self.inference, self.processor, sources, written):
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
    ) -> InspectedInput:
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
        source = padded([first, first[::-1][:3]])
        return {"input.0": source, "input.1": padded([[BEGIN, *first[:2]], [BEGIN, first[3]]])}

    def exercise(self) -> None:
        """Run the encoder, a step, and all steps at once where the network can."""
        super().exercise()
        state = self.inference.start(self.golden_inputs()["input.0"])
        self.inference.step(state, np.arange(2), np.asarray([BEGIN, BEGIN], np.int32), 2)

    def front_end(self) -> dict[str, Any]:
        """The subwords with their scores, the directions, and the ids of begin and end."""
        return self.processor.numbers()

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
        given: dict[str, Any] = {
            "beam_size": beam_size,
            "length_penalty": length_penalty,
            "backward_weight": backward_weight,
        }
        search = replace(
            self.settings, **{name: value for name, value in given.items() if value is not None}
        )
        check_search(search.beam_size, search.length_penalty, n_best)
        return search if search.beam_size > 1 else replace(search, backward_weight=0.0)

    def _origins(self, target: str, source: str | None) -> list[str]:
        """Source languages whose reverse direction the model also has."""
        return [
            origin
            for origin, to in self.directions
            if to == target
            and source in (None, origin)
            and (target, origin) in self.processor.directions
        ]

    def _direction(self, target: str | None, source: str | None) -> tuple[str, str | None]:
        """The codes of the languages that a caller names."""
        known = {code for direction in self.directions for code in direction}
        codes = [name and (language_code(str(name), known) or name) for name in (target, source)]
        return self.processor.check_direction(*codes), codes[1]

    def _read(
        self, text: str, target: str, source: str | None, keep_lines: bool = False
    ) -> _Reading:
        """The sentences of a text, and which of them need no translation."""
        pieces: list[TextPiece] = []
        for prose, code in verbatim_parts(text.strip()):
            plain = with_spaces(plain_outside(prose))
            if target != "en" and source in (None, "en"):
                plain = with_apostrophes(plain, english=source == "en")
            pieces += self._cut(plain if keep_lines else join_lines(plain, self._length))
            if code and pieces:
                pieces[-1] = replace(pieces[-1], space=pieces[-1].space + code)
            elif code:
                pieces = [TextPiece("", code)]
        if source is not None:
            return _Reading(pieces)
        sentences = [clean(piece.text) for piece in pieces if piece.text]
        left, warnings = what_to_leave(sentences, target, self.directions)
        stays = bool(left) and all(one in left or not has_words(one) for one in sentences)
        whole = text.strip() if stays and text == _SURROGATE.sub("", text) else ""
        return _Reading(pieces, left, warnings, whole)

    def _length(self, text: str) -> int:
        """Number of subwords of a text."""
        return len(self.processor.encode(text))

    def _length_as_read(self, text: str) -> int:
        """The same; of a long text without what does not pass through the network."""
        length = self._length(text)
        if length <= LONGEST_PIECE or not find_protected(text):
            return length
        return self._length(prepare(text, self.processor).text)

    def _cut(self, text: str) -> list[TextPiece]:
        """The sentences of a text, none too long for the network."""
        cut = []
        for sentence in split_sentences(text):
            parts = split_long(sentence.text, LONGEST_PIECE, self._length_as_read)
            cut += [*parts[:-1], TextPiece(parts[-1].text, parts[-1].space + sentence.space)]
        return cut

    def _stream(
        self, inference: TranslationInference, read: _Reading, target: str
    ) -> Iterator[str]:
        search = SentenceSearch(
            inference, self.processor, target, self._search(1, None, None, 1), 1, []
        )
        if read.whole:
            yield from re.findall(r"\s*\S+", read.whole)
            return
        space = ""
        for piece in read.pieces:
            sentence = clean(piece.text)
            if sentence:
                words = self._sentence_words(search, sentence, sentence in read.unchanged)
                yield space + next(words, "")
                yield from words
                space = ""
            space += piece.space
        if space.strip():
            yield space.rstrip()

    def _sentence_words(
        self, search: SentenceSearch, sentence: str, unchanged: bool
    ) -> Iterator[str]:
        """The words of a sentence's translation, as soon as nothing can change them any more."""
        plain = prepare(sentence, self.processor, search.target).text_only(sentence)
        if plain and has_words(sentence) and not unchanged:
            source = self.processor.encode_source(sentence, search.target)
            yield from self._words(search.inference, source)
            return
        text = sentence
        if not unchanged:
            for found in search.translate([sentence]):
                text = found[sentence].text if sentence in found else text
        yield from re.findall(r"\s*\S+", text)

    def _words(self, inference: TranslationInference, source: np.ndarray) -> Iterator[str]:
        """The words of one sentence's greedy translation, each with the space before it."""
        state, token = inference.start(source[None]), BEGIN
        ids: list[int] = []
        shown = ""
        for _ in range(most_tokens(source)):
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


def _reporter(on_progress: Callable[[int], object] | None, total: int) -> Callable[[float], None]:
    """A function that reports counts up to ``total`` altogether; infinity reports the rest."""
    left = total

    def report(count: float) -> None:
        nonlocal left
        done = int(min(count, left))
        left -= done
        if on_progress is not None and done:
            on_progress(done)

    return report
