"""The corpora that the recipes read, as tensorflow-datasets builders.

A wing's ``datasets`` folder has the builders of its corpora and how each kind of corpus is read;
here are the names of them all, and the reading of plain text. Each builder pins its public files by
URL and sha256 and names its licence and published split. ``ZOO_DATA_MIRROR`` names a folder that is
asked before the network: a file lies there at its URL with ``https://`` taken off.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from zoo.errors import DataError, UsageError, did_you_mean

_BUILDERS = {
    "an4": "zoo.speech.datasets.builders:an4",
    "broad_twitter": "zoo.dialogue.datasets.tagged:BroadTwitter",
    "clinc": "zoo.dialogue.datasets.tagged:Clinc",
    "copiste": "zoo.handwriting.datasets.builders:copiste",
    "english": "zoo.speech.datasets.english:english",
    "go_emotions": "zoo.dialogue.datasets.moods:GoEmotions",
    "hooker": "zoo.handwriting.datasets.builders:hooker",
    "karpathy_shakespeare": "zoo.text.datasets:KarpathyShakespeare",
    "librispeech": "zoo.speech.datasets.builders:librispeech",
    "librispeech_text": "zoo.speech.datasets.english:LibrispeechText",
    "meld": "zoo.dialogue.datasets.moods:Meld",
    "multi30k": "zoo.translation.datasets.builders:Multi30k",
    "multidogo": "zoo.dialogue.datasets.tagged:Multidogo",
    "poilus": "zoo.handwriting.datasets.builders:poilus",
    "restaurants": "zoo.dialogue.datasets.tagged:Restaurants",
    "snips": "zoo.dialogue.datasets.tagged:Snips",
    "tatoeba": "zoo.translation.datasets.builders:Tatoeba",
    "topical_chat": "zoo.dialogue.datasets.moods:TopicalChat",
    "unipen_characters": "zoo.handwriting.datasets.builders:unipen_characters",
    "unipen_texts": "zoo.handwriting.datasets.builders:unipen_texts",
    "unipen_words": "zoo.handwriting.datasets.builders:unipen_words",
    "war_and_peace": "zoo.text.datasets:WarAndPeace",
    "woz": "zoo.dialogue.datasets.dialogues:Woz",
    "wnut17": "zoo.dialogue.datasets.tagged:Wnut17",
}


def builder(name: str) -> Any:
    """The tensorflow-datasets builder of a corpus.

    Raises:
        UsageError: there is no corpus of that name.
    """
    from zoo.registry import resolve

    if name not in _BUILDERS:
        raise UsageError(f"unknown corpus {name!r}{did_you_mean(name, _BUILDERS)}")
    return resolve(_BUILDERS[name])()


def load_text(name: str) -> dict[str, str]:
    """A corpus of running text: the whole text of each split.

    Returns:
        ``{"train": ..., "validation": ..., "test": ...}``.

    Raises:
        DataError: the corpus is not there and cannot be fetched, or its files are damaged.
        UsageError: there is no corpus of that name.
    """
    import tensorflow_datasets as tfds

    with prepared(name) as made:
        return {
            split: "".join(
                row["text"].decode("utf-8") for row in tfds.as_numpy(made.as_dataset(split=split))
            )
            for split in made.info.splits
        }


def load_texts(name: str) -> list[str]:
    """A corpus of separate texts without splits, such as the transcripts ``librispeech_text``.

    Raises:
        DataError: the corpus is not there and cannot be fetched, or its files are damaged.
        UsageError: there is no corpus of that name.
    """
    import tensorflow_datasets as tfds

    with prepared(name) as made:
        batches = tfds.as_numpy(made.as_dataset(split="train", shuffle_files=False).batch(4096))
        return [text.decode("utf-8") for batch in batches for text in batch["text"]]


@contextlib.contextmanager
def prepared(name: str) -> Iterator[Any]:
    """The builder of a corpus, downloaded and prepared, for a ``with`` block that reads it.

    Raises:
        DataError: the corpus is not there and cannot be fetched, or cannot be read in the block.
        UsageError: there is no corpus of that name.
    """
    import tensorflow_datasets as tfds

    made = builder(name)
    if not sys.stderr.isatty():
        tfds.disable_progress_bar()
    try:
        # TFDS prints what it does; standard output belongs to the results.
        with contextlib.redirect_stdout(sys.stderr):
            made.download_and_prepare()
        yield made
    except (DataError, UsageError):
        raise
    except Exception as error:  # tensorflow-datasets raises many kinds, from many layers
        raise DataError(f"cannot prepare the corpus {name!r}: {error}") from error
