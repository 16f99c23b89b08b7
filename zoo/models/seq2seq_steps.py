"""``seq2seq_lstm`` step by step: the encoder once, then one compiled step at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from zoo.models.attention import NONE, attention_weights
from zoo.models.seq2seq import (
    Encoded,
    Seq2SeqConfig,
    attend,
    embed,
    encode,
    to_logits,
)

State = tuple[Any, ...]


class DecodingSteps:
    """The steps of a network, for :func:`zoo.decoding.beam_search.beam_search`.

    Everything is batched over sentences and over the rows of each sentence's beam; the encoder's
    output is kept once for each sentence, not for each row.

    Args:
        network: what :func:`zoo.models.seq2seq.build` made.
        config: its values.
        rows: hypotheses that are followed side by side for each sentence.
    """

    def __init__(self, network: Any, config: Seq2SeqConfig, rows: int = 1) -> None:
        self._layers = {layer.name: layer for layer in network.layers}
        self._config, self._rows = config, rows
        ids = tf.TensorSpec((None, None), tf.int32)
        self._start = tf.function(self._first, input_signature=[ids], autograph=False)
        self._advance = tf.function(self._next, reduce_retracing=True, autograph=False)

    def start(self, source: np.ndarray) -> State:
        """Read sources ``(sentences, source)``, int32 ids padded with 0: the state before a word.

        It has the same state for each row of a sentence.
        """
        return tuple(self._start(source))

    def __call__(
        self, state: State, rows: np.ndarray, tokens: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, State]:
        """One step.

        Args:
            state: of the step before.
            rows: ``(rows,)`` the rows of ``state`` to go on from, the same number for each sentence
                and sentences in order; a sentence may be left out with all of its rows.
            tokens: ``(rows,)`` the token that each has just written.
            k: how many following tokens are wanted.

        Returns:
            The likeliest following tokens ``(rows, k)``, likeliest first, their natural
            log-probabilities, the attention ``(rows, source)`` and the state after the step.
        """
        sentences = rows[:: self._rows] // self._rows
        ids, log_probs, attention, *after = self._advance(
            tf.constant(rows, tf.int32),
            tf.constant(sentences, tf.int32),
            tf.constant(tokens, tf.int32),
            tf.constant(k, tf.int32),
            state,
        )
        return ids.numpy(), log_probs.numpy(), attention.numpy(), tuple(after)

    def _first(self, source: Any) -> list[Any]:
        encoded = encode(self._layers, self._config, source)
        states = [tf.repeat(part, self._rows, axis=0) for layer in encoded.states for part in layer]
        if self._config.input_feeding:
            rows = tf.shape(states[0])[0]
            states.append(tf.zeros((rows, self._config.embedding), states[0].dtype))
        keys = encoded.memory[:, :, :0] if encoded.keys is None else encoded.keys
        return [keys, encoded.memory, encoded.mask, *states]

    def _next(self, rows: Any, sentences: Any, tokens: Any, k: Any, state: State) -> list[Any]:
        keys, memory, mask = (tf.gather(part, sentences) for part in state[:3])
        encoded = Encoded(keys, memory, mask, ())
        states = [tf.gather(part, rows) for part in state[3:]]
        layers, config = self._layers, self._config
        each = 2 if config.cell == "lstm" else 1
        # A single step needs no mask that is the same for all steps, so it is embedded as one.
        embedded = embed(layers, config, tokens[:, None], "target")[:, 0]
        after: list[Any] = []
        if config.input_feeding:
            fed = layers["decoder_1"].cell
            with fed.attending(keys, memory, mask):
                both, after = fed(embedded, [*states[:each], states[-1]])
            *after, answer = after
            hidden = self._side_by_side(both[:, : config.units])
            weights = attention_weights(fed.layers, config.attention, hidden, keys, mask)
            answer = self._side_by_side(answer)
        else:
            hidden, after = self._cell(1, embedded, states[:each])
            answer, weights = attend(layers, config, self._side_by_side(hidden), encoded)
        answer = tf.reshape(answer, (-1, config.embedding))
        fed_back = [answer] if config.input_feeding else []
        if config.decoder_layers > 1:
            upper = answer
            for number in range(2, config.decoder_layers + 1):
                place = each * (number - 1)
                upper, new = self._cell(number, upper, states[place : place + each])
                after = [*after, *new]
            answer = layers["output"](tf.concat([upper, answer], axis=-1))
        logits = tf.cast(to_logits(layers, config, answer), tf.float32)
        log_probs, ids = tf.math.top_k(tf.nn.log_softmax(logits), k)
        source = tf.shape(memory)[1]
        if config.attention == NONE:
            weights = tf.zeros((tf.shape(rows)[0], source))
        shown = tf.reshape(weights, (-1, source))
        return [ids, log_probs, shown, keys, memory, mask, *after, *fed_back]

    def _cell(self, number: int, x: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """One step of a decoder layer: what is read above it, and its new states."""
        hidden, new = self._layers[f"decoder_{number}"].cell(x, states)
        norm = self._layers.get(f"decoder_{number}_normalization")
        return (hidden if norm is None else norm(hidden)), list(new)

    def _side_by_side(self, x: Any) -> Any:
        """From a row each to the rows of a sentence as steps, so that they share its memory."""
        return tf.reshape(x, (-1, self._rows, x.shape[-1]))
