"""What the builders of corpora of messages share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import tensorflow_datasets as tfds


class MessageCorpus(  # type: ignore[call-arg]
    tfds.core.GeneratorBasedBuilder, skip_registration=True
):
    """A corpus with one example for each message, in the order in which they are read.

    A subclass sets ``SUMMARY``, ``HOMEPAGE``, ``CITATION``, ``LICENSE`` and has the methods that
    raise here.
    """

    VERSION = tfds.core.Version("1.0.0")
    SUMMARY: str
    HOMEPAGE: str
    CITATION: str
    LICENSE: str

    def read_splits(self, downloads: Any) -> dict[str, list[Any]]:
        """The messages of each split."""
        raise NotImplementedError

    def features(self) -> dict[str, Any]:
        """What an example has, as TFDS features by name."""
        raise NotImplementedError

    def example(self, message: Any) -> dict[str, Any]:
        """The values of :meth:`features` for a message."""
        raise NotImplementedError

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.SUMMARY,
            features=tfds.features.FeaturesDict(self.features()),
            homepage=self.HOMEPAGE,
            citation=self.CITATION,
            license=self.LICENSE,
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        splits = self.read_splits(dl_manager)
        return {name: self._generate_examples(rows) for name, rows in splits.items()}

    def _generate_examples(self, messages: Iterable[Any]) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, message in enumerate(messages):
            yield number, self.example(message)
