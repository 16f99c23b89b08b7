"""The text generation task: writing, streaming, scoring, embedding, and bad input."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.conftest import TEXT, VOCABULARY, make_model
from zoo import load_model
from zoo.errors import FolderError, UsageError
from zoo.inference.stateful import with_state
from zoo.text import generation
from zoo.text.char_lstm import CharLSTMConfig, build
from zoo.text.processor import Characters
from zoo.text.results import TextState

VARIANTS: list[dict[str, Any]] = [
    {"cell": "lstm"},
    {"cell": "gru"},
    {"cell": "rnn", "layers": 3},
    {"cell": "lstm", "layers": 1, "tie_weights": True},
    {"cell": "gru", "embedding": 24, "tie_weights": True},
    {"hidden_dropout": 0.2, "embedding_dropout": 0.1, "output_dropout": 0.3, "weight_dropout": 0.2},
]


def reference_log_probs(model: Any, text: str) -> np.ndarray:
    """Log-probabilities by the plain network in one call."""
    ids = model.processor.encode(text)
    logits = np.asarray(model.network(ids[None, :-1], training=False), np.float64)[0]
    log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return log_probs[np.arange(len(ids) - 1), ids[1:]]


@pytest.mark.parametrize("values", VARIANTS)
def test_the_parameter_count_is_that_of_the_network(values: dict[str, Any]) -> None:
    config = CharLSTMConfig(vocabulary_size=30, **({"units": 24, "embedding": 8} | values))
    network = build(config)
    assert config.parameters() == network.count_params()
    assert config.shapes() == {v.path: tuple(v.shape) for v in network.weights}


@pytest.mark.parametrize("values", VARIANTS)
def test_the_compiled_loop_writes_what_the_network_predicts(values: dict[str, Any]) -> None:
    model = make_model(**values)
    result = model.generate("the ", 30, temperature=0)
    expected = reference_log_probs(model, result.text)[3:]
    np.testing.assert_allclose(result.log_probs, expected, atol=1e-4)
    ids = model.processor.encode(result.text)
    logits = np.asarray(model.network(ids[None, :-1], training=False))[0, 3:]
    np.testing.assert_array_equal(logits.argmax(-1), ids[4:])


@pytest.mark.parametrize("values", VARIANTS)
def test_a_saved_variant_loads_and_gives_its_golden_outputs(
    values: dict[str, Any], tmp_path: Path
) -> None:
    assert load_model(make_model(**values).save(tmp_path / "model")).check() < 1e-4


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_the_state_in_and_out_is_that_of_one_long_call(cell: str) -> None:
    model = make_model(cell=cell)
    stateful = with_state(model.network)
    ids = keras.ops.convert_to_tensor(model.processor.encode(TEXT[:40])[None])
    whole = np.asarray(model.network(ids))
    state = [keras.ops.zeros((1, spec.shape[-1])) for spec in stateful.inputs[1:]]
    first, *state = stateful([ids[:, :17], *state])
    second, *_ = stateful([ids[:, 17:], *state])
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, atol=1e-5)


def test_score_is_the_mean_log_probability(tiny_model: Any) -> None:
    text = TEXT[:1500]  # more than one window
    score, expected = tiny_model.score(text), reference_log_probs(tiny_model, text)
    np.testing.assert_allclose(score.log_probs, expected, atol=1e-4)
    assert score.nats_per_character == pytest.approx(-expected.mean(), abs=1e-5)
    assert score.bits_per_character == pytest.approx(-expected.mean() / math.log(2), abs=1e-5)
    assert str(score).startswith(f"{score.nats_per_character:.4f} nats/char")


def test_scoring_on_from_a_state_equals_scoring_the_whole(tiny_model: Any) -> None:
    first = tiny_model.score(TEXT[:50])
    second = tiny_model.score(TEXT[50:90], state=first.state)
    whole = tiny_model.score(TEXT[:90])
    joined = np.concatenate([first.log_probs, second.log_probs])
    np.testing.assert_allclose(joined, whole.log_probs, atol=1e-5)


@pytest.mark.parametrize("window", [1000, 3])
def test_embed_gives_every_layers_output(
    tiny_model: Any, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.text.generation._WINDOW", window)
    hidden = tiny_model.embed("the fox").hidden
    assert hidden.shape == (7, 2, 24)
    logits = hidden[:, 1] @ tiny_model.network.get_layer("logits").kernel.numpy()
    logits += tiny_model.network.get_layer("logits").bias.numpy()
    expected = tiny_model.network(tiny_model.processor.encode("the fox")[None])
    np.testing.assert_allclose(logits, np.asarray(expected)[0], atol=1e-4)


def test_the_same_seed_gives_the_same_text_and_another_another(tiny_model: Any) -> None:
    first = tiny_model.generate("the ", 80, seed=1)
    assert first.text == tiny_model.generate("the ", 80, seed=1).text
    assert first.text != tiny_model.generate("the ", 80, seed=2).text
    unseeded = tiny_model.generate("the ", 80)
    assert tiny_model.generate("the ", 80, seed=unseeded.seed).text == unseeded.text


def test_a_stream_gives_the_text_of_generate(tiny_model: Any) -> None:
    pieces = list(tiny_model.stream("the ", 50, seed=3))
    assert all(len(piece) == 1 for piece in pieces)
    assert "".join(pieces) == tiny_model.generate("the ", 50, seed=3).continuation


def test_going_on_from_a_state_gives_the_text_of_one_call(tiny_model: Any) -> None:
    whole = tiny_model.generate("the ", 60, seed=5)
    first = tiny_model.generate("the ", 23, seed=5)
    second = tiny_model.generate("", 37, seed=5, state=first.state)
    assert first.continuation + second.continuation == whole.continuation


def test_a_prompt_after_a_state_is_read(tiny_model: Any) -> None:
    first = tiny_model.generate("the ", 10, temperature=0)
    second = tiny_model.generate("fox", 10, temperature=0, state=first.state)
    assert second.text == tiny_model.generate(first.text + "fox", 10, temperature=0).text[14:]


def test_a_list_gives_each_prompts_own_text(tiny_model: Any) -> None:
    prompts = ["the ", "a quick", "z"]
    results = tiny_model.generate(prompts, 40, seed=10)
    for row, (prompt, result) in enumerate(zip(prompts, results, strict=True)):
        assert result.text == tiny_model.generate(prompt, 40, seed=10 + row).text
        assert result.seed == 10 + row


def test_a_stop_text_ends_the_writing_before_it(tiny_model: Any) -> None:
    whole = tiny_model.generate("the ", 300, seed=4).continuation
    stop = whole[100:103]
    cut = whole.index(stop)
    result = tiny_model.generate("the ", 300, seed=4, stop=stop)
    assert result.continuation == whole[:cut]
    assert result.stopped
    assert len(result.log_probs) == cut
    assert "".join(tiny_model.stream("the ", 300, seed=4, stop=[stop])) == whole[:cut]
    # The state is that of the text without the stop.
    on = tiny_model.generate("", 20, seed=4, state=result.state)
    assert on.continuation == whole[cut : cut + 20]


def test_of_overlapping_stop_texts_the_first_counts_wherever_a_chunk_ends(
    tiny_model: Any,
) -> None:
    whole = tiny_model.generate("the ", 300, seed=4).continuation
    for at in range(20, 120, 7):
        stops = [whole[at + 1 : at + 3], whole[at : at + 12]]
        cut = min(whole.index(stop) for stop in stops)
        assert tiny_model.generate("the ", 300, seed=4, stop=stops).continuation == whole[:cut]
        assert "".join(tiny_model.stream("the ", 300, seed=4, stop=stops)) == whole[:cut]
    # At the end nothing longer can be going on.
    stops = [whole[-2:], whole[-3:] + "x"]
    cut = whole.index(stops[0])
    assert tiny_model.generate("the ", 300, seed=4, stop=stops).continuation == whole[:cut]
    assert "".join(tiny_model.stream("the ", 300, seed=4, stop=stops)) == whole[:cut]


def test_a_state_after_scoring_keeps_the_place_in_the_random_numbers(tiny_model: Any) -> None:
    before = tiny_model.generate("the ", 10, seed=4).state
    assert tiny_model.score("quick", state=before).state.position == before.position == 10
    assert len(tiny_model.score("quick", state=before).log_probs) == 5


def test_the_task_can_be_called_and_its_result_is_the_text(tiny_model: Any) -> None:
    result = tiny_model("the ", 20, seed=1)
    assert str(result) == result.text == tiny_model.generate("the ", 20, seed=1).text
    assert result.text.startswith("the ")


def test_top_k_of_one_is_greedy(tiny_model: Any) -> None:
    greedy = tiny_model.generate("the ", 40, temperature=0).text
    assert tiny_model.generate("the ", 40, top_k=1, seed=9).text == greedy
    assert tiny_model.generate("the ", 40, top_p=1e-9, seed=9).text == greedy


def make_state(value: Any = 0.5, last: Any = 1, position: Any = 0) -> TextState:
    """A state of the small model, h and c of two layers of 24 units."""
    return TextState((np.full(24, value),) * 4, last, position)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prompt": ""}, "prompt is empty"),
        ({"prompt": "é"}, r"does not know 'é' \(U\+00E9\)"),
        ({"prompt": "ABCDEFG"}, "and 2 more"),
        ({"prompt": 7}, "got 7"),
        ({"prompt": ["a", 7]}, "expected a str or a list"),
        ({"length": -1}, "length must be from 1"),
        ({"length": 0}, "length must be from 1"),
        ({"length": 10**12}, "length must be from 1"),
        ({"length": 10**5000}, "length must be from 1"),
        ({"seed": -(10**5000)}, "seed must be a whole number from 0"),
        ({"top_k": -(10**5000)}, "top_k must be 0 or a whole number above it"),
        ({"length": 2.5}, "whole number"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": math.nan}, "temperature"),
        ({"temperature": math.inf}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_k": -1}, "top_k"),
        ({"top_k": 1.5}, "top_k"),
        ({"top_p": 0}, "top_p"),
        ({"top_p": 1.1}, "top_p"),
        ({"top_p": math.nan}, "top_p"),
        ({"seed": -1}, "seed"),
        ({"seed": "x"}, "seed"),
        ({"stop": [""]}, "stop"),
        ({"stop": 3}, "stop"),
        ({"stop": None}, "stop"),
        ({"temperature": 10**400}, "temperature"),
        ({"state": 3}, "the state must be"),
        ({"state": TextState((np.zeros(3, np.float32),), 0)}, "the state must be"),
        ({"state": make_state(last=0.5)}, "the state must be"),
        ({"state": make_state(last=-1)}, "the state must be"),
        ({"state": make_state(position=-1)}, "the state must be"),
        ({"state": make_state(position=10**30)}, "the state must be"),
        ({"state": make_state(position="1")}, "the state must be"),
        ({"state": make_state(value=math.nan)}, "not finite"),
        ({"state": make_state(value=math.inf)}, "not finite"),
        ({"state": make_state(value="a")}, "not finite"),
        ({"errors": "ignore"}, "errors must be"),
    ],
)
def test_bad_input_is_a_usage_error(
    tiny_model: Any, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        tiny_model.generate(**({"prompt": "the "} | arguments))


def test_a_large_vocabulary_is_read_in_shorter_windows(
    tiny_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tiny_model.score(TEXT[:300])
    windows: list[int] = []
    kind = type(tiny_model.inference)
    real = kind.read

    def read(self: Any, ids: np.ndarray, state: Any) -> Any:
        windows.append(ids.shape[1])
        return real(self, ids, state)

    monkeypatch.setattr(kind, "read", read)
    monkeypatch.setattr(generation, "_WINDOW_OUTPUTS", 100 * len(tiny_model.processor))
    np.testing.assert_allclose(tiny_model.score(TEXT[:300]).log_probs, whole.log_probs, atol=1e-5)
    assert windows == [100, 100, 99]


def test_a_large_model_writes_in_shorter_chunks_and_the_same(
    tiny_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tiny_model.generate("the ", 50, seed=3).text
    counts: list[int] = []
    monkeypatch.setattr(generation, "_CHUNK_WORK", 20.5 * tiny_model.config.parameters())
    chunked = tiny_model.generate("the ", 50, seed=3, on_progress=counts.append).text
    assert chunked == whole
    assert counts == [20, 20, 10]


def test_numbers_of_numpy_and_huge_ones_are_numbers(tiny_model: Any) -> None:
    plain = tiny_model.generate("the ", 20, temperature=0.5, seed=1).text
    assert tiny_model.generate("the ", 20, temperature=np.float32(0.5), seed=1).text == plain
    every = tiny_model.generate("the ", 20, top_k=len(tiny_model.processor), seed=1).text
    assert tiny_model.generate("the ", 20, top_k=2**70, seed=1).text == every
    with pytest.raises(UsageError, match="the state must be"):
        tiny_model.score("the ", state=3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dtype": "float99"}, "not a valid dtype policy"),
        ({"vocabulary": 3}, "vocabulary must be texts"),
        ({"weights": None, "vocabulary_size": 31}, "vocabulary_size is 31, but must be 30"),
    ],
)
def test_loading_with_values_that_do_not_fit_is_a_usage_error(
    tiny_folder: Path, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        load_model(tiny_folder, **arguments)


def test_a_stream_complains_before_its_first_character(tiny_model: Any) -> None:
    with pytest.raises(UsageError):
        tiny_model.stream("the ", -1)


@pytest.mark.parametrize("text", ["", "a"])
def test_a_text_too_short_to_score_is_a_usage_error(tiny_model: Any, text: str) -> None:
    with pytest.raises(UsageError, match="at least two"):
        tiny_model.score(text)


def test_unknown_characters_can_be_replaced(tiny_model: Any) -> None:
    assert tiny_model.generate("thé ", 10, seed=1, errors="replace").prompt == "thé "
    ids = tiny_model.processor.encode("thé Ω", "replace")
    assert tiny_model.processor.decode(ids) == "the  "


def test_a_vocabulary_survives_a_round_trip() -> None:
    characters = Characters.of_text("añb\n", "ß")
    again = Characters.from_folder({}, characters.files())
    assert again == characters
    assert again.decode(again.encode("ßañ")) == "ßañ"


@pytest.mark.parametrize(
    "content", [b"{}", b"[]", b'["ab"]', b'["a","a"]', b"[1]", b"[[]]", b"\xff"]
)
def test_a_malformed_vocabulary_is_a_folder_error(content: bytes) -> None:
    with pytest.raises(FolderError):
        Characters.from_folder({}, {"vocab.json": content})


def test_weights_none_gives_the_same_architecture_untrained(tiny_folder: Path) -> None:
    trained, untrained = load_model(tiny_folder), load_model(tiny_folder, weights=None)
    assert untrained.config == trained.config
    kernels = [m.network.get_layer("logits").kernel.numpy() for m in (trained, untrained)]
    assert np.abs(kernels[0] - kernels[1]).max() > 0.01


def test_builder_values_can_be_changed_where_shapes_allow(tiny_folder: Path) -> None:
    assert load_model(tiny_folder, hidden_dropout=0.4).config.hidden_dropout == 0.4
    with pytest.raises(UsageError, match="changes the shapes"):
        load_model(tiny_folder, units=32)
    assert load_model(tiny_folder, weights=None, units=32).config.units == 32
    with pytest.raises(UsageError, match="did you mean 'units'"):
        load_model(tiny_folder, unit=32)


def test_a_changed_vocabulary_keeps_the_shared_rows_and_says_so(tiny_folder: Path) -> None:
    before = load_model(tiny_folder)
    with pytest.warns(UserWarning, match="kept 29 of 30 entries, 2 are new, 1 are gone"):
        after = load_model(tiny_folder, vocabulary=["é", *VOCABULARY.replace("q", ""), "ß"])
    for character in "\nabz":
        old = before.processor.vocabulary.index(character)
        new = after.processor.vocabulary.index(character)
        for layer, variable, axis in (("embedding", "embeddings", 0), ("logits", "kernel", 1)):
            kept = [
                np.take(getattr(m.network.get_layer(layer), variable).numpy(), row, axis)
                for m, row in ((before, old), (after, new))
            ]
            np.testing.assert_array_equal(*kept)
    assert after.generate("é", 5, seed=1).text.startswith("é")


def test_the_keras_export_needs_only_keras(tiny_model: Any, tmp_path: Path) -> None:
    import subprocess
    import sys

    path = tiny_model.export_keras(tmp_path / "plain.keras")
    ids = np.arange(20, dtype=np.int32)[None] % len(VOCABULARY)
    np.savez(tmp_path / "io.npz", ids=ids, logits=np.asarray(tiny_model.network(ids)))
    code = (
        "import sys, numpy as np, keras\n"
        f"io = np.load({str(tmp_path / 'io.npz')!r})\n"
        f"model = keras.models.load_model({str(path)!r})\n"
        "assert not any(name.split('.')[0] == 'zoo' for name in sys.modules)\n"
        "assert {type(l).__module__.split('.')[0] for l in model.layers} == {'keras'}\n"
        "print(float(abs(np.asarray(model(io['ids'])) - io['logits']).max()))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert float(run.stdout) < 1e-5


def test_the_export_refuses_to_overwrite(tiny_model: Any, tmp_path: Path) -> None:
    (tmp_path / "there.keras").write_text("mine")
    with pytest.raises(UsageError, match="exists"):
        tiny_model.export_keras(tmp_path / "there.keras")
    with pytest.raises(UsageError, match=r"\.keras"):
        tiny_model.export_keras(tmp_path / "model.h5")
    assert (tmp_path / "there.keras").read_text() == "mine"


def test_golden_outputs_hold_under_jax(tiny_folder: Path) -> None:
    import importlib.util
    import os
    import subprocess
    import sys

    if importlib.util.find_spec("jax") is None:
        pytest.skip("needs jax")
    code = (
        "import keras, zoo; assert keras.backend.backend() == 'jax'\n"
        f"print(zoo.load_model({str(tiny_folder)!r}).check())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | {"KERAS_BACKEND": "jax"},
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert float(run.stdout) < 1e-3


def test_the_network_is_a_plain_keras_model(tiny_model: Any) -> None:
    assert isinstance(tiny_model.network, keras.Model)
    assert tiny_model.network.input_shape == (None, None)
    assert tiny_model.network.output_shape == (None, None, len(VOCABULARY))
