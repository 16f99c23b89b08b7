"""``seq2seq_lstm`` on TensorFlow: the encoder once, then one compiled step at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.cells import CELLS
from zoo.contracts import State
from zoo.folder.weights_file import assign_weights
from zoo.network import check_backend
from zoo.translation.attention import NONE, attention_weights
from zoo.translation.seq2seq_lstm import Encoded, Seq2SeqConfig, attend, build, embed, encode


class KerasTranslator:
    """A :class:`~zoo.contracts.TranslationInference` that runs the network's layers as graphs.

    Args:
        config: a :class:`~zoo.translation.seq2seq_lstm.Seq2SeqConfig`.
        weights: arrays by variable path.

    Raises:
        ZooError: Keras does not run on TensorFlow.
    """

    def __init__(self, config: Seq2SeqConfig, weights: Mapping[str, np.ndarray]) -> None:
        check_backend("translating")
        network = build(config)
        assign_weights(network, weights, "this model")
        self.attends = config.attention != NONE
        self._steps = DecodingSteps(network, config)
        self._score = _compiled_score(network)

    def start(self, source: np.ndarray, rows: int = 1) -> State:
        """Read sources; see :meth:`zoo.contracts.TranslationInference.start`."""
        return self._steps.start(source, rows)

    def step(
        self, state: State, rows: np.ndarray, tokens: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, State]:
        """One step; see :meth:`zoo.contracts.TranslationInference.step`."""
        return self._steps(state, rows, tokens, k)

    def score(
        self, source: np.ndarray, before: np.ndarray, after: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Known translations; see :meth:`zoo.contracts.TranslationInference.score`."""
        log_probs, attention = self._score(*map(tf.constant, (source, before, after)))
        return log_probs.numpy(), attention.numpy()


def _compiled_score(network: Any) -> Any:
    ids = tf.TensorSpec((None, None), tf.int32)

    @tf.function(input_signature=[ids, ids, ids])
    def score(source: Any, before: Any, after: Any) -> Any:
        outputs = network([source, before], training=False)
        logits, *attention = outputs if isinstance(outputs, list) else [outputs]
        if not attention:
            shape = (tf.shape(before)[0], tf.shape(before)[1], tf.shape(source)[1])
            attention = [tf.zeros(shape)]
        log_probs = tf.nn.log_softmax(tf.cast(logits, tf.float32))
        return tf.gather(log_probs, after, axis=2, batch_dims=2), attention[0]

    return score


class DecodingSteps:
    """The steps of a network, for :func:`zoo.decoding.beam_search.beam_search`.

    Everything is batched over sentences and over the rows of each sentence's beam; the encoder's
    output is kept once for each sentence, not for each row. Each of the two parts is compiled once,
    here, for all sizes.

    Args:
        network: what :func:`zoo.translation.seq2seq_lstm.build` made.
        config: its values.
    """

    def __init__(self, network: Any, config: Seq2SeqConfig) -> None:
        self._layers = {layer.name: layer for layer in network.layers}
        self._config = config
        ids, count = tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((), tf.int32)
        some = tf.TensorSpec((None,), tf.int32)
        self._start = tf.function(self._first, input_signature=[ids, count], autograph=False)
        self._state = [
            tf.TensorSpec(spec.shape, spec.dtype)
            for spec in self._start.get_concrete_function().structured_outputs
        ]
        self._advance = tf.function(
            self._next, input_signature=[some, some, some, count, self._state], autograph=False
        )
        self._advance.get_concrete_function()

    def start(self, source: np.ndarray, rows: int = 1) -> State:
        """Read sources: the state before the first word.

        Args:
            source: ``(sentences, source)`` int32 ids, padded with 0 at the end.
            rows: hypotheses that will be followed side by side for each sentence; all begin with
                the same state.
        """
        return tuple(self._start(tf.constant(source, tf.int32), tf.constant(rows, tf.int32)))

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
        each = state[3].shape[0] // state[0].shape[0]
        ids, log_probs, attention, *after = self._advance(
            tf.constant(rows, tf.int32),
            tf.constant(rows[::each] // each, tf.int32),
            tf.constant(tokens, tf.int32),
            tf.constant(min(k, self._config.vocabulary_size), tf.int32),
            list(state),
        )
        return ids.numpy(), log_probs.numpy(), attention.numpy(), tuple(after)

    def _first(self, source: Any, rows: Any) -> list[Any]:
        encoded = encode(self._layers, self._config, source)
        states = [tf.repeat(part, rows, axis=0) for layer in encoded.states for part in layer]
        if self._config.input_feeding:
            count = tf.shape(states[0])[0]
            states.append(tf.zeros((count, self._config.embedding), states[0].dtype))
        keys = encoded.memory[:, :, :0] if encoded.keys is None else encoded.keys
        return [keys, encoded.memory, encoded.mask, *states]

    def _next(self, rows: Any, sentences: Any, tokens: Any, k: Any, state: list[Any]) -> list[Any]:
        layers, config = self._layers, self._config
        keys, memory, mask = attended = [tf.gather(part, sentences) for part in state[:3]]
        states = [tf.gather(part, rows) for part in state[3:]]
        each = CELLS[config.cell].states
        # Rows of a sentence stand as steps in the attention, so that they share its memory.
        by_sentence = (tf.shape(sentences)[0], -1)
        embedded = embed(layers, config, tokens[:, None], "target")[:, 0]
        fed_back = []
        if config.input_feeding:
            cell = layers["decoder_1"].cell
            with cell.attending(*attended):
                both, after = cell(embedded, [*states[:each], states[-1]])
            *after, answer = after
            fed_back = [answer]
            hidden = tf.reshape(both[:, : config.units], (*by_sentence, config.units))
            weights = attention_weights(cell.layers, config.attention, hidden, keys, mask)
        else:
            hidden, after = self._cell(1, embedded, states[:each])
            hidden = tf.reshape(hidden, (*by_sentence, config.units))
            answer, weights = attend(layers, config, hidden, Encoded(keys, memory, mask, ()))
            answer = tf.reshape(answer, (-1, config.embedding))
        if config.decoder_layers > 1:
            upper = answer
            for number in range(2, config.decoder_layers + 1):
                place = each * (number - 1)
                upper, new = self._cell(number, upper, states[place : place + each])
                after = [*after, *new]
            answer = layers["output"](tf.concat([upper, answer], axis=-1))
        if config.tie_embeddings:
            # Keras's layer would transpose the whole matrix at each step.
            matrix = tf.cast(layers["embedding"].embeddings.value, answer.dtype)
            logits = tf.matmul(answer, matrix, transpose_b=True)
        else:
            logits = layers["logits"](answer)
        logits = tf.cast(logits, tf.float32)
        log_probs, ids = tf.math.top_k(tf.nn.log_softmax(logits), k)
        source = tf.shape(mask)[1]
        if config.attention == NONE:
            weights = tf.zeros((tf.shape(rows)[0], source))
        new_state = [*attended, *after, *fed_back]
        return [
            ids,
            log_probs,
            tf.reshape(weights, (-1, source)),
            *(tf.cast(part, spec.dtype) for part, spec in zip(new_state, self._state, strict=True)),
        ]

    def _cell(self, number: int, x: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """One step of a decoder layer: what is read above it, and its new states."""
        hidden, new = self._layers[f"decoder_{number}"].cell(x, states)
        norm = self._layers.get(f"decoder_{number}_normalization")
        return (hidden if norm is None else norm(hidden)), list(new)
