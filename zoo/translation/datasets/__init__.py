"""The corpora of translations: sentences with what they are in other languages."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.datasets import prepared
from zoo.errors import UsageError


@dataclass(frozen=True)
class Sentence:
    """An English sentence and what it is in other languages.

    Args:
        english: the sentence.
        translations: by ISO 639-1 code, one or more of each language there is.
    """

    english: str
    translations: dict[str, tuple[str, ...]]


def load_translations(name: str, split: str) -> list[Sentence]:
    """A corpus of translations: the sentences of a split.

    Args:
        name: of the corpus.
        split: ``"train"``, ``"validation"`` or a test set's name.

    Raises:
        DataError: the corpus is not there and cannot be fetched, or its files are damaged.
        UsageError: there is no corpus or no split of that name.
    """
    with prepared(name) as made:
        if split not in made.info.splits:
            known = ", ".join(made.info.splits)
            raise UsageError(f"{name} has no split {split!r}; there are {known}")
        sentences = []
        # In batches: row by row tensorflow-datasets takes a minute for a large corpus.
        for batch in made.as_dataset(split=split).ragged_batch(4096):
            columns = [batch[code].to_list() for code in made.LANGUAGES]
            for english, *others in zip(batch["en"].numpy().tolist(), *columns, strict=True):
                named = zip(made.LANGUAGES, others, strict=True)
                translations = {
                    code: tuple(text.decode() for text in texts) for code, texts in named if texts
                }
                sentences.append(Sentence(english.decode(), translations))
        return sentences
