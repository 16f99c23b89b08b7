"""What exported dialogue models share: a folder's files, its graphs, and messages as ids."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from zoo.dialogue.tokens import Token, tokenize
from zoo.dialogue.word_ids import numbered, token_ids
from zoo.export.runner import open_graph


class Folder:
    """An exported folder.

    Args:
        path: of the folder.

    Attributes:
        model: what ``model.json`` says.
        front_end: what ``front_end.json`` says.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.model = json.loads((path / "model.json").read_text("utf-8"))
        self.front_end = json.loads((path / "front_end.json").read_text("utf-8"))

    def session(self, part: str) -> Any:
        """A graph, ready to be run."""
        return open_graph(self.path, part)

    @cached_property
    def words(self) -> dict[str, int]:
        """Ids of the words."""
        return numbered(self._entries("words.txt").split("\n"))

    @cached_property
    def characters(self) -> dict[str, int]:
        """Ids of the characters."""
        return numbered(self._entries("characters.txt"))

    def encode(self, text: str) -> tuple[list[Token], dict[str, np.ndarray]]:
        """A message as tokens, and as the inputs of a graph; at least one, of padding."""
        tokens = tokenize(text)
        known, width = self.front_end["known"], self.front_end["word_characters"]
        arrays = token_ids(tokens, self.words, known, self.characters, width)
        if not tokens:
            arrays = (np.zeros(1, "i4"), np.zeros(1, "i4"), np.zeros((1, width), "i4"))
        names = ("words", "known", "characters")
        return tokens, {name: array[None] for name, array in zip(names, arrays, strict=True)}

    def _entries(self, name: str) -> str:
        return (self.path / name).read_bytes().decode().removesuffix("\n")
