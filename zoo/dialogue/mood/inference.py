"""``sentiment_lstm`` message by message, for use without Keras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from zoo.dialogue.word_features import WordReader, pool_message
from zoo.dialogue.words import WordIds


class SentimentInference:
    """Reads one message at a time.

    Args:
        config: a :class:`~zoo.dialogue.mood.sentiment_lstm.SentimentConfig`.
        weights: arrays by variable path.
    """

    def __init__(self, config: Any, weights: Mapping[str, np.ndarray]) -> None:
        self._reader = WordReader(config, weights)
        self._units = config.context
        self._weights = {
            path: np.asarray(weights[path], np.float32)
            for path in config.shapes().keys() - config.word_shapes().keys()
        }

    def start(self) -> dict[str, np.ndarray]:
        """The state before the first message."""
        return {name: np.zeros(self._units, np.float32) for name in ("h", "c")}

    def read(
        self, ids: WordIds, speaker: int, state: Mapping[str, np.ndarray]
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Read the next message of a conversation.

        Args:
            ids: the message.
            speaker: number of the speaker.
            state: before the message; it is not changed.

        Returns:
            ``(moods,)`` float32 logits, and the state after the message.
        """
        pooled = pool_message(self._reader.read(ids.words, ids.known, ids.characters))
        message = np.maximum(self._dense("message", pooled), 0.0)
        spoken = message + self._weights["speakers/embeddings"][speaker]
        h, c = self._step(spoken, state["h"], state["c"])
        logits = self._dense("moods", np.concatenate([message, h]))
        return logits, {"h": h, "c": c}

    def _step(self, x: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One step of the LSTM over messages; the formulas are in :mod:`zoo.layers.lstm`."""
        kernel, recurrent, bias = (
            self._weights[f"context/lstm_cell/{name}"]
            for name in ("kernel", "recurrent_kernel", "bias")
        )
        i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4)
        after = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
        return _sigmoid(o) * np.tanh(after), after

    def _dense(self, name: str, x: np.ndarray) -> np.ndarray:
        found: np.ndarray = x @ self._weights[f"{name}/kernel"] + self._weights[f"{name}/bias"]
        return found


def _sigmoid(x: np.ndarray) -> np.ndarray:
    # tanh does not overflow, as exp does.
    half: np.ndarray = 0.5 + 0.5 * np.tanh(0.5 * x)
    return half.astype(np.float32)
