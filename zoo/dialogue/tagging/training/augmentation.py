"""Messages with other values in their entities: another artist, another date."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.dialogue.tagging.training.examples import TaggedExample
from zoo.dialogue.words import WordIds

_Part = tuple[np.ndarray, np.ndarray, np.ndarray]


class ValueSwap:
    """Puts other values of the same label, from elsewhere in the training data, into entities.

    So that a network learns an entity by what stands around it, not by heart. All different values
    of a label are equally likely, however often they stand in the data.

    Args:
        examples: the training messages; entities of which a token may have more than one label
            stay as they are.
        share: of the entities that get another value.
    """

    def __init__(self, examples: Sequence[TaggedExample], share: float) -> None:
        self._share = share
        bank: dict[int, dict[bytes, _Part]] = {}
        for example in examples:
            ids = example.ids
            for tag, begin, end in entities(example.allowed):
                part = ids.words[begin:end], ids.known[begin:end], ids.characters[begin:end]
                bank.setdefault(tag, {})[part[2].tobytes()] = part
        self._bank = {tag: list(parts.values()) for tag, parts in bank.items()}

    def __call__(
        self, example: TaggedExample, rng: np.random.Generator
    ) -> tuple[WordIds, np.ndarray]:
        """The ids and the allowed tags of a message with some of its values swapped.

        The tokens of the ids are those of the original and no more to be used.
        """
        ids, allowed = example.ids, example.allowed
        spans = [span for span in entities(allowed) if rng.random() < self._share]
        if not spans:
            return ids, allowed
        parts: list[_Part] = []
        tags: list[np.ndarray] = []
        place = 0
        for tag, begin, end in [*spans, (0, len(allowed), len(allowed))]:
            parts.append(
                (ids.words[place:begin], ids.known[place:begin], ids.characters[place:begin])
            )
            tags.append(allowed[place:begin])
            if begin < end:
                values = self._bank[tag]
                part = values[int(rng.integers(len(values)))]
                rows = np.zeros((len(part[0]), allowed.shape[1]), bool)
                rows[0, tag] = True
                rows[1:, tag + 1] = True
                parts.append(part)
                tags.append(rows)
            place = end
        words, known, characters = (np.concatenate(column) for column in zip(*parts, strict=True))
        return WordIds(ids.tokens, words, known, characters), np.concatenate(tags)


def entities(allowed: np.ndarray) -> list[tuple[int, int, int]]:
    """The entities of a message whose label is certain.

    Args:
        allowed: ``(tokens, tags)`` bool.

    Returns:
        The number of the beginning tag, the first token and the token after the last.
    """
    certain = allowed.sum(axis=1) == 1
    numbers = np.where(certain, allowed.argmax(axis=1), 0) if allowed.shape[1] else certain * 0
    found: list[tuple[int, int, int]] = []
    place = 0
    while place < len(numbers):
        tag, begin = int(numbers[place]), place
        place += 1
        if tag % 2:
            while place < len(numbers) and numbers[place] == tag + 1:
                place += 1
            found.append((tag, begin, place))
    return found
