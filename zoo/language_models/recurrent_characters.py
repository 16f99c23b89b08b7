"""A character network of the zoo as a language model for beam search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from zoo.contracts import ProcessorWithVocabulary
from zoo.errors import UsageError
from zoo.language_models.fusion import LanguageModel, by_label, label_ids


class CharacterModel(Protocol):
    """A network over characters, read one id a row at a time.

    A :class:`zoo.contracts.CharacterInference` is one.
    """

    @property
    def vocabulary_size(self) -> int:
        """Number of ids."""

    def initial_state(self, batch: int) -> list[np.ndarray]:
        """The state before anything was read: ``(batch, ...)`` arrays."""

    def step(
        self, state: Sequence[np.ndarray], ids: np.ndarray
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """Read ``(rows,)`` ids: the new state, and log-probabilities ``(rows, vocabulary)``."""


@runtime_checkable
class CharacterTask(Protocol):
    """A task whose network can be the language model of a recogniser, such as text generation."""

    @property
    def processor(self) -> ProcessorWithVocabulary:
        """Its vocabulary is the character of each id."""

    def character_model(self) -> CharacterModel:
        """The network, with the weights that it has now."""


class RecurrentCharacters:
    """A character network of the zoo as a language model.

    Args:
        model: the network.
        characters: the character of each id.

    Raises:
        UsageError: there are more or fewer characters than ids.
    """

    def __init__(self, model: CharacterModel, characters: Sequence[str]) -> None:
        if model.vocabulary_size != len(characters):
            raise UsageError(f"{len(characters)} characters for {model.vocabulary_size} ids")
        self.model, self.characters = model, tuple(characters)

    @classmethod
    def of_task(cls, task: object) -> RecurrentCharacters:
        """The language model of a text generation task, as returned by ``zoo.load_model``.

        Raises:
            UsageError: it is another kind of task.
        """
        if not isinstance(task, CharacterTask):
            raise UsageError(f"a language model must be a text generation model, not {task!r}")
        return cls(task.character_model(), task.processor.vocabulary)

    def bind(
        self, alphabet: Sequence[str], characters: Mapping[str, str] | None = None
    ) -> LanguageModel:
        """The model over a recogniser's labels.

        A label is read as its character in ``characters``, or else as itself. If the network does
        not know that character, the label is read as the same letter in the other case, or, for a
        space, as a line break. Any other label is unknown and the network does not read it. A text
        begins and ends at a line break, if the network knows one; otherwise it begins at a space
        and may end anywhere.

        Args:
            alphabet: text of each label by index; ``""`` for the blank.
            characters: the network's character for a label's text.

        Raises:
            UsageError: the alphabet is empty or not a list of texts.
        """
        ids = label_ids(alphabet, self.characters, characters, loose=True)
        return _BoundRecurrent(self.model, self.characters, ids)


class _BoundRecurrent:
    """A state is a row of each of the network's arrays, and the next id's log-probabilities."""

    def __init__(self, model: CharacterModel, characters: tuple[str, ...], ids: np.ndarray) -> None:
        self.labels = len(ids)
        self._model, self._ids = model, ids
        known = {character: number for number, character in enumerate(characters)}
        self._first = known.get("\n", known.get(" ", 0))
        self._end = known.get("\n")

    def start(self) -> tuple[Any, np.ndarray]:
        arrays, log_probs = self._model.step(self._model.initial_state(1), np.array([self._first]))
        state = (*(array[0] for array in arrays), log_probs[0])
        return state, by_label(log_probs[0], self._ids)

    def advance(self, states: Sequence[Any], labels: np.ndarray) -> tuple[list[Any], np.ndarray]:
        ids = self._ids[labels]
        after = list(states)
        read = np.flatnonzero(ids >= 0)
        if len(read):
            before = [
                np.stack(part)
                for part in zip(*(states[i][:-1] for i in read.tolist()), strict=True)
            ]
            arrays, log_probs = self._model.step(before, ids[read])
            for row, i in enumerate(read.tolist()):
                after[i] = (*(array[row] for array in arrays), log_probs[row])
        return after, np.stack([by_label(state[-1], self._ids) for state in after])

    def finish(self, states: Sequence[Any]) -> np.ndarray:
        if self._end is None:
            return np.zeros(len(states))
        return np.array([state[-1][self._end] for state in states], np.float64)
