"""Handwriting recognition: pen strokes to text."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.ctc.search import Search
from zoo.errors import UsageError
from zoo.handwriting.ink import InkFeatures
from zoo.handwriting.ink_files import Ink, ink_of_any
from zoo.handwriting.ink_lines import cut_ink, join_lines, mean_confidence
from zoo.handwriting.ink_orientation import other_ways, reads_better, right_letters
from zoo.handwriting.processor import Pen
from zoo.handwriting.reading import SHARED_MODULES, HandwritingRecognition
from zoo.handwriting.results import (
    Reading,
)
from zoo.task import check_no_options

if TYPE_CHECKING:
    from zoo.inspection.subject import InspectedInput

Stroke = Sequence[Sequence[float]] | np.ndarray
InkSource = str | os.PathLike[str] | Ink | Sequence[Stroke] | np.ndarray
"""A file, or strokes as lists of points or as arrays ``(points, 2)``."""

_STROKES_DEPTH = 3  # strokes, points, x and y


class PenRecognition(HandwritingRecognition[InkSource]):
    """A recogniser of pen strokes.

    Strokes are a list, a stroke is a list of points ``(x, y)`` or an array ``(points, 2)``, x to
    the right and y downwards, in any unit and at any rate. The path of an InkML or UNIPEN file that
    holds one piece of writing will do as well.

    Example:
        >>> model = zoo.load_model("pen_bilstm.unipen")
        >>> print(model.read([[(0, 0), (5, 20), (9, 0)], [(2, 9), (8, 9)]]))
    """

    example = "zoo.handwriting.standalone_pen"
    example_modules = (
        "zoo.handwriting.ink",
        *SHARED_MODULES,
    )
    processor: Pen

    def _read_all(
        self,
        sources: Sequence[Any],
        search: Search,
        on_progress: Callable[[int], object] | None,
    ) -> list[Reading]:
        """Readings of ink, each compared with that of the ink the other way where it may be so."""
        inks = [ink_of_any(source) for source in sources]
        readings = self._read_inks(inks, search, on_progress)
        settings = self.searches.settings
        limit = settings.doubtful_confidence
        others = [
            (place, doubt, other)
            for place, ink in enumerate(inks if settings.calibrated else ())
            for doubt, other in other_ways(
                ink, mean_confidence(self._network_words(readings[place])) < limit
            )
        ]
        read = self._read_inks([ink for _, _, ink in others], search, None)
        best: dict[int, float] = {}
        for (place, doubt, _), other in zip(others, read, strict=True):
            words = self._network_words(other)
            right = right_letters(words)
            if right > best.get(place, 0.0) and reads_better(
                words, self._network_words(readings[place]), doubt
            ):
                best[place] = right
                readings[place] = replace(readings[place], doubts=(doubt,))
        return readings

    def _read_inks(
        self,
        inks: Sequence[list[np.ndarray]],
        search: Search,
        on_progress: Callable[[int], object] | None,
    ) -> list[Reading]:
        """Readings of ink, and of ink of several lines line by line, if that is more confident."""
        readings = self._read(map(self.processor.read, inks), search, on_progress)
        for place, ink in enumerate(inks):
            lines = cut_ink(ink)
            if len(lines) > 1:
                parts = ([ink[number] for number in line] for line in lines)
                read = self._read(map(self.processor.read, parts), search, None)
                joined = join_lines(read, lines)
                if joined.confidence > mean_confidence(readings[place].words):
                    readings[place] = joined
        return readings

    def subject(self, source: Any, **options: Any) -> InspectedInput:
        """Strokes with the points of their steps; see :meth:`zoo.task.Task.subject`.

        Args:
            source: one piece of ink, as ``read`` takes it.
            **options: there are none.

        Raises:
            UsageError, DataError: as ``read``, or there is no ink.
        """
        from zoo.handwriting.inspection import ink_subject

        check_no_options(options)
        strokes = ink_of_any(source)
        features = self.processor.read(strokes)
        if not len(features.features):
            raise UsageError("there is no ink to look into")
        return ink_subject(strokes, features, self.processor.vocabulary)

    def _is_one(self, source: Any) -> bool:
        if isinstance(source, (str, os.PathLike, Ink)):
            return True
        scalar = isinstance(source, np.ndarray) and source.ndim == 0
        if scalar or not isinstance(source, (list, tuple, np.ndarray)):
            raise UsageError(
                f"ink is a path, a list of strokes or a list of these, not {type(source).__name__}"
            )
        if any(isinstance(each, (str, os.PathLike, Ink)) for each in source):
            return False
        return _depth(source) <= _STROKES_DEPTH

    def _load(self, source: Any) -> list[np.ndarray]:
        return ink_of_any(source)

    def _draw(self, path: Path, loaded: list[np.ndarray], reading: Reading) -> Path:
        from zoo.handwriting.plot import draw_ink

        return draw_ink(path, loaded, reading)

    def golden_inputs(self) -> dict[str, np.ndarray]:
        """Features of loops with a bar across them, and of half of them with padding."""
        angle = np.linspace(0, 6 * np.pi, 200)
        loops = np.stack([0.3 * angle + np.sin(angle), np.cos(angle)], axis=1)
        bar = np.array([[0.0, 0.1], [6.0, 0.0]])
        features = self.processor.normaliser.features([loops, bar]).features
        points = np.stack([features, features])
        mask = np.ones(points.shape[:2], bool)
        mask[1, len(features) // 2 :] = False
        return {"input.0": points, "input.1": mask}

    def _place(
        self, features: InkFeatures, begin: float, end: float
    ) -> tuple[tuple[int, int], tuple[int, int]]:
        last = len(features.features) - 1
        first = min(int(begin), last)
        frames = np.arange(first, max(first, min(int(np.ceil(end)) - 1, last)) + 1)
        on_surface = frames[features.features[frames, -1] == 0]
        frames = on_surface if len(on_surface) else frames
        a, b = frames[0], frames[-1]
        return (
            (int(features.stroke[a]), int(np.floor(features.point[a]))),
            (int(features.stroke[b]), int(np.ceil(features.point[b]))),
        )


def _depth(value: Any) -> int:
    """How many lists or axes deep the first number is."""
    if isinstance(value, np.ndarray):
        return value.ndim
    if isinstance(value, (list, tuple)):
        inner = [each for each in value if not hasattr(each, "__len__") or len(each)]
        return 1 + _depth(inner[0]) if inner else 1
    return 0
