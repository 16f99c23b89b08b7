"""What a CTC recogniser's ``decoder`` settings mean, and how a call changes them.

Speech and handwriting decode alike: greedily, or by a beam with a language model mixed in. The
settings are plain values of ``config.json``; a model may carry a language model of its own, trained
on the transcripts of its training data, in the file :data:`OWN_MODEL`.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from zoo.catalogue import registry
from zoo.ctc.alphabet import Alphabet
from zoo.ctc.decoding import MAX_BEAM, Hypothesis, beam_hypotheses, greedy, prefix_beam_search
from zoo.ctc.hotwords import Hotwords
from zoo.ctc.phrase_search import PhraseSearch, PhraseSettings
from zoo.ctc.phrases import PhraseSource, compile_phrases, read_phrases
from zoo.ctc.prefix_beam import PrefixBeam
from zoo.errors import DataError, FolderError, UsageError
from zoo.files import is_file, user_path
from zoo.folder.manifest import MANIFEST
from zoo.language_models.character_ngram import CharacterNgram
from zoo.language_models.fusion import LanguageModel
from zoo.language_models.loading import load_language_model
from zoo.language_models.recurrent_characters import RecurrentCharacters
from zoo.language_models.word_ngram import MAX_UNKNOWN_ORDER, WordNgram
from zoo.store.hub import PREFIX
from zoo.values import check_range, is_whole, make_config, make_settings

OWN = "own"
OWN_MODEL = "language_model.safetensors"
"""A model folder's own language model."""

DOUBTFUL, HOPELESS = 1.4, 1.8
"""Nats a label, for the AN4 models. AN4's validation speech reaches 1.33. Of LibriSpeech, Common
Voice and speechocean762 half lies above the first and a third above the second."""
NEVER = 1e6
"""A limit that nothing exceeds."""

_MOST_BOUND = 4  # language models that are kept ready

UnboundModel = CharacterNgram | WordNgram | RecurrentCharacters


@dataclass(frozen=True)
class SearchSettings:
    """The decoder's settings of a model.

    Args:
        beam_size: prefixes that the beam search keeps, where a language model is used and the call
            says nothing else.
        lm_weight: weight of the language model's log-probabilities.
        insertion_bonus: added for each label.
        unknown_word_probability: for a word n-gram model, how likely a word is to be none that it
            knows; 0 closes the vocabulary.
        unknown_word_order: order of the n-grams of letters that spell such a word; 0 for letters
            that are all equally likely.
        phrase_scale: see :mod:`zoo.ctc.phrase_search`.
        phrase_bias: see :mod:`zoo.ctc.phrase_search`.
        phrase_temperature: see :mod:`zoo.ctc.phrase_search`.
        phrase_limit: see :mod:`zoo.ctc.phrase_search`.
        word_scale: of words' confidences, see :mod:`zoo.ctc.calibration`.
        word_bias: of words' confidences.
        lm_word_scale: the same where a language model is used.
        lm_word_bias: the same where a language model is used.
        doubtful_confidence: where confidences are calibrated, the confidence below which what is
            read is doubtful.
        doubtful_entropy: nats a label (:func:`~zoo.ctc.calibration.uncertainty`) above which what
            is read is doubtful.
        doubtful_unfamiliarity: :func:`~zoo.ctc.calibration.unfamiliarity` above which it is
            doubtful as well, and no sequence of given phrases; it has to be fitted to a model's own
            data.
        hopeless_entropy: nats a label above which it is taken for noise and not read, and is none
            of given phrases.
    """

    beam_size: int = 32
    lm_weight: float = 0.5
    insertion_bonus: float = 0.0
    unknown_word_probability: float = 1e-4
    unknown_word_order: int = 0
    phrase_scale: float = 4.0
    phrase_bias: float = 7.0
    phrase_temperature: float = 2.0
    phrase_limit: float = 0.5
    word_scale: float = 1.0
    word_bias: float = 0.0
    lm_word_scale: float = 1.0
    lm_word_bias: float = 0.0
    doubtful_confidence: float = 0.4
    doubtful_entropy: float = DOUBTFUL
    doubtful_unfamiliarity: float = NEVER
    hopeless_entropy: float = HOPELESS

    def __post_init__(self) -> None:
        check_range(self, "beam_size", int, 1, MAX_BEAM)
        check_range(self, "lm_weight", float, 0.0, 100.0)
        check_range(self, "insertion_bonus", float, -100.0, 100.0)
        check_range(self, "unknown_word_probability", float, 0.0, 0.999)
        check_range(self, "unknown_word_order", int, 0, MAX_UNKNOWN_ORDER)
        check_range(self, "phrase_scale", float, 0.0, 1000.0)
        check_range(self, "phrase_bias", float, -1000.0, 1000.0)
        check_range(self, "phrase_temperature", float, 0.01, 1000.0)
        check_range(self, "phrase_limit", float, 0.0, 1.0)
        check_range(self, "word_scale", float, 0.0, 1000.0)
        check_range(self, "word_bias", float, -1000.0, 1000.0)
        check_range(self, "lm_word_scale", float, 0.0, 1000.0)
        check_range(self, "lm_word_bias", float, -1000.0, 1000.0)
        check_range(self, "doubtful_confidence", float, 0.0, 1.0)
        check_range(self, "doubtful_entropy", float, 0.0, NEVER)
        check_range(self, "doubtful_unfamiliarity", float, 0.0, NEVER)
        check_range(self, "hopeless_entropy", float, 0.0, NEVER)

    @property
    def calibrated(self) -> bool:
        """Whether words' confidences have been fitted to held-out data."""
        return (self.word_scale, self.word_bias) != (1.0, 0.0)

    @classmethod
    def from_folder(cls, settings: Mapping[str, Any]) -> SearchSettings:
        """Read the settings of a model folder.

        Raises:
            FolderError: a value is unknown or out of range.
        """
        return make_settings(cls, settings, "decoder")

    def changed(self, values: Mapping[str, Any]) -> SearchSettings:
        """These settings with those values that are not ``None``.

        Raises:
            UsageError: a value is out of range.
        """
        known = {field.name for field in fields(self)}
        given = {k: v for k, v in values.items() if k in known and v is not None}
        return make_config(SearchSettings, {**vars(self), **given})


@dataclass(frozen=True)
class Search:
    """One way to turn outputs into labels.

    Args:
        blank: index of the blank.
        settings: of the search.
        language_model: bound to the recogniser's labels.
        n_best: alternatives that are wanted.
        known_by: what the language model is known by.
        hotwords: words to expect.
    """

    blank: int
    settings: SearchSettings
    language_model: LanguageModel | None = None
    n_best: int = 1
    known_by: Any = None
    hotwords: Hotwords | None = None

    def __post_init__(self) -> None:
        if not is_whole(self.n_best) or not 1 <= self.n_best <= self.settings.beam_size:
            raise UsageError(
                f"n_best must be from 1 to the beam size {self.settings.beam_size}, "
                f"not {self.n_best!r}"
            )

    @property
    def greedy(self) -> bool:
        """Whether it takes the best path and no beam is needed."""
        plain = self.language_model is None and self.hotwords is None
        plain = plain and not self.settings.insertion_bonus
        return self.settings.beam_size == 1 and plain

    @property
    def word_curve(self) -> tuple[float, float]:
        """Scale and bias of words' confidences, see :mod:`zoo.ctc.calibration`."""
        settings = self.settings
        if self.language_model is None:
            return settings.word_scale, settings.word_bias
        return settings.lm_word_scale, settings.lm_word_bias

    @property
    def candidates(self) -> int:
        """Number of hypotheses that the search gives.

        It is more than ``n_best`` where the beam has them, since some differ in their spaces alone.
        """
        return 1 if self.n_best == 1 else min(2 * self.n_best, self.settings.beam_size)

    @property
    def identity(self) -> Any:
        """What is equal for two searches that go about it alike; ``None`` for the greedy one."""
        hot = self.hotwords and self.hotwords.known_by
        return None if self.greedy else (self.settings, self.known_by, hot)

    def run(self, log_probs: np.ndarray, length: int | None = None) -> list[Hypothesis]:
        """Decode ``(frames, labels)`` log-probabilities, the best hypothesis first."""
        if self.greedy:
            return [greedy(log_probs, self.blank, length=length)]
        model, weight = self._fused()
        return prefix_beam_search(
            log_probs,
            self.blank,
            length=length,
            beam_size=self.settings.beam_size,
            language_model=model,
            lm_weight=weight,
            insertion_bonus=self.settings.insertion_bonus,
            n_best=self.candidates,
        )

    def beam(self) -> PrefixBeam:
        """A beam to be fed as the outputs come; it decodes as :meth:`run` does."""
        model, weight = self._fused()
        return PrefixBeam(
            self.blank,
            self.settings.beam_size,
            language_model=model,
            lm_weight=weight,
            insertion_bonus=self.settings.insertion_bonus,
        )

    def hypotheses(self, beam: PrefixBeam, log_probs: np.ndarray) -> list[Hypothesis]:
        """What a beam has found that was fed with ``log_probs``, the best hypothesis first."""
        return beam_hypotheses(beam, log_probs, self.candidates)

    def partial(self, beam: PrefixBeam, decode: Callable[[Sequence[int]], str]) -> str:
        """The text so far.

        Args:
            beam: fed with what there is.
            decode: gives the text of labels.
        """
        ((labels, _, _),) = beam.best(1, ended=False)
        return decode(labels)

    def _fused(self) -> tuple[LanguageModel | None, float]:
        """The language model with the hot words on top of it, and its weight."""
        if self.hotwords is None:
            return self.language_model, self.settings.lm_weight
        return self.hotwords.over(self.language_model, self.settings.lm_weight), 1.0


class SearchFactory:
    """Makes the search that a call asks for; keeps language models that it has bound.

    Args:
        alphabet: text of each label, ``""`` for the blank.
        settings: the model's ``decoder`` table.
        files: the model's decoder files.

    Raises:
        FolderError: a setting is wrong.
        UsageError: the labels are no alphabet.
    """

    def __init__(
        self, alphabet: tuple[str, ...], settings: Mapping[str, Any], files: Mapping[str, bytes]
    ) -> None:
        self._alphabet = Alphabet(alphabet)
        self.settings = SearchSettings.from_folder(settings)
        self._own = files.get(OWN_MODEL)
        self._bound: OrderedDict[Any, tuple[Any, LanguageModel]] = OrderedDict()
        self._lock = threading.Lock()

    def make(
        self,
        language_model: Any = None,
        n_best: int = 1,
        beam_size: int | None = None,
        lm_weight: float | None = None,
        insertion_bonus: float | None = None,
        hotwords: Mapping[str, float] | None = None,
    ) -> Search:
        """The search for a call's arguments; what is ``None`` is the model's own setting.

        Without a language model, hot words, a bonus, a beam size and alternatives, that is the
        greedy one.

        Args:
            language_model: ``"own"`` for the model's own, the path of an n-gram file, the name,
                folder or Hub reference of a text generation model, one of these loaded, or ``None``
                for none.
            n_best: alternatives that are wanted.
            beam_size: prefixes kept after each frame.
            lm_weight: weight of the language model.
            insertion_bonus: added for each label.
            hotwords: words to expect, each with what its letters add to the score, see
                :class:`~zoo.ctc.hotwords.Hotwords`.

        Raises:
            UsageError: an argument is out of range or no language model.
            DataError: the language model cannot be read.
        """
        if language_model is None:
            # The bonus makes up for the language model's liking of short texts.
            insertion_bonus = insertion_bonus or 0.0
            if lm_weight:
                raise UsageError("lm_weight goes with a language_model")
            if beam_size is None and n_best == 1 and hotwords is None and not insertion_bonus:
                beam_size = 1
        settings = self.settings.changed(
            {"beam_size": beam_size, "lm_weight": lm_weight, "insertion_bonus": insertion_bonus}
        )
        blank = self._alphabet.blank
        hot = None if hotwords is None else Hotwords(hotwords, self._alphabet)
        if language_model is None:
            return Search(blank, settings, None, n_best, None, hot)
        key = (
            _identity(language_model),
            settings.unknown_word_probability,
            settings.unknown_word_order,
        )
        with self._lock:
            bound = self._bind(language_model, key, settings)
            return Search(blank, settings, bound, n_best, key, hot)

    def make_for_phrases(
        self, phrases: PhraseSource, repeat: bool = False, n_best: int = 1
    ) -> PhraseSearch:
        """The search for given phrases.

        Args:
            phrases: see :func:`~zoo.ctc.phrases.read_phrases`.
            repeat: whether a sequence of them may be said.
            n_best: hypotheses that are wanted.

        Raises:
            UsageError: an argument is out of range, or a phrase has characters that the model does
                not know.
            DataError: the file of the phrases cannot be read.
        """
        tree = compile_phrases(read_phrases(phrases), self._alphabet)
        values = self.settings
        settings = PhraseSettings(
            values.phrase_scale,
            values.phrase_bias,
            values.phrase_temperature,
            values.phrase_limit,
            values.doubtful_unfamiliarity,
            values.hopeless_entropy,
        )
        return PhraseSearch(tree, settings, bool(repeat), n_best)

    def _bind(self, wanted: Any, key: Any, settings: SearchSettings) -> LanguageModel:
        if key in self._bound:
            self._bound.move_to_end(key)
        else:
            model = find_language_model(wanted, self._own)
            values: dict[str, Any] = {}
            if isinstance(model, WordNgram):
                values = {
                    "unknown_word_probability": settings.unknown_word_probability,
                    "unknown_word_order": settings.unknown_word_order,
                }
            # The model is kept beside what was bound, so that its id stays its own.
            self._bound[key] = (wanted, model.bind(self._alphabet.vocabulary, **values))
            while len(self._bound) > _MOST_BOUND:
                self._bound.popitem(last=False)
        return self._bound[key][1]


def _identity(wanted: Any) -> Any:
    """What a language model is known by: a file by its name, size and time, a task by its
    inference, which is another one when its weights have changed."""
    if not isinstance(wanted, (str, os.PathLike)):
        return id(wanted), id(getattr(wanted, "inference", None))
    path = user_path(wanted)
    try:
        facts = path.stat()
    except (OSError, ValueError):  # of a name with a zero in it
        return str(wanted)
    return str(path.absolute()), facts.st_mtime_ns, facts.st_size


def find_language_model(wanted: Any, own: bytes | None = None) -> UnboundModel:
    """The language model that a caller means.

    Args:
        wanted: see :meth:`SearchFactory.make`.
        own: the recogniser's own language model file.

    Raises:
        UsageError: it means none.
        DataError: the file cannot be read.
    """
    if isinstance(wanted, CharacterNgram | WordNgram | RecurrentCharacters):
        return wanted
    if wanted == OWN:
        if own is None:
            raise UsageError("this model has no language model of its own; give a file or a name")
        try:
            return load_language_model(own)
        except DataError as error:
            raise FolderError(f"{OWN_MODEL}: {error}") from None
    if isinstance(wanted, (str, os.PathLike)):
        if not _means_a_model(wanted):
            return load_language_model(Path(wanted))
        from zoo.loading import load_model

        wanted = load_model(wanted if isinstance(wanted, str) else Path(wanted))
    return RecurrentCharacters.of_task(wanted)


def _means_a_model(wanted: str | os.PathLike[str]) -> bool:
    """Whether it is a model's folder or name, and not an n-gram file."""
    path = user_path(wanted)
    if wanted in registry().names() or str(wanted).startswith(PREFIX) or is_file(path / MANIFEST):
        return True
    of_the_zoo = isinstance(wanted, str) and wanted.partition(".")[0] in registry().architectures
    return of_the_zoo and not is_file(path)
