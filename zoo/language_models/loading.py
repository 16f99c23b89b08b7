"""Language models for beam search: character n-grams, word n-grams, and the zoo's networks.

A model is trained on texts or loaded, then bound to a recogniser's alphabet, which returns a
:class:`~zoo.language_models.fusion.LanguageModel` over the recogniser's labels::

    ngram = CharacterNgram.train(transcripts, order=6)
    ngram.save("an4.ngram")
    model = ngram.bind(alphabet)  # alphabet[i] is the text of label i, "" that of the blank
    prefix_beam_search(log_probs, blank, language_model=model, lm_weight=0.6)

Labels for which a model has no character score :data:`~zoo.language_models.fusion.UNKNOWN`, so that
they can still be recognised.
"""

from __future__ import annotations

from pathlib import Path

from zoo.errors import DataError, UsageError
from zoo.language_models.character_ngram import CharacterNgram
from zoo.language_models.fusion import UNKNOWN, LanguageModel
from zoo.language_models.ngram import read_ngrams
from zoo.language_models.recurrent_characters import RecurrentCharacters
from zoo.language_models.word_ngram import WordNgram

__all__ = [
    "UNKNOWN",
    "CharacterNgram",
    "LanguageModel",
    "RecurrentCharacters",
    "WordNgram",
    "load_language_model",
]


def load_language_model(source: str | Path | bytes) -> CharacterNgram | WordNgram:
    """Load an n-gram model of either kind from a file or its bytes.

    Raises:
        DataError: the file is missing, damaged or of another kind.
    """
    kind, symbols, ngrams = read_ngrams(source)
    path = "the data" if isinstance(source, bytes) else source
    try:
        if kind == "characters":
            return CharacterNgram(symbols, ngrams)
        if kind == "words":
            return WordNgram(symbols, ngrams)
    except UsageError as error:
        raise DataError(f"{path} is not a valid n-gram file: {error}") from None
    raise DataError(f"{path} is an n-gram file of unknown kind {kind!r}; upgrade the zoo")
