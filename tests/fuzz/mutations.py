"""Damage to files: bytes that are changed, removed, repeated, and replaced by what is odd."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

MAX_BYTES = 400_000
"""Bytes of the longest result."""

Step = tuple[int, int, int, int]
"""Which kind of damage, where, how long, and with what."""

_NUMBERS = re.compile(rb"-?\d+(?:\.\d+)?")
_BYTES = b"\x00\x01\x7f\x80\xff<>\"'&#{}[](),:;%-+.0eE \t\n/\\"
_ODD = [
    b"0",
    b"-1",
    b"1e999",
    b"-1e999",
    b"nan",
    b"inf",
    b"1e-320",
    b"2147483648",
    b"18446744073709551616",
    b"9" * 400,
    b"1,2,3",
    b"0x10",
    b"1_0",
    "²".encode(),
    "١".encode(),
    b"",
]
_TOKENS = [
    *_ODD,
    b"\xed\xa0\x80",  # a lone surrogate
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\x1b[31m",
    b"../" * 4,
    b"a" * 300,
    b"\\ud800",
    b"&#0;",
    b"&a;",
    b"<!DOCTYPE a [<!ENTITY a 'b'>]>",
    b"<!--",
    b"]]>",
    b"\x00" * 64,
    b"\xff" * 64,
    b"[" * 300,
    b"%s%n{}",
]


def mutated(data: bytes, steps: Sequence[Step], other: bytes = b"") -> bytes:
    """Data after some steps of damage.

    Args:
        data: a file as it should be.
        steps: what is done to it; any whole numbers from 0 will do.
        other: another file, of which parts are put in.
    """
    for kind, place, length, what in steps:
        data = _KINDS[kind % len(_KINDS)](data, place, length, what, other)[:MAX_BYTES]
    return data


def _spot(data: bytes, place: int) -> int:
    return place % (len(data) + 1)


def _span(data: bytes, place: int, length: int) -> tuple[int, int]:
    start = _spot(data, place)
    # Short spans are as likely as long ones.
    size = 1 + length % max(1, min(len(data), 1 << (1 + length // 7 % 16)))
    return start, min(len(data), start + size)


def _flip(data: bytes, place: int, length: int, what: int, other: bytes) -> bytes:
    if not data:
        return data
    at = place % len(data)
    return data[:at] + bytes([data[at] ^ (1 << what % 8)]) + data[at + 1 :]


def _set(data: bytes, place: int, length: int, what: int, other: bytes) -> bytes:
    at = _spot(data, place)
    return data[:at] + _BYTES[what % len(_BYTES) :][:1] + data[at + 1 :]


def _remove(data: bytes, place: int, length: int, what: int, other: bytes) -> bytes:
    start, end = _span(data, place, length)
    return data[:start] + data[end:]


def _cut(data: bytes, place: int, length: int, what: int, other: bytes) -> bytes:
    return data[: _spot(data, place)]


def _repeat(data: bytes, place: int, length: int, what: int, other: bytes) -> bytes:
    start, end = _span(data, place, length)
    times = 1 + what % (3 if what % 4 else 2000)
    return data[:end] + data[start:end] * min(times, MAX_BYTES // max(1, end - start)) + data[end:]


def _put(data: bytes, place: int, length: int, what: int, other: bytes) -> bytes:
    at = _spot(data, place)
    return data[:at] + _TOKENS[what % len(_TOKENS)] + data[at:]


def _number(data: bytes, place: int, length: int, what: int, other: bytes) -> bytes:
    found = list(_NUMBERS.finditer(data[:MAX_BYTES]))
    if not found:
        return _set(data, place, length, what, other)
    start, end = found[place % len(found)].span()
    return data[:start] + _ODD[what % len(_ODD)] + data[end:]


def _swap(data: bytes, place: int, length: int, what: int, other: bytes) -> bytes:
    start, end = _span(data, place, length)
    at = end + what % (len(data) - end + 1)
    return data[:start] + data[end:at] + data[start:end] + data[at:]


def _splice(data: bytes, place: int, length: int, what: int, other: bytes) -> bytes:
    start, end = _span(data, place, length)
    begin, stop = _span(other, what, length)
    return data[:start] + other[begin:stop] + data[end:]


_KINDS: list[Callable[[bytes, int, int, int, bytes], bytes]] = [
    _flip,
    _set,
    _remove,
    _cut,
    _repeat,
    _put,
    _number,
    _number,
    _swap,
    _splice,
]
