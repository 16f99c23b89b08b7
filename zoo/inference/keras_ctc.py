"""Any Keras network trained with CTC as an inference, for architectures that bring none."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from zoo.forks import check_not_forked


class KerasCTC:
    """A :class:`~zoo.contracts.CTCInference` that runs on Keras.

    Args:
        network: a functional model from ``[features (batch, frames, width), mask (batch, frames)]``
            to logits ``(batch, outputs, labels)``. It must not be changed afterwards.
    """

    def __init__(self, network: keras.Model) -> None:
        self._network = network
        self._run: Any = self._outputs
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            width = network.inputs[0].shape[-1]
            self._run = tf.function(
                self._outputs,
                input_signature=[
                    tf.TensorSpec((None, None, width), tf.float32),
                    tf.TensorSpec((None, None), tf.bool),
                ],
                autograph=False,
            )

    def log_probs(self, features: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """Log-probabilities of the labels; see :meth:`zoo.contracts.CTCInference.log_probs`."""
        check_not_forked()
        mask = np.arange(features.shape[1]) < np.asarray(frames)[:, None]
        found = self._run(
            keras.ops.convert_to_tensor(features, "float32"),
            keras.ops.convert_to_tensor(mask, "bool"),
        )
        return np.asarray(keras.ops.convert_to_numpy(found), np.float32)

    def _outputs(self, features: Any, mask: Any) -> Any:
        logits = self._network([features, mask], training=False)
        return keras.ops.log_softmax(keras.ops.cast(logits, "float32"))
