"""A model that is scored on what it was trained on says so."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest

from zoo.errors import DataError
from zoo.training.seen import FACT, fingerprints, warn_of_known_data


def test_a_file_that_was_trained_on_is_recognised(tmp_path: Path) -> None:
    seen, other = tmp_path / "seen.txt", tmp_path / "other.txt"
    seen.write_bytes(b"one\r\ntwo\n")
    other.write_bytes(b"one\ntwo, and more\n")
    model = SimpleNamespace(card={FACT: list(fingerprints([seen]))})
    copy = tmp_path / "copy.txt"
    copy.write_bytes(b"one\ntwo\n")
    with pytest.warns(UserWarning, match=r"fine-tuned on copy\.txt"):
        warn_of_known_data(model, copy)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_known_data(model, other)
        for card in ({}, {FACT: 3}, {FACT: [4]}):
            warn_of_known_data(SimpleNamespace(card=card), copy)


def test_files_that_are_no_text_are_recognised_too(tmp_path: Path) -> None:
    seen, other = tmp_path / "seen.spacy", tmp_path / "other.spacy"
    seen.write_bytes(b"a\0b")
    other.write_bytes(b"a\0c")
    assert fingerprints([seen]) != fingerprints([other])
    with pytest.raises(DataError, match="cannot read"):
        fingerprints([tmp_path / "none.spacy"])
