"""What both layout formats say of a page and of its lines, as it stands in the file."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

import numpy as np


@dataclass(frozen=True)
class PageFacts:
    """What a file says of a page.

    Args:
        image: name of the page's image, or empty.
        width: in the file's unit; 0 if the file does not say.
        height: likewise.
        unit: what the file measures in, such as ``"mm10"``; empty for pixels.
        lines: the ``TextLine`` elements in the order of reading.
        image_number: which of its images the page is, from 1; 0 if the file does not say.
    """

    image: str
    width: float
    height: float
    unit: str
    lines: list[Element] = field(repr=False)
    image_number: int = 0


@dataclass(frozen=True)
class LineEntry:
    """What a file says of a line.

    Args:
        polygon: ``(points, 2)``, or ``None`` if the file does not say, or says one without area.
        baseline: ``(points, 2)``, or ``None`` if the file does not say, or says one without length.
        text: what is written there, or empty.
        kind: what kind of line it is, or empty.
        heading: ``(2, 2)``, two points one after the other in the direction of writing, as the
            rotation of a region gives it; ``None`` if the file does not say.
    """

    polygon: np.ndarray | None
    baseline: np.ndarray | None
    text: str
    kind: str
    heading: np.ndarray | None = None
