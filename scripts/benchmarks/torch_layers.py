"""Layers of PyTorch with the weights of a recogniser, for the benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from side_by_side import recurrent_weights


class TorchLayers:
    """Layers of PyTorch with the weights of a network.

    Args:
        weights: see :func:`side_by_side.weights_of`.
    """

    def __init__(self, weights: Mapping[str, Any]) -> None:
        self._weights = weights

    def tensor(self, path: str) -> Any:
        """A variable."""
        import torch

        return torch.from_numpy(self._weights[path].copy())

    def convolution(self, name: str, strides: Sequence[int], padding: int) -> Any:
        """A convolution of ``(batch, channels, time, rows)`` without its ReLU."""
        import torch

        kernel = self.tensor(f"{name}/kernel").permute(3, 2, 0, 1)
        layer = torch.nn.Conv2d(
            kernel.shape[1], kernel.shape[0], kernel.shape[2:], tuple(strides), padding
        )
        return self._filled(layer, weight=kernel, bias=self.tensor(f"{name}/bias"))

    def normalisation(self, name: str) -> Any:
        """A layer normalisation of the last axes."""
        import torch

        gamma, beta = (self.tensor(f"{name}/{part}") for part in ("gamma", "beta"))
        return self._filled(torch.nn.LayerNorm(gamma.shape, eps=1e-3), weight=gamma, bias=beta)

    def dense(self, name: str) -> Any:
        """A dense layer without activation."""
        import torch

        kernel, bias = self.tensor(f"{name}/kernel").T, self.tensor(f"{name}/bias")
        layer = torch.nn.Linear(kernel.shape[1], kernel.shape[0])
        return self._filled(layer, weight=kernel, bias=bias)

    def recurrent_layers(self, layers: int) -> Callable[[Any], Any]:
        """Bidirectional LSTM layers with normalisation, on ``(batch, time, features)``."""
        import torch

        made = []
        for number in range(1, layers + 1):
            values = {}
            for direction, ending in (("forward", ""), ("backward", "_reverse")):
                arrays = recurrent_weights(self._weights, number, direction)
                kernel, recurrent, bias = (torch.from_numpy(array.copy()) for array in arrays)
                values[f"weight_ih_l0{ending}"] = kernel.T
                values[f"weight_hh_l0{ending}"] = recurrent.T
                values[f"bias_ih_l0{ending}"] = bias
                values[f"bias_hh_l0{ending}"] = torch.zeros_like(bias)
            width, units = len(kernel), len(recurrent)
            lstm = torch.nn.LSTM(width, units, batch_first=True, bidirectional=True)
            norm = self.normalisation(f"normalisation_{number}")
            made.append((self._filled(lstm, **values), norm))

        def run(x: Any) -> Any:
            for lstm, norm in made:
                x = norm(lstm(x)[0])
            return x

        return run

    def _filled(self, layer: Any, **values: Any) -> Any:
        import torch

        with torch.no_grad():
            for name, value in values.items():
                getattr(layer, name).copy_(value)
        return layer.eval()
