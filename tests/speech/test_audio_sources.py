"""Kinds of sound by their first bytes, pipes, streams, and what PyAV reads."""

from __future__ import annotations

import io
import os
import struct
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.speech.test_audio_files import RECORDINGS, encoded, id3_tag, noise, quietly
from zoo.errors import DataError, UsageError, ZooWarning
from zoo.speech.audio import Peeked, audio_seconds, iter_audio_blocks, live_blocks, read_audio
from zoo.speech.audio import opening as opening_module
from zoo.speech.audio.kinds import CONTAINERS, advice, kind_of
from zoo.speech.audio.parts import part_starts

A = noise(1.3)
FLOATS = A / np.float32(32768)
RAW = A.tobytes()


def with_av(kind: str, codec: str, rate: int = 16_000, seconds: float = 2.0) -> bytes:
    """A tone, written by PyAV."""
    av = pytest.importorskip("av")
    file = io.BytesIO()
    samples = 0.3 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)
    with av.open(file, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        stream.bit_rate = 64_000
        frame = av.AudioFrame.from_ndarray(samples.astype("f4")[None], "fltp", "mono")
        frame.rate = rate
        resampler = av.AudioResampler(stream.format, "mono", rate, stream.frame_size or None)
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            container.mux(stream.encode(part))
    return file.getvalue()


class Stream:
    """A stream that cannot be sought in and gives a few bytes at a time."""

    def __init__(self, data: bytes, size: int = 1000) -> None:
        self._file, self._size = io.BytesIO(data), size

    def read(self, size: int) -> bytes:
        return self._file.read(min(size, self._size))


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"RIFF\x24\0\0\0WAVEfmt ", "wav"),
        (b"RF64\xff\xff\xff\xffWAVEds64", "wav"),
        (b"RIFF\x24\0\0\0AVI fmt ", "avi"),
        (b"FLV\1\5\0\0\0\t", "flv"),
        (b"wvpk\x10\0\0\0\x10\4", "wavpack"),
        (b"PK\3\4\x14\0", "archive"),
        (b"\n<!DOCTYPE html><html>", "document"),
        (b"<html><body>404", "document"),
        (b'{"error": "not found"}', "document"),
        (b"NIST_1A\n   1024\n", "sphere"),
        (b"OggS\0\2", "ogg"),
        (b"fLaC\0\0\0\x22", "flac"),
        (b"ID3\3\0\0\0\0\x0f\x76", "mp3"),
        (b"ID3\xff\0\0\0\0\x0f\x76", None),
        (b"FORM\0\0\0\0AIFF", "aiff"),
        (b"caff\0\1\0\0", "caf"),
        (b"\0\0\0\x20ftypM4A ", "m4a/mp4"),
        (b"\x1a\x45\xdf\xa3\x01", "webm/mkv"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6", "wma"),
        (b"#!AMR\n", "amr"),
        (b"#!AMR-WB\n", "amr"),
        (b"", None),
        (b"\xff\xff" * 4096, None),  # samples of -1
        (b"\xff\xfb\x90\x64" + bytes(4092), None),  # one frame's header alone
        (bytes(4096), None),
    ],
)
def test_a_kind_is_known_by_its_first_bytes(head: bytes, kind: str | None) -> None:
    assert kind_of(head) == kind


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_mp3_without_a_tag_is_known_by_its_frames(rate: int, channels: int) -> None:
    data = encoded(np.stack([noise(1.0, rate)] * channels, axis=1), "MP3", rate)
    assert kind_of(data[:4096]) == "mp3"


def test_raw_samples_are_taken_for_no_file() -> None:
    rng = np.random.default_rng(0)
    for level in (2, 30, 1000, 30_000):
        for _ in range(500):
            samples = rng.integers(-level, level, 2048).astype("<i2")
            assert kind_of(samples.tobytes()) is None


def test_little_of_a_raw_stream_is_waited_for() -> None:
    read = []

    class Slow(Stream):
        def read(self, size: int) -> bytes:
            data = super().read(size)
            read.append(len(data))
            return data

    for samples in (A.tobytes(), np.full(5000, -1, "<i2").tobytes()):
        read.clear()
        assert Peeked(Slow(samples, 4)).kind is None
        assert sum(read) == 12


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3", "AIFF", "CAF", "AU"])
def test_streams_and_bytes_are_read_as_what_they_are(kind: str) -> None:
    data = encoded(A, kind)
    wanted = quietly(data)
    assert len(wanted) == len(A)
    assert np.array_equal(quietly(Stream(data)), wanted)
    assert np.array_equal(quietly(io.BytesIO(data)), wanted)
    for source in (data, Stream(data)):
        with pytest.raises(UsageError, match="an audio file says its own"):
            read_audio(source, 16_000)  # type: ignore[arg-type]


def test_other_bytes_are_raw_samples_where_a_rate_is_given() -> None:
    assert np.array_equal(read_audio(RAW, 16_000), FLOATS)
    assert np.array_equal(read_audio(Stream(RAW, 333), 16_000), FLOATS)  # type: ignore[arg-type]
    assert len(read_audio(RAW, 44_100)) == round(len(A) * 16_000 / 44_100)
    with pytest.raises(DataError, match=r"not readable audio.*wav, flac.*ffmpeg -i"):
        read_audio(RAW)
    with pytest.raises(DataError, match="half a sample"):
        read_audio(RAW + b"\0", 16_000)
    with pytest.raises(DataError, match="holds no samples"):
        read_audio(b"", 16_000)


def test_a_pipe_on_the_command_line_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    data = encoded(A, "FLAC")

    def write_slowly() -> None:
        time.sleep(0.1)  # the reader waits for somebody to write
        with open(path, "wb") as pipe:
            pipe.flush()
            time.sleep(0.1)  # and then for what is written
            for place in range(0, len(data), 5000):
                pipe.write(data[place : place + 5000])

    writer = threading.Thread(target=write_slowly)
    writer.start()
    assert audio_seconds(path) is None  # asking takes nothing out of it
    found = quietly(path)
    writer.join()
    assert np.array_equal(found, FLOATS)
    reading, writing = os.pipe()  # what the shell's <(...) gives
    os.write(writing, encoded(A[:1000]))
    os.close(writing)
    assert np.array_equal(quietly(f"/dev/fd/{reading}"), FLOATS[:1000])
    os.close(reading)


def test_a_pipe_without_a_writer_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening_module, "PIPE_WAIT", 0.1)
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(DataError, match=r"nothing was written into the pipe .*pipe.wav in 0.1 s"):
        read_audio(tmp_path / "pipe.wav")


def test_a_stream_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless:
        def __init__(self, head: bytes) -> None:
            self._head = head

        def read(self, size: int) -> bytes:
            data, self._head = self._head[:size] or bytes(size), self._head[size:]
            return data

    monkeypatch.setattr(opening_module, "_MAX_UNKNOWN", 1 << 20)
    monkeypatch.setattr(opening_module, "MAX_STREAM", 1 << 21)
    with pytest.raises(DataError, match="does not begin like any known"):
        read_audio(Endless(b"nothing"))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="longer than"):
        read_audio(Endless(b"fLaC"))  # type: ignore[arg-type]


def test_a_text_stream_is_refused() -> None:
    with pytest.raises(UsageError, match="'rb'"):
        read_audio(io.StringIO("text"))  # type: ignore[arg-type]


def live(data: bytes, rate: float = 16_000, size: int = 1000) -> tuple[float, np.ndarray]:
    found, blocks = live_blocks(Peeked(Stream(data, size)), rate)
    return found, np.concatenate(list(blocks))


def test_live_sound_is_raw_samples_or_a_file() -> None:
    for size in (1, 333, 100_000):
        assert live(RAW, 8_000, size)[0] == 8_000
        assert np.array_equal(live(RAW, 8_000, size)[1], FLOATS)
    unknown = encoded(A, rate=44_100)
    unknown = unknown[:4] + b"\xff" * 4 + unknown[8:40] + b"\xff" * 4 + unknown[44:]
    rate, found = live(unknown)
    assert rate == 44_100
    assert np.array_equal(found, FLOATS)
    for kind in ("MP3", "FLAC"):
        rate, found = live(encoded(A, kind))
        assert rate == 16_000
        assert np.array_equal(found, quietly(encoded(A, kind)))
    with pytest.raises(DataError, match="compressed samples"):
        live(encoded(A, subtype="IMA_ADPCM"))
    with pytest.raises(DataError, match="no samples"):
        live(encoded(A)[:44])


SHORT = A[:9_000]


@pytest.mark.parametrize("data", [SHORT.tobytes(), encoded(SHORT), 2 * encoded(SHORT)])
def test_live_sound_comes_before_its_end(data: bytes) -> None:
    """A pipe in which more is still to come gives the samples that are in it."""
    reading, writing = os.pipe()
    with open(reading, "rb") as pipe:
        os.write(writing, data[:12_000])
        blocks = live_blocks(Peeked(pipe), 16_000)[1]
        first = next(blocks)
        assert 0 < len(first) <= 1600
        assert np.array_equal(first, FLOATS[: len(first)])
        os.write(writing, data[12_000:])  # all of it fits into a pipe
        os.close(writing)
        total = len(first) + sum(len(block) for block in blocks)
    assert total == len(SHORT) * (1 + (len(data) > 30_000))


def test_a_cut_off_wav_in_a_pipe_is_told() -> None:
    with pytest.warns(ZooWarning, match=r"its header says 1\.30 s, and the 0\.50 s"):
        assert len(live(encoded(A)[: 44 + 16_000])[1]) == 8_000


def test_m4a_is_read() -> None:
    pytest.importorskip("av")
    found = quietly(RECORDINGS / "an4.m4a")
    assert 3.3 <= len(found) / 16_000 < 3.4
    data = (RECORDINGS / "an4.m4a").read_bytes()
    assert np.array_equal(quietly(data), found)
    assert np.array_equal(quietly(Stream(data)), found)
    # The chained Opus file holds the same utterance.
    opus = quietly(RECORDINGS / "chained_opus.opus")[: len(found)]
    assert np.corrcoef(found[: len(opus)], opus)[0, 1] > 0.98
    blocks = list(iter_audio_blocks(RECORDINGS / "an4.m4a", 0.37))
    assert np.array_equal(np.concatenate(blocks), found)


@pytest.mark.parametrize(
    ("kind", "codec", "rate", "known"),
    [
        ("mp4", "aac", 44_100, "m4a/mp4"),
        ("mov", "pcm_s16le", 16_000, "m4a/mp4"),
        ("mov", "pcm_s32le", 16_000, "m4a/mp4"),
        ("webm", "libopus", 48_000, "webm/mkv"),
        ("matroska", "pcm_s16le", 16_000, "webm/mkv"),
        ("asf", "wmav2", 22_050, "wma"),
        ("adts", "aac", 16_000, "aac"),
    ],
)
def test_containers_are_read(kind: str, codec: str, rate: int, known: str) -> None:
    data = with_av(kind, codec, rate)
    assert kind_of(data[:4096]) == known
    found = quietly(data)
    assert 1.99 < len(found) / 16_000 < 2.2
    middle = found[8_000:24_000]
    spectrum = np.abs(np.fft.rfft(middle))
    assert np.argmax(spectrum) == 440
    assert np.abs(middle).max() == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize(
    ("kind", "codec", "rate"), [("ipod", "aac", 16_000), ("amr", "libopencore_amrnb", 8_000)]
)
def test_joined_containers_are_read_to_the_end(kind: str, codec: str, rate: int) -> None:
    data = [with_av(kind, codec, rate, seconds) for seconds in (2.0, 1.0)]
    whole = np.concatenate([quietly(part) for part in data])
    found = quietly(b"".join(data))
    assert len(found) == len(whole)
    assert np.abs(found - whole).mean() < 1e-3  # one resampler goes on over both


@pytest.mark.parametrize(
    ("kind", "codec", "rate"),
    [("webm", "libopus", 48_000), ("matroska", "aac", 16_000), ("asf", "wmav2", 22_050)],
)
def test_a_container_that_was_cut_off_is_told(kind: str, codec: str, rate: int) -> None:
    data = with_av(kind, codec, rate, 4.0)
    with pytest.warns(ZooWarning, match="cut off: its header says 4.* s|damaged after"):
        assert 1 < len(read_audio(data[: len(data) * 6 // 10])) / 16_000 < 3


def test_the_parts_of_an_mp4_begin_with_their_type() -> None:
    first = box(b"ftyp", b"M4A ") + box(b"mdat", b"....ftyp...") + box(b"moov", b"")
    long = box(b"ftyp", b"M4A ") + struct.pack(">I", 1) + b"mdat" + struct.pack(">Q", 20) + b"abcd"
    rest = box(b"ftyp", b"M4A ") + box(b"mdat", b"", 0) + b"to the end"
    starts = list(part_starts(io.BytesIO(first + long + rest), "m4a/mp4"))
    assert starts == [0, len(first), len(first + long)]


def test_aac_behind_tags_is_known_for_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    frame = b"\xff\xf1\x50\x40\x02\x1f\xfc" + bytes(9)
    with pytest.raises(DataError, match="aac needs PyAV"):
        read_audio(id3_tag(5000) + frame * 20)


def test_without_pyav_the_command_that_converts_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(DataError) as error:
        read_audio(RECORDINGS / "an4.m4a")
    said = str(error.value)
    assert "pip install 'sequence-zoo[av]'" in said
    path = RECORDINGS / "an4"
    assert said.endswith(f"ffmpeg -i {path}.m4a -ac 1 -ar 16000 {path}.wav")
    assert advice("wma", "my talk.wma").endswith(
        "ffmpeg -i 'my talk.wma' -ac 1 -ar 16000 'my talk.wav'"
    )
    # Another file than the one that is converted, also where that has a wrong name.
    assert advice("wma", "a.wav").endswith("ffmpeg -i a.wav -ac 1 -ar 16000 a.16k.wav")
    assert advice("wma", "2.6/a").endswith("ffmpeg -i 2.6/a -ac 1 -ar 16000 2.6/a.wav")


@pytest.mark.parametrize("data", [b"<!DOCTYPE html>" + bytes(99), b"RIFF\0\0\0\0AVI LIST" + RAW])
def test_other_files_are_not_taken_for_raw_samples(data: bytes) -> None:
    with pytest.raises(DataError, match="which is not read"):
        live_blocks(Peeked(Stream(data)), 16_000)
    with pytest.raises(UsageError, match="says its own"):
        read_audio(data, 16_000)


@pytest.mark.parametrize("kind", ["NIST", "VOC", "SVX", "PVF", "AVR"])
def test_rarer_kinds_in_a_pipe_are_read_as_what_they_are(kind: str) -> None:
    data = encoded(A, kind, subtype="PCM_16")
    _, blocks = live_blocks(Peeked(Stream(data)), 8_000)
    assert np.array_equal(np.concatenate(list(blocks)), FLOATS)


def test_a_known_kind_that_cannot_be_read_is_told_to_be_converted(tmp_path: Path) -> None:
    path = tmp_path / "memo.caf"
    path.write_bytes(b"caff\0\1\0\0desc" + bytes(100))
    with pytest.raises(DataError, match=r"not readable.*convert it: ffmpeg -i .*memo\.caf"):
        read_audio(path)


def box(name: bytes, body: bytes, size: int | None = None) -> bytes:
    return struct.pack(">I", 8 + len(body) if size is None else size) + name + body


def hostile_containers() -> Iterator[tuple[str, bytes]]:
    start = box(b"ftyp", b"M4A \0\0\2\0")
    deep = b""
    for _ in range(20_000):
        deep = box(b"moov", deep) if len(deep) < 100_000 else deep
    yield "deep", start + deep
    nested = box(b"udta", b"")
    for _ in range(2_000):
        nested = box(b"trak", nested)
    yield "nested", start + box(b"moov", nested)
    good = (RECORDINGS / "an4.m4a").read_bytes()
    place = good.index(b"stsz")
    yield "sizes", good[: place + 8] + b"\0\0\0\0\xff\xff\xff\xff" + good[place + 16 :]
    yield "same", good[: place + 8] + b"\0\0\0\1\xff\xff\xff\xff" + good[place + 16 :]
    for name in (b"stts", b"stco", b"stsc", b"mdhd", b"stsd"):
        place = good.index(name)
        yield name.decode(), good[: place + 8] + b"\xff" * 8 + good[place + 16 :]
    yield "cut", good[: len(good) // 2]
    yield "head", good[:40]
    yield "ebml", b"\x1a\x45\xdf\xa3" + b"\x01\xff\xff\xff\xff\xff\xff\xff" * 100
    yield "asf", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11" + b"\xff" * 1000
    yield "playlist", start + b"#EXTM3U\nfile:///etc/passwd\n"


@pytest.mark.filterwarnings("ignore::zoo.errors.ZooWarning")
@pytest.mark.parametrize(("name", "data"), list(hostile_containers()))
def test_hostile_containers_end(name: str, data: bytes) -> None:
    pytest.importorskip("av")
    begin = time.monotonic()
    try:
        found = read_audio(data)
    except DataError:
        pass
    else:
        assert len(found) < 100 * 16_000
    assert time.monotonic() - begin < 20


def test_damage_in_a_container_is_told() -> None:
    data = bytearray(with_av("adts", "aac", seconds=10.0))
    middle = len(data) // 2
    data[middle : middle + 300] = bytes(300)
    with pytest.warns(ZooWarning, match=r"damaged after [45]\.\d s: \d+ of its packets"):
        found = read_audio(bytes(data))
    assert 9 < len(found) / 16_000 < 10.2


def test_a_video_without_sound_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    av = pytest.importorskip("av")
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream("ffv1", rate=1)
        stream.width = stream.height = 16
        frame: Any = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), "rgb24")
        container.mux(stream.encode(frame.reformat(format=stream.pix_fmt or "yuv420p")))
        container.mux(stream.encode(None))
    with pytest.raises(DataError, match="has no sound"):
        read_audio(file.getvalue())


def test_all_containers_have_a_format_of_ffmpeg() -> None:
    av = pytest.importorskip("av")
    for name in CONTAINERS.values():
        assert av.ContainerFormat(name, "r").is_input


def test_headers_alone_are_no_sound(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(0, np.int16), 16_000)
    with pytest.raises(DataError, match="holds no samples"):
        read_audio(path)
