"""What kind of sound file some bytes are, by how they begin."""

from __future__ import annotations

import os
import re
import shlex
from typing import Protocol

from zoo.speech.audio.mpeg import adts_frame_length, mpeg_frame_length

READABLE = "wav, flac, ogg (vorbis, opus), mp3, aiff, au, caf and w64"
"""What is read without PyAV."""

CONTAINERS = {
    "m4a/mp4": "mov",
    "webm/mkv": "matroska",
    "wma": "asf",
    "amr": "amr",
    "aac": "aac",
}
"""Kinds that PyAV reads, and the name of FFmpeg's format for each."""

UNREAD = {
    "sds": "a MIDI sample dump",  # of damaged ones libsndfile writes to standard output
    "avi": "an AVI video",
    "flv": "a Flash video",
    "ps": "an MPEG video",
    "ts": "an MPEG transport stream",
    "realmedia": "a RealMedia file",
    "wavpack": "a WavPack file",
    "ape": "a Monkey's Audio file",
    "tta": "a True Audio file",
    "musepack": "a Musepack file",
    "dsd": "a DSD file",
    "midi": "a MIDI file",
    "archive": "an archive",
    "document": "a web page or other document",
}
"""Kinds that are refused, so that they are not taken for raw samples."""

HEAD = 4096
"""Bytes after which the kind is certain."""

_MAGIC = [
    (rb"(RIFF|RIFX|RF64|BW64)....WAVE", "wav"),
    (rb"OggS\x00", "ogg"),
    (rb"fLaC", "flac"),
    (rb"ID3[\x02-\x04][^\xff].[\x00-\x7f]{4}", "mp3"),
    (rb"FORM....AIF[FC]", "aiff"),
    (rb"caff\x00\x01", "caf"),
    (rb"\.snd\x00\x00|dns\.", "au"),
    (rb"riff\x2e\x91\xcf\x11", "w64"),
    (rb"....(ftyp|moov|mdat|wide)", "m4a/mp4"),
    (rb"\x1a\x45\xdf\xa3", "webm/mkv"),
    (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "wma"),
    (rb"#!AMR(-WB)?\n", "amr"),
    (rb"NIST_1A\n", "sphere"),
    (rb"Creative Voi", "voc"),
    (rb"FORM....(8SVX|16SV)", "svx"),
    (rb"PVF1\n", "pvf"),
    (rb"2BIT", "avr"),
    (rb"\xf0\x7e.\x01", "sds"),
    (rb"RIFF....AVI ", "avi"),
    (rb"FLV\x01", "flv"),
    (rb"\x00\x00\x01\xba", "ps"),
    (rb"\x47\x40[\x00\x11]\x10", "ts"),
    (rb"\.RMF|\.ra\xfd", "realmedia"),
    (rb"wvpk", "wavpack"),
    (rb"MAC ", "ape"),
    (rb"TTA[12]", "tta"),
    (rb"MPCK|MP\+[\x07\x17]", "musepack"),
    (rb"DSD \x1c|FRM8", "dsd"),
    (rb"MThd\x00", "midi"),
    (rb"PK\x03\x04|\x1f\x8b\x08|7z\xbc\xaf|Rar!", "archive"),
    (rb"\s*<(![dD][oO][cC]|[hH][tT][mM][lL]|\?xml)|%PDF-|\s*\{\s*\"", "document"),
]
_KINDS = [(re.compile(pattern, re.DOTALL), kind) for pattern, kind in _MAGIC]
_SHORT = 12  # bytes that all of these need


class Readable(Protocol):
    """Whatever bytes can be read from."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at the end."""
        ...


def kind_of(head: bytes) -> str | None:
    """The kind of a sound file, or ``None`` for raw samples and for what is not known.

    Args:
        head: how the file begins; :data:`HEAD` bytes, or all of it, are enough.
    """
    for pattern, kind in _KINDS:
        if pattern.match(head):
            return kind
    for length, kind in ((mpeg_frame_length, "mp3"), (adts_frame_length, "aac")):
        # Two bytes may be samples; a second frame where the first one ends is no chance.
        size = length(head)
        if size and length(head[size:]):
            return kind
    return None


def read_head(stream: Readable) -> bytes:
    """The beginning of a stream, as much of it as :func:`kind_of` needs.

    Of raw samples little is waited for, since a microphone may be behind the stream.
    """
    head = _read_up_to(stream, _SHORT, b"")
    if head[:1] == b"\xff" and len(head) == _SHORT and not _is_quiet(head):
        head = _read_up_to(stream, HEAD, head)
    return head


def advice(kind: str | None, name: str) -> str:
    """What to do with a file that cannot be read: what can be, and how to convert it."""
    stem = os.path.splitext(name)[0]
    out = f"{stem}.wav" if f"{stem}.wav" != name else f"{stem}.16k.wav"
    convert = f"ffmpeg -i {shlex.quote(name)} -ac 1 -ar 16000 {shlex.quote(out)}"
    if kind in CONTAINERS:
        return f"{kind} needs PyAV: pip install 'sequence-zoo[av]'; or convert it: {convert}"
    if kind is not None and kind not in UNREAD:
        return f"If other programs play it, convert it: {convert}"
    if kind == "document":
        return f"{READABLE} are read"
    with_pyav = f"with PyAV (pip install 'sequence-zoo[av]') {', '.join(CONTAINERS)}"
    return f"{READABLE} are read, and {with_pyav}; or convert it: {convert}"


def _is_quiet(head: bytes) -> bool:
    """Whether raw samples begin so: -1 in 16 bits is no frame's header."""
    return not mpeg_frame_length(head) and not adts_frame_length(head)


def _read_up_to(stream: Readable, size: int, data: bytes) -> bytes:
    while len(data) < size and (more := stream.read(size - len(data))):
        data += more
    return data
