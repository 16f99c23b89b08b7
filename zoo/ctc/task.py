"""What tasks around a network trained with CTC share: outputs of the network, search, labels."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.ctc.network_parts import output_frames
from zoo.ctc.search import SearchFactory
from zoo.errors import UsageError
from zoo.folder.bundle import Bundle
from zoo.task import Task, batches_by_length

BATCH = 16
_BATCH_FRAMES = 32_768  # frames of a batch, padding included


class CTCRecogniser(Task):
    """A task whose network gives label probabilities for a sequence of features.

    Its processor has an ``alphabet`` and the ``vocabulary`` of it; its network takes ``[features
    (batch, frames, width), mask (batch, frames)]``.

    Attributes:
        searches: makes the search for a call's arguments.
    """

    def __init__(self, bundle: Bundle, network: Any) -> None:
        super().__init__(bundle, network)
        self.searches = SearchFactory(self.processor.vocabulary, self.decoder, self.files)
        self._run: Any = None
        self._lock = threading.Lock()

    def set_search(self, settings: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
        """Change the decoder's settings and files, such as the model's own language model.

        Args:
            settings: values of :class:`zoo.ctc.search.SearchSettings`.
            files: by name.

        Raises:
            FolderError: a setting is unknown or out of range.
        """
        self.searches = SearchFactory(self.processor.vocabulary, settings, files)
        self.decoder, self.files = dict(settings), dict(files)

    def outputs(self, features: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Natural log-probabilities of the labels for inputs of any lengths.

        Args:
            features: ``(frames, width)`` float32 each.

        Returns:
            ``(outputs, labels)`` float32 for each, an output for every fourth frame.
        """
        found: dict[int, np.ndarray] = {}
        for group in batches_by_length([len(one) for one in features], BATCH, _BATCH_FRAMES):
            results = self._batch([features[number] for number in group])
            found.update(zip(group, results, strict=True))
        return [found[number] for number in range(len(features))]

    def labels_of(self, text: Any) -> list[int]:
        """Labels of a text.

        Raises:
            UsageError: it is no text.
            DataError: it has characters that the model does not know.
        """
        if not isinstance(text, str):
            raise UsageError(f"the text must be text, not {type(text).__name__}")
        labels: list[int] = self.processor.alphabet.encode(text, "the text").tolist()
        return labels

    def _batch(self, features: Sequence[np.ndarray]) -> list[np.ndarray]:
        frames = np.asarray([len(one) for one in features], np.int32)
        if not frames.max():
            empty = np.zeros((0, len(self.processor.vocabulary)), np.float32)
            return [empty] * len(features)
        padded = np.zeros((len(features), frames.max(), features[0].shape[1]), np.float32)
        for row, one in enumerate(features):
            padded[row, : len(one)] = one
        found = self._log_probs(padded, frames)
        lengths = output_frames(frames).tolist()
        return [found[row, :length] for row, length in enumerate(lengths)]

    def _log_probs(self, padded: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """Run the network on ``(batch, frames, width)``, of which the first ``frames`` are real."""
        outputs: np.ndarray = self._compiled(padded.shape[2])(padded, frames).numpy()
        return outputs

    def _compiled(self, width: int) -> Any:
        """The network as one graph for all lengths, compiled once."""
        with self._lock:
            if self._run is None:
                import tensorflow as tf

                @tf.function(
                    input_signature=[
                        tf.TensorSpec((None, None, width), tf.float32),
                        tf.TensorSpec((None,), tf.int32),
                    ]
                )
                def run(features: Any, frames: Any) -> Any:
                    mask = tf.sequence_mask(frames, tf.shape(features)[1])
                    logits = self.network([features, mask], training=False)
                    return tf.nn.log_softmax(tf.cast(logits, tf.float32))

                self._run = run
            return self._run


def tidy(text: str) -> str:
    """A text without the spaces that CTC writes around and beside each other."""
    return " ".join(part for part in text.split(" ") if part)
