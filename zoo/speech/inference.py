"""The networks of :mod:`zoo.speech.networks` in NumPy and machine code, for use without a graph.

At batch 1 TensorFlow spends most of its time between the steps of a recurrent layer; here a layer
is one call. The two directions of a layer run on two threads.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.contracts import State
from zoo.inference.recurrent import NativeRecurrent, layer_normalisation, strided_convolution
from zoo.inference.stack import log_softmax

_CONTEXT = 2  # frames to the left that a causal convolution of width 3 sees


class NativeCTC:
    """``ctc_bilstm``: a :class:`~zoo.contracts.CTCInference`.

    Args:
        config: a :class:`zoo.speech.networks.CTCBiLSTMConfig`.
        weights: arrays by variable path, as a model folder has them.
    """

    causal = False

    def __init__(self, config: Any, weights: Mapping[str, np.ndarray]) -> None:
        self.config = config
        self._weights = {path: np.asarray(array, np.float32) for path, array in weights.items()}
        self._layers = [self._directions(n) for n in range(1, config.layers + 1)]

    def _directions(self, number: int) -> list[NativeRecurrent]:
        prefixes = ("forward_", "backward_") if not self.causal else ("",)
        made = []
        for prefix in prefixes:
            inner = f"{prefix}recurrent_{number}/" if prefix else ""
            path = f"recurrent_{number}/{inner}{self.config.cell}_cell"
            kernel, recurrent, bias = (
                self._weights[f"{path}/{name}"] for name in ("kernel", "recurrent_kernel", "bias")
            )
            backwards = prefix == "backward_"
            made.append(NativeRecurrent(self.config.cell, kernel, recurrent, bias, backwards))
        return made

    def log_probs(self, features: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """Log-probabilities of the labels.

        Args:
            features: ``(batch, frames, bins)`` float32, padded.
            frames: ``(batch,)`` how many count.

        Returns:
            ``(batch, ceil(frames / 4), labels)`` float32; those of padding mean nothing.
        """
        lengths = np.asarray(frames, np.int64)
        x = _zero_padding(features.astype(np.float32), lengths)[..., None]
        before = _CONTEXT if self.causal else 1
        for number in (1, 2):
            padding = ((0, 0), (before, 0 if self.causal else 1), (1, 1), (0, 0))
            x = self._convolve(number, np.pad(x, padding))
            lengths = -(-lengths // 2)
            x = _zero_padding(x, lengths)
        x = x.reshape(*x.shape[:2], -1)
        for number, directions in enumerate(self._layers, 1):
            x = self._normalise(number, _run_all(directions, x, lengths))
        return self._labels(self._with_context(x, lengths))

    def _convolve(self, number: int, x: np.ndarray) -> np.ndarray:
        kernel, bias = (self._weights[f"convolution_{number}/{n}"] for n in ("kernel", "bias"))
        return strided_convolution(x, kernel, bias, (2, 2))

    def _normalise(self, number: int, x: np.ndarray) -> np.ndarray:
        gamma, beta = (self._weights[f"normalisation_{number}/{n}"] for n in ("gamma", "beta"))
        return layer_normalisation(x, gamma, beta)

    def _with_context(self, x: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """What the labels are read from."""
        return x

    def _labels(self, x: np.ndarray) -> np.ndarray:
        return log_softmax(x @ self._weights["logits/kernel"] + self._weights["logits/bias"])


class StreamingNativeCTC(NativeCTC):
    """``ctc_lstm``: a :class:`~zoo.contracts.StreamingCTCInference`.

    Args:
        config: a :class:`zoo.speech.networks.CTCLSTMConfig`.
        weights: arrays by variable path, as a model folder has them.
    """

    causal = True

    def __init__(self, config: Any, weights: Mapping[str, np.ndarray]) -> None:
        super().__init__(config, weights)
        self.look_ahead: int = config.look_ahead

    def start(self) -> State:
        """The state of a stream at its beginning."""
        bins, channels = self.config.bins, self.config.channels
        contexts = (
            np.zeros((1, _CONTEXT, bins, 1), np.float32),
            np.zeros((1, _CONTEXT, (bins + 1) // 2, channels), np.float32),
        )
        states = tuple(layer.zeros() for (layer,) in self._layers)
        return (*contexts, states, np.zeros((1, self.look_ahead, self.config.units), np.float32))

    def step(self, frames: np.ndarray, real: float, state: State) -> tuple[np.ndarray, State]:
        """Advance a stream by four frames.

        A step gives the output that lies ``look_ahead`` steps back; so the first ``look_ahead``
        outputs of a stream are to be thrown away, and as many steps with ``real`` 0 bring the
        last ones.

        Args:
            frames: ``(4, bins)`` float32.
            real: 1 before the end of the utterance, 0 after it.
            state: it is not changed.

        Returns:
            ``(1, labels)`` log-probabilities, ``look_ahead`` outputs back, and the state.
        """
        first, second, states, ahead = state
        x = np.concatenate([first, frames[None, :, :, None]], axis=1)
        first = x[:, -_CONTEXT:]
        x = self._convolve(1, np.pad(x, ((0, 0), (0, 0), (1, 1), (0, 0))))
        x = np.concatenate([second, x], axis=1)
        second = x[:, -_CONTEXT:]
        x = self._convolve(2, np.pad(x, ((0, 0), (0, 0), (1, 1), (0, 0))))
        x = x.reshape(1, 1, -1)
        after = []
        one = np.ones(1, np.int64)
        for number, (layer,) in enumerate(self._layers, 1):
            x, new = layer.run(x, one, states[number - 1])
            x = self._normalise(number, x)
            after.append(new)
        x = np.concatenate([ahead, x * np.float32(real)], axis=1)
        output = self._ahead([x[:, k : k + 1] for k in range(x.shape[1])])
        return self._labels(output)[0], (first, second, tuple(after), x[:, 1:])

    def _with_context(self, x: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        x = _zero_padding(x, lengths)
        padded = np.pad(x, ((0, 0), (0, self.look_ahead), (0, 0)))
        return self._ahead([padded[:, k : k + x.shape[1]] for k in range(self.look_ahead + 1)])

    def _ahead(self, shifted: Sequence[np.ndarray]) -> np.ndarray:
        """The row convolution, given its input from here on shifted by 0, 1 ... outputs."""
        kernel, total = self._weights["ahead/kernel"], self._weights["ahead/bias"]
        for tap, x in zip(kernel[..., 0], shifted, strict=True):
            total = total + tap * x
        return total


def _run_all(directions: Sequence[NativeRecurrent], x: np.ndarray, lengths: np.ndarray) -> Any:
    """The outputs of a layer's directions, side by side."""
    found: list[Any] = [None] * len(directions)

    def run(number: int) -> None:
        layer = directions[number]
        found[number], _ = layer.run(x, lengths, layer.zeros(len(x)))

    helpers = [threading.Thread(target=run, args=(n,)) for n in range(1, len(directions))]
    for helper in helpers:
        helper.start()
    run(0)
    for helper in helpers:
        helper.join()
    return found[0] if len(found) == 1 else np.concatenate(found, axis=-1)


def _zero_padding(x: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Zero the padded positions."""
    if (lengths == x.shape[1]).all():
        return x
    mask = np.arange(x.shape[1]) < lengths[:, None]
    masked: np.ndarray = x * mask.reshape(*mask.shape, *(1,) * (x.ndim - 2))
    return masked
