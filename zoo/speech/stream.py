"""A speech recogniser that writes while a person still speaks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

import numpy as np
import soxr

from zoo.contracts import Config, StreamingCTCInference
from zoo.ctc.calibration import uncertainty
from zoo.ctc.decoding import Hypothesis
from zoo.ctc.phrase_search import PhraseSearch
from zoo.ctc.search import Search, SearchFactory
from zoo.ctc.subsampling import SUBSAMPLING
from zoo.ctc.task import tidy
from zoo.errors import UsageError
from zoo.speech.audio import MAX_RATE, MIN_RATE, check_number, to_float
from zoo.speech.features import LogMelStream
from zoo.speech.processor import Speech
from zoo.speech.results import Transcript
from zoo.speech.silence_gate import Clock, Gaps

Result = TypeVar("Result")

_MOST_SILENT = 500  # outputs of silence before the first word that are kept, 20 seconds
_KEPT_SILENT = 25  # of these, what is kept when there are as many


class Recogniser(Protocol):
    """What a stream asks of its task, :class:`~zoo.speech.recognition.SpeechRecognition`."""

    config: Config
    processor: Speech
    searches: SearchFactory

    @property
    def frame_seconds(self) -> float:
        """Seconds from one output of the network to the next."""

    def make_result(
        self,
        search: Search | PhraseSearch,
        hypotheses: Sequence[Hypothesis],
        log_probs: np.ndarray,
        seconds: float,
        clock: Clock,
    ) -> Transcript:
        """The transcript of an utterance that was decoded in one piece."""


@dataclass
class StreamState:
    """Where a stream stands: all that is needed to go on with it.

    Args:
        features: samples and statistics that later frames need.
        frames: ``(fewer than 4, bins)`` frames that wait for the next ones.
        network: the network's state.
        start: seconds at which the utterance began.
        config: the network's values, by which a state of another network is known.
        search: what the search is known by.
        samples: how many were fed.
        beam: the beam of the search, where it has one.
        outputs: log-probabilities ``(1, labels)`` of the utterance so far, one an output.
        text: greedy text of the utterance so far.
        entropy: of the outputs of the utterance so far, in nats.
        last: label of the last output; ``None`` at the beginning.
        skipped: outputs that lay before the beginning of the utterance and were thrown away.
        silence: outputs since the last one that was no blank.
        dropped: outputs of silence at the beginning of the utterance that are no longer kept.
    """

    features: LogMelStream = field(repr=False)
    frames: np.ndarray = field(repr=False)
    network: tuple[Any, ...] = field(repr=False)
    start: float
    config: Any = field(repr=False)
    search: Any = field(repr=False)
    samples: int
    beam: Any = field(repr=False)
    outputs: list[np.ndarray] = field(default_factory=list, repr=False)
    text: list[str] = field(default_factory=list)
    entropy: float = 0.0
    last: int | None = None
    skipped: int = 0
    silence: int = 0
    dropped: int = 0

    def copy(self) -> StreamState:
        """The same state, to go its own way."""
        return replace(
            self,
            features=self.features.copy(),
            beam=self.beam.copy() if self.beam else None,
            outputs=list(self.outputs),
            text=list(self.text),
        )


class SpeechStream:
    """Transcribes samples as they come. ``SpeechRecognition.open_stream`` makes it.

    However the samples are cut into chunks, the outputs are the same to the bit, and the text is
    that of ``transcribe`` on the whole utterance. What a chunk costs does not depend on how much
    came before it. A text is final ``look_ahead`` outputs after it was heard.

    A stream belongs to one thread at a time; any number of streams run side by side.

    Example:
        >>> stream = zoo.load_model("ctc_lstm.an4").open_stream(sample_rate=16_000)
        >>> for chunk in microphone:
        ...     stream.feed(chunk)
        ...     if stream.endpoint:
        ...         print(stream.flush())
        >>> print(stream.finish())
    """

    def __init__(
        self,
        task: Recogniser,
        inference: StreamingCTCInference,
        search: Search | PhraseSearch,
        sample_rate: float | None,
        endpoint_seconds: float,
    ) -> None:
        model_rate = task.processor.log_mel.sample_rate
        rate = model_rate if sample_rate is None else sample_rate
        self.sample_rate = check_number(rate, "sample_rate", MIN_RATE, MAX_RATE)
        self.endpoint_seconds = check_number(endpoint_seconds, "endpoint_seconds", 0.1, 3600.0)
        self._task, self._search = task, search
        self._inference = inference
        self._lock = threading.Lock()
        self._at: StreamState
        self._begin()

    @property
    def greedy(self) -> bool:
        """Whether the text only grows until the utterance ends."""
        return self._search.greedy

    @property
    def seconds(self) -> float:
        """Seconds of audio that were fed."""
        return self._at.samples / self.sample_rate

    @property
    def endpoint(self) -> bool:
        """Whether something was said and silence followed it for ``endpoint_seconds``."""
        silence = self._at.silence * self._task.frame_seconds
        if self._at.features.gate is not None:
            held_back = self._at.features.gate.held_back
            silence += held_back * self._task.processor.log_mel.frame_seconds
        return bool(self._at.text) and silence >= self.endpoint_seconds

    def feed(self, samples: np.ndarray) -> None:
        """Take the next samples.

        Args:
            samples: ``(samples,)`` mono, any number of them, none included; integers are scaled.

        Raises:
            UsageError: the stream is finished or another thread is using it, or the samples are no
                good; the stream then stands as before.
        """
        self._guarded(lambda: self._feed(samples))

    def partial(self) -> str:
        """The text of the utterance so far. With a beam search, later audio may change it.

        Raises:
            UsageError: as :meth:`feed`.
        """
        return self._guarded(self._partial)

    def flush(self) -> Transcript:
        """End the utterance here, as at an endpoint, and be ready for the next one.

        Times go on, and so do the features' running statistics, which have got used to voice and
        microphone; the network starts from its initial state.

        Returns:
            The utterance's transcript, its times counted from the beginning of the stream.

        Raises:
            UsageError: as :meth:`feed`.
        """
        return self._guarded(self._flush)

    def finish(self) -> Transcript:
        """End the utterance and the stream.

        Returns:
            The last utterance's transcript.

        Raises:
            UsageError: as :meth:`feed`.
        """

        def end() -> Transcript:
            if self._resampler is not None:
                self._hear(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))
            result = self._flush()
            self._finished = True
            return result

        return self._guarded(end)

    def reset(self) -> None:
        """Forget everything, as if the stream were new; a finished one can be used again.

        Raises:
            UsageError: another thread is using it.
        """
        self._guarded(self._begin, finished_too=True)

    @property
    def state(self) -> StreamState:
        """Where the stream stands. Set it to go on from there, in this stream or another.

        Raises:
            UsageError: the stream resamples, and so keeps samples that cannot be copied.
        """
        self._check_state_is_whole()
        return self._guarded(self._at.copy, finished_too=True)

    @state.setter
    def state(self, state: StreamState) -> None:
        if not isinstance(state, StreamState):
            raise UsageError(f"the state must be one that a stream had, not {state!r:.100}")
        self._check_state_is_whole()
        if state.config != self._task.config:
            raise UsageError("the state is that of a stream of another model")
        if state.search != self._at.search:
            raise UsageError("the state is that of a stream with another search")

        def go_on() -> None:
            self._at, self._finished = state.copy(), False

        self._guarded(go_on, finished_too=True)

    def _check_state_is_whole(self) -> None:
        if self._resampler is not None:
            raise UsageError(
                f"a stream that resamples from {self.sample_rate:g} has samples that are in no "
                f"state; feed it {self._task.processor.log_mel.sample_rate} samples a second"
            )

    def _new_beam(self) -> Any:
        return None if self._search.greedy else self._search.beam()

    def _begin(self) -> None:
        log_mel = self._task.processor.log_mel
        self._finished = False
        self._resampler: Any = None
        if self.sample_rate != log_mel.sample_rate:
            self._resampler = soxr.ResampleStream(
                self.sample_rate, log_mel.sample_rate, 1, dtype="float32"
            )
        no_frames = np.zeros((0, log_mel.mel_bins), np.float32)
        self._at = self._new_utterance(log_mel.stream(log_mel.gate()), no_frames)

    def _new_utterance(
        self, features: LogMelStream, frames: np.ndarray, samples: int = 0
    ) -> StreamState:
        gate, waiting = features.gate, 0
        if gate is not None:
            gate.begin()
            waiting = len(gate.waiting)
        start = (features.frames - waiting) * features.log_mel.frame_seconds
        beam = self._new_beam()
        search = self._search.identity
        config = self._task.config
        return StreamState(
            features, frames, self._inference.start(), start, config, search, samples, beam
        )

    def _guarded(self, action: Callable[[], Result], finished_too: bool = False) -> Result:
        if not self._lock.acquire(blocking=False):
            raise UsageError("the stream is in use by another thread; open one for each")
        try:
            if self._finished and not finished_too:
                raise UsageError("the stream is finished; open another one, or reset it")
            return action()
        finally:
            self._lock.release()

    def _feed(self, samples: np.ndarray) -> None:
        samples = np.asarray(samples)
        if samples.ndim != 1:
            raise UsageError(f"samples must be (samples,), mono, not of shape {samples.shape}")
        floats = to_float(samples)
        if self._resampler is not None:
            self._hear(self._resampler.resample_chunk(floats))
        else:
            self._hear(floats)
        self._at.samples += len(samples)

    def _hear(self, samples: np.ndarray) -> None:
        at = self._at
        frames = np.concatenate([at.frames, at.features.feed(np.clip(samples, -1.0, 1.0))])
        whole = len(frames) - len(frames) % SUBSAMPLING
        for first in range(0, whole, SUBSAMPLING):
            self._advance(frames[first : first + SUBSAMPLING], 1.0)
        at.frames = frames[whole:].copy()

    def _advance(self, frames: np.ndarray, real: float) -> None:
        """Four frames to the network, and the output that is final now to the decoder."""
        at, blank = self._at, self._search.blank
        log_probs, at.network = self._inference.step(frames, real, at.network)
        if at.skipped < self._inference.look_ahead:
            at.skipped += 1
            return
        at.outputs.append(log_probs)
        at.entropy += uncertainty(log_probs, 1)
        label = int(log_probs[0].argmax())
        at.silence = at.silence + 1 if label == blank else 0
        if label not in (at.last, blank):
            at.text.append(self._task.processor.vocabulary[label])
        at.last = label
        if at.beam is not None:
            at.beam.feed(log_probs)
        if len(at.outputs) >= _MOST_SILENT and not at.text and not self._partial():
            self._forget_silence()

    def _forget_silence(self) -> None:
        """Drop what was heard before anything was said, but for the last second."""
        at = self._at
        at.dropped += len(at.outputs) - _KEPT_SILENT
        at.outputs = at.outputs[-_KEPT_SILENT:]
        at.entropy = sum(uncertainty(log_probs, 1) for log_probs in at.outputs)
        at.beam = self._new_beam()
        if at.beam is not None:
            for log_probs in at.outputs:
                at.beam.feed(log_probs)

    def _partial(self) -> str:
        # What will be taken for noise in the end is not shown in the meantime.
        limit = self._task.searches.settings.hopeless_entropy
        hopeless = self._at.entropy > limit * max(1, len(self._at.text))
        if hopeless and not isinstance(self._search, PhraseSearch):
            return ""
        if self._at.beam is None:
            return tidy("".join(self._at.text))
        return tidy(self._search.partial(self._at.beam, self._task.processor.alphabet.decode))

    def _flush(self) -> Transcript:
        at = self._at
        bins = at.frames.shape[1]
        if len(at.frames):
            rest = np.zeros((SUBSAMPLING, bins), np.float32)
            rest[: len(at.frames)] = at.frames
            self._advance(rest, 1.0)
        for _ in range(self._inference.look_ahead if at.skipped or at.outputs else 0):
            self._advance(np.zeros((SUBSAMPLING, bins), np.float32), 0.0)
        nothing = np.zeros((0, len(self._task.processor.vocabulary)), np.float32)
        outputs = np.concatenate([nothing, *at.outputs])
        if at.beam is None:
            hypotheses = self._search.run(outputs)
        else:
            hypotheses = self._search.hypotheses(at.beam, outputs)
        gaps = Gaps() if at.features.gate is None else at.features.gate.gaps
        begin = at.start + at.dropped * self._task.frame_seconds
        clock = Clock(begin, at.features.log_mel.frame_seconds, gaps)
        self._at = self._new_utterance(at.features, at.frames[:0], at.samples)
        seconds = self.seconds - at.start
        return self._task.make_result(self._search, hypotheses, outputs, seconds, clock)
