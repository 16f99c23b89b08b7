"""The subwords of the shipped translator, for tests that need a real vocabulary but no network."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import zoo
from zoo.translation.processor import MODEL_FILE, Subwords

_FOLDER = Path(zoo.__file__).parent / "weights" / "seq2seq_lstm.tatoeba"
_DIRECTIONS = tuple(pair for code in ("de", "es", "fr") for pair in (("en", code), (code, "en")))


@cache
def shipped_subwords() -> Subwords:
    """The vocabulary, with six directions."""
    return Subwords((_FOLDER / MODEL_FILE).read_bytes(), _DIRECTIONS)
