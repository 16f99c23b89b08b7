"""The sequence-to-sequence network: sizes, padding, single steps, gradients, saving."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from zoo.errors import UsageError
from zoo.translation.inference import GraphTranslator
from zoo.translation.seq2seq_lstm import build
from zoo.translation.seq2seq_values import Seq2SeqConfig

VOCABULARY = 23

DROPOUTS: dict[str, Any] = {
    "embedding_dropout": 0.1,
    "hidden_dropout": 0.2,
    "output_dropout": 0.3,
    "weight_dropout": 0.4,
}
VARIANTS: list[dict[str, Any]] = [
    {},
    {"cell": "gru", "attention": "additive"},
    {"attention": "multiplicative"},
    {"decoder_layers": 2, "encoder_layers": 2, "attention": "none", "layer_normalization": True},
    {"decoder_layers": 2, "encoder_layers": 3, "input_feeding": True, "tie_embeddings": False},
    {"encoder_layers": 2, "decoder_layers": 3, "layer_normalization": True, **DROPOUTS},
    {
        "cell": "gru",
        "attention": "additive",
        "input_feeding": True,
        "layer_normalization": True,
        "weight_dropout": 0.4,
    },
]


def make(**values: Any) -> tuple[Seq2SeqConfig, keras.Model]:
    config = Seq2SeqConfig(VOCABULARY, **({"embedding": 6, "units": 10} | values))
    keras.utils.set_random_seed(3)
    network = build(config)
    for variable in network.trainable_variables:  # so that biases and norms count too
        variable.assign_add(0.2 * keras.random.normal(variable.shape, seed=1))
    return config, network


def ids(*lengths: int, seed: int = 0) -> np.ndarray:
    """Random sequences of some lengths, padded."""
    rng = np.random.default_rng(seed)
    padded = np.zeros((len(lengths), max(lengths)), np.int32)
    for row, length in enumerate(lengths):
        padded[row, :length] = rng.integers(1, VOCABULARY, length)
    return padded


def outputs(network: keras.Model, source: np.ndarray, target: np.ndarray) -> list[np.ndarray]:
    found = network([source, target], training=False)
    return [np.asarray(x) for x in (found if isinstance(found, list) else [found])]


@pytest.mark.parametrize("values", VARIANTS)
def test_the_parameter_count_is_that_of_the_network(values: dict[str, Any]) -> None:
    config, network = make(**values)
    assert config.parameters() == network.count_params()
    assert config.shapes() == {v.path: tuple(v.shape) for v in network.weights}


@pytest.mark.parametrize("values", VARIANTS)
def test_a_padded_sentence_gives_what_it_gives_alone(values: dict[str, Any]) -> None:
    _, network = make(**values)
    source, target = ids(7, 3, 5), ids(4, 6, 2, seed=1)
    together = outputs(network, source, target)
    for row, (long, steps) in enumerate(((7, 4), (3, 6), (5, 2))):
        alone = outputs(network, source[row : row + 1, :long], target[row : row + 1, :steps])
        np.testing.assert_allclose(together[0][row, :steps], alone[0][0], atol=1e-5)
        for weights in together[1:]:
            np.testing.assert_allclose(weights[row, :steps, :long], alone[1][0], atol=1e-6)
            assert not weights[row, :, long:].any()
            np.testing.assert_allclose(weights[row].sum(-1), 1, atol=1e-5)


@pytest.mark.parametrize("values", VARIANTS)
def test_single_steps_give_what_the_network_gives_for_all_steps(values: dict[str, Any]) -> None:
    config, network = make(**values)
    source = ids(7, 3, 5)
    # Two rows for each sentence with targets of their own.
    target = np.random.default_rng(2).integers(1, VOCABULARY, (6, 5)).astype(np.int32)
    logits, *weights = outputs(network, np.repeat(source, 2, axis=0), target)
    expected = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    steps = GraphTranslator(config, {v.path: v.numpy() for v in network.weights})
    state, rows = steps.start(source, rows=2), np.arange(6)
    for t in range(3):
        found, log_probs, attention, state = steps.step(state, rows, target[rows, t], VOCABULARY)
        np.testing.assert_allclose(
            np.take_along_axis(expected[rows, t], found, 1), log_probs, atol=1e-5
        )
        assert (np.diff(log_probs) <= 0).all()
        for all_weights in weights:
            np.testing.assert_allclose(attention, all_weights[rows, t], atol=1e-5)
    # The middle sentence ends; the first one's rows change places, the last one's split.
    order = np.asarray([1, 0, 4, 4])
    found, log_probs, _, state = steps.step(state, order, target[order, 3], 4)
    np.testing.assert_allclose(
        np.take_along_axis(expected[order, 3], found, 1), log_probs, atol=1e-5
    )
    # Rows are numbered anew: what is now row 2 was row 4.
    found, log_probs, _, _ = steps.step(state, np.asarray([2, 3]), target[[4, 4], 4], 4)
    np.testing.assert_allclose(
        np.take_along_axis(expected[[4, 4], 4], found, 1), log_probs, atol=1e-5
    )


def test_a_step_sees_no_later_target() -> None:
    for values in ({}, {"input_feeding": True}):
        _, network = make(**values)
        source, target = ids(6), ids(5, seed=1)
        changed = target.copy()
        changed[:, 3:] = 1 + changed[:, 3:] % (VOCABULARY - 1)
        before, after = (outputs(network, source, t)[0] for t in (target, changed))
        np.testing.assert_allclose(before[:, :3], after[:, :3], atol=1e-6)
        assert np.abs(before[:, 3:] - after[:, 3:]).max() > 1e-3


@pytest.mark.parametrize("values", VARIANTS)
def test_every_weight_gets_a_gradient(values: dict[str, Any]) -> None:
    import tensorflow as tf

    _, network = make(**values)
    with tf.GradientTape() as tape:
        found = network([ids(7, 3), ids(4, 6, seed=1)], training=True)
        logits = found[0] if isinstance(found, list) else found
        loss = tf.reduce_sum(tf.square(tf.nn.log_softmax(logits)))
    variables = network.trainable_variables
    gradients = tape.gradient(loss, [v.value for v in variables])
    for variable, gradient in zip(variables, gradients, strict=True):
        assert np.abs(tf.convert_to_tensor(gradient).numpy()).max() > 0, variable.path


def test_the_gradient_of_input_feeding_is_the_slope() -> None:
    import tensorflow as tf

    _, network = make(input_feeding=True)
    source, target = ids(5, 3), ids(4, 4, seed=1)

    def loss() -> Any:
        return tf.reduce_mean(tf.square(network([source, target], training=True)[0]))

    (variable,) = (
        v for v in network.trainable_variables if v.path.endswith("attention_output/kernel")
    )
    with tf.GradientTape() as tape:
        value = loss()
    gradient = tape.gradient(value, variable.value).numpy()
    direction = np.random.default_rng(0).standard_normal(gradient.shape).astype(np.float32)
    variable.assign_add(1e-3 * direction)
    above = float(loss())
    variable.assign_add(-2e-3 * direction)
    assert (above - float(loss())) / 2e-3 == pytest.approx((gradient * direction).sum(), rel=2e-2)


@pytest.mark.parametrize("fed", [False, True])
def test_scaled_attention_is_the_multiplicative_one_over_the_root_of_the_units(fed: bool) -> None:
    source, target = ids(7, 3), ids(4, 6, seed=1)
    _, plain = make(attention="multiplicative", input_feeding=fed)
    _, scaled = make(attention="scaled", input_feeding=fed)
    assert (
        np.abs(outputs(plain, source, target)[1] - outputs(scaled, source, target)[1]).max() > 0.01
    )
    kernel = scaled.get_layer("attention_keys").kernel
    kernel.assign(kernel * 10**0.5)
    for one, other in zip(
        outputs(plain, source, target), outputs(scaled, source, target), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_dropout_and_dropped_weights_act_in_training_alone() -> None:
    for values in VARIANTS[-2:]:
        _, network = make(**values)
        pair = [ids(5), ids(4, seed=1)]
        calm = [np.asarray(network(pair, training=False)[0]) for _ in range(2)]
        wild = [np.asarray(network(pair, training=True)[0]) for _ in range(2)]
        np.testing.assert_array_equal(*calm)
        assert np.abs(wild[0] - wild[1]).max() > 1e-3


@pytest.mark.parametrize("tie", [True, False])
def test_the_readout_and_the_softmax_weights_give_the_logits(tie: bool) -> None:
    config, network = make(tie_embeddings=tie)
    pair = [ids(5, 2), ids(4, 4, seed=1)]
    matrix, bias = config.softmax_weights(network)
    logits = np.asarray(config.readout(network)(pair)) @ np.asarray(matrix).T
    logits += 0.0 if bias is None else np.asarray(bias)
    np.testing.assert_allclose(logits, outputs(network, *pair)[0], atol=1e-5)


def test_a_network_with_input_feeding_survives_a_keras_file(tmp_path: Path) -> None:
    _, network = make(input_feeding=True, attention="additive", layer_normalization=True)
    network.save(tmp_path / "network.keras")
    again = keras.models.load_model(tmp_path / "network.keras")
    pair = (ids(5, 2), ids(4, 4, seed=1))
    for before, after in zip(outputs(network, *pair), outputs(again, *pair), strict=True):
        np.testing.assert_allclose(before, after, atol=1e-6)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"units": 9}, "even"),
        ({"attention": "dot"}, "attention must be one of"),
        ({"attention": "none", "input_feeding": True}, "needs an attention"),
        ({"cell": "rnn"}, "cell must be one of"),
        ({"weight_dropout": 1.0}, "weight_dropout"),
        ({"decoder_layers": 0}, "decoder_layers"),
    ],
)
def test_values_out_of_range_are_usage_errors(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Seq2SeqConfig(VOCABULARY, **values)
