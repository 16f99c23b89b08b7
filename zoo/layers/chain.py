"""The variables of a linear-chain conditional random field, as a layer of a network."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="zoo")
class ChainScores(keras.layers.Layer):
    """Holds the scores of transitions, first and last tags; its output is its input.

    The loss of training reads the variables; a decoder gets them with the weights.

    Args:
        tags: number of tags.
        **kwargs: of every Keras layer.
    """

    def __init__(self, tags: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tags = tags
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Make the variables ``transitions``, ``start`` and ``end``, all zeros."""
        self.transitions = self.add_weight(
            shape=(self.tags, self.tags), initializer="zeros", name="transitions"
        )
        self.start = self.add_weight(shape=(self.tags,), initializer="zeros", name="start")
        self.end = self.add_weight(shape=(self.tags,), initializer="zeros", name="end")

    def call(self, emissions: Any) -> Any:
        """The emissions ``(batch, steps, tags)`` as they are."""
        return emissions

    def get_config(self) -> dict[str, Any]:
        """See ``keras.layers.Layer``."""
        return {**super().get_config(), "tags": self.tags}
