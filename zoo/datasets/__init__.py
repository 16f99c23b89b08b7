"""The corpora that the recipes read, as tensorflow-datasets builders.

Each builder pins its public files by URL and sha256 and names its licence and published
split. ``ZOO_DATA_MIRROR`` names a folder that is asked before the network: a file lies there at its
URL with ``https://`` taken off.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from zoo.errors import DataError, UsageError, did_you_mean

if TYPE_CHECKING:
    from zoo.handwriting.ink_files import Ink
    from zoo.handwriting.processor import Line
    from zoo.speech.datasets.builders import Utterances
    from zoo.translation.datasets import Sentence

_BUILDERS = {
    "an4": "zoo.speech.datasets.builders:an4",
    "copiste": "zoo.handwriting.datasets.builders:copiste",
    "english": "zoo.speech.datasets.english:english",
    "hooker": "zoo.handwriting.datasets.builders:hooker",
    "karpathy_shakespeare": "zoo.text.datasets:KarpathyShakespeare",
    "librispeech": "zoo.speech.datasets.builders:librispeech",
    "librispeech_text": "zoo.speech.datasets.english:LibrispeechText",
    "multi30k": "zoo.translation.datasets:Multi30k",
    "poilus": "zoo.handwriting.datasets.builders:poilus",
    "tatoeba": "zoo.translation.datasets:Tatoeba",
    "unipen_characters": "zoo.handwriting.datasets.builders:unipen_characters",
    "unipen_texts": "zoo.handwriting.datasets.builders:unipen_texts",
    "unipen_words": "zoo.handwriting.datasets.builders:unipen_words",
    "war_and_peace": "zoo.text.datasets:WarAndPeace",
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

    with _prepared(name) as made:
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

    with _prepared(name) as made:
        batches = tfds.as_numpy(made.as_dataset(split="train", shuffle_files=False).batch(4096))
        return [text.decode("utf-8") for batch in batches for text in batch["text"]]


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

    with _prepared(name) as made:
        return {
            split: Utterances(made.as_data_source(split=own)) for split, own in SPLITS[name].items()
        }


def load_lines(name: str) -> dict[str, Sequence[Line]]:
    """A corpus of handwritten lines, read from the disk a line at a time.

    Returns:
        ``{"train": ..., "validation": ..., "test": ...}``.

    Raises:
        DataError: the corpus is not there and cannot be fetched, or its files are damaged.
        UsageError: there is no corpus of that name.
    """
    from zoo.handwriting.datasets.builders import PreparedLines

    with _prepared(name) as made:
        return {split: PreparedLines(made, split) for split in made.info.splits}


def load_ink(name: str) -> dict[str, Sequence[Ink]]:
    """A corpus of pen strokes, read from the disk a piece at a time.

    Returns:
        ``{"train": ..., "validation": ..., "test": ...}``.

    Raises:
        DataError: the corpus is not there and cannot be fetched, or its files are damaged.
        UsageError: there is no corpus of that name.
    """
    from zoo.handwriting.datasets.builders import PreparedInks

    with _prepared(name) as made:
        return {split: PreparedInks(made, split) for split in made.info.splits}


def load_translations(name: str, split: str) -> list[Sentence]:
    """A corpus of translations: the sentences of a split.

    Args:
        name: of the corpus.
        split: ``"train"``, ``"validation"`` or a test set's name.

    Raises:
        DataError: the corpus is not there and cannot be fetched, or its files are damaged.
        UsageError: there is no corpus or no split of that name.
    """
    from zoo.translation.datasets import Sentence

    with _prepared(name) as made:
        if split not in made.info.splits:
            known = ", ".join(made.info.splits)
            raise UsageError(f"{name} has no split {split!r}; there are {known}")
        found = []
        # In batches: row by row tensorflow-datasets takes a minute for a large corpus.
        for batch in made.as_dataset(split=split).ragged_batch(4096):
            columns = [batch[code].to_list() for code in made.LANGUAGES]
            for english, *others in zip(batch["en"].numpy().tolist(), *columns, strict=True):
                named = zip(made.LANGUAGES, others, strict=True)
                translations = {
                    code: tuple(text.decode() for text in texts) for code, texts in named if texts
                }
                found.append(Sentence(english.decode(), translations))
        return found


@contextlib.contextmanager
def _prepared(name: str) -> Iterator[Any]:
    """The builder of a corpus that is ready to be read; what goes wrong is a ``DataError``."""
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
