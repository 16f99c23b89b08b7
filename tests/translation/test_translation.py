"""The translation task: results, batches, long and odd texts, scores, streams, pictures."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.translation.toy import language
from zoo import load_model
from zoo.decoding.beam_search import length_penalty
from zoo.errors import FolderError, UsageError, ZooError
from zoo.translation import search
from zoo.translation.results import (
    Alternative,
    TranslatedSentence,
    TranslatedText,
    join_sentences,
)
from zoo.translation.search import SentenceSearch, TranslationSettings
from zoo.translation.sentences import TextPiece
from zoo.translation.translation import LONGEST_PIECE

SENTENCE = "The wolf hears the king."


def network_log_probs(model: Any, source: np.ndarray, written: list[int]) -> np.ndarray:
    """Log-probabilities of ids and the end after them, by the plain network in one call."""
    target = np.asarray([[1, *written]], np.int32)
    logits = np.asarray(model.network([source[None], target], training=False)[0], np.float64)[0]
    log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return log_probs[np.arange(len(written) + 1), [*written, 2]]


def test_it_has_learnt_its_language(translator: Any) -> None:
    held_out = language()[::5]
    right = [
        str(result) == sentence.translations["fr"][0]
        for sentence, result in zip(
            held_out, translator.translate([one.english for one in held_out], "fr"), strict=True
        )
    ]
    back = translator.translate([one.translations["fr"][0] for one in held_out], "en")
    assert np.mean(right) > 0.5
    assert np.mean([str(a) == b.english for a, b in zip(back, held_out, strict=True)]) > 0.5


def test_a_result_has_the_probabilities_that_the_network_gives(translator: Any) -> None:
    result = translator.translate(SENTENCE, "fr", n_best=3, backward_weight=0.0)
    assert isinstance(result, TranslatedText)
    assert str(result) == result.text == result.alternatives[0].text
    assert (result.source, result.target) == (SENTENCE, "fr")
    pieces = translator.processor.vocabulary
    assert result.pieces[-1] == "</s>"
    written = [pieces.index(piece) for piece in result.pieces[:-1]]
    assert translator.processor.decode(written) == result.text
    expected = network_log_probs(
        translator, translator.processor.encode_source(SENTENCE, "fr"), written
    )
    np.testing.assert_allclose(result.log_probs, expected, atol=1e-4)
    assert result.log_probability == pytest.approx(expected.sum(), abs=1e-3)
    assert result.score == pytest.approx(
        result.log_probability / length_penalty(len(expected), translator.settings.length_penalty),
        rel=1e-4,
    )
    scores = [one.score for one in result.alternatives]
    assert scores == sorted(scores, reverse=True)
    assert len({one.text for one in result.alternatives}) == 3
    (sentence,) = result.sentences
    assert sentence.source_pieces[0] == "<2fr>"
    assert result.attention.shape == (len(sentence.pieces), len(sentence.source_pieces))
    np.testing.assert_allclose(result.attention.sum(axis=1), 1, atol=1e-4)


def test_it_answers_with_the_weights_that_the_network_has_and_can_be_copied(
    translator_folder: Path,
) -> None:
    model: Any = load_model(translator_folder)
    greedy = {"target": "fr", "beam_size": 1}
    before = model.translate(SENTENCE, **greedy).text
    assert model._network is None
    embeddings = model.network.get_layer("embedding").embeddings
    old = embeddings.numpy()
    embeddings.assign(old[:, ::-1])
    changed = model.translate(SENTENCE, **greedy)
    assert changed.text != before
    source = model.processor.encode_source(SENTENCE, "fr")
    written = list(model.processor.encode("Le roi"))
    expected = network_log_probs(model, source, written)
    np.testing.assert_allclose(model.score(SENTENCE, "Le roi", "fr").log_probs, expected, atol=1e-3)
    twin = pickle.loads(pickle.dumps(model))
    embeddings.assign(old)
    assert model.translate(SENTENCE, **greedy).text == before
    assert twin.translate(SENTENCE, **greedy).text == changed.text
    model.network.quantize("int8")
    with pytest.raises(ZooError, match="quantised to int8"):
        model.translate(SENTENCE, "fr")


def test_a_list_gives_each_text_as_alone_in_its_order(translator: Any) -> None:
    texts = [SENTENCE, "The cat sees the dog. The boy likes the cook!", "", "king", SENTENCE]
    results = translator.translate(texts, "fr")
    for text, result in zip(texts, results, strict=True):
        alone = translator.translate(text, "fr")
        assert result.text == alone.text
        np.testing.assert_allclose(result.log_probs, alone.log_probs, atol=1e-4)
    assert translator.translate([], "fr") == []


def test_what_is_searched_at_once_stays_below_the_ceiling_on_memory(
    translator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = language()[:6]
    texts = [pair.english for pair in pairs]
    written = [pair.translations["fr"][0] for pair in pairs]
    found = translator.translate(texts, "fr", beam_size=64)
    scores = [score.log_probability for score in translator.score(texts, written, target="fr")]
    # Logits of 64 hypotheses fit into the first limit, and those of two sentences do not.
    row = 4 * len(translator.processor) * 64
    widths: list[int] = []
    start = type(translator.inference).start
    monkeypatch.setattr(
        type(translator.inference),
        "start",
        lambda self, source, beams=1: widths.append(len(source)) or start(self, source, beams),
    )
    monkeypatch.setattr(search, "memory_limit", lambda: 2 * row - 1)
    again = translator.translate(texts, "fr", beam_size=64)
    assert widths == [1] * len(texts)
    assert [one.text for one in again] == [one.text for one in found]
    assert [
        score.log_probability for score in translator.score(texts, written, target="fr")
    ] == pytest.approx(scores, abs=1e-4)
    monkeypatch.undo()
    with pytest.raises(ZooError, match=r"logits of 9,000 steps.*limit"):
        search._rows_in_memory(64_000, 9_000)


def test_a_text_is_cut_into_sentences_and_joined_again(translator: Any) -> None:
    first, second = SENTENCE, "The cat sees the dog."
    results = [translator.translate(one, "fr") for one in (first, second)]
    joined = translator.translate(f"  {first}  {second}\n\n{first}\n", "fr")
    assert joined.text == f"{results[0]}  {results[1]}\n\n{results[0]}"
    assert joined.score == pytest.approx(2 * results[0].score + results[1].score, rel=1e-4)
    assert [one.source for one in joined.sentences] == [first, second, first]
    assert len(joined.log_probs) == len(joined.pieces)
    with pytest.raises(UsageError, match=r"3 sentences.*result\.sentences"):
        _ = joined.attention
    best = translator.translate(f"{first} {second}", "fr", n_best=4).alternatives
    assert len({one.text for one in best}) == 4
    assert [one.score for one in best] == sorted((one.score for one in best), reverse=True)


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "?",
        "🙂🚀 日本語 Привет שלום",
        "a\x00b\x07\x1b[31mc\r\n\td",
        "\ud800",
        "the cat " * 300,
        "ü" * 400,
    ],
)
def test_odd_texts_are_translated(translator: Any, text: str) -> None:
    result = translator.translate(text, "fr", beam_size=2)
    assert result.sentences
    for sentence in result.sentences:
        assert len(sentence.source_pieces) <= LONGEST_PIECE + 2
        assert np.isfinite(sentence.log_probs).all()


@pytest.mark.parametrize("text", ["", " ", "\n \t\n", "\u200b"])
def test_where_there_is_nothing_to_translate_nothing_comes_back(translator: Any, text: str) -> None:
    result = translator.translate(text, "fr", n_best=2)
    assert (result.text, result.score, result.sentences) == ("", 0.0, ())
    assert result.log_probs.shape == (0,)
    assert list(translator.stream(text, "fr")) == []


def test_a_paragraph_of_ten_thousand_words_is_translated_in_pieces(translator: Any) -> None:
    text = ("The cat sees the dog, " * 2500).strip()
    counts: list[int] = []
    result = translator.translate(text, "fr", beam_size=1, on_progress=counts.append)
    assert len(text.split()) >= 10_000
    assert max(len(one.source_pieces) for one in result.sentences) <= LONGEST_PIECE + 2
    # Each piece is translated once, however often it occurs.
    assert len({one.source for one in result.sentences}) < 10
    assert sum(counts) == len(text)
    assert len(result.text.split()) > 2000


def test_a_stream_is_the_greedy_translation_word_by_word(translator: Any) -> None:
    text = f"{SENTENCE} The cat sees the dog.\n\n{SENTENCE} 🙂 !"
    words = list(translator.stream(text, "fr"))
    assert "".join(words) == translator.translate(text, "fr", beam_size=1).text
    assert len(words) > 8
    assert all(word and not word.endswith(" ") for word in words)
    assert all(word[0].isspace() for word in words[1:])


def test_a_wider_beam_finds_translations_at_least_as_likely(translator: Any) -> None:
    texts = [one.english.replace("The", "A") for one in language()[:40]]
    scores = [
        np.mean(
            [
                one.log_probability
                for one in translator.translate(
                    texts, "fr", beam_size=size, length_penalty=0.0, backward_weight=0.0
                )
            ]
        )
        for size in (1, 8)
    ]
    assert scores[0] < scores[1] + 1e-6


def test_what_came_to_an_end_goes_before_what_was_cut() -> None:
    def sentence(source: str, *alternatives: Alternative) -> TranslatedSentence:
        best = alternatives[0]
        none = np.zeros(0, np.float32)
        return TranslatedSentence(
            source, best.text, best.score, (), none, (), none[None], alternatives
        )

    found = {
        "A.": sentence("A.", Alternative("a", -3.0, -5.0), Alternative("a a a", -1.0, -9.0, 1)),
        "B.": sentence(
            "B.", Alternative("b b", -2.0, -8.0, 1), Alternative("b b b", -2.5, -9.0, 1)
        ),
    }
    pieces = [TextPiece("A.", " "), TextPiece("B.", "")]
    result = join_sentences("A. B.", "fr", pieces, found, 3)
    assert [str(one) for one in result.alternatives] == ["a b b", "a b b b", "a a a b b"]
    assert [one.cut for one in result.alternatives] == [1, 1, 2]
    assert (result.text, result.score) == ("a b b", -5.0)


@pytest.mark.parametrize("source", ["en", None])
def test_the_way_back_counts_in_the_ranking(translator: Any, source: str | None) -> None:
    texts = [one.english.replace("The", "A") for one in language()[:30]]
    search = {"beam_size": 4, "n_best": 4, "length_penalty": 0.5, "source": source}
    changed = 0
    for text in texts:
        plain = translator.translate(text, "fr", backward_weight=0.0, **search)
        found = translator.translate(text, "fr", backward_weight=3.0, **search)
        expected = []
        for one in plain.alternatives:
            back = translator.score(one.text, text, "en")
            divisor = length_penalty(len(back.log_probs), 0.5)
            expected.append((one.cut, -one.score - 3.0 * back.log_probability / divisor, one.text))
        expected.sort()
        assert [one.text for one in found.alternatives] == [text for *_, text in expected]
        assert found.score == pytest.approx(-expected[0][1], abs=1e-3)
        assert found.alternatives[0].log_probability == pytest.approx(found.log_probability)
        changed += found.text != plain.text
        fewer = translator.translate(text, "fr", backward_weight=3.0, **{**search, "n_best": 1})
        assert fewer.text == found.text
    assert changed


def test_the_way_back_means_nothing_for_a_beam_of_one(translator: Any) -> None:
    greedy = translator.translate("The wolf hears the king.", "fr", beam_size=1)
    same = translator.translate("The wolf hears the king.", "fr", beam_size=1, backward_weight=0.5)
    assert (same.text, same.score) == (greedy.text, greedy.score)


def test_alternatives_are_different_texts(translator: Any) -> None:
    found = translator.translate("The wolf hears. The king.", "fr", beam_size=12, n_best=12)
    for alternatives in (found.alternatives, *(one.alternatives for one in found.sentences)):
        texts = [one.text for one in alternatives]
        assert len(set(texts)) == len(texts) > 1


def test_the_language_of_a_source_is_found_out_for_the_way_back(
    translator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With two languages that it may be, the one that explains it is taken."""
    asked: list[str] = []
    likelihoods = SentenceSearch._likelihoods

    def listening(self: SentenceSearch, questions: Any) -> Any:
        asked.extend(code for _, code, _ in questions)
        return likelihoods(self, questions)

    monkeypatch.setattr(SentenceSearch, "_likelihoods", listening)
    sentence = language()[3]
    for text, target, own in (
        (sentence.english, "fr", "en"),
        (sentence.translations["fr"][0], "en", "fr"),
    ):
        settings = TranslationSettings(3, 1.0, 0.5)
        inference, origins = translator.inference, ["en", "fr"]
        search = SentenceSearch(inference, translator.processor, target, settings, 1, origins)
        list(search.translate([text]))
        assert asked == ["en", "fr", own, own, own]
        asked.clear()


def test_score_gives_the_log_probability_of_a_translation(translator: Any) -> None:
    texts = [SENTENCE, "The cat sees the dog. And the boy?", "king"]
    given = ["Le loup entend le roi.", "Le chat voit le chien.", "roi"]
    scores = translator.score(texts, given, "fr")
    for text, translation, score in zip(texts, given, scores, strict=True):
        expected = network_log_probs(
            translator,
            translator.processor.encode_source(text, "fr"),
            translator.processor.encode(translation).tolist(),
        )
        np.testing.assert_allclose(score.log_probs, expected, atol=1e-4)
        assert score.log_probability == pytest.approx(expected.sum(), abs=1e-3)
        assert score.perplexity == pytest.approx(np.exp(-expected.mean()), rel=1e-3)
        assert score.attention.shape == (len(score.pieces), len(score.source_pieces))
    alone = translator.score(texts[0], given[0], "fr", source="en")
    assert alone.log_probability == pytest.approx(scores[0].log_probability, abs=1e-4)
    assert str(alone).startswith(f"{alone.log_probability:.4f} nats")
    wrong = translator.score(texts[0], "Le roi entend le loup.", "fr")
    assert wrong.log_probability < alone.log_probability


def test_the_picture_shows_the_attention(translator: Any, tmp_path: Path) -> None:
    figure = translator.alignment_plot(
        SENTENCE, "Le $loup$ 日本.", "fr", path=tmp_path / "attention.png"
    )
    score = translator.score(SENTENCE, "Le $loup$ 日本.", "fr")
    (axes,) = figure.axes
    np.testing.assert_allclose(axes.images[0].get_array(), score.attention, atol=1e-5)
    shown = [label.get_text().replace("\\", "") for label in axes.get_yticklabels()]
    assert shown == list(score.pieces)
    assert (tmp_path / "attention.png").read_bytes().startswith(b"\x89PNG")
    own = translator.alignment_plot(SENTENCE, target="fr")
    assert (
        own.axes[0].images[0].get_array().shape
        == translator.translate(SENTENCE, "fr").attention.shape
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": "it"}, r"does not translate into 'it'.*it translates en-fr, fr-en"),
        ({"target": None}, "name the target language; the model translates en-fr, fr-en"),
        ({"source": "de"}, "does not translate de-fr"),
        ({"beam_size": 0}, "beam_size must be a whole number from 1 to 64, not 0"),
        ({"beam_size": 2, "n_best": 3}, "n_best must be from 1 to the beam size 2, not 3"),
        ({"n_best": 6}, "n_best must be from 1 to the beam size 5, not 6"),
        ({"length_penalty": -1}, "length_penalty"),
        ({"backward_weight": -1}, "backward_weight must be"),
        ({"backward_weight": float("nan")}, "backward_weight must be"),
        ({"text": 7}, "got 7"),
        ({"text": ["a", None]}, "expected a str or a list"),
        ({"text": b"bytes"}, "expected a str"),
    ],
)
def test_bad_input_is_a_usage_error(
    translator: Any, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        translator.translate(**({"text": "king", "target": "fr"} | arguments))


def test_other_verbs_refuse_bad_input_too(translator: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not translate into"):
        translator.stream("king", "xx")
    with pytest.raises(UsageError, match="expected a str"):
        translator.stream(["king"], "fr")
    for text, translation in (("", "roi"), ("king", " ")):
        with pytest.raises(UsageError, match="at least one character"):
            translator.score(text, translation, "fr")
    with pytest.raises(UsageError, match="as many as"):
        translator.score(["king", "boy"], ["roi"], "fr")
    with pytest.raises(UsageError, match="as many as"):
        translator.score("king", ["roi"], "fr")
    with pytest.raises(UsageError, match="too long to be scored"):
        translator.score("the cat " * 600, "le chat", "fr")
    with pytest.raises(UsageError, match="one sentence to draw"):
        translator.alignment_plot("King. Boy.", target="fr")
    with pytest.raises(UsageError, match="one sentence to draw, not 2"):
        translator.alignment_plot("King. Boy.", translator.translate("King. Boy.", "fr"))
    with pytest.raises(UsageError, match="too many to draw"):
        translator.alignment_plot("the cat " * 100, "le chat " * 100, "fr")
    with pytest.raises(UsageError, match="no attention to draw"):
        translator.alignment_plot("1985", target="fr")
    with pytest.raises(UsageError, match=r"must end in \.png"):
        translator.alignment_plot("king", "roi", "fr", path=tmp_path / "a.txt")
    (tmp_path / "file").write_text("")
    with pytest.raises(ZooError, match="cannot write"):
        translator.alignment_plot("king", "roi", "fr", path=tmp_path / "file" / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_calling_the_task_is_its_verb_and_its_golden_outputs_hold(translator: Any) -> None:
    assert translator(SENTENCE, "fr").text == translator.translate(SENTENCE, "fr").text
    assert translator.check() < 1e-3
    assert translator.directions == (("en", "fr"), ("fr", "en"))
    assert "seq2seq_lstm.small" in repr(translator)


def test_settings_of_a_folder_are_used_and_checked(
    translator: Any, translator_folder: Path
) -> None:
    from dataclasses import replace

    from zoo.folder.bundle import read_bundle
    from zoo.loading import assemble

    bundle = read_bundle(translator_folder)
    greedy = assemble(replace(bundle, decoder={"beam_size": 1, "length_penalty": 0.0}), "here")
    assert (
        greedy.translate(SENTENCE, "fr").text
        == translator.translate(SENTENCE, "fr", beam_size=1).text
    )
    with pytest.raises(UsageError, match="n_best must be from 1 to the beam size 1"):
        greedy.translate(SENTENCE, "fr", n_best=2)
    for decoder, message in (({"beam_size": 0}, "beam_size"), ({"beams": 5}, "beam_size")):
        with pytest.raises(FolderError, match=message):
            assemble(replace(bundle, decoder=decoder), "here")
    with pytest.raises(UsageError, match="vocabulary_size is 500, but must be 360"):
        assemble(
            replace(bundle, config=bundle.config.with_vocabulary(500)), "here", pretrained=False
        )


def test_the_keras_export_gives_the_networks_logits(translator: Any, tmp_path: Path) -> None:
    import subprocess
    import sys

    path = translator.export_keras(tmp_path / "plain.keras")
    source = translator.processor.encode_source(SENTENCE, "fr")[None]
    target = np.asarray([[1, 5, 6]], np.int32)
    logits = np.asarray(translator.network([source, target])[0])
    np.savez(tmp_path / "io.npz", source=source, target=target, logits=logits)
    code = (
        "import sys, numpy as np, keras\n"
        f"io = np.load({str(tmp_path / 'io.npz')!r})\n"
        f"model = keras.models.load_model({str(path)!r})\n"
        "assert not any(name.split('.')[0] == 'zoo' for name in sys.modules)\n"
        "found = np.asarray(model([io['source'], io['target']])[0])\n"
        "print(float(abs(found - io['logits']).max()))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert float(run.stdout) < 1e-4


def test_networks_of_other_kinds_translate_and_say_what_they_cannot(
    translator_folder: Path, tmp_path: Path
) -> None:
    plain = load_model(translator_folder, weights=None, attention="none", cell="gru")
    result = plain.translate(SENTENCE, "fr", beam_size=2)
    assert not result.attention.any()
    assert (
        "".join(plain.stream(SENTENCE, "fr")) == plain.translate(SENTENCE, "fr", beam_size=1).text
    )
    with pytest.raises(UsageError, match="no attention"):
        plain.alignment_plot(SENTENCE, "roi", "fr")
    assert plain.score(SENTENCE, "roi", "fr").log_probability < 0
    fed = load_model(
        translator_folder, weights=None, attention="additive", input_feeding=True, decoder_layers=2
    )
    assert fed.translate(SENTENCE, "fr", beam_size=2).attention.any()
    with pytest.raises(UsageError, match="input feeding"):
        fed.export_keras(tmp_path / "fed.keras")
    stored = load_model(fed.save(tmp_path / "fed"))  # its weights are halves now
    assert stored.check() < 1e-3
    again = load_model(stored.save(tmp_path / "again"))
    assert again.translate(SENTENCE, "fr").text == stored.translate(SENTENCE, "fr").text


def test_a_stream_keeps_what_must_be_kept(translator: Any) -> None:
    text = "The wolf hears {name}. THE CAT SEES 911 DOGS!"
    words = list(translator.stream(text, "fr"))
    assert "".join(words) == translator.translate(text, "fr", beam_size=1).text
    assert "{name}" in "".join(words)
    assert "911" in "".join(words)
