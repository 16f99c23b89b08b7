"""A character network of the zoo as a language model for the beam search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.errors import UsageError
from zoo.inference.stack import RecurrentStack
from zoo.language_models.fusion import LanguageModel, by_label, label_ids


class RecurrentCharacters:
    """A character network of the zoo as a language model, stepped in NumPy.

    Args:
        stack: the network's weights.
        characters: the character of each of its ids.

    Raises:
        UsageError: there are more or fewer characters than ids.
    """

    def __init__(self, stack: RecurrentStack, characters: Sequence[str]) -> None:
        if len(stack.embedding) != len(characters):
            raise UsageError(f"{len(characters)} characters for {len(stack.embedding)} ids")
        self.stack, self.characters = stack, tuple(characters)

    @classmethod
    def of_task(cls, task: Any) -> RecurrentCharacters:
        """The language model of a text generation task, as ``zoo.load_model`` gives it.

        Raises:
            UsageError: it is another kind of task.
        """
        from zoo.text.char_lstm import recurrent_stack
        from zoo.text.generation import TextGeneration

        if not isinstance(task, TextGeneration):
            raise UsageError(f"a language model must be a text generation model, not {task!r}")
        return cls(recurrent_stack(task.network, task.config), task.processor.vocabulary)

    def bind(
        self, alphabet: Sequence[str], characters: Mapping[str, str] | None = None
    ) -> LanguageModel:
        """The model over a recogniser's labels.

        A label is read as the character that ``characters`` names for it, else as itself; where the
        network does not know that, as the same letter in the other case, and the space as a line
        break. Any other label is unknown: the network does not read it. A text begins and ends
        at a line break, where the network knows one; else it begins at a space and may end
        anywhere.

        Args:
            alphabet: text of each label by index; ``""`` for the blank.
            characters: the network's character for a label's text.

        Raises:
            UsageError: the alphabet is empty or not of texts.
        """
        ids = label_ids(alphabet, self.characters, characters, loose=True)
        return _BoundRecurrent(self.stack, self.characters, ids)


class _BoundRecurrent:
    """A state is the arrays ``(units,)`` of each layer and ``(vocabulary,)`` log-probabilities."""

    def __init__(self, stack: RecurrentStack, characters: tuple[str, ...], ids: np.ndarray) -> None:
        self.labels = len(ids)
        self._stack, self._ids = stack, ids
        self._table = stack.embedding @ stack.layers[0][0]  # the first layer's part of the input
        known = {character: number for number, character in enumerate(characters)}
        self._first = known.get("\n", known.get(" ", 0))
        self._end = known.get("\n")

    def start(self) -> tuple[Any, np.ndarray]:
        copies = 2 if self._stack.cell == "lstm" else 1
        zeros = [np.zeros((1, u), np.float32) for u in self._stack.units for _ in range(copies)]
        arrays, log_probs = self._step(zeros, np.array([self._first]))
        state = (*(array[0] for array in arrays), log_probs[0])
        return state, by_label(log_probs[0], self._ids)

    def advance(self, states: Sequence[Any], labels: np.ndarray) -> tuple[list[Any], np.ndarray]:
        ids = self._ids[labels]
        after = list(states)
        read = np.flatnonzero(ids >= 0)
        if len(read):
            before = [
                np.stack(part)
                for part in zip(*(states[i][:-1] for i in read.tolist()), strict=True)
            ]
            arrays, log_probs = self._step(before, ids[read])
            for row, i in enumerate(read.tolist()):
                after[i] = (*(array[row] for array in arrays), log_probs[row])
        return after, np.stack([by_label(state[-1], self._ids) for state in after])

    def finish(self, states: Sequence[Any]) -> np.ndarray:
        if self._end is None:
            return np.zeros(len(states))
        return np.array([state[-1][self._end] for state in states], np.float64)

    def _step(
        self, arrays: Sequence[np.ndarray], ids: np.ndarray
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """Read one id a row: new arrays ``(rows, units)`` and ``(rows, vocabulary)`` log-probs.

        The cells are those of Keras: LSTM gates i, f, c, o; GRU gates z, r, h with ``reset_after``.
        """
        inputs, after = self._table[ids], []
        arrays = list(arrays)
        for number, (kernel, recurrent, bias) in enumerate(self._stack.layers):
            if number:
                inputs = inputs @ kernel
            h = arrays.pop(0)
            if self._stack.cell == "lstm":
                i, f, c, o = np.split(inputs + h @ recurrent + bias, 4, axis=1)
                memory = _sigmoid(f) * arrays.pop(0) + _sigmoid(i) * np.tanh(c)
                h = _sigmoid(o) * np.tanh(memory)
                after += [h, memory]
            elif self._stack.cell == "gru":
                zx, rx, hx = np.split(inputs + bias[0], 3, axis=1)
                zh, rh, hh = np.split(h @ recurrent + bias[1], 3, axis=1)
                update = _sigmoid(zx + zh)
                h = update * h + (1 - update) * np.tanh(hx + _sigmoid(rx + rh) * hh)
                after.append(h)
            else:
                h = np.tanh(inputs + h @ recurrent + bias)
                after.append(h)
            inputs = h
        logits = inputs @ self._stack.output_kernel + self._stack.output_bias
        logits = logits - logits.max(axis=1, keepdims=True)
        return after, logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    # tanh does not overflow, as exp does.
    return 0.5 + 0.5 * np.tanh(0.5 * x)
