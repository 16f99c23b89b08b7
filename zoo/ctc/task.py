"""What tasks around a network trained with CTC share: outputs of the network, search, labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from zoo.contracts import ConfigWithShapes, CTCInference, ProcessorWithVocabulary
from zoo.ctc.alphabet import Alphabet
from zoo.ctc.search import SearchFactory
from zoo.ctc.subsampling import SUBSAMPLING, output_frames
from zoo.errors import UsageError, ZooError
from zoo.folder.bundle import Bundle
from zoo.memory import activation_bytes, check_memory, memory_limit
from zoo.network import PLAIN
from zoo.task import Task, batches_by_length

if TYPE_CHECKING:
    from zoo.inspection.subject import InspectedInput

BATCH = 16
_BATCH_FRAMES = 32_768  # frames of a batch, padding included


class AlphabetProcessor(ProcessorWithVocabulary, Protocol):
    """The processor of a recogniser: its vocabulary is the alphabet's."""

    @property
    def alphabet(self) -> Alphabet:
        """The labels."""


class CTCRecogniser(Task):
    """A task whose network gives label probabilities for a sequence of features.

    Its network takes ``[features (batch, frames, width), mask (batch, frames)]``.

    Attributes:
        searches: makes the search for a call's arguments.
    """

    processor: AlphabetProcessor

    def __init__(self, bundle: Bundle, network: Any = None, *, dtype: str = PLAIN) -> None:
        super().__init__(bundle, network, dtype=dtype)
        self.searches = SearchFactory(self.processor.vocabulary, self.decoder, self.files)

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

    def asked_of(self, subject: InspectedInput) -> int:
        """The output nearest to the input's own that is no blank, if there is one; see
        :meth:`zoo.task.Task.asked_of`."""
        (log_probs,) = self.outputs([subject.arrays[0][0]])
        (read,) = np.nonzero(log_probs.argmax(axis=-1) != self.processor.alphabet.blank)
        return int(read[np.abs(read - subject.asked).argmin()]) if len(read) else subject.asked

    def outputs(self, features: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Natural log-probabilities of the labels for inputs of any lengths.

        Args:
            features: ``(frames, width)`` float32 each.

        Returns:
            ``(outputs, labels)`` float32 for each, an output for every fourth frame.

        Raises:
            ZooError: they or their outputs would take too much memory.
        """
        inference: CTCInference = self.inference
        total, labels = sum(map(len, features)), len(self.processor.vocabulary)
        check_memory(
            4 * labels * -(-total // SUBSAMPLING), f"the outputs of {total:,} frames by {labels:,}"
        )
        outputs: dict[int, np.ndarray] = {}
        for group in batches_by_length(
            [len(array) for array in features], BATCH, self._batch_frames(features)
        ):
            results = self._batch(inference, [features[number] for number in group])
            outputs.update(zip(group, results, strict=True))
        return [outputs[number] for number in range(len(features))]

    def _batch_frames(self, features: Sequence[np.ndarray]) -> int:
        """How many frames fit into a batch, padding included."""
        if not features or not isinstance(self.config, ConfigWithShapes):
            return _BATCH_FRAMES
        shapes, width = self.config.shapes().values(), features[0].shape[1]
        longest = max(map(len, features))
        check_memory(
            activation_bytes(shapes, [(1, longest, width)]), f"the network for {longest:,} frames"
        )
        whole = activation_bytes(shapes, [(1, _BATCH_FRAMES, width)])
        return min(_BATCH_FRAMES, _BATCH_FRAMES * memory_limit() // max(1, whole))

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

    def keras_inference(self, network: Any) -> CTCInference:
        """The network on whole inputs."""
        from zoo.inference.keras_ctc import KerasCTC

        return KerasCTC(network)

    def _batch(self, inference: CTCInference, features: Sequence[np.ndarray]) -> list[np.ndarray]:
        frames = np.asarray([len(array) for array in features], np.int32)
        if not frames.max():
            empty = np.zeros((0, len(self.processor.vocabulary)), np.float32)
            return [empty] * len(features)
        padded = np.zeros((len(features), frames.max(), features[0].shape[1]), np.float32)
        for row, array in enumerate(features):
            padded[row, : len(array)] = array
        log_probs = inference.log_probs(padded, frames)
        lengths = output_frames(frames).tolist()
        if log_probs.shape[1] < max(lengths):
            raise ZooError(
                f"{self.architecture.name} gives {log_probs.shape[1]} outputs for {frames.max()} "
                f"frames; a recogniser gives one for every {SUBSAMPLING}"
            )
        return [log_probs[row, :length] for row, length in enumerate(lengths)]


def tidy(text: str) -> str:
    """A text without the spaces that CTC writes around and beside each other."""
    return " ".join(part for part in text.split(" ") if part)
