"""Training examples for speech: utterances in made surroundings.

A recogniser is to hear the words whatever stands around them, so each example is a scene: the voice
through a room, a line and a recorder, louder or softer, another pitch, between silences, beside
noise or other voices. What changes the waveform is costly and is done a few times for each
utterance, before training; all else is done on the log-mel energies, differently each time. There
sounds add up in power, ``log(exp(a) + exp(b))``, which is the energy of their sum but for the
product of the two, whose mean is zero.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from tqdm import tqdm

from zoo.ctc.subsampling import SUBSAMPLING, output_frames
from zoo.ctc.training.examples import Example, fits, outputs_needed
from zoo.errors import DataError
from zoo.files import is_file, readable_os_errors, write_bytes
from zoo.folder.manifest import sha256_of
from zoo.speech.features import LogMel
from zoo.speech.processor import Speech, Utterance
from zoo.speech.training import acoustics
from zoo.speech.training.augmentation import spec_augment
from zoo.speech.training.sounds import SOUNDS
from zoo.training.ahead import made_ahead

FLOOR = float(np.log(np.float32(1.1920929e-07)))
"""Log-mel energy of digital silence."""

_NEPERS = math.log(10) / 10  # log power for each decibel
_NOISES = 20  # of each kind
_NOISE_SECONDS = 20.0


@dataclass(frozen=True)
class SceneAugmentation:
    """How much utterances are changed in training.

    Args:
        variants: waveforms made of each utterance; the first is the recording itself.
        speed: largest change of speed, pitch included, as a fraction (Ko et al. 2015).
        reverb_share: fraction of the waveforms that are put into a room.
        line_share: fraction that comes over a telephone or a recorder of a lower rate.
        overdrive_share: fraction that is clipped.
        gain_db: lowest and highest change of loudness.
        warp: largest change of the vocal tract's length, as a fraction of the mel axis
            (Jaitly and Hinton 2013).
        colour_db: largest change of a bin by the microphone's colour.
        band_share: fraction that loses the outer parts of its band.
        smooth_share: fraction whose spectrum is smoothed a little, as codecs do.
        noise_share: fraction with noise beside the voice.
        noise_snr_db: lowest and highest ratio of speech to noise.
        babble_share: fraction of the noises that is other voices.
        silence_share: fraction that stands between silences.
        silence_seconds: longest silence.
        join_share: fraction that is followed by a second utterance.
        sound_share: fraction of additional examples that are a sound without words.
        frequency_masks: masks over mel bins (SpecAugment, Park et al. 2019, arXiv:1904.08779).
        frequency_width: most bins that one of them hides.
        time_masks: masks over frames for each second.
        time_width: most frames that one of them hides.
    """

    variants: int = 4
    speed: float = 0.12
    reverb_share: float = 0.3
    line_share: float = 0.25
    overdrive_share: float = 0.05
    gain_db: tuple[float, float] = (-25.0, 15.0)
    warp: float = 0.1
    colour_db: float = 6.0
    band_share: float = 0.1
    smooth_share: float = 0.3
    noise_share: float = 0.35
    noise_snr_db: tuple[float, float] = (5.0, 35.0)
    babble_share: float = 0.2
    silence_share: float = 0.08
    silence_seconds: float = 15.0
    join_share: float = 0.1
    sound_share: float = 0.02
    frequency_masks: int = 2
    frequency_width: int = 18
    time_masks: float = 0.8
    time_width: int = 18

    def waveform(
        self, samples: np.ndarray, sample_rate: int, rng: np.random.Generator
    ) -> np.ndarray:
        """Change the speed, the room and the recorder of ``(samples,)`` float32."""
        factor = 1.0 + rng.uniform(-self.speed, self.speed)
        changed = soxr.resample(samples, sample_rate * factor, sample_rate).astype(np.float32)
        if rng.random() < self.reverb_share:
            changed = acoustics.reverberate(changed, sample_rate, rng)
        if rng.random() < self.overdrive_share:
            changed = acoustics.overdrive(changed, rng)
        if rng.random() < self.line_share:
            line = acoustics.telephone if rng.random() < 0.4 else acoustics.lower_band
            changed = line(changed, sample_rate, rng)
        return np.clip(changed, -1.0, 1.0)

    def voice(self, frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Change pitch, colour, band and loudness of ``(frames, bins)`` log-mel energies."""
        bins = frames.shape[1]
        frames = warped(frames, 1.0 + rng.uniform(-self.warp, self.warp))
        if rng.random() < self.smooth_share:
            share = rng.uniform(0.1, 0.35)
            near = np.pad(frames, ((0, 0), (1, 1)), mode="edge")
            frames = (1 - 2 * share) * frames + share * (near[:, :-2] + near[:, 2:])
        knots = rng.uniform(-self.colour_db, self.colour_db, 5) * _NEPERS
        change = np.interp(np.arange(bins), np.linspace(0, bins - 1, 5), knots)
        if rng.random() < self.band_share:
            low, high = rng.uniform(0.0, 0.2) * bins, rng.uniform(0.65, 1.0) * bins
            outside = np.maximum(low - np.arange(bins), np.arange(bins) - high)
            change -= np.clip(outside, 0.0, 4.0) / 4 * rng.uniform(20.0, 60.0) * _NEPERS
        change += rng.uniform(*self.gain_db) * _NEPERS
        return np.maximum(frames + change.astype(np.float32), FLOOR)

    def masked(self, frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Normalised ``(frames, bins)`` with masks, see
        :func:`~zoo.speech.training.augmentation.spec_augment`."""
        return spec_augment(self, frames, rng)


def warped(frames: np.ndarray, factor: float) -> np.ndarray:
    """Stretch the mel axis of ``(frames, bins)`` by a factor, by linear interpolation."""
    last = frames.shape[1] - 1
    place = np.clip(np.arange(last + 1) * factor, 0, last).astype(np.float32)
    below = np.minimum(place.astype(np.intp), last - 1)
    share = place - below
    result: np.ndarray = frames[:, below] * (1 - share) + frames[:, below + 1] * share
    return result


class FeatureStore:
    """Log-mel energies of a few waveforms of each utterance, made once and kept on the disk.

    Args:
        folder: where they are kept; what was made there from the same data is used again.
        utterances: whose they are.
        log_mel: the features.
        augmentation: gives the waveforms.
        seed: of the waveforms.
        data: names of the utterances' data, by which a folder made from others is known.

    Attributes:
        texts: what is said, one an utterance.
        sources: the corpus that each utterance is from.
        frames: ``(utterances, variants)`` frame counts.

    Raises:
        DataError: no recording is as long as a window of the features.
        ZooError: the folder cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        utterances: Sequence[Utterance],
        log_mel: LogMel,
        augmentation: SceneAugmentation,
        seed: int,
        data: Mapping[str, Any],
    ) -> None:
        self._log_mel, self._augmentation, self._seed = log_mel, augmentation, seed
        waveforms = ("variants", "speed", "reverb_share", "line_share", "overdrive_share")
        made_of = {
            **data,
            "count": len(utterances),
            "features": dict(
                log_mel.settings(), normalisation="", prior_mean=(), prior_deviation=()
            ),
            "augmentation": {name: asdict(augmentation)[name] for name in waveforms},
            "seed": seed,
        }
        key = sha256_of(json.dumps(made_of, sort_keys=True).encode())[:16]
        self._files = [folder / f"{key}_{i}.f16" for i in range(augmentation.variants)]
        index = folder / f"{key}.json"
        facts = self._stored(index)
        if facts is None:
            facts = self._make(utterances)
            write_bytes(index, json.dumps(facts).encode())
        self.texts: list[str] = facts["texts"]
        self.sources: list[str] = facts["sources"]
        self.frames = np.asarray(facts["frames"], np.int64).reshape(-1, augmentation.variants)
        if not self.frames.any(axis=0).all():
            raise DataError("no recording is as long as a window of the features")
        self._starts = np.cumsum(np.vstack([np.zeros_like(self.frames[:1]), self.frames]), axis=0)
        bins = log_mel.mel_bins
        self._arrays = [
            np.memmap(path, np.float16, "r", shape=(int(self._starts[-1, i]), bins))
            for i, path in enumerate(self._files)
        ]

    def energies(self, number: int, variant: int) -> np.ndarray:
        """Log-mel energies ``(frames, bins)`` float32 of a waveform of an utterance."""
        start = self._starts[number, variant]
        return np.asarray(
            self._arrays[variant][start : start + self.frames[number, variant]], np.float32
        )

    def _stored(self, index: Path) -> dict[str, Any] | None:
        """What was made before, if all of it is there."""
        if not is_file(index):
            return None
        facts: dict[str, Any] = json.loads(index.read_bytes())
        frames = np.asarray(facts["frames"], np.int64).reshape(-1, len(self._files))
        sizes = frames.sum(axis=0) * self._log_mel.mel_bins * np.dtype(np.float16).itemsize
        whole = all(
            is_file(path) and path.stat().st_size == size
            for path, size in zip(self._files, sizes, strict=True)
        )
        return facts if whole else None

    def _make(self, utterances: Sequence[Utterance]) -> dict[str, Any]:
        texts: list[str] = []
        sources: list[str] = []
        frames: list[list[int]] = []
        with (
            readable_os_errors(f"keep the features in {self._files[0].parent}"),
            contextlib.ExitStack() as opened,
        ):
            self._files[0].parent.mkdir(parents=True, exist_ok=True)
            streams = [opened.enter_context(open(path, "wb")) for path in self._files]
            numbers = tqdm(range(len(utterances)), desc="making features", delay=2)
            made = made_ahead(lambda n: self._variants(utterances[n], n), numbers, 2)
            for text, source, energies in opened.enter_context(contextlib.closing(made)):
                texts.append(text)
                sources.append(source)
                frames.append([len(variant) for variant in energies])
                for stream, variant in zip(streams, energies, strict=True):
                    stream.write(variant.tobytes())
        return {"texts": texts, "sources": sources, "frames": frames}

    def _variants(self, utterance: Utterance, number: int) -> tuple[str, str, list[np.ndarray]]:
        rate = self._log_mel.sample_rate
        made = []
        for variant in range(self._augmentation.variants):
            rng = np.random.default_rng([self._seed, number, variant, 1])
            samples = utterance.samples
            if variant:
                samples = self._augmentation.waveform(samples, rate, rng)
            made.append(self._log_mel.log_mel(samples).astype(np.float16))
        return utterance.text, utterance.source, made


@dataclass(frozen=True)
class Scene:
    """What is in an example: ``parts`` utterances in a row, with their silences, in frames."""

    parts: tuple[tuple[int, int], ...]
    gaps: tuple[int, ...]
    frames: int


class Scenes:
    """Training examples made of a store's utterances. They depend on seed, number and epoch alone.

    Args:
        store: the utterances.
        processor: features and alphabet.
        augmentation: how much is changed.
        seed: of all draws.
        repeats: by source, how often an utterance is in an epoch; 1 where it is not named.
        longest: seconds of the longest utterance that is learnt from.

    Raises:
        DataError: no recording is long enough for its transcript.
    """

    def __init__(
        self,
        store: FeatureStore,
        processor: Speech,
        augmentation: SceneAugmentation,
        seed: int,
        repeats: Mapping[str, int],
        longest: float = math.inf,
    ) -> None:
        self._store, self._processor = store, processor
        self._augmentation, self._seed = augmentation, seed
        self._labels = [processor.alphabet.encode(text) for text in store.texts]
        self._space = processor.alphabet.encode(" ")
        most = longest / processor.log_mel.frame_seconds
        self._members = [
            number
            for number, labels in enumerate(self._labels)
            if len(labels) and store.frames[number, 0] <= most
            for _ in range(repeats.get(store.sources[number], 1))
            if fits(int(store.frames[number].min()), labels)
        ]
        if not self._members:
            raise DataError("no recording is long enough for its transcript")
        self._noises = _made_noises(processor.log_mel, seed)
        self._sounds = round(augmentation.sound_share * len(self._members))

    def __len__(self) -> int:
        return len(self._members) + self._sounds

    def lengths(self, epoch: int) -> np.ndarray:
        """Frames of each example in an epoch."""
        return np.asarray([self._scene(i, epoch)[0].frames for i in range(len(self))])

    def example(self, number: int, epoch: int) -> Example:
        """Features ``(frames, bins)`` float32 and int32 labels of an example in an epoch."""
        scene, rng = self._scene(number, epoch)
        change = self._augmentation
        bins = self._processor.log_mel.mel_bins
        energies = np.full((scene.frames, bins), FLOOR, np.float32)
        place, level = 0, -20.0 * _NEPERS
        for gap, (member, variant) in zip(scene.gaps, scene.parts, strict=False):
            place += gap
            voice = change.voice(self._store.energies(member, variant), rng)
            level = _loudness(voice)
            energies[place : place + len(voice)] = voice
            place += len(voice)
        if rng.random() < 0.5:  # no recorder is wholly silent, but digital silence happens
            mean = min(rng.uniform(-15.5, -9.0), level - 3.0)
            hiss = mean + 0.4 * rng.gumbel(size=energies.shape)
            energies = np.logaddexp(energies, hiss.astype(np.float32))
        if not scene.parts or rng.random() < change.noise_share:
            noise = self._noise(scene.frames, rng)
            ratio = rng.uniform(*change.noise_snr_db) if scene.parts else rng.uniform(-20.0, 30.0)
            noise += np.float32(level - _loudness(noise) - ratio * _NEPERS)
            energies = np.logaddexp(energies, noise)
        features = self._processor.log_mel.normalise(energies)
        return change.masked(features, rng), self._words([member for member, _ in scene.parts])

    def _words(self, members: Sequence[int]) -> np.ndarray:
        """Labels of utterances in a row, with a space between two."""
        labels = [part for member in members for part in (self._space, self._labels[member])]
        return np.concatenate(labels[1:]) if labels else np.zeros(0, np.int32)

    def _scene(self, number: int, epoch: int) -> tuple[Scene, np.random.Generator]:
        rng = np.random.default_rng([self._seed, number, epoch])
        change, second = self._augmentation, round(1 / self._processor.log_mel.frame_seconds)
        if number >= len(self._members):
            frames = round(rng.uniform(1.0, change.silence_seconds) * second)
            return Scene((), (), frames), rng
        members = [self._members[number]]
        if rng.random() < change.join_share:
            members.append(self._members[int(rng.integers(len(self._members)))])
        parts = tuple((member, int(rng.integers(change.variants))) for member in members)
        gaps = [0] * (len(parts) + 1)
        for between in range(1, len(parts)):
            gaps[between] = round(rng.uniform(0.0, 1.5) * second)
        if rng.random() < change.silence_share:
            for place in rng.choice(len(gaps), int(rng.integers(1, 3)), replace=False):
                # Short silences are more frequent: the square keeps the mean at a third.
                gaps[place] += round(rng.random() ** 2 * change.silence_seconds * second)
        frames = sum(gaps) + sum(int(self._store.frames[part]) for part in parts)
        if len(parts) > 1:  # the space between two fast speakers may need a longer pause
            missing = outputs_needed(self._words(members)) - output_frames(frames)
            pause = SUBSAMPLING * max(0, missing)
            gaps[1] += pause
            frames += pause
        return Scene(parts, tuple(gaps), frames), rng

    def _noise(self, frames: int, rng: np.random.Generator) -> np.ndarray:
        """Log-mel energies ``(frames, bins)`` of a noise or of voices at the same time."""
        if rng.random() >= self._augmentation.babble_share:
            return _looped(self._noises[int(rng.integers(len(self._noises)))], frames, rng)
        noise = np.full((frames, self._processor.log_mel.mel_bins), FLOOR, np.float32)
        for _ in range(int(rng.integers(3, 7))):
            member = self._members[int(rng.integers(len(self._members)))]
            voice = self._store.energies(member, int(rng.integers(self._augmentation.variants)))
            noise = np.logaddexp(noise, _looped(voice - _loudness(voice), frames, rng))
        return noise


def _made_noises(log_mel: LogMel, seed: int) -> list[np.ndarray]:
    count = round(_NOISE_SECONDS * log_mel.sample_rate)
    noises = []
    for kind, make in enumerate(SOUNDS.values()):
        for number in range(_NOISES):
            rng = np.random.default_rng([seed, kind, number, 2])
            samples = make(count, log_mel.sample_rate, rng)
            noises.append(log_mel.log_mel(samples / (4 * np.abs(samples).max())))
    return noises


def _looped(energies: np.ndarray, frames: int, rng: np.random.Generator) -> np.ndarray:
    start = int(rng.integers(len(energies)))
    looped: np.ndarray = np.take(energies, np.arange(start, start + frames), axis=0, mode="wrap")
    return looped


def _loudness(energies: np.ndarray) -> float:
    """Log of the mean energy."""
    top = float(energies.max())
    return top + math.log(float(np.mean(np.exp(energies - top))))
