"""N-gram counts with interpolated smoothing, in one small file.

Both kinds of smoothing are interpolated as in Chen and Goodman 1998 ("An Empirical Study of
Smoothing Techniques for Language Modeling", TR-10-98); below, ``h'`` is the history ``h`` without
its first symbol, and under the empty history all symbols are equally likely.

``"witten-bell"`` (Witten and Bell 1991, "The zero-frequency problem", method C) has no parameter to
tune and works on a few hundred lines of text::

    p(s | h) = (count(h s) + T(h) p(s | h')) / (count(h) + T(h))

where ``T(h)`` is the number of different symbols seen after ``h``.

``"kneser-ney"`` is Chen and Goodman's modified form, for thousands of lines and more::

    p(s | h) = (c(h s) - D(c(h s)) + p(s | h') sum_t D(c(h t))) / sum_t c(h t)

Here ``c`` is the count at the highest order, and below it the number of different symbols that
come before ``h s`` (the count, where ``h`` begins a text). The discounts ``D`` of counts of 1, 2
and more are estimated for each order from the numbers of n-grams that occur one to four times.

The file is a safetensors file: the n-grams of the highest order and their counts, and a JSON
header. Lower orders are sums of these, since every text is padded with begin marks.
"""

from __future__ import annotations

import functools
import itertools
import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from zoo.errors import DataError, FolderError, UsageError
from zoo.files import user_path, write_bytes
from zoo.folder.manifest import parse_json, read_file
from zoo.values import is_whole

MAX_ORDER = 12
"""Maximum length of the n-grams, in symbols."""
MAX_SYMBOLS = 2**20
MAX_FILE_BYTES = 256 * 2**20

SMOOTHINGS = ("witten-bell", "kneser-ney")

_FORMAT = "zoo-ngram-1"
_FORMAT_WITH_SMOOTHING = "zoo-ngram-2"
_HEADER = "ngram"
_KEY_BITS = 63
_CACHED_NUMBERS = 2**23


def cache_of(width: int) -> Any:
    """A decorator that caches recent results, arrays of ``width`` numbers, in 64 MB.

    It caches at least 64 of them, which take more memory if ``width`` is above 131,072.
    """
    return functools.lru_cache(max(64, min(2**16, _CACHED_NUMBERS // width)))


class Ngrams:
    """An n-gram model over symbols 0 to ``symbols - 1``.

    Histories are tuples of symbols, oldest first; ``begin`` pads the start of a text.

    Args:
        symbols: number of symbols that can be predicted.
        order: length of the longest n-grams: 1 to :data:`MAX_ORDER`.
        keys: ``(ngrams,)`` uint64, ascending: the symbols of an n-gram of the highest order,
            ``bits`` bits each, the oldest in the highest bits.
        counts: ``(ngrams,)`` number of occurrences of each.
        smoothing: one of ``SMOOTHINGS``.

    Raises:
        UsageError: the values are inconsistent.
    """

    def __init__(
        self,
        symbols: int,
        order: int,
        keys: np.ndarray,
        counts: np.ndarray,
        smoothing: str = SMOOTHINGS[0],
    ) -> None:
        self.bits = _bits(symbols, order)
        if smoothing not in SMOOTHINGS:
            raise UsageError(f"the smoothing must be one of {SMOOTHINGS}, not {smoothing!r}")
        self.symbols, self.order, self.smoothing = symbols, order, smoothing
        self.begin = symbols
        self._check(keys, counts)
        self.keys, self.counts = keys, counts
        # For each length of history: the keys of its n-grams in ascending order, their counts, and
        # what is taken off of each.
        self._tables: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        for length in range(order - 1, -1, -1):
            shorter = keys & np.uint64((1 << (length + 1) * self.bits) - 1)
            unique, place = np.unique(shorter, return_inverse=True)
            totals = np.bincount(place, counts).astype(np.int64)
            taken = np.zeros(len(totals))
            if smoothing == "kneser-ney":
                if self._tables:
                    longer = self._tables[0][0] & np.uint64((1 << (length + 1) * self.bits) - 1)
                    begins = unique >> np.uint64(length * self.bits) == np.uint64(self.begin)
                    totals = np.where(begins, totals, np.unique(longer, return_counts=True)[1])
                taken = _discounts(totals)[np.minimum(totals, 3)]
            self._tables.insert(0, (unique, totals, taken))
        self.probabilities = cache_of(symbols)(self._probabilities)

    def _check(self, keys: np.ndarray, counts: np.ndarray) -> None:
        good = (
            keys.ndim == 1
            and keys.shape == counts.shape
            and keys.dtype == np.uint64
            and bool((keys[1:] > keys[:-1]).all())
            and bool((counts > 0).all())
        )
        mask = np.uint64((1 << self.bits) - 1)
        for place in range(self.order if good else 0):
            ids = (keys >> np.uint64(place * self.bits)) & mask
            good = good and bool((ids < self.symbols + (place > 0)).all())
        if not good or (len(keys) and int(keys[-1]) >> (self.order * self.bits)):
            raise UsageError("the n-grams are not sorted or have symbols out of range")

    @classmethod
    def count(
        cls,
        texts: Iterable[Sequence[int]],
        symbols: int,
        order: int,
        smoothing: str = SMOOTHINGS[0],
    ) -> Ngrams:
        """Count the n-grams of texts, each a sequence of symbols that includes its end mark.

        Raises:
            UsageError: the order or the number of symbols is out of range.
        """
        bits = _bits(symbols, order)
        pad = [symbols] * (order - 1)  # the begin mark, which no n-gram ends with
        padded = np.fromiter(
            itertools.chain.from_iterable((*pad, *text) for text in texts), np.uint64
        )
        keys = np.zeros(max(0, len(padded) - order + 1), np.uint64)
        for place in range(order):
            keys = (keys << np.uint64(bits)) | padded[place : place + len(keys)]
        keys = keys[padded[order - 1 :] != symbols]
        keys, counts = np.unique(keys, return_counts=True)
        return cls(symbols, order, keys, counts.astype(np.int64), smoothing)

    def history(self, before: tuple[int, ...], symbol: int) -> tuple[int, ...]:
        """The history after one more symbol."""
        return (*before, symbol)[max(0, len(before) + 2 - self.order) :]

    def start(self) -> tuple[int, ...]:
        """The history at the beginning of a text."""
        return (self.begin,) * (self.order - 1)

    def _probabilities(self, history: tuple[int, ...]) -> np.ndarray:
        """Probability of each symbol after a history: ``(symbols,)`` float64; do not modify."""
        shorter = (
            self.probabilities(history[1:])
            if history
            else np.full(self.symbols, 1.0 / self.symbols)
        )
        keys, counts, taken = self._tables[len(history)]
        prefix = 0
        for symbol in history:
            prefix = prefix << self.bits | symbol
        bounds = np.array([prefix << self.bits, (prefix + 1) << self.bits], np.uint64)
        first, last = np.searchsorted(keys, bounds)
        if first == last:
            return shorter
        seen = (keys[first:last] & np.uint64((1 << self.bits) - 1)).astype(np.int64)
        counts, taken = counts[first:last], taken[first:last]
        total = counts.sum()
        if self.smoothing == "kneser-ney":
            spread = taken.sum()
        else:
            spread = last - first
            total += spread
        smoothed = spread * shorter
        smoothed[seen] += counts - taken
        smoothed /= total
        return smoothed

    def to_bytes(self, kind: str, symbols: Sequence[str]) -> bytes:
        """The file of the n-grams, with the text of each symbol except the end mark."""
        header: dict[str, Any] = {
            "format": _FORMAT,
            "kind": kind,
            "order": self.order,
            "symbols": list(symbols),
        }
        if self.smoothing != SMOOTHINGS[0]:  # so that older versions can read what they know
            header |= {"format": _FORMAT_WITH_SMOOTHING, "smoothing": self.smoothing}
        ids = np.stack(
            [
                (self.keys >> np.uint64((self.order - 1 - place) * self.bits))
                & np.uint64((1 << self.bits) - 1)
                for place in range(self.order)
            ],
            axis=1,
        )
        narrow = np.uint16 if self.symbols < 2**16 else np.uint32
        arrays = {
            "ngrams": ids.astype(narrow),
            "counts": np.minimum(self.counts, 2**32 - 1).astype(np.uint32),
        }
        # A single entry: safetensors writes several in arbitrary order, and the same model should
        # give the same bytes.
        return save(arrays, {_HEADER: json.dumps(header, ensure_ascii=False)})


class NgramModel:
    """The base class of n-gram models.

    Attributes:
        kind: the kind of symbols, as named in the file.
        symbols: the text of each symbol; the end of a text is one more symbol.
        ngrams: the counts.
    """

    kind: ClassVar[str]

    def __init__(self, symbols: Sequence[str], ngrams: Ngrams) -> None:
        self.symbols, self.ngrams = tuple(symbols), ngrams

    def to_bytes(self) -> bytes:
        """The model's file, for :func:`~zoo.language_models.loading.load_language_model`."""
        return self.ngrams.to_bytes(self.kind, self.symbols)

    def save(self, path: str | Path) -> Path:
        """Write the model's file.

        Raises:
            ZooError: it cannot be written.
        """
        target = user_path(path)
        write_bytes(target, self.to_bytes())
        return target


def read_ngrams(source: str | Path | bytes) -> tuple[str, list[str], Ngrams]:
    """Read a file that :meth:`NgramModel.save` wrote, or its bytes.

    Returns:
        Its kind, the symbols' texts (the end mark is one more) and the n-grams.

    Raises:
        DataError: the file is missing, too large, damaged or of another kind.
    """
    name = "the data" if isinstance(source, bytes) else str(source)
    try:
        data = source if isinstance(source, bytes) else _read(Path(source))
        return _parse(_header(data), load(data))
    except (SafetensorError, FolderError, UsageError, ValueError, KeyError) as error:
        text = str(error) if isinstance(error, (FolderError, UsageError)) else "it is damaged"
        raise DataError(f"{name} is not a valid n-gram file: {text}") from None


def _read(path: Path) -> bytes:
    try:
        return read_file(user_path(path), MAX_FILE_BYTES)
    except FolderError as error:
        raise DataError(str(error)) from None


def _header(data: bytes) -> dict[str, Any]:
    if len(data) < 8:
        raise UsageError("it is too short")
    (size,) = struct.unpack("<Q", data[:8])
    if size > len(data) - 8:
        raise UsageError("its header is cut off or it is another kind of file")
    content = parse_json(data[8 : 8 + size], "its header")
    metadata = content.get("__metadata__") if isinstance(content, dict) else None
    text = metadata.get(_HEADER) if isinstance(metadata, dict) else None
    header = parse_json(text.encode(), "its header") if isinstance(text, str) else None
    form = header.pop("format", None) if isinstance(header, dict) else None
    if not isinstance(header, dict) or form not in (_FORMAT, _FORMAT_WITH_SMOOTHING):
        raise UsageError(f"its format is not {_FORMAT} or {_FORMAT_WITH_SMOOTHING}")
    if form == _FORMAT:
        header.setdefault("smoothing", SMOOTHINGS[0])
    if set(header) != {"kind", "order", "symbols", "smoothing"}:
        raise UsageError("its header has missing or unknown fields")
    return header


def _parse(
    header: dict[str, Any], arrays: Mapping[str, np.ndarray]
) -> tuple[str, list[str], Ngrams]:
    order, symbols = header["order"], header["symbols"]
    if not isinstance(symbols, list) or not all(isinstance(s, str) and s for s in symbols):
        raise UsageError("its symbols are not a list of texts")
    if len(set(symbols)) != len(symbols):
        raise UsageError("its symbols repeat")
    if not is_whole(order):
        raise UsageError(f"its order must be an integer, not {order!r}")
    if set(arrays) != {"ngrams", "counts"}:
        raise UsageError("it has missing or unknown arrays")
    bits = _bits(len(symbols) + 1, order)
    ids, counts = arrays["ngrams"], arrays["counts"]
    if ids.ndim != 2 or ids.shape[1] != order or ids.dtype.kind != "u" or counts.dtype.kind != "u":
        raise UsageError("its n-grams have the wrong shape or type")
    if int(ids.max(initial=0)) > len(symbols) + 1:
        raise UsageError("its n-grams have symbols out of range")
    keys = np.zeros(len(ids), np.uint64)
    for place in range(order):
        keys = (keys << np.uint64(bits)) | ids[:, place].astype(np.uint64)
    ngrams = Ngrams(len(symbols) + 1, order, keys, counts.astype(np.int64), header["smoothing"])
    return str(header["kind"]), symbols, ngrams


def _discounts(counts: np.ndarray) -> np.ndarray:
    """What is taken off of counts of 0, 1, 2 and more (Chen and Goodman 1998, equation 26)."""
    once, twice, thrice, four = (int((counts == number).sum()) for number in (1, 2, 3, 4))
    if not once or not twice or not thrice or not four:
        return np.array([0.0, 0.5, 0.75, 0.75])  # too few to tell
    share = once / (once + 2 * twice)
    found = [
        0.0,
        1 - 2 * share * twice / once,
        2 - 3 * share * thrice / twice,
        3 - 4 * share * four / thrice,
    ]
    # In odd counts, such as those of a list of words, an estimate can lie outside.
    return np.clip(found, [0.0, 0.1, 0.1, 0.1], [0.0, 0.9, 1.5, 2.5])


def _bits(symbols: int, order: int) -> int:
    if not is_whole(order) or not 1 <= order <= MAX_ORDER:
        raise UsageError(f"the order of an n-gram model must be 1 to {MAX_ORDER}, not {order!r}")
    if not 1 <= symbols <= MAX_SYMBOLS:
        raise UsageError(f"an n-gram model has 1 to {MAX_SYMBOLS} symbols, not {symbols}")
    bits = symbols.bit_length()
    if bits * order > _KEY_BITS:
        raise UsageError(
            f"n-grams of order {order} over {symbols} symbols are too long; the maximum order is "
            f"{_KEY_BITS // bits}"
        )
    return bits
