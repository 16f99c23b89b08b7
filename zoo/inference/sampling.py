"""Sampling from an inference that runs a step at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from zoo.errors import ZooError
from zoo.inference.generator import check_run, uniforms
from zoo.inference.stack import NOT_FINITE_OUTPUTS, Sampling


class SteppedCharacters(ABC):
    """Writes, a step of the network at a time; a :class:`~zoo.contracts.CharacterInference` does.

    Attributes:
        vocabulary_size: number of ids.
    """

    vocabulary_size: int

    @abstractmethod
    def initial_state(self, batch: int) -> list[np.ndarray]:
        """The state before the first character of each text."""

    @abstractmethod
    def _advance(
        self, ids: np.ndarray, state: Sequence[np.ndarray]
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Logits ``(rows, 1, vocabulary)`` and the state after ids ``(rows, 1)``."""

    def generate(
        self,
        state: Sequence[np.ndarray],
        first: np.ndarray,
        length: int,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int | Sequence[int],
        position: int = 0,
    ) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """Sample ids; see :meth:`zoo.inference.Generator.run`."""
        from zoo.inference.loop import choose

        sampling = Sampling(float(temperature), int(top_k), float(top_p))
        size = self.vocabulary_size
        current = check_run(size, self.initial_state, state, first, length, position)
        drawn = uniforms(seed, len(current), position, length)
        ids = np.empty((len(current), length), np.int32)
        log_probs = np.empty((len(current), length), np.float32)
        scratch = np.empty(size, np.float32)
        now = [np.asarray(part, np.float32) for part in state]
        for step in range(length):
            logits, now = self._advance(current[:, None], now)
            for row, uniform in enumerate(drawn[step]):
                ids[row, step], log_probs[row, step] = choose(
                    np.ascontiguousarray(logits[row, 0]),
                    uniform,
                    sampling.temperature,
                    sampling.top_k,
                    sampling.top_p,
                    scratch,
                )
                if ids[row, step] < 0:
                    raise ZooError(NOT_FINITE_OUTPUTS)
            current = ids[:, step]
        return ids, log_probs, now
