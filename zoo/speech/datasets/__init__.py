"""The corpora of speech."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.datasets import prepared

if TYPE_CHECKING:
    from zoo.speech.datasets.builders import Utterances


def load_speech(name: str) -> dict[str, Utterances]:
    """A corpus of speech with transcripts, read from the disk an utterance at a time.

    Returns:
        ``{"train": ..., "validation": ..., "test": ...}``; ``english`` has the test parts
        ``test_clean``, ``test_other`` and ``test_common_voice`` instead.

    Raises:
        DataError: the corpus is not there and cannot be fetched, or its files are damaged.
        UsageError: there is no corpus of that name.
    """
    from zoo.speech.datasets.builders import SPLITS, Utterances

    with prepared(name) as made:
        return {
            split: Utterances(made.as_data_source(split=part))
            for split, part in SPLITS[name].items()
        }
