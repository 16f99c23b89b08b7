"""Files read to their end: joined, unfinished and damaged ones."""

from __future__ import annotations

import contextlib
import io
import struct
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from zoo.errors import DataError, ZooWarning
from zoo.speech.audio import audio_seconds, read_audio
from zoo.speech.audio import parts as parts_module
from zoo.speech.audio.mpeg import frames_within, mpeg_frame_length, xing_place

RECORDINGS = Path(__file__).with_name("recordings")


def noise(seconds: float = 1.0, rate: int = 16_000, seed: int = 0) -> np.ndarray:
    samples = np.random.default_rng(seed).uniform(-0.3, 0.3, round(seconds * rate))
    return np.round(samples * 32768).astype(np.int16)


def encoded(samples: np.ndarray, kind: str = "WAV", rate: int = 16_000, **options: Any) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, **options)
    return file.getvalue()


def quietly(source: Any) -> np.ndarray:
    """What is read, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_audio(source)


A, B = noise(1.3), noise(0.7, seed=1)


@pytest.mark.parametrize(
    ("kind", "options"),
    [("OGG", {}), ("OGG", {"subtype": "OPUS"}), ("FLAC", {}), ("MP3", {}), ("WAV", {})],
)
def test_files_that_were_joined_are_read_to_the_end(kind: str, options: dict[str, Any]) -> None:
    data = [encoded(samples, kind, **options) for samples in (A, B, A)]
    whole = np.concatenate([quietly(part) for part in data])
    found = quietly(b"".join(data))
    assert len(found) == 2 * len(A) + len(B)
    assert np.array_equal(found, whole)


@pytest.mark.parametrize(("kind", "seconds"), [("OGG", 0.5), ("FLAC", 0.5), ("MP3", 9.0)])
def test_a_file_by_its_path_is_what_its_bytes_are(
    kind: str, seconds: float, tmp_path: Path
) -> None:
    # libsndfile moves the file's position; the end of a small one was once looked for elsewhere.
    data = encoded(noise(seconds), kind)
    path = tmp_path / "a.audio"
    for joined in (data, data * 3):
        path.write_bytes(joined)
        assert np.array_equal(quietly(path), quietly(joined))


@pytest.mark.parametrize("kind", ["NIST", "VOC", "SVX", "AVR", "AIFF", "AU", "CAF", "W64"])
def test_what_a_header_says_and_is_not_there_is_told(kind: str) -> None:
    data = encoded(A, kind, subtype="PCM_16")
    assert np.array_equal(quietly(data), A / np.float32(32768))
    for cut in (len(data) - 2000, len(data) // 2):
        with pytest.warns(ZooWarning, match="is unfinished or cut off"):
            assert 0.4 < len(read_audio(data[:cut])) / len(A) < 1
    for cut in range(0, 200, 7):  # heads that end somewhere
        with warnings.catch_warnings(), contextlib.suppress(DataError):
            warnings.simplefilter("ignore")
            read_audio(data[:cut])


def test_joined_files_may_have_other_rates_and_channels() -> None:
    # In floats: libsndfile writes an MP3 of two channels of 16-bit samples with peaks beyond 1.
    stereo = np.stack([noise(0.5, 44_100), noise(0.5, 44_100, seed=4)], axis=1) / 32768
    for kind in ("MP3", "FLAC", "WAV"):
        data = [encoded(A, kind), encoded(stereo, kind, 44_100), encoded(B, kind)]
        found = quietly(b"".join(data))
        assert np.array_equal(found, np.concatenate([quietly(part) for part in data])), kind
        assert len(found) == len(A) + 8_000 + len(B)


def test_a_recording_that_went_on_in_a_new_stream_is_read_whole() -> None:
    found = quietly(RECORDINGS / "chained_opus.opus")
    assert len(found) == 105_600
    half = len(found) // 2
    assert np.corrcoef(found[:half], found[half:])[0, 1] > 0.999  # the same utterance twice


def test_streams_side_by_side_are_one_recording() -> None:
    first, second = (encoded(samples, "OGG") for samples in (A, B))
    begin = 27 + first[26] + sum(first[27 : 27 + first[26]])
    # The page that begins the second stream stands beside that of the first.
    muxed = first[:begin] + second[: 27 + second[26] + sum(second[27 : 27 + second[26]])]
    assert list(parts_module.part_starts(io.BytesIO(muxed + first[begin:]), "ogg")) == [0]
    assert list(parts_module.part_starts(io.BytesIO(first + second), "ogg")) == [0, len(first)]


def test_places_are_found_across_the_chunks_of_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("OGG", "FLAC", "MP3"):
        data = [encoded(samples, kind) for samples in (A, B, A)]
        wanted = [0, len(data[0]), len(data[0]) + len(data[1])]
        for chunk in (97, 1000, 1 << 20):
            monkeypatch.setattr(parts_module, "_CHUNK", chunk)
            file = io.BytesIO(b"".join(data))
            assert list(parts_module.part_starts(file, kind.lower())) == wanted, (kind, chunk)


def test_an_mp3_is_read_the_same_whatever_is_read_at_a_time() -> None:
    samples = (0.4 * np.sin(2 * np.pi * 440 * np.arange(160_000) / 16_000)).astype(np.float32)
    found = quietly(encoded(samples, "MP3"))
    assert np.abs(found - samples).max() < 0.05


def id3_tag(size: int) -> bytes:
    """An ID3v2 tag with a picture of so many bytes."""
    return b"ID3\4\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + bytes(size)


def without_length(mp3: bytes) -> bytes:
    """An MP3 as an encoder writes it into a pipe, without the frame that says how long it is."""
    return mp3[mpeg_frame_length(mp3) :]


@pytest.mark.parametrize("size", [35, 200, 200_000])
@pytest.mark.parametrize("kind", ["MP3", "FLAC"])
def test_tags_before_the_sound_are_no_part_of_their_own(kind: str, size: int) -> None:
    data, tag = encoded(A, kind), id3_tag(size)
    for joined, parts in ((tag + data, 1), (id3_tag(10) + tag + data, 1), (2 * (tag + data), 2)):
        assert np.array_equal(quietly(joined), np.tile(quietly(data), parts))


def test_an_mp3_taken_up_in_its_middle_is_no_raw_sound() -> None:
    mp3 = encoded(noise(9.0), "MP3")
    for start in (500, 2001, 7777):
        with pytest.raises(DataError, match="no raw PCM but MP3 or AAC"):
            read_audio(io.BytesIO(mp3[start:]), sample_rate=16_000)
        with pytest.raises(DataError, match="no raw PCM but MP3 or AAC"):
            read_audio(mp3[start : start + 7000], sample_rate=16_000)
    for raw in (noise(60.0), np.full(99_999, -1025, np.int16)):
        assert len(read_audio(raw.tobytes(), sample_rate=16_000)) == len(raw)
    assert frames_within(b"some" + adts(100) * 5)
    assert not frames_within(adts(100) * 3)


def adts(size: int) -> bytes:
    """A frame of AAC without sound: 16 kHz, one channel."""
    header = (0xFFF1 << 40) | (0x60 << 32) | (1 << 30) | (size << 13) | 0x1FFC
    return header.to_bytes(7, "big") + bytes(size - 7)


def test_an_mp3_that_says_no_length_is_read_to_its_end() -> None:
    loud_first = np.concatenate([noise(1.0), np.zeros(64_000, np.int16)]) / 32768
    data = encoded(loud_first, "MP3", bitrate_mode="VARIABLE", compression_level=0.5)
    known = xing_place(data)
    no_number = data[: known + 4] + bytes(104) + data[known + 108 :]
    for tag in (b"", id3_tag(500_000)):
        for piped in (without_length(data), no_number):
            found = quietly(tag + piped + b"TAG".ljust(128))
            assert 0 <= len(found) - len(loud_first) < 2 * 576
            assert np.abs(found[:16_000]).max() > 0.2
            assert not found[32_000:].any()


def test_parts_of_an_mp3_need_not_say_their_length() -> None:
    data = [encoded(samples, "MP3") for samples in (A, B)]
    bare = without_length(data[1])
    whole, rest = (quietly(part) for part in (data[0], bare))
    for between in (b"", b"TAG".ljust(128), id3_tag(100)):
        assert np.array_equal(quietly(data[0] + between + bare), np.concatenate([whole, rest]))
    both = np.concatenate([whole, rest, whole])
    assert np.array_equal(quietly(data[0] + bare + data[0]), both)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cut = read_audio(bare[:-50])  # within the last frame
    assert len(rest) - 2 * 576 <= len(cut) < len(rest)


@pytest.mark.parametrize("size", [4, 5, 8, 11])
def test_an_mp3_that_ends_in_its_first_frame_is_refused(size: int) -> None:
    data = encoded(A, "MP3")
    with pytest.raises(DataError, match="not readable"):
        read_audio(id3_tag(5) + data[: xing_place(data) + size])


def test_a_part_that_cannot_be_read_is_named() -> None:
    bad = bytearray(encoded(B, "FLAC"))
    bad[8:42] = bytes(34)
    with pytest.warns(ZooWarning, match="from byte .* on was left out: .*not readable audio"):
        found = read_audio(encoded(A, "FLAC") + bytes(bad) + encoded(B, "FLAC"))
    assert len(found) == len(A) + len(B)


def test_very_many_joined_files_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.speech.audio.soundfiles.MAX_PARTS", 20)
    one = encoded(A[:1], "OGG", subtype="OPUS")
    begin = time.monotonic()
    with pytest.warns(ZooWarning, match="more than 20 recordings joined"):
        found = read_audio(one * 20_000)
    assert time.monotonic() - begin < 10
    assert len(found) == 20


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [
        ("WAV", "PCM_U8"), ("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "PCM_32"),
        ("WAV", "FLOAT"), ("WAV", "DOUBLE"), ("WAV", "ULAW"), ("WAV", "ALAW"),
        ("WAVEX", "PCM_16"), ("WAVEX", "PCM_24"), ("RF64", "PCM_16"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("endian", ["LITTLE", "BIG"])
def test_plain_wav_is_what_libsndfile_reads(kind: str, subtype: str, endian: str) -> None:
    if endian == "BIG" and kind != "WAV":
        pytest.skip("there is no such format")
    samples = np.stack([A, A[::-1]], axis=1) / 32768
    data = encoded(samples, kind, subtype=subtype, endian=endian)
    wanted = soundfile.read(io.BytesIO(data), dtype="float32")[0]
    assert np.array_equal(quietly(data), wanted.mean(axis=1))


@pytest.mark.parametrize("subtype", ["IMA_ADPCM", "MS_ADPCM", "GSM610"])
def test_compressed_wav_is_read_by_libsndfile(subtype: str) -> None:
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(9_600) / 8_000)
    data = encoded(tone, subtype=subtype, rate=8_000)
    wanted = soundfile.read(io.BytesIO(data), dtype="float32")[0]
    assert len(quietly(data)) == 2 * len(wanted) >= 19_200


def with_sizes(data: bytes, riff: int, samples: int) -> bytes:
    assert data[36:40] == b"data"
    return data[:4] + struct.pack("<I", riff) + data[8:40] + struct.pack("<I", samples) + data[44:]


@pytest.mark.parametrize(
    ("riff", "samples", "says"),
    [
        (0, 0, r"0\.00 s"),
        (0xFFFF_FFFF, 0xFFFF_FFFF, "no length"),
        (0x7FFF_F024, 0x7FFF_F000, "no length"),
        (36 + 6400, 6400, r"0\.20 s"),
        (36 + 6401, 6401, r"0\.20 s"),
        (36 + 500_000, 500_000, r"15\.62 s"),
    ],
)
def test_an_unfinished_wav_is_read_to_its_end(
    tmp_path: Path, riff: int, samples: int, says: str
) -> None:
    path = tmp_path / "killed.wav"
    path.write_bytes(with_sizes(encoded(A), riff, samples))
    with pytest.warns(ZooWarning, match=rf"killed.wav is unfinished.* says {says}.* 1\.30 s that"):
        found = read_audio(path)
    if samples == 6401:  # of the sample in which the length ends nothing is made
        assert np.array_equal(found[-17_000:], A[-17_000:] / np.float32(32768))
        assert len(found) == len(A) - 1
    else:
        assert np.array_equal(found, A / np.float32(32768))


def test_a_recorder_of_rf64_that_was_killed() -> None:
    data = bytearray(encoded(A, "RF64"))
    place = data.index(b"ds64") + 8
    data[place : place + 24] = bytes(24)
    with pytest.warns(ZooWarning, match="unfinished"):
        assert np.array_equal(read_audio(bytes(data)), A / np.float32(32768))


@pytest.mark.parametrize(
    ("kind", "before", "width", "stated"),
    [
        ("AU", b".snd\0\0\0\x18", 4, 0),
        ("AIFF", b"SSND", 4, 0),
        ("AIFF", b"SSND", 4, 8),
        ("CAF", b"data", 8, 0),
    ],
)
def test_other_files_of_a_recorder_that_was_killed_are_read(
    kind: str, before: bytes, width: int, stated: int
) -> None:
    data = bytearray(encoded(A, kind, subtype="PCM_16"))
    place = data.index(before) + len(before)
    data[place : place + width] = stated.to_bytes(width, "big")
    if kind == "AIFF":
        data[4:8] = bytes(4)
    with pytest.warns(ZooWarning, match=r"is unfinished or cut off: the 1\.30 s that are there"):
        assert np.array_equal(read_audio(bytes(data)), A / np.float32(32768))


def test_a_length_that_may_be_left_open_is_not_told() -> None:
    wanted = A / np.float32(32768)
    for kind, before, width in (("AU", b".snd\0\0\0\x18", 4), ("CAF", b"data", 8)):
        data = bytearray(encoded(A, kind, subtype="PCM_16"))
        place = data.index(before) + len(before)
        data[place : place + width] = b"\xff" * width
        assert np.array_equal(quietly(bytes(data)), wanted)


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("AU", "PCM_16"), ("AU", "ULAW"), ("AIFF", "PCM_16"), ("AIFF", "ALAW"), ("CAF", "PCM_24"),
     ("W64", "PCM_16"), ("WAV", "IMA_ADPCM"), ("RF64", "PCM_16")],
)  # fmt: skip
def test_what_is_missing_at_the_end_of_a_file_is_told(kind: str, subtype: str) -> None:
    data = encoded(A, kind, subtype=subtype)
    with pytest.warns(ZooWarning, match="is unfinished or cut off"):
        found = read_audio(data[: len(data) // 2])
    assert 0.3 * len(A) < len(found) <= 0.5 * len(A) + 1024
    assert len(quietly(data)) >= len(A)


@pytest.mark.parametrize(("kind", "subtype"), [("AIFF", "PCM_16"), ("WAV", "IMA_ADPCM")])
def test_joined_files_of_chunks_are_read_to_the_end(kind: str, subtype: str) -> None:
    data = [encoded(samples, kind, subtype=subtype) for samples in (A, B)]
    whole = np.concatenate([quietly(part) for part in data])
    assert np.array_equal(quietly(b"".join(data)), whole)


def test_what_follows_the_samples_of_a_wav_is_no_sound() -> None:
    data = encoded(A)
    wanted = A / np.float32(32768)
    chunk = b"LIST" + struct.pack("<I", 5) + b"INFO!\0"
    own = b"abcd" + struct.pack("<I", 4) + b"1234"
    broken = b"LIST" + struct.pack("<I", 50_000) + b"INFO"
    for tail in (chunk, own, chunk + own, broken, b"TAG" + b"x" * 125, bytes(4096), b"\1\2"):
        assert np.array_equal(quietly(data + tail), wanted), tail[:8]
    odd = encoded(A[:999], subtype="PCM_U8")
    assert len(odd) % 2 == 0  # it ends on a byte of padding
    assert len(quietly(odd + chunk + odd)) == 2 * 999


def test_chunks_before_the_samples_are_skipped() -> None:
    data = encoded(A)
    junk = b"JUNK" + struct.pack("<I", 70_001) + bytes(70_002)
    assert np.array_equal(quietly(data[:12] + junk + data[12:]), A / np.float32(32768))


def test_samples_beyond_float32_are_refused() -> None:
    data = bytearray(encoded(A.astype(np.float64) / 32768, subtype="DOUBLE"))
    data[-8:] = struct.pack("<d", 1e300)
    with pytest.raises(DataError, match="1 samples are not finite"):
        read_audio(bytes(data))


def test_damage_in_the_middle_leaves_what_came_before() -> None:
    data = bytearray(encoded(noise(10.0), "FLAC"))
    middle = len(data) // 2
    data[middle : middle + 500] = noise(1.0, 500).tobytes()[:500]
    with pytest.warns(ZooWarning, match=r"damaged after (4\.[5-9]|5\.0) s; what follows was not"):
        found = read_audio(bytes(data))
    assert 4.4 < len(found) / 16_000 < 5.1
    assert np.array_equal(found, noise(10.0)[: len(found)] / np.float32(32768))


def test_a_flac_that_was_cut_off_is_read_so_far() -> None:
    data = encoded(noise(10.0), "FLAC")
    with pytest.warns(ZooWarning, match="damaged after"):
        assert len(read_audio(data[: len(data) // 2])) > 70_000


def test_a_flac_from_a_pipe_has_no_length() -> None:
    data = bytearray(encoded(A, "FLAC"))
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    assert np.array_equal(quietly(bytes(data)), A / np.float32(32768))


def test_missing_pieces_of_an_ogg_are_told() -> None:
    data = bytearray(encoded(noise(20.0), "OGG"))
    middle = len(data) // 2
    data[middle : middle + 20_000] = bytes(20_000)
    with pytest.warns(ZooWarning, match=r"damaged or cut off: \d\.\d s are missing"):
        assert 10 < len(read_audio(bytes(data))) / 16_000 < 20


@pytest.mark.parametrize("options", [{}, {"subtype": "OPUS"}])
def test_an_ogg_that_was_cut_off_or_never_ended_is_told(options: dict[str, Any]) -> None:
    data = bytearray(encoded(noise(10.0), "OGG", **options))
    last = data.rfind(b"OggS\0")
    unended = bytearray(data)
    unended[last + 5] &= ~4
    unended[last + 22 : last + 26] = bytes(4)  # the checksum, which would be wrong
    for cut in (data[: len(data) // 2], data[:last], data[: last + 20], data[: last + 40]):
        with pytest.warns(ZooWarning, match=r"cut off: the \d\.\d\d s that are there were read"):
            assert 2 < len(read_audio(bytes(cut))) / 16_000 < 10
    assert not parts_module.is_finished(io.BytesIO(unended), "ogg", len(unended))
    assert not parts_module.is_finished(io.BytesIO(bytes(9)), "ogg", 9)
    assert len(quietly(bytes(data))) == 160_000


def test_what_libsndfile_leaves_unread_is_told() -> None:
    flac = bytearray(encoded(noise(10.0), "FLAC"))
    flac[21] &= 0xF0
    flac[22:26] = (40_000).to_bytes(4, "big")
    caf = encoded(noise(10.0), "CAF")
    for data in (bytes(flac), caf + caf):
        with pytest.warns(ZooWarning, match=r"goes on after the .* bytes were not read"):
            read_audio(data)


def test_sample_dumps_are_refused_and_nothing_is_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.sds"
    data = bytearray(encoded(noise(0.1), "SDS", subtype="PCM_16"))
    data[200:400] = bytes(200)
    path.write_bytes(data)
    for source in (path, bytes(data)):
        with pytest.raises(DataError, match="MIDI sample dump, which is not read"):
            read_audio(source)
    assert audio_seconds(path) is None
    assert capfd.readouterr() == ("", "")


def test_at_high_rates_fewer_hours_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.speech.audio.reading.MAX_HOURS", 4 / 3600)
    assert len(read_audio(encoded(noise(3.9)))) == round(3.9 * 16_000)
    assert len(read_audio(encoded(noise(3.9)), target_rate=8_000)) == round(3.9 * 8_000)
    with pytest.raises(DataError, match="longer than"):
        read_audio(encoded(noise(3.9)), target_rate=32_000)
