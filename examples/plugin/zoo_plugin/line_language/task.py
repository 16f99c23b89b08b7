"""The task: lines of text in, their languages out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, overload

import numpy as np

from zoo.errors import UsageError
from zoo.task import Task, one_or_many
from zoo_plugin.line_language.processor import LineProcessor
from zoo_plugin.line_language.results import LineLanguage

_BATCH = 64


class LanguageIdentification(Task):
    """A model that tells in which language a line is written.

    Example:
        >>> model = zoo.load_model("runs/phrases")
        >>> print(model.classify("der junge wartet im garten"))
        de
    """

    verb = "classify"
    processor: LineProcessor

    @overload
    def classify(
        self, lines: str, *, on_progress: Callable[[int], object] | None = None
    ) -> LineLanguage: ...

    @overload
    def classify(
        self, lines: list[str], *, on_progress: Callable[[int], object] | None = None
    ) -> list[LineLanguage]: ...

    def classify(
        self,
        lines: str | list[str],
        *,
        on_progress: Callable[[int], object] | None = None,
    ) -> LineLanguage | list[LineLanguage]:
        """The language of a line, or of each of a list.

        Args:
            lines: a line, or a list of lines.
            on_progress: called with the number of lines classified since the last call.

        Raises:
            UsageError: a line is empty, or it is not text.
        """
        single, texts = one_or_many(lines, str)
        if not all(texts):
            raise UsageError("a line to classify must not be empty")
        results: list[LineLanguage] = []
        for start in range(0, len(texts), _BATCH):
            batch = texts[start : start + _BATCH]
            results += map(self._result, self._probabilities(batch))
            if on_progress:
                on_progress(len(batch))
        return results[0] if single else results

    def golden_inputs(self) -> dict[str, np.ndarray]:
        """A line of known characters, and a shorter one with an unknown character."""
        characters = self.processor.characters
        return {"input.0": self.processor.encode([characters[:32], characters[:8] + "\0"])}

    def _probabilities(self, lines: Sequence[str]) -> np.ndarray:
        """``(lines, languages)``, by softmax of the network's logits."""
        logits = np.asarray(self.network(self.processor.encode(lines), training=False), np.float64)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def _result(self, probabilities: np.ndarray) -> LineLanguage:
        named: dict[str, Any] = dict(
            zip(self.processor.languages, probabilities.tolist(), strict=True)
        )
        best = max(named, key=named.__getitem__)
        return LineLanguage(best, named[best], named)
