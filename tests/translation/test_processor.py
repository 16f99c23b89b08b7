"""Subwords: every text survives, languages are asked for by tokens, bad models are refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import DataError, FolderError, UsageError
from zoo.translation.processor import BEGIN, END, PAD, Subwords, clean

TEXTS = [
    "The cat doesn't see the dog.",
    "Le chat ne voit pas le chien.",
    "Where's the station? I don't know!",
    "Où est la gare ? Je n'en sais rien.",
] * 20
DIRECTIONS = (("en", "fr"), ("fr", "en"), ("en", "de"))
SUBWORDS = Subwords.train(TEXTS, 400, DIRECTIONS)


def test_pieces_that_are_no_text_are_refused() -> None:
    place = SUBWORDS.model.index("▁the".encode()) + len("▁".encode())
    broken = SUBWORDS.model[:place] + b"\xd8" + SUBWORDS.model[place + 1 :]
    with pytest.raises(UsageError, match="not UTF-8"):
        Subwords(broken, DIRECTIONS)


@given(st.text(max_size=40))
def test_every_text_survives_but_for_white_space_and_what_nobody_sees(text: str) -> None:
    # sentencepiece writes a space as this sign, and reads it as one.
    text = text.replace("\u2581", "")
    assert SUBWORDS.decode(SUBWORDS.encode(text)) == clean(text)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  a \t\n b\u00a0\u202fc ", "a b c"),
        ("a\x00b\x1b[0m", "a b [0m"),
        ("cafe\u0301", "café"),
        ("soft\u00adhyphen\u200b\ufeff", "softhyphen"),
        ("lone \ud800 half", "lone \ufffd half"),
        ("👩\u200d🚀 日本 ①", "👩\u200d🚀 日本 ①"),
        (" \n", ""),
    ],
)
def test_texts_are_cleaned(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned
    assert SUBWORDS.decode(SUBWORDS.encode(text)) == cleaned


def test_the_source_says_which_language_is_wanted() -> None:
    ids = SUBWORDS.encode_source("the cat", "fr")
    assert SUBWORDS.pieces(ids)[0] == "<2fr>"
    assert ids[-1] == END
    assert ids.dtype == np.int32
    np.testing.assert_array_equal(ids[1:-1], SUBWORDS.encode("the cat"))
    assert SUBWORDS.decode(ids) == "the cat"
    assert SUBWORDS.encode_source("", "de").tolist() == [
        SUBWORDS.vocabulary.index("<2de>"),
        END,
    ]


def test_what_looks_like_a_special_token_is_text() -> None:
    text = "<2fr> </s> <pad> <0x41>"
    ids = SUBWORDS.encode(text)
    assert not {PAD, BEGIN, END} & set(ids.tolist())
    assert SUBWORDS.decode(ids) == text


def test_contractions_may_be_one_piece_and_punctuation_is_one_of_its_own() -> None:
    pieces = SUBWORDS.pieces(SUBWORDS.encode("I don't know! Où ?"))
    assert "▁don't" in pieces
    assert "!" in pieces
    assert "▁?" in pieces


def test_many_texts_are_encoded_as_one_by_one() -> None:
    for text, ids in zip(TEXTS[:4], SUBWORDS.encode_many(TEXTS[:4]), strict=True):
        np.testing.assert_array_equal(ids, SUBWORDS.encode(text))


def test_dropout_leaves_pieces_apart_by_its_seed() -> None:
    first, again, other, whole = (
        [ids.tolist() for ids in SUBWORDS.encode_many(TEXTS[:4] * 5, dropout, seed)]
        for dropout, seed in ((0.3, 1), (0.3, 1), (0.3, 2), (0.0, 1))
    )
    assert first == again
    assert first != other
    assert first[:4] != first[4:8]
    assert [SUBWORDS.decode(ids) for ids in first] == TEXTS[:4] * 5
    assert sum(map(len, first)) > sum(map(len, whole))
    assert whole[:4] == [SUBWORDS.encode(text).tolist() for text in TEXTS[:4]]


def test_the_same_texts_give_the_same_subwords_and_they_survive_a_folder() -> None:
    assert Subwords.train(TEXTS, 400, DIRECTIONS) == SUBWORDS
    settings = json.loads(json.dumps(SUBWORDS.settings()))
    again = Subwords.from_folder(settings, SUBWORDS.files())
    assert again == SUBWORDS
    assert len(again) == len(again.vocabulary) == 400
    assert again.targets == ("fr", "en", "de")
    assert again.with_vocabulary(again.vocabulary) is again
    with pytest.raises(UsageError, match="cannot be changed"):
        again.with_vocabulary(("a", "b"))


@pytest.mark.parametrize(
    ("target", "source", "message"),
    [
        ("it", None, r"does not translate into 'it'.*it translates en-fr, fr-en, en-de"),
        ("FR", None, "does not translate into 'FR'"),
        ("de", "fr", "does not translate fr-de; it translates en-fr"),
        ("fr", "xx", "does not translate xx-fr"),
        (None, None, "name the target language; the model translates en-fr, fr-en, en-de"),
        (None, "en", "name the target language"),
    ],
)
def test_other_directions_are_refused_and_those_there_are_named(
    target: str | None, source: str | None, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        SUBWORDS.check_direction(target, source)


def test_a_target_may_be_left_out_where_there_is_only_one() -> None:
    assert SUBWORDS.check_direction(None, "fr") == "en"
    assert SUBWORDS.check_direction("de") == "de"


@pytest.mark.parametrize(
    ("settings", "files", "message"),
    [
        ({}, {"sentencepiece.model": SUBWORDS.model}, "directions"),
        ({"directions": [["en"]]}, {"sentencepiece.model": SUBWORDS.model}, "directions"),
        ({"directions": [["en", "en"]]}, {"sentencepiece.model": SUBWORDS.model}, "directions"),
        ({"directions": [["en", "../x"]]}, {"sentencepiece.model": SUBWORDS.model}, "directions"),
        ({"directions": []}, {"sentencepiece.model": SUBWORDS.model}, "directions"),
        ({"directions": [["en", "es"]]}, {"sentencepiece.model": SUBWORDS.model}, "<2es>"),
        ({"directions": [["en", "fr"]]}, {}, "has no sentencepiece.model"),
        ({"directions": [["en", "fr"]]}, {"sentencepiece.model": b""}, "empty"),
        (
            {"directions": [["en", "fr"]]},
            {"sentencepiece.model": b"\xff" * 99},
            "not a valid sentencepiece",
        ),
        (
            {"directions": [["en", "fr"]]},
            {"sentencepiece.model": SUBWORDS.model[:2000]},
            "not a valid sentencepiece",
        ),
    ],
)
def test_malformed_folders_are_folder_errors(
    settings: dict[str, Any], files: dict[str, bytes], message: str
) -> None:
    with pytest.raises(FolderError, match=message):
        Subwords.from_folder(settings, files)


def test_a_model_of_another_kind_is_refused() -> None:
    import io

    import sentencepiece

    for values, message in (
        ({}, "ids 0 to 3"),
        ({"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3}, "bytes"),
    ):
        written = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(TEXTS),
            model_writer=written,
            vocab_size=42,
            minloglevel=2,
            **values,
        )
        with pytest.raises(UsageError, match=message):
            Subwords(written.getvalue(), DIRECTIONS)


def test_too_few_texts_are_a_data_error() -> None:
    with pytest.raises(DataError, match="cannot learn a vocabulary of 8000"):
        Subwords.train(["a b"], 8000, DIRECTIONS)
    with pytest.raises(DataError, match="cannot learn"):
        Subwords.train([], 400, DIRECTIONS)
