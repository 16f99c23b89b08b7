"""Scenes: what they are made of, that they repeat, and that stored features are those asked for."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.speech.toy import LABELS, RATE, speech_like
from zoo.ctc.alphabet import Alphabet
from zoo.ctc.subsampling import output_frames
from zoo.ctc.training.examples import fits
from zoo.errors import DataError, ZooError
from zoo.speech.features import LogMel
from zoo.speech.processor import Speech, Utterance
from zoo.speech.training import scenes as scenes_module
from zoo.speech.training.scenes import FLOOR, FeatureStore, SceneAugmentation, Scenes, warped

TEXTS = ("A BAD BEE", "GO ON", "NOT A TOAD", "BEGAN TO EAT")
LOG_MEL = LogMel(mel_bins=20)
FIXED = LOG_MEL.with_prior([LOG_MEL.log_mel(speech_like(3.0, seed=9))], normalisation="fixed")
PROCESSOR = Speech(FIXED, Alphabet(LABELS))
PLAIN = SceneAugmentation(
    variants=1,
    gain_db=(0.0, 0.0),
    warp=0.0,
    colour_db=0.0,
    band_share=0.0,
    smooth_share=0.0,
    noise_share=0.0,
    silence_share=0.0,
    join_share=0.0,
    sound_share=0.0,
    frequency_masks=0,
    time_masks=0.0,
)
"""Changes nothing but, in half of the scenes, the silence of the recorder."""


@pytest.fixture(autouse=True)
def few_noises(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two short noises of each kind; making all of them takes seconds each time."""
    monkeypatch.setattr(scenes_module, "_NOISES", 2)
    monkeypatch.setattr(scenes_module, "_NOISE_SECONDS", 2.0)


def utterances(count: int = 8) -> list[Utterance]:
    return [
        Utterance(
            speech_like(0.9 + 0.1 * (i % 5), seed=i),
            TEXTS[i % 4],
            f"speaker{i % 3}",
            f"u{i}",
            source=("books", "phones")[i % 2],
        )
        for i in range(count)
    ]


class Unreadable(Sequence[Utterance]):
    """Utterances of which the last few cannot be read."""

    def __init__(self, rows: list[Utterance], readable: int) -> None:
        self._rows, self._readable = rows, readable

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        if index >= self._readable:
            raise DataError(f"cannot read {index}")
        return self._rows[index]


def make_store(
    folder: Path,
    augmentation: SceneAugmentation = PLAIN,
    rows: Sequence[Utterance] | None = None,
    log_mel: LogMel = FIXED,
    seed: int = 3,
    corpus: str = "toy",
) -> FeatureStore:
    rows = utterances() if rows is None else rows
    return FeatureStore(folder, rows, log_mel, augmentation, seed, {"corpus": corpus})


def make_scenes(folder: Path, seed: int = 3, **changes: Any) -> Scenes:
    augmentation = dataclasses.replace(PLAIN, **changes)
    return Scenes(make_store(folder, augmentation), PROCESSOR, augmentation, seed, {})


def energies_of(features: np.ndarray) -> np.ndarray:
    """Log-mel energies that were normalised."""
    return features * np.float32(FIXED.prior_deviation) + np.float32(FIXED.prior_mean)


def test_an_example_depends_on_seed_number_and_epoch_alone(tmp_path: Path) -> None:
    full = SceneAugmentation(variants=3, sound_share=0.3, join_share=0.4, silence_share=0.4)

    def make(seed: int = 3) -> Scenes:
        return Scenes(make_store(tmp_path, full), PROCESSOR, full, seed, {})

    first, again, other = make(), make(), make(seed=4)
    places = [(number, epoch) for number in range(len(first)) for epoch in (0, 1, 7)]
    found = {place: first.example(*place) for place in places}
    for place in reversed(places):  # in another order, from other objects
        features, labels = again.example(*place)
        np.testing.assert_array_equal(features, found[place][0])
        np.testing.assert_array_equal(labels, found[place][1])
        assert features.dtype == np.float32
        assert np.isfinite(features).all()
    for number in range(len(first)):
        assert not np.array_equal(found[number, 0][0], found[number, 7][0])
    assert sum(np.array_equal(other.example(*p)[0], found[p][0]) for p in places) == 0


def test_lengths_and_labels_are_those_of_the_examples(tmp_path: Path) -> None:
    full = SceneAugmentation(variants=3, sound_share=0.3, join_share=0.4, silence_share=0.4)
    made = Scenes(make_store(tmp_path, full), PROCESSOR, full, 3, {})
    assert len(made) == 8 + 2
    joined = 0
    for epoch in range(4):
        lengths = made.lengths(epoch)
        assert len(lengths) == len(made)
        for number in range(len(made)):
            features, labels = made.example(number, epoch)
            assert features.shape == (lengths[number], 20)
            text = PROCESSOR.alphabet.decode(labels)
            if number >= 8:
                assert text == ""
                assert 98 <= len(features) <= 1_500
                continue
            assert fits(len(features), labels)
            own = TEXTS[number % 4]
            assert text.startswith(own)
            if text != own:
                assert text.removeprefix(own + " ") in TEXTS
                joined += 1
    assert 4 < joined < 28  # of 32, at a share of 0.4


def test_silences_and_joined_utterances_come_as_often_as_asked_for(tmp_path: Path) -> None:
    rows = [dataclasses.replace(row, text="A") for row in utterances(4)]
    augmentation = dataclasses.replace(PLAIN, silence_share=0.25, join_share=0.0)
    store = make_store(tmp_path, augmentation, rows)
    made = Scenes(store, PROCESSOR, augmentation, 3, {})
    extra = np.concatenate([made.lengths(epoch) - store.frames[:, 0] for epoch in range(250)])
    assert extra.min() == 0
    assert extra.max() <= 2 * 1_500
    # A silence of no length cannot be told from none, and few are shorter than a frame.
    assert np.mean(extra > 0) == pytest.approx(0.25, abs=0.05)
    assert np.median(extra[extra > 0]) < 800  # short ones are more frequent

    augmentation = dataclasses.replace(PLAIN, join_share=0.25)
    made = Scenes(store, PROCESSOR, augmentation, 3, {})
    counts = [len(made.example(n, e)[1]) for n in range(4) for e in range(100)]
    assert set(counts) == {1, 3}
    assert np.mean(np.equal(counts, 3)) == pytest.approx(0.25, abs=0.07)


def test_fast_speakers_are_joined_with_time_enough_for_the_space(tmp_path: Path) -> None:
    # 6 labels in 6 outputs each: side by side they leave none for the space between.
    samples = speech_like(1.0)[: LOG_MEL.window + 20 * LOG_MEL.hop]
    rows = [Utterance(samples, "BEGATO", "s", f"u{i}") for i in range(4)]
    augmentation = dataclasses.replace(PLAIN, join_share=1.0)
    made = Scenes(make_store(tmp_path, augmentation, rows), PROCESSOR, augmentation, 3, {})
    tight = 0
    for epoch in range(200):
        for number, length in enumerate(made.lengths(epoch)):
            features, labels = made.example(number, epoch)
            assert len(features) == length
            assert fits(length, labels)
            tight += output_frames(length) == len(labels)
    assert tight > 0  # no pause is longer for it than it must be


def test_repeats_longest_and_texts_that_do_not_fit(tmp_path: Path) -> None:
    rows = utterances()
    rows[0] = dataclasses.replace(rows[0], text="")
    rows[1] = dataclasses.replace(rows[1], text="BEGAN TO EAT A BAD BEE")  # in 98 / 4 outputs
    rows[1] = dataclasses.replace(rows[1], samples=rows[1].samples[:4_000])
    rows[2] = dataclasses.replace(rows[2], samples=speech_like(2.5))
    store = make_store(tmp_path, rows=rows)

    def texts(**values: Any) -> Counter[str]:
        made = Scenes(store, PROCESSOR, PLAIN, 3, **({"repeats": {}} | values))
        found = (made.example(number, 0)[1] for number in range(len(made)))
        return Counter(map(PROCESSOR.alphabet.decode, found))

    assert texts() == {"A BAD BEE": 1, "GO ON": 1, "NOT A TOAD": 2, "BEGAN TO EAT": 2}
    assert texts(repeats={"phones": 3}) == texts() | {"GO ON": 3, "BEGAN TO EAT": 6}
    assert texts(longest=2.0)["NOT A TOAD"] == 1
    with pytest.raises(DataError, match="long enough"):
        texts(longest=0.5)


def test_a_store_is_used_again_and_made_anew_for_other_settings(tmp_path: Path) -> None:
    augmentation = SceneAugmentation(variants=2)
    first = make_store(tmp_path, augmentation)
    kept = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(kept) == 3
    unreadable = Unreadable(utterances(), 0)
    again = make_store(tmp_path, augmentation, unreadable)
    np.testing.assert_array_equal(first.energies(5, 1), again.energies(5, 1))
    assert (again.texts, again.sources) == (first.texts, first.sources)
    # What is done later, on the energies, changes nothing in what is stored.
    later = dataclasses.replace(augmentation, warp=0.3, noise_share=1.0, time_masks=0.0)
    make_store(tmp_path, later, unreadable)
    make_store(tmp_path, augmentation, unreadable, log_mel=LOG_MEL)
    others: list[dict[str, Any]] = [
        {"seed": 4},
        {"corpus": "other"},
        {"log_mel": LogMel(mel_bins=21)},
        {"rows": utterances(7)},
        {"augmentation": dataclasses.replace(augmentation, variants=3)},
        {"augmentation": dataclasses.replace(augmentation, reverb_share=0.9)},
    ]
    for values in others:
        settings = {"augmentation": augmentation, "rows": utterances()} | values
        with pytest.raises(DataError, match="cannot read"):
            make_store(tmp_path, **(settings | {"rows": Unreadable(settings["rows"], 0)}))
        store = make_store(tmp_path, **settings)
        assert store.frames.shape == (len(settings["rows"]), settings["augmentation"].variants)
    assert {path: path.read_bytes() for path in kept} == kept


def test_making_that_was_interrupted_leaves_nothing_to_be_used(tmp_path: Path) -> None:
    augmentation = SceneAugmentation(variants=2)
    with pytest.raises(DataError, match="cannot read 6"):
        make_store(tmp_path / "broken", augmentation, Unreadable(utterances(), 6))
    assert not list((tmp_path / "broken").glob("*.json"))
    for folder in ("broken", "whole"):
        make_store(tmp_path / folder, augmentation)
    whole, mended = (
        {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()}
        for folder in ("whole", "broken")
    )
    assert whole == mended


@pytest.mark.parametrize("damage", ["cut", "missing"])
def test_stored_features_that_are_not_whole_are_made_anew(tmp_path: Path, damage: str) -> None:
    wanted = make_store(tmp_path).energies(7, 0).copy()
    (path,) = tmp_path.glob("*.f16")
    whole = path.read_bytes()
    if damage == "cut":
        path.write_bytes(whole[:-40])
    else:
        path.unlink()
    np.testing.assert_array_equal(make_store(tmp_path).energies(7, 0), wanted)
    assert path.read_bytes() == whole


def test_a_folder_that_cannot_be_written_and_no_features_are_clear_errors(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ZooError, match="cannot keep the features in"):
        make_store(tmp_path / "file" / "features")
    for rows in ([], [Utterance(np.zeros(300, np.float32), "A", "s", "short")]):
        with pytest.raises(DataError, match="as long as a window"):
            make_store(tmp_path, rows=rows)


def test_the_first_waveform_is_the_recording_and_the_others_are_not(tmp_path: Path) -> None:
    rows, augmentation = utterances(), SceneAugmentation(variants=3)
    store = make_store(tmp_path, augmentation, rows)
    for number, row in enumerate(rows):
        exact = LOG_MEL.log_mel(row.samples)
        np.testing.assert_array_equal(store.energies(number, 0), exact.astype(np.float16))
        assert store.frames[number].tolist() == [len(store.energies(number, v)) for v in range(3)]
        ratios = store.frames[number, 1:] / store.frames[number, 0]
        assert (np.abs(ratios - 1) < 0.16).all()  # speeds from 0.88 to 1.12
    assert len({*store.frames[:, 1] / store.frames[:, 0]}) > 4


def test_a_plain_scene_is_the_utterance(tmp_path: Path) -> None:
    made = make_scenes(tmp_path)
    exact = 0
    for number, row in enumerate(utterances()):
        wanted = LOG_MEL.log_mel(row.samples)
        found = energies_of(made.example(number, 0)[0])
        # The hiss of a recorder, in about half of them, is at least 3 nats below the voice.
        assert (found > wanted - 0.02).all()
        assert np.abs(found - wanted)[wanted > wanted.max() - 4].max() < 1.0
        exact += np.abs(found - wanted).max() < 0.02
    assert 1 < exact < 7


def test_a_scene_between_silences_holds_the_digital_floor(tmp_path: Path) -> None:
    full = {"gain_db": (-25.0, 15.0), "colour_db": 6.0, "warp": 0.1, "smooth_share": 0.5}
    made = make_scenes(tmp_path, silence_share=1.0, **full)
    silence = FIXED.features(np.zeros(RATE, np.float32))
    found = dict.fromkeys(("floor", "before", "after", "hiss"), 0)
    for number, epoch in itertools.product(range(8), range(8)):
        features, _ = made.example(number, epoch)
        own = len(LOG_MEL.log_mel(utterances()[number].samples))
        outside = len(features) - own
        if outside < 20:
            continue
        floor = (features == silence[0]).all(axis=1)
        if floor.any():
            assert floor.sum() >= outside  # all of both silences, as digital zeros would give them
            found["floor"] += 1
            found["before"] += floor[:20].all()
            found["after"] += floor[-20:].all()
        else:
            energies = energies_of(features)
            # Hiss goes on through all silences.
            quiet = np.sort(energies.mean(axis=1))[:outside]
            assert quiet.min() > FLOOR
            assert quiet.max() - quiet.min() < 1.5
            found["hiss"] += 1
    assert min(found.values()) > 10


def test_noise_is_added_as_in_the_sum_of_the_waveforms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Adding powers leaves out the product of the two sounds, which is zero in the mean."""
    noise = 0.1 * np.random.default_rng(1).standard_normal(3 * RATE).astype(np.float32)
    monkeypatch.setattr(
        scenes_module, "_looped", lambda energies, frames, rng: energies[:frames].copy()
    )
    made, plain = (
        make_scenes(tmp_path, noise_share=share, babble_share=0.0, noise_snr_db=(6.0, 6.0))
        for share in (1.0, 0.0)
    )
    made._noises = [LOG_MEL.log_mel(noise)]
    differences = []
    for number, row in enumerate(utterances()):
        for epoch in range(4):
            voice = LOG_MEL.log_mel(row.samples)
            if np.abs(energies_of(plain.example(number, epoch)[0]) - voice).max() > 0.02:
                continue  # with a recorder's hiss
            beside = LOG_MEL.log_mel(noise)[: len(voice)]
            # The ratio is that of the mean energies over all bins.
            ratio = np.exp(voice).mean() / np.exp(beside).mean() / 10 ** (6.0 / 10)
            summed = LOG_MEL.log_mel(row.samples + np.sqrt(ratio) * noise[: len(row.samples)])
            differences.append((energies_of(made.example(number, epoch)[0]) - summed).ravel())
    difference = np.concatenate(differences)
    assert len(differences) > 5
    # In the mean within 0.1 nats (0.4 dB), and nine of ten energies within 1 nat (4 dB).
    assert abs(difference.mean()) < 0.1
    assert np.quantile(np.abs(difference), 0.9) < 1.0


def test_noise_has_the_ratio_that_was_asked_for(tmp_path: Path) -> None:
    for ratio in (0.0, 20.0):
        made, plain = (
            make_scenes(tmp_path, noise_share=share, babble_share=0.5, noise_snr_db=(ratio,) * 2)
            for share in (1.0, 0.0)
        )
        for number, epoch in itertools.product(range(8), range(3)):
            voice = np.exp(energies_of(plain.example(number, epoch)[0]).astype(np.float64))
            both = np.exp(energies_of(made.example(number, epoch)[0]).astype(np.float64))
            found = 10 * np.log10(voice.mean() / (both - voice).mean())
            assert found == pytest.approx(ratio, abs=0.5)


def test_sounds_without_words_are_of_all_kinds(tmp_path: Path) -> None:
    made = make_scenes(tmp_path, sound_share=2.0)
    assert len(made) == 8 + 16
    spectra = []
    for number in range(8, 24):
        features, labels = made.example(number, 0)
        assert not len(labels)
        assert len(features) <= 1_500
        spectra.append(energies_of(features).mean(axis=0))
    shape = np.array(spectra) - np.mean(spectra, axis=1, keepdims=True)
    assert np.std(shape, axis=0).mean() > 0.5


def test_masks_hide_at_most_what_they_say() -> None:
    frames = np.ones((300, 80), np.float32)
    bands = SceneAugmentation(frequency_masks=2, frequency_width=9, time_masks=0.0)
    stretches = SceneAugmentation(frequency_masks=0, time_masks=1.5, time_width=7)
    both = SceneAugmentation()
    widest, longest = 0, 0
    for seed in range(200):
        masked = bands.masked(frames, np.random.default_rng(seed)) == 0
        assert (masked == masked[:1]).all()
        widest = max(widest, int(masked[0].sum()))
        masked = stretches.masked(frames, np.random.default_rng(seed)) == 0
        assert (masked == masked[:, :1]).all()
        drawn = np.random.default_rng(seed).poisson(1.5 * 3)
        assert masked[:, 0].sum() <= 7 * drawn
        longest = max(longest, int(masked[:, 0].sum()) if drawn == 1 else 0)
        masked = both.masked(frames, np.random.default_rng(seed)) == 0
        inside = masked.all(axis=0)[None] | masked.all(axis=1)[:, None]
        np.testing.assert_array_equal(masked, inside)
        assert masked.all(axis=0).sum() <= 36
    assert 12 < widest <= 18
    assert 4 < longest <= 7
    assert frames.all()
    short = stretches.masked(np.ones((3, 80), np.float32), np.random.default_rng(1))
    assert short.shape == (3, 80)


def test_the_mel_axis_is_warped() -> None:
    bump = np.exp(-((np.arange(80) - 40.0) ** 2) / 20)[None].repeat(5, axis=0).astype(np.float32)
    np.testing.assert_allclose(warped(bump, 1.0), bump, atol=1e-6)
    assert set(warped(bump, 1.1).argmax(axis=1)) == {36}
    assert set(warped(bump, 0.9).argmax(axis=1)) == {44}
    assert warped(bump, 1.1).max() == pytest.approx(1.0, abs=0.05)
    for factor in (0.8, 1.25):
        assert warped(bump, factor).shape == bump.shape


def test_a_voice_is_louder_softer_or_narrower_but_never_below_silence() -> None:
    frames = np.full((50, 80), -6.0, np.float32)
    louder = dataclasses.replace(PLAIN, gain_db=(10.0, 10.0))
    changed = louder.voice(frames, np.random.default_rng(0))
    assert changed == pytest.approx(-6.0 + np.log(10), abs=1e-5)
    softer = dataclasses.replace(PLAIN, gain_db=(-90.0, -90.0))
    assert softer.voice(frames, np.random.default_rng(0)) == pytest.approx(FLOOR)
    coloured = dataclasses.replace(PLAIN, colour_db=6.0)
    narrow = dataclasses.replace(PLAIN, band_share=1.0)
    cut = []
    for seed in range(20):
        changed = coloured.voice(frames, np.random.default_rng(seed))
        assert np.abs(changed + 6.0).max() <= 6.0 * np.log(10) / 10 + 1e-5
        assert np.abs(np.diff(changed[0])).max() < 0.2  # smooth
        changed = narrow.voice(frames, np.random.default_rng(seed))
        assert (changed[:, 16:52] == -6.0).all()  # the middle stays
        cut.append(int((changed[0] < -6.5).sum()))
    assert 0 < np.mean(cut) < 44


def test_the_other_waveforms_do_what_their_shares_say() -> None:
    samples = speech_like(1.5, seed=2)
    quiet: dict[str, Any] = {
        "speed": 0.0,
        "reverb_share": 0.0,
        "line_share": 0.0,
        "overdrive_share": 0.0,
    }
    rng = np.random.default_rng
    unchanged = SceneAugmentation(**quiet).waveform(samples, RATE, rng(0))
    np.testing.assert_allclose(unchanged, samples, atol=1e-6)
    for name in ("reverb_share", "line_share", "overdrive_share"):
        share = SceneAugmentation(**(quiet | {name: 0.5}))
        changed = [share.waveform(samples, RATE, rng(seed)) for seed in range(40)]
        different = [np.abs(other - samples).max() > 1e-3 for other in changed]
        assert 8 < sum(different) < 32
        assert max(np.abs(other).max() for other in changed) <= 1.0
    faster = SceneAugmentation(**(quiet | {"speed": 0.12}))
    lengths = [len(faster.waveform(samples, RATE, rng(seed))) for seed in range(40)]
    assert 1 / 1.13 < min(lengths) / len(samples) < 0.95
    assert 1.05 < max(lengths) / len(samples) < 1 / 0.87
