"""``tagger_bilstm`` in NumPy and ONNX Runtime, for use without Keras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from zoo.decoding.crf import Chain, bio_constraints
from zoo.dialogue.word_features import WordReader, pool_message
from zoo.dialogue.words import WordIds


class TaggerOutput(NamedTuple):
    """What the network tells of a message.

    Args:
        emissions: ``(tokens, tags)`` float32; no columns without labels.
        intents: ``(intents,)`` float32 logits.
    """

    emissions: np.ndarray
    intents: np.ndarray


class TaggerInference:
    """Reads one message at a time.

    Args:
        config: a :class:`~zoo.dialogue.tagging.tagger_bilstm.TaggerConfig`.
        weights: arrays by variable path.

    Attributes:
        chain: the CRF's scores, in which no inside tag is without its entity; ``None`` without
            labels.
    """

    def __init__(self, config: Any, weights: Mapping[str, np.ndarray]) -> None:
        self._config = config
        self._reader = WordReader(config, weights)
        self._weights = {
            path: np.asarray(weights[path], np.float32)
            for path in config.shapes().keys() - config.word_shapes().keys()
        }
        self.chain: Chain | None = None
        if config.labels:
            transitions, start = bio_constraints(config.labels)
            scores = (self._weights[f"chain/{name}"] for name in ("transitions", "start", "end"))
            learnt, first, last = (array.astype(np.float64) for array in scores)
            self.chain = Chain(
                np.where(transitions < 0, transitions, learnt),
                np.where(start < 0, start, first),
                last,
            )

    def read(self, ids: WordIds) -> TaggerOutput:
        """Read a message."""
        x = self._reader.read(ids.words, ids.known, ids.characters)
        logits = np.zeros(0, np.float32)
        emissions: Any = np.zeros((len(x), 0), np.float32)
        if self._config.intents:
            pooled = pool_message(x)
            if self._config.intent_units:
                pooled = np.maximum(self._dense("message", pooled), 0.0)
            logits = self._dense("intents", pooled)
        if self._config.labels:
            emissions = self._dense("emissions", x)
            if len(logits):
                emissions = emissions + softmax(logits) @ self._weights["intent_emissions/kernel"]
        return TaggerOutput(emissions, logits)

    def _dense(self, name: str, x: np.ndarray) -> np.ndarray:
        found: np.ndarray = x @ self._weights[f"{name}/kernel"] + self._weights[f"{name}/bias"]
        return found


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits over the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    found: np.ndarray = raised / raised.sum(axis=-1, keepdims=True)
    return found
