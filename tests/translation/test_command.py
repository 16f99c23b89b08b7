"""``zoo run``, ``finetune`` and ``evaluate`` on texts to translate: output and exit codes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.translation.toy import NOUNS
from zoo import load_model

SENTENCE = "The wolf hears the king."


def test_run_prints_a_line_for_each_translation(
    zoo: Any, translator: Any, translator_folder: Path
) -> None:
    wanted = translator.translate([SENTENCE, "king"], "fr")
    assert zoo("run", translator_folder, "--target", "fr", SENTENCE) == f"{wanted[0]}\n"
    shown = zoo("run", translator_folder, "--target", "fr", SENTENCE, "king")
    assert shown == f"{wanted[0]}\n{wanted[1]}\n"
    three = zoo("run", translator_folder, "--target", "fr", "--n-best", 3, SENTENCE).splitlines()
    assert three == [
        str(one) for one in translator.translate(SENTENCE, "fr", n_best=3).alternatives
    ]


def test_run_prints_json_and_draws_the_attention(
    zoo: Any, translator: Any, translator_folder: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "attention.svg"
    options = ["--target", "fr", "--source", "en", "--beam-size", 2, "--n-best", 2]
    (found,) = json.loads(
        zoo("run", translator_folder, *options, "--json", "--picture", picture, SENTENCE)
    )
    result = translator.translate(SENTENCE, "fr", beam_size=2, n_best=2)
    assert found["text"] == result.text
    assert found["log_probability"] == pytest.approx(result.log_probability, abs=1e-4)
    assert found["pieces"] == list(result.pieces)
    assert [one["text"] for one in found["alternatives"]] == [
        one.text for one in result.alternatives
    ]
    assert "<svg" in picture.read_text()


def test_run_reads_standard_input(
    zoo: Any, translator: Any, translator_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def feed(data: bytes) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))

    feed(f"{SENTENCE}\n\nking\n".encode())
    wanted = translator.translate(f"{SENTENCE}\n\nking", "fr")
    assert zoo("run", translator_folder, "--target", "fr", "-") == f"{wanted}\n"
    feed("caf\u00e9".encode("latin-1"))
    assert "not UTF-8" in zoo("run", translator_folder, "--target", "fr", "-", code=2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([SENTENCE], "name the target language; the model translates en-fr, fr-en"),
        (["--target", "it", SENTENCE], "does not translate into 'it'"),
        (["--target", "fr", "--beam-size", "0", SENTENCE], "beam_size must be"),
        (["--target", "fr", "--beam-size", "2", "--n-best", "3", SENTENCE], "n_best must be"),
        (["--target", "fr", "--length-penalty", "nan", SENTENCE], "length_penalty must be"),
        (["--target", "fr", "--picture", "a.txt", SENTENCE], "must end in"),
        (["--target", "fr", "--picture", "a.png", "a", "b"], "one sentence to draw"),
        (["--target", "fr", "--picture", "a.png", "King. Boy."], "one sentence to draw, not 2"),
        (["--target", "fr"], "Missing argument"),
    ],
)
def test_bad_input_to_run_exits_with_2(
    zoo: Any, translator_folder: Path, arguments: list[str], message: str
) -> None:
    assert message in zoo("run", translator_folder, *arguments, code=2)


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (None, 1, "No such file"),
        ("", 1, "is empty"),
        ("en\tfr\n", 1, "has only the line"),
        ("king\troi\nboy\tgarçon\n", 1, "first line must name the languages"),
        ("en\tfr\nking\n", 1, "line 2 has one column"),
        ("en\tfr\nking\troi\nboy\t \n", 1, "line 3 has an empty side"),
        ("en\tde\nking\tKönig\nboy\tJunge\n", 2, "does not translate into 'de'"),
        ("en\tfr\nking\troi\n", 1, "at least two pairs"),
    ],
)
def test_unusable_pairs_are_refused_and_nothing_is_written(
    zoo: Any,
    translator_folder: Path,
    tmp_path: Path,
    content: str | None,
    code: int,
    message: str,
) -> None:
    pairs = tmp_path / "pairs.tsv"
    if content is not None:
        pairs.write_text(content, encoding="utf-8")
    out = tmp_path / "out"
    found = zoo("finetune", translator_folder, "--pairs", pairs, "--out", out, code=code)
    assert message in found
    assert not out.exists()


def test_evaluate_scores_a_file_of_pairs(
    zoo: Any, translator: Any, translator_folder: Path, tmp_path: Path
) -> None:
    pairs = tmp_path / "pairs.tsv"
    right = translator.translate(SENTENCE, "fr").text
    pairs.write_text(f"en\tfr\n{SENTENCE}\t{right}\n{SENTENCE}\tNon.\n", encoding="utf-8")
    rows = json.loads(zoo("evaluate", translator_folder, "--data", pairs, "--json"))
    assert [(row["metric"], row["value"]) for row in rows] == [("bleu", 100.0), ("chrf", 100.0)]
    assert rows[0]["split"] == "whole en-fr"
    assert rows[0]["sentences"] == 1
    assert "nrefs:2|case:mixed|eff:no|tok:13a" in rows[0]["scorer"]
    table = zoo("evaluate", translator_folder, "--data", pairs)
    assert f"scored by {rows[0]['scorer']}\nscored by {rows[1]['scorer']}\n" in table
    assert "give --data FILE" in zoo("evaluate", translator_folder, code=2)


def test_a_translator_is_fine_tuned_both_ways(
    zoo: Any, translator_folder: Path, tmp_path: Path
) -> None:
    pairs, out = tmp_path / "pairs.tsv", tmp_path / "out"
    rows = [f"The {noun} sees the dog.\tLe {name} voit le chien." for noun, name in NOUNS.items()]
    pairs.write_text("\n".join(["en\tfr", *rows]) + "\n", encoding="utf-8")
    options = ["--pairs", pairs, "--both-ways", "--epochs", "1", "--out", out]
    assert str(out) in zoo("finetune", translator_folder, *options)
    found = load_model(out)
    assert "--both-ways" in found.metrics[0].command
    assert zoo("run", out, "--target", "fr", SENTENCE) == f"{found.translate(SENTENCE, 'fr')}\n"
    assert "holds a finished model" in zoo("finetune", translator_folder, *options, code=2)
