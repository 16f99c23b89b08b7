"""Words of a turn as candidates that are wrong, so that a tracker can tell values from other words.

A tracker that copies values scores all words of a message. In training it sees a few of them beside
the values of the ontology, under which alone it would believe every word that matches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from zoo.dialogue.datasets import DialogueTurn
from zoo.dialogue.tracking.ontology import DONT_CARE, MAX_COPIED, VALUE, Ontology, spans
from zoo.dialogue.tracking.processor import TrackedWords
from zoo.dialogue.words import WordIds

_WORDS, _SLOTS, _KINDS, _HELD = 10, 11, 12, 13  # inputs of the network
_SIDES = ((3, 4), (8, 9))  # match and covered of both texts


class Distractors:
    """Adds wrong candidates to the arrays of turns.

    Args:
        processor: vocabulary and ontology.
        count: candidates of each slot and turn.
    """

    def __init__(self, processor: TrackedWords, count: int) -> None:
        self._processor, self._count = processor, count
        self._slots = tuple(processor.ontology.slots)
        self._values = {
            slot: {value.casefold() for value in values}
            for slot, values in processor.ontology.slots.items()
        }

    @property
    def places(self) -> dict[str, slice]:
        """Where the added candidates of each slot are."""
        first = len(self._processor.ontology.candidates)
        return {
            slot: slice(first + number * self._count, first + (number + 1) * self._count)
            for number, slot in enumerate(self._slots)
        }

    def __call__(
        self,
        arrays: Sequence[np.ndarray],
        turns: Sequence[DialogueTurn],
        heard: Sequence[tuple[WordIds, WordIds]],
        wanted: np.ndarray,
        rng: np.random.Generator,
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """Arrays of turns with more candidates at their end.

        A value of a turn that the ontology has not is the first of them, and right.

        Args:
            arrays: of :func:`~zoo.dialogue.tracking.arrays.encoded_arrays`.
            turns: the turns.
            heard: what the user and the system said, as ids.
            wanted: ``(turns, candidates)``, see
                :func:`~zoo.dialogue.tracking.training.examples.targets`.
            rng: chooses the words.

        Returns:
            The arrays, and what is wanted of all candidates.
        """
        added = self._count * len(self._slots)
        grown = [
            np.concatenate([one, np.zeros(_added_shape(number, one, added), one.dtype)], axis=axis)
            if (axis := _AXES.get(number)) is not None
            else one
            for number, one in enumerate(arrays)
        ]
        narrow = max(0, MAX_COPIED - grown[_WORDS].shape[2])
        grown[_WORDS] = np.pad(grown[_WORDS], ((0, 0), (0, 0), (0, narrow)))
        first = grown[_KINDS].shape[1] - added
        wanted = np.pad(wanted, ((0, 0), (0, added)))
        for row, (turn, ids) in enumerate(zip(turns, heard, strict=True)):
            chosen = self._chosen(turn, rng)
            if not chosen:
                continue
            local = replace(self._processor, ontology=Ontology(chosen))
            kinds = local.candidates.kinds
            kept = np.flatnonzero(kinds == VALUE)
            begins = [first + self._slots.index(slot) * self._count for slot in chosen]
            places = np.concatenate(
                [b + np.arange(len(v)) for b, v in zip(begins, chosen.values(), strict=True)]
            )
            for slot, begin in zip(chosen, begins, strict=True):
                if turn.said.get(slot) == chosen[slot][0]:
                    wanted[row, self._processor.ontology.groups[slot].start] = 0.0
                    wanted[row, begin] = 1.0
            words = local.candidates.words[kept]
            grown[_WORDS][row, places, : words.shape[1]] = words
            slots = local.candidates.slots[kept]
            grown[_SLOTS][row, places, : slots.shape[1]] = slots
            grown[_KINDS][row, places] = VALUE
            for (match, covered), one in zip(_SIDES, ids, strict=True):
                alike, share = local.matches(one)
                grown[match][row, : len(alike), places] = alike[:, kept].T
                grown[covered][row, places] = share[kept]
        return grown, wanted

    def _chosen(self, turn: DialogueTurn, rng: np.random.Generator) -> dict[str, tuple[str, ...]]:
        found = dict.fromkeys(words for text in (turn.user, turn.system) for words in spans(text))
        chosen = {}
        for slot in self._slots:
            values = self._values[slot]
            said = turn.said.get(slot, DONT_CARE)
            right = () if said == DONT_CARE or said.casefold() in values else (said,)
            wrong = [w for w in found if w.casefold() not in values and w not in right]
            order = rng.permutation(len(wrong))[: self._count - len(right)]
            if right or wrong:
                chosen[slot] = (*right, *(wrong[number] for number in order))
        return chosen


# The axis of the candidates in each input that has one.
_AXES = {3: 2, 4: 1, 8: 2, 9: 1, _WORDS: 1, _SLOTS: 1, _KINDS: 1, _HELD: 1}


def _added_shape(number: int, array: np.ndarray, added: int) -> tuple[int, ...]:
    shape = list(array.shape)
    shape[_AXES[number]] = added
    return tuple(shape)
