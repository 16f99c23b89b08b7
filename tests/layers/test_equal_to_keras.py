"""The zoo's layers give what Keras's give: outputs, states and every gradient."""

from __future__ import annotations

from itertools import compress, product

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.layers.recurrent_checks import (
    BATCH,
    CELLS,
    FEATURES,
    TIME,
    UNITS,
    assert_close,
    holes,
    initial_states,
    inputs,
    pair,
    results,
)
from zoo import layers
from zoo.layers import loop


@pytest.fixture
def fast_calls(monkeypatch) -> list:
    """One entry for each time the fast loop ran: a fall-back would pass every comparison."""
    calls = []

    def counted(*args, _run=loop.run, **kwargs):
        calls.append(args)
        return _run(*args, **kwargs)

    monkeypatch.setattr(loop, "run", counted)
    return calls


SETTINGS = ("masked", "go_backwards", "return_sequences", "given_states", "dropped", "use_bias")
HALF = [flags for flags in product([False, True], repeat=len(SETTINGS)) if sum(flags) % 2 == 0]
"""Half of all combinations, in which any five of the settings are combined in every way."""


@pytest.mark.parametrize(
    SETTINGS,
    HALF,
    ids=["+".join(compress(SETTINGS, flags)) or "none" for flags in HALF],
)
@pytest.mark.parametrize("cell", CELLS)
def test_outputs_and_gradients(
    cell, masked, go_backwards, return_sequences, given_states, dropped, use_bias, fast_calls
):
    theirs, ours = pair(
        cell,
        go_backwards=go_backwards,
        return_sequences=return_sequences,
        return_state=True,
        dropout=0.4 if dropped else 0,
        recurrent_dropout=0.3 if dropped else 0,
        seed=7,
        use_bias=use_bias,
    )
    states = initial_states(cell) if given_states else []
    mask = holes() if masked else None
    assert_close(results(ours, inputs(), states, mask), results(theirs, inputs(), states, mask))
    assert len(fast_calls) == 1


@pytest.mark.parametrize("zero_output", [False, True], ids=["repeats", "zeros"])
@pytest.mark.parametrize("wrap", [tf.function, tf.function(jit_compile=True)], ids=["graph", "xla"])
@pytest.mark.parametrize("cell", CELLS)
def test_compiled(cell, wrap, zero_output, fast_calls):
    theirs, ours = pair(
        cell, return_sequences=True, return_state=True, zero_output_for_mask=zero_output
    )
    states, mask = initial_states(cell), holes()
    assert_close(
        results(ours, inputs(), states, mask, wrap=wrap),
        results(theirs, inputs(), states, mask),
    )
    assert len(fast_calls) == 1


@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
@pytest.mark.parametrize("cell", CELLS)
def test_unknown_batch_and_time(cell, training, fast_calls):
    theirs, ours = pair(cell, return_sequences=True)

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, None, FEATURES)),
            tf.TensorSpec((None, None), tf.bool),
        ]
    )
    def gradients(x, mask):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = ours(x, mask=mask, training=training)
            loss = tf.reduce_sum(outputs**2)
        return outputs, tape.gradient(loss, [x, *(v.value for v in ours.trainable_variables)])

    outputs, ours_gradients = gradients(inputs(), holes())
    x = tf.constant(inputs())
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(theirs(x, mask=holes(), training=training) ** 2)
    variables = [v.value for v in theirs.trainable_variables]
    assert_close(
        ours_gradients, [tf.convert_to_tensor(g) for g in tape.gradient(loss, [x, *variables])]
    )
    assert outputs.shape == (BATCH, TIME, UNITS)
    assert fast_calls


@pytest.mark.parametrize("cell", CELLS)
def test_gradient_at_inference(cell, fast_calls):
    theirs, ours = pair(cell, return_sequences=True, return_state=True, dropout=0.5)
    states, mask = initial_states(cell), holes()
    assert_close(
        results(ours, inputs(), states, mask, training=False),
        results(theirs, inputs(), states, mask, training=False),
    )
    assert len(fast_calls) == 1


@pytest.mark.parametrize(
    ("cell", "arguments", "fast"),
    [
        ("SimpleRNN", {"activation": "relu"}, True),
        ("SimpleRNN", {"activation": "gelu"}, False),
        ("SimpleRNN", {"dropout": 0.4, "seed": 1}, True),
        ("LSTM", {"dropout": 0.4, "seed": 1}, True),
        ("GRU", {"dropout": 0.4, "seed": 1}, True),
        ("LSTM", {"recurrent_dropout": 0.4, "seed": 1}, True),
        ("LSTM", {"unroll": True}, False),
        ("LSTM", {"activation": "relu"}, False),
        ("LSTM", {"dtype": "float64"}, True),
        ("GRU", {"reset_after": False}, False),
        ("GRU", {"recurrent_activation": "hard_sigmoid"}, False),
    ],
    ids=lambda value: str(value),
)
def test_configurations(cell, arguments, fast, fast_calls):
    theirs, ours = pair(cell, return_sequences=True, **arguments)
    dtype = arguments.get("dtype", "float32")
    x = inputs().astype(dtype)
    tolerance = 1e-10 if dtype == "float64" else 1e-5
    assert_close(results(ours, x), results(theirs, x), tolerance)
    assert bool(fast_calls) == fast


@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
@pytest.mark.parametrize("cell", CELLS)
def test_bfloat16_is_near_float32(cell, masked, fast_calls):
    """Within 0.05 of the largest value: bfloat16 has 8 bits, and 5 steps add their errors up."""
    arguments = {"return_sequences": True, "return_state": True}
    _, exact = pair(cell, **arguments)
    _, narrow = pair(cell, dtype="mixed_bfloat16", **arguments)
    states, mask = initial_states(cell), holes() if masked else None
    wide = results(exact, inputs(), states, mask)
    short = results(narrow, inputs(), states, mask)
    assert len(fast_calls) == 2
    outputs = len(states) + 1
    assert all(r.dtype == tf.bfloat16 for r in short[:outputs])
    assert all(r.dtype == tf.float32 for r in short[outputs:])
    for a, b in zip(short, wide, strict=True):
        scale = float(tf.reduce_max(tf.abs(b)))
        np.testing.assert_allclose(tf.cast(a, "float32") / scale, b / scale, atol=0.05)


@pytest.mark.parametrize("return_sequences", [False, True], ids=["last", "sequences"])
@pytest.mark.parametrize("cell", CELLS)
def test_bidirectional(cell, return_sequences, fast_calls):
    theirs, ours = (
        keras.layers.Bidirectional(layer)
        for layer in pair(cell, return_sequences=return_sequences, return_state=True)
    )
    for layer in (theirs, ours):
        layer.build((BATCH, TIME, FEATURES))
    ours.set_weights(theirs.get_weights())
    assert_close(results(ours, inputs(), mask=holes()), results(theirs, inputs(), mask=holes()))
    assert len(fast_calls) == 2


@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
@pytest.mark.parametrize("cell", CELLS)
def test_padded_sequence_equals_the_sequence_alone(cell, training):
    _, layer = pair(cell, return_sequences=True, return_state=True)
    x, length = inputs(), 3
    mask = np.arange(TIME)[None].repeat(BATCH, 0) < length
    outputs, *states = layer(x, mask=mask, training=training)
    alone, *alone_states = layer(x[:, :length], training=training)
    np.testing.assert_allclose(outputs[:, :length], alone, atol=1e-6)
    for padded, state in zip(states, alone_states, strict=True):
        np.testing.assert_allclose(padded, state, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_stateful_layer_goes_on_where_it_stopped(cell):
    theirs, ours = pair(cell, stateful=True, return_sequences=True)
    whole = pair(cell, return_sequences=True)[1](inputs())
    parts = [ours(inputs()[:, :2]), ours(inputs()[:, 2:])]
    np.testing.assert_allclose(np.concatenate(parts, 1), whole, atol=1e-6)
    theirs(inputs())
    for a, b in zip(ours.states, theirs.states, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    ours.reset_state()
    np.testing.assert_allclose(ours(inputs()), whole, atol=1e-6)


def test_inference_keeps_no_gates():
    _, layer = pair("LSTM", return_sequences=True)

    def writes(training):
        call = tf.function(lambda x: layer(x, training=training))
        graph = call.get_concrete_function(tf.TensorSpec((BATCH, TIME, FEATURES))).graph
        body = [
            f for f in graph.as_graph_def().library.function if "while_body" in f.signature.name
        ]
        return sum(node.op == "TensorListSetItem" for f in body for node in f.node_def)

    assert writes(training=False) == 1  # the hidden states, and nothing else
    assert writes(training=True) == 4  # with the gates and both states before each step


def test_second_use_of_a_layer_in_one_step():
    """Two calls share the compiled step functions, not their values."""
    theirs, ours = pair("GRU", return_sequences=True)
    for layer in (theirs, ours):
        x = tf.constant(inputs())
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(layer(x, training=True)[..., :FEATURES] * 2, training=True))
        layer.gradients = tape.gradient(loss, [v.value for v in layer.trainable_variables])
    assert_close(*([tf.convert_to_tensor(g) for g in layer.gradients] for layer in (ours, theirs)))


def test_keras_says_when_cudnn_is_asked_for_and_missing():
    with pytest.raises(ValueError, match="use_cudnn"):
        layers.LSTM(UNITS, use_cudnn=True)(inputs())
