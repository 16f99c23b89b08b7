"""Character models looked into: the network on a tape, and a text's steps."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.cells import CELLS
from zoo.inspection import operations as op
from zoo.inspection.recurrence import CellWeights, recurrent
from zoo.inspection.subject import InspectedInput, Outputs, Steps
from zoo.inspection.tape import Node, Tape

AXIS = "characters"
_SPEAKER = re.compile(r"^[A-Z][A-Za-z .']*:", re.MULTILINE)


class CharacterNetwork:
    """``char_lstm`` on a tape: a :class:`~zoo.inspection.subject.Network`.

    Args:
        config: a :class:`zoo.text.char_lstm.CharLSTMConfig`.
        weights: arrays by variable path, all in one type.
    """

    window = 1000

    def __init__(self, config: Any, weights: Mapping[str, np.ndarray]) -> None:
        self._config, self._weights = config, weights

    def inputs(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The embedded characters ``(1, characters, embedding)``."""
        return [self._weights["embedding/embeddings"][arrays[0]]]

    def run(
        self, tape: Tape, inputs: Sequence[Node], state: Sequence[Node] | None = None
    ) -> Outputs:
        """Logits ``(batch, characters, vocabulary)`` of the character after each."""
        config, weights = self._config, self._weights
        (x,) = inputs
        copies, after = CELLS[config.cell].states, []
        for number in range(1, config.layers + 1):
            name = f"recurrent_{number}"
            cell = CellWeights.of_layer(weights, name, config.cell)
            before = None if state is None else state[copies * (number - 1) : copies * number]
            x, last = recurrent(tape, name, x, cell, axis=AXIS, state=before)
            after += last
        if not config.tie_weights:
            return Outputs(
                op.dense(tape, x, weights["logits/kernel"], weights["logits/bias"]), after
            )
        if config.units != config.embedding:
            x = op.dense(tape, x, weights["projection/kernel"], weights["projection/bias"])
        return Outputs(op.dense(tape, x, weights["embedding/embeddings"].T), after)


def text_subject(text: str, ids: np.ndarray, vocabulary: Sequence[str]) -> InspectedInput:
    """A text as an input.

    The label of each output is the character that follows.

    Args:
        text: it.
        ids: ``(characters,)``.
        vocabulary: the characters by id.
    """
    steps = Steps(AXIS, np.arange(len(ids), dtype=np.float64), tuple(text))
    targets = np.append(ids[1:], -1)
    return InspectedInput(
        (ids[None],),
        {AXIS: steps},
        AXIS,
        targets=targets,
        labels=vocabulary,
        quantities=text_quantities(text),
        title=" ".join(text.split())[:80],
    )


def text_quantities(text: str) -> dict[str, np.ndarray]:
    """What a unit may follow in a text, for each character.

    ``position in line`` and ``position in word`` count from 0 after a line break and a space;
    ``inside quotes`` is 1 between double quotation marks, ``inside brackets`` between brackets,
    ``speaker's name`` in the words before the colon that begin a line, ``capital letter`` and
    ``space`` at these.
    """
    characters = np.array(list(text)) if text else np.array([], "U1")
    quoted, depth, line, word = 0, 0, 0, 0
    rows = []
    for one in text:
        if one in '“"':
            quoted = 1 if one == "“" else 1 - quoted
        elif one == "”":
            quoted = 0
        depth = max(0, depth + (one in "([{") - (one in ")]}"))
        rows.append((line, word, quoted, min(depth, 1)))
        line = 0 if one == "\n" else line + 1
        word = word + 1 if one.isalnum() else 0
    counted = np.array(rows, np.float64).reshape(-1, 4).T
    names = ("position in line", "position in word", "inside quotes", "inside brackets")
    speaker = np.zeros(len(text))
    for found in _SPEAKER.finditer(text):
        speaker[found.start() : found.end()] = 1
    return dict(zip(names, counted, strict=True)) | {
        "speaker's name": speaker,
        "capital letter": np.array([one.isupper() for one in characters], np.float64),
        "space": np.array([one.isspace() for one in characters], np.float64),
    }
