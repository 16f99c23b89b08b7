"""Samples to log-mel features, whole or as they come, with the same frames to the bit.

The filter bank is Kaldi's (Povey et al. 2011, "The Kaldi Speech Recognition Toolkit"), computed by
kaldi-native-fbank: each window has its mean removed, is pre-emphasised (0.97), weighted by the
Povey window and transformed; the power spectrum is summed by triangles on the mel scale and its
natural logarithm taken, floored at log(1.19e-7), which is about the rounding noise of 16-bit audio.
No dither is added, so the same samples always give the same frames.

A frame depends on its own window of samples only. So a stream keeps the samples that later windows
still need, and nothing else, and can be copied at any time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import kaldi_native_fbank as fbank
import numpy as np

from zoo.errors import UsageError
from zoo.speech.audio import MAX_RATE, MIN_RATE, to_float
from zoo.speech.silence_gate import SilenceGate
from zoo.values import check_choice, check_range, make_settings

NORMALISATIONS = ("utterance", "running", "fixed")
DEVIATION_FLOOR = 0.1
"""Nats. A bin that moves less than this is not blown up, so digital silence gives zeros."""

PRE_EMPHASIS = 0.97
POVEY_EXPONENT = 0.85
"""The window is a Hann window to this power."""
ENERGY_FLOOR = 1.1920928955078125e-07
"""The least energy of a bin, which is float32's rounding unit."""

STEADY = 0.65
"""Nats. A sound whose loudest frame is no farther above its mean level is taken for no speech."""

MAX_WORK = 100_000_000
"""Largest cost of the transforms of a second of audio, by ``n log n``; a tenth of a second's work.
Common settings cost half a million."""

MAX_VALUES = 100_000
"""Most values that a second of audio may give; common settings give 8,000."""

_BLOCK_FRAMES = 6000


@dataclass(frozen=True)
class LogMel:
    """Mono samples to normalised log-mel features.

    With ``normalisation="fixed"`` each bin is scaled by the mean and the standard deviation that it
    has over the training data, ``y = (x - prior_mean) / prior_deviation``: a frame depends on no
    other, so silence or noise elsewhere in a recording changes nothing.

    With ``"utterance"`` each bin is brought to mean 0 and deviation 1 over the whole utterance,
    which takes out gain and the microphone's colour.

    With ``"running"`` nothing looks ahead: mean ``m`` and variance ``v`` of a bin begin at the
    prior, counted as ``prior_frames`` frames, and each frame ``x`` moves them before it is
    normalised by them (Welford 1962)::

        n = min(n + 1, memory_frames)
        d = x - m;  m += d / n;  v += (d * (x - m) - v) / n
        y = (x - m) / max(sqrt(v), DEVIATION_FLOOR)

    Up to ``memory_frames`` these are the exact mean and variance of prior and frames pooled; after
    that older frames fade, so that a stream of hours goes on adapting.

    In all three no deviation counts for less than :data:`DEVIATION_FLOOR`.

    Args:
        sample_rate: samples a second.
        mel_bins: number of mel filters, from 3.
        window_ms: length of a window in milliseconds.
        hop_ms: distance of windows in milliseconds, a whole number of samples.
        low_frequency: lower end of the lowest filter in Hz.
        high_frequency: upper end of the highest filter in Hz.
        normalisation: ``"fixed"``, ``"utterance"`` or ``"running"``.
        prior_mean: for ``"fixed"`` and ``"running"``, each bin's mean over the training data.
        prior_deviation: the same for the standard deviation.
        prior_frames: how many frames the prior counts for.
        memory_frames: how many frames, at most, the running statistics remember.

    Raises:
        UsageError: a value is out of range or does not go with the others.
    """

    sample_rate: int = 16_000
    mel_bins: int = 80
    window_ms: float = 25.0
    hop_ms: float = 10.0
    low_frequency: float = 20.0
    high_frequency: float = 7_600.0
    normalisation: str = "utterance"
    prior_mean: tuple[float, ...] = ()
    prior_deviation: tuple[float, ...] = ()
    prior_frames: int = 100
    memory_frames: int = 3_000

    def __post_init__(self) -> None:
        check_range(self, "sample_rate", int, MIN_RATE, MAX_RATE)
        check_range(self, "mel_bins", int, 3, 512)
        check_range(self, "window_ms", float, 1.0, 1000.0)
        check_range(self, "hop_ms", float, 1.0, self.window_ms)
        check_range(self, "low_frequency", float, 0.0, self.sample_rate / 2)
        check_range(self, "high_frequency", float, self.low_frequency, self.sample_rate / 2)
        check_choice(self, "normalisation", NORMALISATIONS)
        check_range(self, "prior_frames", int, 1, 1_000_000)
        check_range(self, "memory_frames", int, self.prior_frames, 100_000_000)
        for name in ("window_ms", "hop_ms"):
            samples = getattr(self, name) * self.sample_rate / 1000
            if samples != round(samples):
                raise UsageError(f"{name} must be a whole number of samples, not {samples:g}")
        self._check_cost()
        self._check_prior()
        try:
            fbank.MelBanks(*self._bank_options())
        except ValueError as error:
            # Such as a filter so narrow that it falls between two lines of the spectrum.
            raise UsageError(
                f"{self.mel_bins} mel bins from {self.low_frequency:g} to {self.high_frequency:g} "
                f"Hz with windows of {self.window_ms:g} ms cannot be made: {error}"
            ) from None

    def _check_cost(self) -> None:
        """Refuse what takes long for each second of audio, or gives many values."""
        frames = 1000 / self.hop_ms
        transform = 1 << (self.window - 1).bit_length()
        work = frames * transform * transform.bit_length()
        if work > MAX_WORK or frames * self.mel_bins > MAX_VALUES:
            raise UsageError(
                f"windows of {self.window_ms:g} ms every {self.hop_ms:g} ms at "
                f"{self.sample_rate:,} samples a second with {self.mel_bins} bins cost too much; "
                "make the windows shorter, their distance larger or the bins fewer"
            )

    def _check_prior(self) -> None:
        wanted = 0 if self.normalisation == "utterance" else self.mel_bins
        for name in ("prior_mean", "prior_deviation"):
            values = getattr(self, name)
            numbers = isinstance(values, (tuple, list)) and all(
                type(value) in (int, float) and abs(value) < 1e6 for value in values
            )
            if not numbers or len(values) != wanted:
                raise UsageError(
                    f"{name} must have {wanted} numbers with normalisation "
                    f"{self.normalisation!r} and {self.mel_bins} mel bins"
                )
            object.__setattr__(self, name, tuple(float(value) for value in values))
        if any(value <= 0 for value in self.prior_deviation):
            raise UsageError("every prior_deviation must be above 0")

    @classmethod
    def from_folder(cls, settings: Mapping[str, Any], files: Mapping[str, bytes]) -> LogMel:
        """Rebuild from a model folder's processor settings.

        Raises:
            FolderError: a value is unknown or out of range.
        """
        return make_settings(cls, settings, "features")

    def settings(self) -> dict[str, Any]:
        """Plain values for ``config.json``."""
        values = dataclasses.asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    def files(self) -> dict[str, bytes]:
        """The files to write into a model folder: none."""
        return {}

    def numbers(self) -> dict[str, Any]:
        """Each number that the features are computed with, for other implementations.

        ``filters`` has for each bin the first line of the spectrum that it weighs, and its weights
        (triangles on the mel scale of Kaldi, 1127 ln(1 + f / 700), without the last line).
        """
        size = 1 << (self.window - 1).bit_length()
        lines = np.arange(size // 2) * self.sample_rate / size
        edges = np.linspace(mel(self.low_frequency), mel(self.high_frequency), self.mel_bins + 2)
        filters = []
        for left, middle, right in zip(edges, edges[1:], edges[2:], strict=False):
            rise, fall = (
                (mel(lines) - left) / (middle - left),
                (right - mel(lines)) / (right - middle),
            )
            weights = np.maximum(np.minimum(rise, fall), 0.0)
            used = np.flatnonzero(weights)
            first, last = int(used[0]), int(used[-1]) + 1
            filters.append({"first": first, "weights": weights[first:last].tolist()})
        return {
            **self.settings(),
            "window": self.window,
            "hop": self.hop,
            "fft": size,
            "pre_emphasis": PRE_EMPHASIS,
            "povey_exponent": POVEY_EXPONENT,
            "energy_floor": ENERGY_FLOOR,
            "deviation_floor": DEVIATION_FLOOR,
            "filters": filters,
        }

    @property
    def window(self) -> int:
        """Samples of a window."""
        return round(self.window_ms * self.sample_rate / 1000)

    @property
    def hop(self) -> int:
        """Samples from one window to the next."""
        return round(self.hop_ms * self.sample_rate / 1000)

    @property
    def frame_seconds(self) -> float:
        """Seconds from one frame to the next."""
        return self.hop / self.sample_rate

    def frame_count(self, samples: int) -> int:
        """Frames of that many samples: whole windows only, so none if shorter than a window."""
        return max(0, 1 + (samples - self.window) // self.hop)

    def features(self, samples: np.ndarray) -> np.ndarray:
        """Normalised log-mel features of an utterance.

        Args:
            samples: ``(samples,)`` at ``sample_rate``, as :func:`~zoo.speech.audio.read_audio`
                gives them.

        Returns:
            ``(frames, mel_bins)`` float32; no frames if the audio is shorter than a window.

        Raises:
            UsageError: the samples have another shape or type, or are not finite.
        """
        return self.normalise(self.log_mel(samples))

    def log_mel(self, samples: np.ndarray) -> np.ndarray:
        """Log-mel energies before normalisation: ``(frames, mel_bins)`` float32, in nats.

        Training augments these (SpecAugment, cached features) before :meth:`normalise`.

        Raises:
            UsageError: as :meth:`features`.
        """
        samples = _check_samples(samples)
        frames = self.frame_count(len(samples))
        log_mel = np.empty((frames, self.mel_bins), np.float32)
        for first in range(0, frames, _BLOCK_FRAMES):
            last = min(first + _BLOCK_FRAMES, frames)
            begin, end = first * self.hop, (last - 1) * self.hop + self.window
            extractor = fbank.OnlineFbank(self._options())
            extractor.accept_waveform(self.sample_rate, samples[begin:end])
            for row in range(first, last):
                log_mel[row] = extractor.get_frame(row - first)
        return log_mel

    def normalise(self, frames: np.ndarray) -> np.ndarray:
        """Normalise the log-mel energies of one utterance.

        Args:
            frames: ``(frames, mel_bins)`` as :meth:`log_mel` gives them.

        Returns:
            The same shape, float32.

        Raises:
            UsageError: another number of bins.
        """
        frames = np.asarray(frames)
        if frames.ndim != 2 or frames.shape[1] != self.mel_bins:
            raise UsageError(f"frames must be (frames, {self.mel_bins}), not {frames.shape}")
        if self.normalisation != "utterance":
            return self._normaliser().normalise(frames)
        if not len(frames):
            return frames.astype(np.float32)
        exact = frames.astype(np.float64)
        deviation = np.maximum(exact.std(axis=0), DEVIATION_FLOOR)
        return ((exact - exact.mean(axis=0)) / deviation).astype(np.float32)

    def is_steady(self, frames: np.ndarray) -> bool:
        """Whether a recording holds one even sound, such as silence, hiss or a hum: no speech.

        The loudest frame of each of AN4's 846 training recordings stands 2.99 nats or more above
        the mean, and still 0.71 with white noise as loud as the speech; white, pink and brown noise
        alone reach 0.57, 0.62 and 0.50 (50 pieces of 20 s each).

        Args:
            frames: ``(frames, mel_bins)`` as :meth:`log_mel` gives them.
        """
        level = frames.mean(axis=1)
        return not len(level) or bool(level.max() - level.mean() < STEADY)

    def gate(self) -> SilenceGate:
        """What leaves long silences out.

        They change the features of the rest, or with fixed statistics a network that carries them
        through its states: of AN4 utterances with 10 s of zeros before and after them, one that was
        trained with silence around speech read 3.8 points more words wrongly, and 1.6 with a gate.
        """
        return SilenceGate()

    def stream(self, gate: SilenceGate | None = None) -> LogMelStream:
        """A new stream.

        Args:
            gate: leaves silences out before the frames are normalised.

        Raises:
            UsageError: the normalisation is ``"utterance"``, which needs the end to begin.
        """
        return LogMelStream(self, gate)

    def with_prior(
        self,
        utterances: Iterable[np.ndarray],
        prior_frames: int = 100,
        normalisation: str = "running",
    ) -> LogMel:
        """The same features with their statistics measured on training data.

        Args:
            utterances: ``(frames, mel_bins)`` each, as :meth:`log_mel` gives them.
            prior_frames: how many frames the prior counts for.
            normalisation: ``"running"`` or ``"fixed"``.

        Raises:
            UsageError: there are no frames.
        """
        count, total, squares = 0, np.zeros(self.mel_bins), np.zeros(self.mel_bins)
        for frames in utterances:
            exact = frames.astype(np.float64)
            count += len(exact)
            total += exact.sum(axis=0)
            squares += (exact * exact).sum(axis=0)
        if not count:
            raise UsageError("there are no frames to measure the prior on")
        mean = total / count
        deviation = np.sqrt(np.maximum(squares / count - mean * mean, DEVIATION_FLOOR**2))
        return dataclasses.replace(
            self,
            normalisation=normalisation,
            prior_mean=tuple(round(float(value), 5) for value in mean),
            prior_deviation=tuple(round(float(value), 5) for value in deviation),
            prior_frames=prior_frames,
            memory_frames=max(self.memory_frames, prior_frames),
        )

    def _normaliser(self) -> _Running | _Fixed:
        return _Running(self) if self.normalisation == "running" else _Fixed(self)

    def _bank_options(self) -> tuple[fbank.MelBanksOptions, fbank.FrameExtractionOptions]:
        mel = fbank.MelBanksOptions(
            num_bins=self.mel_bins, low_freq=self.low_frequency, high_freq=self.high_frequency
        )
        frame = fbank.FrameExtractionOptions(
            samp_freq=self.sample_rate,
            frame_shift_ms=self.hop_ms,
            frame_length_ms=self.window_ms,
            dither=0.0,
            snip_edges=True,
        )
        return mel, frame

    def _options(self) -> fbank.FbankOptions:
        mel, frame = self._bank_options()
        return fbank.FbankOptions(frame_opts=frame, mel_opts=mel)


def mel(frequency: Any) -> Any:
    """Frequencies in Hz on the mel scale."""
    return 1127.0 * np.log1p(np.asarray(frequency) / 700.0)


class LogMelStream:
    """Features of audio that is still coming.

    Chunks of any size give exactly the frames of :meth:`LogMel.features` on the whole. All state
    is in the object, of fixed size, and :meth:`copy` gives a second one that goes its own way.

    Args:
        log_mel: the features, with ``normalisation`` ``"fixed"`` or ``"running"``.
        gate: leaves silences out before the frames are normalised.

    Attributes:
        frames: how many frames were heard.

    Raises:
        UsageError: the normalisation looks ahead.
    """

    def __init__(self, log_mel: LogMel, gate: SilenceGate | None = None) -> None:
        if log_mel.normalisation == "utterance":
            raise UsageError(
                f"normalisation {log_mel.normalisation!r} needs the whole utterance; a stream "
                "needs features with fixed or running normalisation (LogMel.with_prior)"
            )
        self.log_mel, self.gate = log_mel, gate
        self.frames = 0
        self._normaliser = log_mel._normaliser()
        self._tail = np.zeros(0, np.float32)
        self._finished = False

    def feed(self, samples: np.ndarray) -> np.ndarray:
        """Take the next samples and give the frames that are complete now.

        Args:
            samples: ``(samples,)`` at the features' sample rate; none is allowed.

        Returns:
            ``(new frames, mel_bins)`` float32.

        Raises:
            UsageError: the stream is finished, or the samples are no good; the stream then stands
                as before.
        """
        if self._finished:
            raise UsageError("the stream is finished; begin a new one")
        self._tail = np.concatenate([self._tail, _check_samples(samples)])
        frames = self.log_mel.log_mel(self._tail)
        self._tail = self._tail[len(frames) * self.log_mel.hop :].copy()
        self.frames += len(frames)
        return self._normaliser.normalise(frames if self.gate is None else self.gate.feed(frames))

    def finish(self) -> np.ndarray:
        """End the stream.

        Returns:
            ``(0, mel_bins)`` float32: samples that fill no whole window give no frame, here as in
            :meth:`LogMel.features`.

        Raises:
            UsageError: the stream is finished already.
        """
        frames = self.feed(np.zeros(0, np.float32))
        self._finished = True
        return frames

    def copy(self) -> LogMelStream:
        """A stream in the same state."""
        twin = LogMelStream(self.log_mel, self.gate and self.gate.copy())
        twin.frames, twin._finished = self.frames, self._finished
        twin._tail, twin._normaliser = self._tail.copy(), self._normaliser.copy()
        return twin


class _Fixed:
    """Fixed statistics, see :class:`LogMel`: the same for every frame."""

    def __init__(self, log_mel: LogMel) -> None:
        self.mean = np.array(log_mel.prior_mean, np.float32)
        deviation = np.array(log_mel.prior_deviation, np.float32)
        self.scale = 1 / np.maximum(deviation, np.float32(DEVIATION_FLOOR))

    def copy(self) -> _Fixed:
        return self

    def normalise(self, frames: np.ndarray) -> np.ndarray:
        result: np.ndarray = (frames.astype(np.float32) - self.mean) * self.scale
        return result


class _Running:
    """The running statistics, see :class:`LogMel`. float64, one frame after the other."""

    def __init__(self, log_mel: LogMel) -> None:
        self.log_mel = log_mel
        self.count = log_mel.prior_frames
        self.mean = np.array(log_mel.prior_mean)
        self.variance = np.square(np.array(log_mel.prior_deviation))

    def copy(self) -> _Running:
        twin = _Running(self.log_mel)
        twin.count, twin.mean = self.count, self.mean.copy()
        twin.variance = self.variance.copy()
        return twin

    def normalise(self, frames: np.ndarray) -> np.ndarray:
        result = np.empty(frames.shape, np.float32)
        for row, frame in enumerate(frames.astype(np.float64)):
            self.count = min(self.count + 1, self.log_mel.memory_frames)
            before = frame - self.mean
            self.mean += before / self.count
            after = frame - self.mean
            self.variance += (before * after - self.variance) / self.count
            result[row] = after / np.maximum(np.sqrt(self.variance), DEVIATION_FLOOR)
        return result


def _check_samples(samples: np.ndarray) -> np.ndarray:
    samples = np.asarray(samples)
    if samples.ndim != 1:
        raise UsageError(f"samples must be (samples,), mono, not of shape {samples.shape}")
    return to_float(samples)
