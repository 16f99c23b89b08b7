"""Audio reading: formats, rates, bad input, blocks and cuts."""

from __future__ import annotations

import errno
import io
import math
import os
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.errors import DataError, UsageError, ZooWarning
from zoo.speech.audio import (
    PcmReader,
    iter_audio_blocks,
    pcm_to_float,
    read_audio,
    split_at_silences,
)


def tone(seconds: float = 1.0, rate: int = 16_000, hertz: float = 440.0) -> np.ndarray:
    return (0.4 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype("f4")


def test_a_16_bit_file_comes_back_as_it_was(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).integers(-(2**15), 2**15, 5000).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", samples, 16_000)
    found = read_audio(tmp_path / "a.wav")
    assert found.dtype == np.float32
    assert np.array_equal(found, samples / np.float32(32768))
    data = (tmp_path / "a.wav").read_bytes()
    for source in (str(tmp_path / "a.wav"), data, io.BytesIO(data)):
        assert np.array_equal(read_audio(source), found)
    with open(tmp_path / "a.wav", "rb") as file:
        assert np.array_equal(read_audio(file), found)
        assert not file.closed


@pytest.mark.parametrize(
    ("name", "options", "tolerance"),
    [
        ("a.wav", {"subtype": "PCM_U8"}, 1e-2),
        ("a.wav", {"subtype": "PCM_24"}, 1e-6),
        ("a.wav", {"subtype": "PCM_32"}, 1e-6),
        ("a.wav", {"subtype": "FLOAT"}, 0.0),
        ("a.wav", {"subtype": "DOUBLE"}, 0.0),
        ("a.flac", {}, 1e-4),
        ("a.flac", {"subtype": "PCM_24"}, 1e-6),
        ("a.ogg", {}, 0.05),
        ("a.mp3", {}, 0.05),
    ],
)
def test_every_format_is_read(
    tmp_path: Path, name: str, options: dict[str, Any], tolerance: float
) -> None:
    samples = tone()
    soundfile.write(tmp_path / name, samples, 16_000, **options)
    found = read_audio(tmp_path / name)
    assert len(found) == len(samples)
    assert np.abs(found - samples).max() <= tolerance
    # The name of a file says nothing.
    os.rename(tmp_path / name, tmp_path / "recording.raw")
    assert np.array_equal(read_audio(tmp_path / "recording.raw"), found)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000])
def test_other_rates_are_resampled(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", tone(rate=rate), rate, subtype="FLOAT")
    found = read_audio(tmp_path / "a.wav")
    assert len(found) == 16_000
    middle = slice(1000, -1000)
    assert np.abs(found - tone())[middle].max() < 1e-3
    assert np.array_equal(read_audio(tone(rate=rate), rate), found)
    assert len(read_audio(tmp_path / "a.wav", target_rate=8_000)) == 8_000


def test_what_lies_above_the_new_band_does_not_fold_into_it() -> None:
    assert np.abs(read_audio(tone(rate=96_000, hertz=20_000), 96_000))[500:-500].max() < 1e-3


@pytest.mark.parametrize("channels", [2, 6])
def test_channels_are_averaged(tmp_path: Path, channels: int) -> None:
    samples = np.stack([tone() * (i + 1) / channels for i in range(channels)], axis=1)
    soundfile.write(tmp_path / "a.wav", samples, 16_000, subtype="FLOAT")
    found = read_audio(tmp_path / "a.wav")
    assert np.abs(found - samples.mean(axis=1)).max() < 1e-6
    assert np.array_equal(read_audio(samples, 16_000), found)


@pytest.mark.parametrize(
    ("dtype", "scale", "offset"),
    [("int16", 2**15, 0), ("int32", 2**31, 0), ("uint8", 2**7, 128), ("float64", 1, 0)],
)
def test_integer_arrays_are_scaled(dtype: str, scale: int, offset: int) -> None:
    samples = (tone().astype(np.float64) * scale + offset).astype(dtype)
    assert np.abs(read_audio(samples, 16_000) - tone()).max() < 1 / 64
    lowest = np.array([np.iinfo(dtype).min if dtype != "float64" else -1.0], dtype)
    assert read_audio(lowest, 16_000)[0] == -1.0


def test_what_is_too_loud_is_clipped() -> None:
    with pytest.warns(ZooWarning, match=r"beyond full scale \(its peak is 2.00\)"):
        found = read_audio(tone() * 5, 16_000)
    assert (found.max(), found.min()) == (1.0, -1.0)
    square = np.where(tone(rate=8_000) > 0, 1.0, -1.0)  # the resampler overshoots at the edges
    with pytest.warns(ZooWarning, match="clipped in 100.0 %"):
        assert np.abs(read_audio(square, 8_000)).max() == 1.0


def test_one_sample_is_audio(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([0.5]), 16_000, subtype="FLOAT")
    assert read_audio(tmp_path / "a.wav").tolist() == [0.5]
    assert len(read_audio(np.array([0.5]), 8_000)) == 2
    assert len(read_audio(np.array([0.5]), 96_000)) <= 1


@pytest.mark.parametrize("rate", [0, -16_000, math.nan, math.inf, 1e9, 999, "16000", True])
def test_absurd_rates_are_refused(rate: Any) -> None:
    with pytest.raises(UsageError, match="sample_rate must be a number from 1000 to 768000"):
        read_audio(tone(), rate)
    with pytest.raises(UsageError, match="target_rate must be"):
        read_audio(tone(), 16_000, target_rate=rate)


def test_an_array_needs_its_rate_and_a_file_has_its_own(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs its sample_rate"):
        read_audio(tone())
    soundfile.write(tmp_path / "a.wav", tone(), 16_000)
    with pytest.raises(UsageError, match="an audio file says its own"):
        read_audio(tmp_path / "a.wav", 8_000)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(0, np.float32), "no samples"),
        (np.zeros((2, 16_000)), r"\(channels, samples\)"),
        (np.zeros((3, 2, 2)), r"not of shape \(3, 2, 2\)"),
        (np.zeros((10, 0)), "not of shape"),
        (np.array(0.5), "not of shape"),
        (np.zeros(10, np.int64), "not int64"),
        (np.zeros(10, bool), "not bool"),
        (np.zeros(10, complex), "not complex128"),
        (np.array(["a"]), "must be float"),
        (np.array([0.0, 20_000.0]), "reach 20000, but full scale is 1"),
    ],
)
def test_bad_arrays_are_named(samples: np.ndarray, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_audio(samples, 16_000)


def test_samples_that_are_no_numbers_are_counted(tmp_path: Path) -> None:
    samples = tone(6.0)
    samples[[70, 80_500, 90_000]] = math.nan
    samples[[71, 72]] = math.inf, -math.inf
    with pytest.raises(UsageError, match=r"^5 samples are not finite \(3 NaN, 2 inf.*first at 70;"):
        read_audio(samples, 16_000)
    soundfile.write(tmp_path / "a.wav", samples, 16_000, subtype="FLOAT")
    with pytest.raises(DataError, match=r"a.wav.*from 0 s on: 3 samples are not finite"):
        read_audio(tmp_path / "a.wav")


def damaged_files() -> Iterator[tuple[str, bytes, str]]:
    wav, flac, mp3 = io.BytesIO(), io.BytesIO(), io.BytesIO()
    soundfile.write(wav, tone(), 16_000, format="WAV")
    soundfile.write(flac, tone(), 16_000, format="FLAC")
    soundfile.write(mp3, tone(), 16_000, format="MP3")
    yield "empty.wav", b"", "is an empty file"
    yield "text.wav", b"this is a text, not a sound\n" * 50, "Format not recognised"
    yield "text.mp3", b"this is a text, not a sound\n" * 50, "Format not recognised"
    yield "header.wav", wav.getvalue()[:20], "not readable audio"
    yield "header.flac", flac.getvalue()[:30], "not readable audio"
    yield "header.mp3", mp3.getvalue()[:300], "not readable audio"
    yield "nodata.wav", wav.getvalue()[:44], "holds no samples"
    yield "half.flac", flac.getvalue()[:500], "damaged at its beginning"
    rate = bytearray(wav.getvalue())
    rate[24:28] = (2**31 - 1).to_bytes(4, "little")
    yield "rate.wav", bytes(rate), "2147483647 samples a second"


@pytest.mark.parametrize(("name", "data", "message"), list(damaged_files()))
def test_damaged_files_are_named(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=message) as error:
        read_audio(tmp_path / name)
    assert str(tmp_path / name) in str(error.value)
    if data:
        with pytest.raises(DataError, match="the audio"):
            read_audio(data)


def test_paths_that_are_no_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*missing.wav: No such file"):
        read_audio(tmp_path / "missing.wav")
    with pytest.raises(DataError, match=r"neither a file|Is a directory"):
        read_audio(tmp_path)
    with pytest.raises(DataError, match="neither a file nor a pipe"):
        read_audio("/dev/zero")
    with pytest.raises(DataError, match="null byte"):
        read_audio("a\0b.wav")
    with pytest.raises(UsageError, match="audio is a path"):
        read_audio([0.0, 0.1])  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="audio is a path"):
        read_audio(None)  # type: ignore[arg-type]


def test_an_unreadable_path_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "a.wav", tone(), 16_000)

    def refuse(*_: Any) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("zoo.files.os.open", refuse)  # root may read everything
    with pytest.raises(DataError, match=r"cannot read .*a.wav: Permission denied"):
        read_audio(tmp_path / "a.wav")


def test_a_wav_that_was_cut_off_gives_what_is_there(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(), 16_000)
    data = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(data[: 44 + 2 * 500])
    with pytest.warns(
        ZooWarning, match=r"a\.wav is unfinished or cut off: its header says 1\.00 s"
    ):
        found = read_audio(tmp_path / "a.wav")
    assert np.array_equal(found, read_audio(data)[:500])


@pytest.mark.filterwarnings("ignore::zoo.errors.ZooWarning")
@given(data=st.data())
@settings(deadline=None, max_examples=100)
def test_no_damage_to_a_header_gives_another_error(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["WAV", "FLAC", "OGG"]))
    file = io.BytesIO()
    soundfile.write(file, tone(0.1), 16_000, format=kind)
    damaged = bytearray(file.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, 60))] = data.draw(st.integers(0, 255))
    try:
        found = read_audio(bytes(damaged))
    except DataError:
        return
    assert found.dtype == np.float32
    assert np.abs(found).max() <= 1.0


@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("seconds", [0.01, 0.37, 3.0, 100.0])
def test_blocks_put_together_are_the_whole(tmp_path: Path, rate: int, seconds: float) -> None:
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (11 * rate + 17, 2))
    soundfile.write(tmp_path / "a.flac", noise, rate)
    blocks = list(iter_audio_blocks(tmp_path / "a.flac", seconds))
    assert {len(block) for block in blocks[:-1]} <= {round(seconds * 16_000)}
    assert np.array_equal(np.concatenate(blocks), read_audio(tmp_path / "a.flac"))


def test_a_bad_file_is_an_error_at_the_call(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        iter_audio_blocks(tmp_path / "missing.wav")
    with pytest.raises(UsageError, match="seconds must be"):
        iter_audio_blocks(tone(), 0.0, 16_000)


def test_files_are_closed_again(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(20.0), 16_000)
    (tmp_path / "b.wav").write_bytes(b"no sound")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        read_audio(tmp_path / "a.wav")
        next(iter_audio_blocks(tmp_path / "a.wav", 1.0))
        iter_audio_blocks(tmp_path / "a.wav", 1.0)
        with pytest.raises(DataError):
            read_audio(tmp_path / "b.wav")
    assert len(os.listdir("/proc/self/fd")) == before


def test_an_hour_takes_little_memory(tmp_path: Path) -> None:
    path, rng = tmp_path / "hour.flac", np.random.default_rng(0)
    minute = (rng.normal(0, 300, 60 * 8_000)).astype(np.int16)
    with soundfile.SoundFile(path, "w", 8_000, 1) as file:
        for _ in range(60):
            file.write(minute)
    tracemalloc.start()
    total, longest, count = 0, 0, 0
    for piece in split_at_silences(iter_audio_blocks(path, 30.0), 15.0):
        total, count = total + len(piece.samples), count + 1
        longest = max(longest, len(piece.samples))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 3600 * 16_000
    assert longest <= 15 * 16_000
    assert count <= 480
    assert peak < 16e6  # the hour has 230 MB


def test_audio_that_does_not_fit_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.speech.audio.reading.MAX_HOURS", 0.03)
    soundfile.write(tmp_path / "a.flac", np.zeros(200 * 16_000, np.int16), 16_000)
    with pytest.raises(DataError, match=r"longer than 0.03 hours; .* iter_audio_blocks"):
        read_audio(tmp_path / "a.flac")


def speech_with_pauses() -> tuple[np.ndarray, list[float]]:
    rng, rate = np.random.default_rng(3), 16_000
    samples = rng.normal(0, 0.1, 60 * rate).astype(np.float32)
    pauses = [8.0, 14.0, 21.5, 30.0, 38.2, 47.0, 52.0]
    for at in pauses:
        samples[round((at - 0.25) * rate) : round((at + 0.25) * rate)] *= 0.01
    return samples, pauses


def test_long_audio_is_cut_in_its_pauses() -> None:
    samples, pauses = speech_with_pauses()
    pieces = list(split_at_silences([samples], 10.0))
    assert np.array_equal(np.concatenate([piece.samples for piece in pieces]), samples)
    assert all(len(piece.samples) <= 10 * 16_000 for piece in pieces)
    lengths = np.cumsum([0, *(len(piece.samples) for piece in pieces)]) / 16_000
    assert [piece.start for piece in pieces] == pytest.approx(lengths[:-1].tolist())
    for piece in pieces[1:]:
        assert min(abs(piece.start - at) for at in pauses) < 0.25


@pytest.mark.parametrize("size", [160, 999, 16_000, 400_000])
def test_cuts_do_not_depend_on_the_blocks(size: int) -> None:
    samples = speech_with_pauses()[0]
    wanted = list(split_at_silences([samples], 10.0))
    blocks = (samples[i : i + size] for i in range(0, len(samples), size))
    found = list(split_at_silences(blocks, 10.0))
    assert [piece.start for piece in found] == [piece.start for piece in wanted]
    for a, b in zip(found, wanted, strict=True):
        assert np.array_equal(a.samples, b.samples)


def test_short_and_silent_audio_is_cut_too() -> None:
    assert list(split_at_silences([])) == []
    (only,) = split_at_silences([tone(3.0)], 3.0)
    assert (only.start, len(only.samples)) == (0.0, 48_000)
    silent = list(split_at_silences([np.zeros(25 * 16_000, np.float32)], 10.0))
    assert all(5.0 <= len(piece.samples) / 16_000 <= 10.0 for piece in silent[:-1])
    with pytest.raises(UsageError, match="longest"):
        list(split_at_silences([], 0.5))


@given(st.binary(max_size=200), st.lists(st.integers(1, 7), min_size=1))
def test_pcm_may_come_in_pieces_of_any_length(data: bytes, sizes: list[int]) -> None:
    reader, parts, at, i = PcmReader(), [], 0, 0
    while at < len(data):
        parts.append(reader.feed(data[at : at + sizes[i % len(sizes)]]))
        at, i = at + sizes[i % len(sizes)], i + 1
    whole = data[: len(data) - len(data) % 2]
    found = np.concatenate([np.zeros(0, np.float32), *parts])
    assert np.array_equal(found, np.frombuffer(whole, "<i2") / np.float32(32768))
    if len(data) % 2:
        with pytest.raises(DataError, match=rf"ends on half a sample \({len(data)} bytes\)"):
            reader.finish()
    else:
        reader.finish()


def test_pcm_is_little_endian_and_even() -> None:
    assert pcm_to_float(b"\x00\x40\x00\x80").tolist() == [0.5, -1.0]
    with pytest.raises(UsageError, match="even number of bytes, not 3"):
        pcm_to_float(b"abc")


def test_real_recordings_are_read(data_mirror: Path) -> None:
    folder = data_mirror / "github.com/cmusphinx/an4/archive"
    archive = folder / "b567d132f43304e70a2b2eca6077f22255311812.zip"
    if not archive.exists():
        pytest.skip("the mirror has no AN4")
    with zipfile.ZipFile(archive) as content:
        names = [name for name in content.namelist() if name.endswith(".wav")][:20]
        for name in names:
            data = content.read(name)
            raw = np.frombuffer(data[44:], "<i2")
            assert np.array_equal(read_audio(data), raw / np.float32(32768)), name
    flacs = sorted((data_mirror / "prepared/speech/librispeech_sample").glob("*.flac"))
    for path in flacs[:3]:
        assert 1.0 < len(read_audio(path)) / 16_000 < 40.0
