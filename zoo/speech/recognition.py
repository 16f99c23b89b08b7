"""Speech recognition: recordings to text, whole or as they come."""

from __future__ import annotations

import itertools
import math
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, overload

import numpy as np

from zoo.contracts import StreamingCTCInference
from zoo.ctc.calibration import calibrated, uncertainty, unfamiliarity
from zoo.ctc.decoding import (
    Hypothesis,
    ctc_log_probability,
    forced_alignment,
    words_from_spans,
)
from zoo.ctc.phrase_search import PhraseSearch
from zoo.ctc.phrases import PhraseSource
from zoo.ctc.results import Alternative, Word
from zoo.ctc.search import NEVER, Search
from zoo.ctc.subsampling import SUBSAMPLING
from zoo.ctc.task import CTCRecogniser, tidy
from zoo.errors import UsageError, ZooWarning
from zoo.files import user_path
from zoo.speech.audio import (
    AudioPiece,
    AudioSource,
    Channel,
    iter_audio_blocks,
    name_of,
    split_at_silences,
)
from zoo.speech.audio.kinds import HEAD, kind_of
from zoo.speech.processor import Speech
from zoo.speech.results import Alignment, Transcript
from zoo.speech.silence_gate import Clock, without_silence
from zoo.task import check_no_options, distinct

if TYPE_CHECKING:
    from zoo.inspection.subject import InspectedInput
    from zoo.speech.stream import SpeechStream

LONGEST_PIECE = 20.0
"""Seconds of a recording that the network reads in one go; longer ones are cut at silences."""

MAX_READ = 3600.0
_POOL = 64  # pieces that are decoded together
_POOL_LABELS = 64_000  # pieces by labels of those, so that many labels take no more memory
_WHOLE = Clock()

UNLIKE = "unlike the speech that the model knows"
"""A doubt of a transcript."""


class TranscriptionOptions(TypedDict, total=False):
    """Options of :meth:`SpeechRecognition.transcribe`, which describes them."""

    beam_size: int | None
    language_model: Any
    n_best: int
    lm_weight: float | None
    insertion_bonus: float | None
    hotwords: Mapping[str, float] | None
    phrases: PhraseSource | None
    repeat: bool
    channel: Channel
    on_progress: Callable[[float], object] | None


class SpeechRecognition(CTCRecogniser):
    """A speech recogniser.

    Example:
        >>> model = zoo.load_model("ctc_bilstm.an4")
        >>> print(model.transcribe("question.wav"))
    """

    verb = "transcribe"
    example = "zoo.speech.standalone"
    example_modules = ("zoo.ctc.standalone",)
    processor: Speech

    @property
    def frame_seconds(self) -> float:
        """Seconds from one output of the network to the next."""
        return SUBSAMPLING * float(self.processor.log_mel.frame_seconds)

    @property
    def streams(self) -> bool:
        """Whether the model can transcribe while a person still speaks."""
        return isinstance(self.inference, StreamingCTCInference)

    @overload
    def transcribe(
        self,
        audio: AudioSource,
        sample_rate: float | None = None,
        **options: Unpack[TranscriptionOptions],
    ) -> Transcript: ...
    @overload
    def transcribe(
        self,
        audio: list[AudioSource] | tuple[AudioSource, ...],
        sample_rate: float | None = None,
        **options: Unpack[TranscriptionOptions],
    ) -> list[Transcript]: ...
    def transcribe(
        self,
        audio: AudioSource | Sequence[AudioSource],
        sample_rate: float | None = None,
        *,
        beam_size: int | None = None,
        language_model: Any = None,
        n_best: int = 1,
        lm_weight: float | None = None,
        insertion_bonus: float | None = None,
        hotwords: Mapping[str, float] | None = None,
        phrases: PhraseSource | None = None,
        repeat: bool = False,
        channel: Channel = "auto",
        on_progress: Callable[[float], object] | None = None,
    ) -> Transcript | list[Transcript]:
        """The text of recordings.

        A recording of more than :data:`LONGEST_PIECE` seconds is cut at its quietest places; an
        hour takes no more memory than a minute.

        Args:
            audio: a path, a named pipe, the bytes of a file, an open file, an array ``(samples,)``
                or ``(samples, channels)``, or a list of these.
            sample_rate: samples a second of arrays and of raw PCM; a file says it itself.
            beam_size: prefixes kept by the beam search; 1 is greedy. Left out, it is greedy without
                a language model and the model's own setting with one.
            language_model: ``"own"`` for the one in the model's folder, the path of an n-gram file
                (:mod:`zoo.language_models.loading`), the name or the folder of a text generation
                model, such as ``"char_lstm.shakespeare"``, or one of these loaded.
            n_best: alternatives to return, at most ``beam_size``.
            lm_weight: weight of the language model's log-probabilities; left out, the model's own.
            insertion_bonus: added for each character, against the language model's liking of short
                texts; left out, the model's own.
            hotwords: words to expect, such as names, each with what every one of its letters adds
                to the score: ``{"Hooker": 2.0}``. Other words are not excluded.
            phrases: what may be said: a list of phrases, a file with one on each line, or a grammar
                (:mod:`zoo.ctc.grammar`). The text is then one of them, or empty if it is none of
                them, with the runner-up in ``alternatives`` and the values of the grammar's slots
                in ``slots``. They exclude the other arguments of the search but ``n_best``.
            repeat: whether a sequence of the phrases may be said.
            channel: a channel's number from 0, ``"mix"`` for their mean, or ``"auto"``: the mean,
                without channels that are silent, or the loudest one where they cancel each other
                out.
            on_progress: called with the seconds of audio read since the last call.

        Returns:
            A :class:`~zoo.speech.results.Transcript`, or a list of them for a list of recordings.

        Warns:
            ZooWarning: a recording is damaged, unfinished, silent, very quiet or clipped, or its
                channels are; or it is unlike the speech that the model knows.

        Raises:
            UsageError: an argument is out of range, an array has no rate or bad samples.
            DataError: a file is missing, damaged or no audio.
        """
        search = self._search(
            phrases,
            repeat,
            n_best=n_best,
            language_model=language_model,
            beam_size=beam_size,
            lm_weight=lm_weight,
            insertion_bonus=insertion_bonus,
            hotwords=hotwords,
        )
        single, sources = _sources(audio)
        decoded: list[list[Transcript]] = [[] for _ in sources]
        seconds = [0.0] * len(sources)
        pieces = self._pieces(sources, sample_rate, channel)
        while pool := list(itertools.islice(pieces, self._pool)):
            features, clocks = zip(*(self._features(piece) for _, piece in pool), strict=True)
            outputs = self.outputs(features)
            for (number, piece), log_probs, clock in zip(pool, outputs, clocks, strict=True):
                length = len(piece.samples) / self.processor.log_mel.sample_rate
                hypotheses = search.run(log_probs)
                result = self.make_result(search, hypotheses, log_probs, length, clock)
                decoded[number].append(result)
                seconds[number] += length
                if on_progress:
                    on_progress(length)
        results = [
            self._joined(parts, search, total)
            for parts, total in zip(decoded, seconds, strict=True)
        ]
        for source, result in zip(sources, results, strict=True):
            if UNLIKE in result.doubts:
                warnings.warn(f"{name_of(source)} is {UNLIKE}", ZooWarning, stacklevel=2)
        return results[0] if single else results

    @property
    def _pool(self) -> int:
        return max(1, min(_POOL, _POOL_LABELS // len(self.processor.vocabulary)))

    def log_probs(self, audio: AudioSource, sample_rate: float | None = None) -> np.ndarray:
        """Natural log-probability of each label at each output of the network.

        The network hears all of the recording here, also long silences, which the other methods
        leave out.

        Args:
            audio: one recording, as :meth:`transcribe` takes it, of at most an hour.
            sample_rate: of an array.

        Returns:
            ``(outputs, labels)`` float32, an output every :attr:`frame_seconds`; label
            ``processor.alphabet.blank`` is the blank.

        Raises:
            UsageError, DataError: as :meth:`transcribe`.
        """
        samples = self._read(audio, sample_rate)
        return self.outputs([self.processor.log_mel.features(samples)])[0]

    def _heard(self, audio: AudioSource, sample_rate: float | None) -> tuple[np.ndarray, Clock]:
        """The outputs for a recording without its long silences, and their times in it."""
        features, clock = self._features(AudioPiece(0.0, self._read(audio, sample_rate)))
        return self.outputs([features])[0], clock

    def _read(self, audio: AudioSource, sample_rate: float | None) -> np.ndarray:
        samples = self.processor.read(audio, sample_rate)
        if len(samples) > MAX_READ * self.processor.log_mel.sample_rate:
            raise UsageError(f"the recording is longer than {MAX_READ:g} s; cut it first")
        return samples

    def score(self, audio: AudioSource, text: str, sample_rate: float | None = None) -> float:
        """Natural log-probability of a text given a recording, by CTC's forward algorithm.

        Args:
            audio: one recording, as :meth:`transcribe` takes it.
            text: what was said, perhaps.
            sample_rate: of an array.

        Returns:
            The log-probability; ``-inf`` if the recording is too short for the text.

        Raises:
            UsageError, DataError: as :meth:`transcribe`, or the text has characters that the model
                does not know.
        """
        labels = self.labels_of(text)
        log_probs, _ = self._heard(audio, sample_rate)
        return ctc_log_probability(log_probs, labels, self.processor.alphabet.blank)

    def align(self, audio: AudioSource, text: str, sample_rate: float | None = None) -> Alignment:
        """When each word and character of a known text is said.

        Args:
            audio: one recording, as :meth:`transcribe` takes it.
            text: what was said.
            sample_rate: of an array.

        Raises:
            UsageError, DataError: as :meth:`score`, or the recording is too short for the text.
        """
        labels = self.labels_of(text)
        log_probs, clock = self._heard(audio, sample_rate)
        blank = self.processor.alphabet.blank
        spans = forced_alignment(log_probs, labels, blank)
        characters = tuple(
            Word(
                self.processor.vocabulary[span.label],
                clock.time(span.start * self.frame_seconds),
                clock.time(span.end * self.frame_seconds, end=True),
                span.confidence,
            )
            for span in spans
        )
        return Alignment(
            text,
            self._words(spans, clock),
            characters,
            ctc_log_probability(log_probs, labels, blank),
        )

    def plot(
        self,
        audio: AudioSource,
        path: str | os.PathLike[str],
        sample_rate: float | None = None,
        **search: Any,
    ) -> Path:
        """Draw a recording: log-mel features, posteriors of the labels, words under them.

        Long silences, which the network does not hear, are hatched.

        Args:
            audio: one recording of at most :data:`LONGEST_PIECE` seconds.
            path: where to; PNG, SVG or PDF by its ending.
            sample_rate: of an array.
            **search: arguments of :meth:`transcribe`, such as ``language_model``.

        Returns:
            The picture's path.

        Raises:
            UsageError, DataError: as :meth:`transcribe`, or the recording is too long to draw.
        """
        from zoo.speech.plot import draw_recording

        log_mel = self.processor.log_mel
        samples = self.processor.read(audio, sample_rate)
        if len(samples) > LONGEST_PIECE * log_mel.sample_rate:
            raise UsageError(f"a picture shows at most {LONGEST_PIECE:g} s; cut the recording")
        heard, clock = self._features(AudioPiece(0.0, samples))
        (log_probs,) = self.outputs([heard])
        times = [clock.time(n * self.frame_seconds) for n in range(len(log_probs))]
        return draw_recording(
            user_path(path),
            log_mel.features(samples),
            log_mel.frame_seconds,
            log_probs,
            np.array(times),
            self.frame_seconds,
            self.processor.vocabulary,
            self.transcribe(samples, log_mel.sample_rate, **search),
        )

    def subject(
        self, source: AudioSource, sample_rate: float | None = None, **options: Any
    ) -> InspectedInput:
        """A recording with the seconds of its steps; see :meth:`zoo.task.Task.subject`.

        Args:
            source: one recording of at most :data:`LONGEST_PIECE` seconds.
            sample_rate: of an array.
            **options: there are no others.

        Raises:
            UsageError, DataError: as :meth:`transcribe`, or the recording is too long.
        """
        from zoo.speech.inspection import recording_subject

        check_no_options(options)
        log_mel = self.processor.log_mel
        samples = self.processor.read(source, sample_rate)
        if len(samples) > LONGEST_PIECE * log_mel.sample_rate:
            raise UsageError(f"at most {LONGEST_PIECE:g} s can be looked into; cut the recording")
        return recording_subject(
            samples,
            log_mel.sample_rate,
            log_mel.features(samples),
            log_mel.frame_seconds,
            self.processor.vocabulary,
        )

    def open_stream(
        self,
        sample_rate: float | None = None,
        *,
        beam_size: int | None = None,
        language_model: Any = None,
        n_best: int = 1,
        lm_weight: float | None = None,
        insertion_bonus: float | None = None,
        hotwords: Mapping[str, float] | None = None,
        phrases: PhraseSource | None = None,
        repeat: bool = False,
        endpoint_seconds: float = 0.8,
    ) -> SpeechStream:
        """Transcribe while a person still speaks.

        The stream keeps the weights that the model has now, whatever becomes of it later.

        Args:
            sample_rate: samples a second of what will be fed; left out, the model's own.
            beam_size: as in :meth:`transcribe`.
            language_model: as in :meth:`transcribe`.
            n_best: as in :meth:`transcribe`.
            lm_weight: as in :meth:`transcribe`.
            insertion_bonus: as in :meth:`transcribe`.
            hotwords: as in :meth:`transcribe`.
            phrases: as in :meth:`transcribe`; each utterance is one of them or none.
            repeat: as in :meth:`transcribe`.
            endpoint_seconds: so long a silence after a word counts as the end of an utterance.

        Raises:
            UsageError: the model needs the whole utterance, or an argument is out of range.
        """
        from zoo.speech.stream import SpeechStream

        inference = self.inference
        if not isinstance(inference, StreamingCTCInference):
            raise UsageError(
                f"{self.architecture.name} hears the whole utterance before it writes; "
                "ctc_lstm streams"
            )
        search = self._search(
            phrases,
            repeat,
            n_best=n_best,
            language_model=language_model,
            beam_size=beam_size,
            lm_weight=lm_weight,
            insertion_bonus=insertion_bonus,
            hotwords=hotwords,
        )
        return SpeechStream(self, inference, search, sample_rate, endpoint_seconds)

    def golden_inputs(self) -> dict[str, np.ndarray]:
        """Features of a rising tone, 23 frames, and 17 frames of it with padding."""
        log_mel = self.processor.log_mel
        time = np.arange(log_mel.window + 22 * log_mel.hop) / log_mel.sample_rate
        tone = 0.1 * np.sin(2 * np.pi * (200 + 900 * time) * time)
        features = np.stack([log_mel.features(tone.astype(np.float32))] * 2)
        mask = np.ones(features.shape[:2], bool)
        mask[1, 17:] = False
        return {"input.0": features, "input.1": mask}

    def exercise(self) -> None:
        """Run the network whole, and a step of a stream where it has one."""
        super().exercise()
        if isinstance(self.inference, StreamingCTCInference):
            features = self.golden_inputs()["input.0"][0, :SUBSAMPLING]
            self.inference.step(features, 1.0, self.inference.start())

    def front_end(self) -> dict[str, Any]:
        """The numbers of the features and the labels; see ``LogMel.numbers``."""
        return {
            **self.processor.log_mel.numbers(),
            "labels": list(self.processor.vocabulary),
            "blank": self.processor.alphabet.blank,
            "subsampling": SUBSAMPLING,
        }

    def make_transcript(
        self,
        hypotheses: Sequence[Hypothesis],
        seconds: float,
        clock: Clock = _WHOLE,
        n_best: int = 1,
        curve: tuple[float, float] | None = None,
    ) -> Transcript:
        """The transcript of a recording that was decoded in one piece.

        Args:
            hypotheses: the best first.
            seconds: length of the recording.
            clock: times in the recording.
            n_best: alternatives to give at most.
            curve: scale and bias of the words' confidences; left out, those of words that are read
                without a language model.
        """
        best = hypotheses[0]
        texts = distinct(
            (Alternative(self._text(h), h.score, h.confidence) for h in hypotheses), n_best
        )
        words = self._words(best.spans, clock, curve)
        confidence = best.confidence
        if self.searches.settings.calibrated and words:
            confidence = _mean([word.confidence for word in words])
        return Transcript(texts[0].text, words, confidence, texts, seconds)

    def make_result(
        self,
        search: Search | PhraseSearch,
        hypotheses: Sequence[Hypothesis],
        log_probs: np.ndarray,
        seconds: float,
        clock: Clock = _WHOLE,
    ) -> Transcript:
        """The transcript of what a search has found, and whether it is to be doubted.

        Args:
            search: what was searched with.
            hypotheses: the best first.
            log_probs: ``(outputs, labels)`` that they were found in.
            seconds: length of the recording.
            clock: times in the recording.
        """
        if isinstance(search, PhraseSearch):
            plain = self.make_transcript(hypotheses, seconds, clock, search.n_best)
            unlike = bool(hypotheses[0].phrases) and self._is_unlike(log_probs)
            return self._matched(plain, hypotheses[0], unlike)
        curve = search.word_curve
        plain = self.make_transcript(hypotheses, seconds, clock, search.n_best, curve)
        settings = self.searches.settings
        if not plain.text:
            return plain
        entropy = uncertainty(log_probs, len(hypotheses[0].labels))
        if entropy <= settings.doubtful_entropy and not self._is_unlike(log_probs):
            return plain
        if entropy <= settings.hopeless_entropy:
            return replace(plain, doubts=(UNLIKE,))
        nothing = Alternative("", hypotheses[0].score, 1.0 - plain.confidence)
        return Transcript("", (), nothing.confidence, (nothing,), seconds, doubts=(UNLIKE,))

    def _is_unlike(self, log_probs: np.ndarray) -> bool:
        """Whether outputs are less familiar than those that the model's limit was fitted to."""
        limit = self.searches.settings.doubtful_unfamiliarity
        return limit < NEVER and unfamiliarity(log_probs, self.processor.alphabet.blank) > limit

    def _matched(self, plain: Transcript, best: Hypothesis, unlike: bool) -> Transcript:
        """A transcript with its phrases as they were given, doubted if it is unlike all speech."""
        written = " ".join(phrase.text for phrase in best.phrases).split()
        words = tuple(
            replace(word, text=text) for word, text in zip(plain.words, written, strict=True)
        )
        heard = tidy(self.processor.alphabet.decode(best.heard))
        doubts = (f"none of the phrases; without them it reads {heard!r}",) if heard else ()
        if unlike:
            doubts = (UNLIKE,)
        return replace(
            plain,
            words=words,
            confidence=best.confidence,
            phrases=best.phrases,
            doubts=doubts,
        )

    def _text(self, hypothesis: Hypothesis) -> str:
        if hypothesis.phrases:
            return " ".join(phrase.text for phrase in hypothesis.phrases)
        return tidy(self.processor.alphabet.decode(hypothesis.labels))

    def _search(
        self, phrases: PhraseSource | None, repeat: bool, n_best: int, **values: Any
    ) -> Search | PhraseSearch:
        """The search for a call's arguments."""
        if phrases is None:
            if repeat:
                raise UsageError("repeat goes with phrases")
            return self.searches.make(n_best=n_best, **values)
        given = [name for name, value in values.items() if value is not None]
        if given:
            raise UsageError(f"phrases exclude everything else, so there can be no {given[0]}")
        return self.searches.make_for_phrases(phrases, repeat, n_best)

    def _joined(
        self, parts: Sequence[Transcript], search: Search | PhraseSearch, seconds: float
    ) -> Transcript:
        """The transcript of a recording whose pieces were decoded apart."""
        if len(parts) == 1:
            return parts[0]
        n_best = search.n_best
        if isinstance(search, PhraseSearch) and not search.repeat:
            found = [part for part in parts if part.text]
            if len(found) == 1:
                return replace(found[0], seconds=seconds)
            if found:  # the answer is one of the phrases or nothing
                texts = ", ".join(repr(part.text) for part in found)
                nothing = Alternative("", 0.0, 0.0)
                doubts = (f"more than one phrase: {texts}; give repeat for several",)
                others = (nothing, *(part.alternatives[0] for part in found))
                return Transcript("", (), 0.0, others, seconds, (), doubts)
        words = tuple(word for part in parts for word in part.words)
        alternatives = _combine([part.alternatives for part in parts], n_best)
        best = alternatives[0]
        said = [part.phrases for part in parts if part.phrases is not None]
        confidence = best.confidence
        if self.searches.settings.calibrated and words and not said:
            confidence = _mean([word.confidence for word in words])
        return Transcript(
            best.text,
            words,
            confidence,
            tuple(alternatives),
            seconds,
            tuple(itertools.chain.from_iterable(said)) if said else None,
            tuple(dict.fromkeys(doubt for part in parts for doubt in part.doubts)),
        )

    def _pieces(
        self, sources: Sequence[AudioSource], sample_rate: float | None, channel: Channel
    ) -> Iterator[tuple[int, AudioPiece]]:
        rate = self.processor.log_mel.sample_rate
        for number, source in enumerate(sources):
            raw = isinstance(source, bytes) and kind_of(source[:HEAD]) is None
            source_rate = sample_rate if raw or isinstance(source, np.ndarray) else None
            if sample_rate is not None and len(sources) == 1:
                source_rate = sample_rate  # so that a rate given beside a file is an error
            blocks = iter_audio_blocks(source, 5.0, source_rate, rate, channel)
            for piece in split_at_silences(blocks, LONGEST_PIECE, rate):
                yield number, piece

    def _features(self, piece: AudioPiece) -> tuple[np.ndarray, Clock]:
        """Features of a piece without its long silences, none of one in which nobody speaks.

        A network that was trained on speech makes letters of silence and hiss, normalised over the
        utterance above all, when they are as loud as speech.
        """
        log_mel = self.processor.log_mel
        frames = log_mel.log_mel(piece.samples)
        if self.streams:
            gate = log_mel.gate()
            frames, gaps = gate.feed(frames), gate.gaps
        else:
            steady = log_mel.normalisation == "utterance" and log_mel.is_steady(frames)
            frames, gaps = without_silence(frames[:0] if steady else frames)
        return log_mel.normalise(frames), Clock(piece.start, log_mel.frame_seconds, gaps)

    def _words(
        self,
        spans: Sequence[Any],
        clock: Clock = _WHOLE,
        curve: tuple[float, float] | None = None,
    ) -> tuple[Word, ...]:
        alphabet = self.processor.alphabet
        settings = self.searches.settings
        scale, bias = curve or (settings.word_scale, settings.word_bias)
        return tuple(
            Word(
                word.text,
                clock.time(word.start),
                clock.time(word.end, end=True),
                calibrated(word.confidence, scale, bias),
            )
            for word in words_from_spans(
                spans, alphabet.vocabulary, alphabet.separator, self.frame_seconds
            )
        )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _sources(audio: Any) -> tuple[bool, list[Any]]:
    if isinstance(audio, (list, tuple)):
        if audio and all(isinstance(item, (int, float)) for item in audio):
            raise UsageError("samples must be a NumPy array; a list is one of recordings")
        return False, list(audio)
    kinds = (str, os.PathLike, bytes, np.ndarray)
    if not isinstance(audio, kinds) and not hasattr(audio, "read"):
        raise UsageError(
            "a recording is a path, bytes, an open file or a NumPy array, not "
            f"{type(audio).__name__}"
        )
    return True, [audio]


def _combine(parts: Sequence[Sequence[Alternative]], n_best: int) -> list[Alternative]:
    """The best texts of a recording whose pieces were decoded apart, scores added up."""
    best = [Alternative("", 0.0, 1.0)]
    count = 0
    for part in parts:
        # The confidences' geometric mean, each piece counted by its letters.
        joined = [
            Alternative(
                f"{a.text} {b.text}".strip(),
                a.score + b.score,
                _mean_confidence(a.confidence, count, b.confidence, len(b.text)),
            )
            for a in best
            for b in part
        ]
        best = list(distinct(sorted(joined, key=lambda text: -text.score), n_best))
        count += len(part[0].text)
    return best


def _mean_confidence(a: float, a_count: int, b: float, b_count: int) -> float:
    if not a_count + b_count:
        return min(a, b)
    logs = a_count * math.log(max(a, 1e-30)) + b_count * math.log(max(b, 1e-30))
    return math.exp(logs / (a_count + b_count))
