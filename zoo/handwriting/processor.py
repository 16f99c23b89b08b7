"""What handwriting recognisers are given and give: features on one side, labels on the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from zoo.ctc.alphabet import Alphabet
from zoo.errors import FolderError
from zoo.handwriting.image import ImageSource, read_image
from zoo.handwriting.ink import InkFeatures, InkNormaliser
from zoo.handwriting.ink_files import ink_of_any
from zoo.handwriting.line_image import LineImage, LineNormaliser


@dataclass(frozen=True)
class Line:
    """The image of a line with what is written there.

    Args:
        image: ``(height, width)`` uint8.
        text: its transcript.
        writer: whose hand it is.
        page: the page it is from.
        kind: what kind of line, such as ``"text"``.
        identity: its name in the corpus or the folder.
    """

    image: np.ndarray
    text: str
    writer: str = ""
    page: str = ""
    kind: str = ""
    identity: str = ""


@dataclass(frozen=True)
class _Handwriting:
    """A normaliser on one side, an alphabet on the other.

    Args:
        normaliser: input to features.
        alphabet: the labels.
    """

    normaliser: Any
    alphabet: Alphabet

    def settings(self) -> dict[str, Any]:
        """Plain values for ``config.json``."""
        return {"features": self.normaliser.settings(), "alphabet": self.alphabet.settings()}

    def files(self) -> dict[str, bytes]:
        """The files to write into a model folder."""
        return self.alphabet.files()

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The labels by index."""
        return self.alphabet.vocabulary

    def with_vocabulary(self, vocabulary: tuple[str, ...]) -> Self:
        """The same features with other labels.

        Raises:
            UsageError: the labels are no alphabet.
        """
        return replace(self, alphabet=Alphabet(vocabulary))


@dataclass(frozen=True)
class Lines(_Handwriting):
    """Images of lines as normalised columns, and an alphabet.

    Args:
        normaliser: images to columns.
        alphabet: the labels.
    """

    normaliser: LineNormaliser
    alphabet: Alphabet

    @classmethod
    def from_folder(cls, settings: Mapping[str, Any], files: Mapping[str, bytes]) -> Lines:
        """Rebuild from a model folder.

        Raises:
            FolderError: a part is missing or malformed.
        """
        features, alphabet = _parts(settings)
        return cls(LineNormaliser.from_folder(features), Alphabet.from_folder(alphabet, files))

    def read(self, source: ImageSource) -> LineImage:
        """A line's image, normalised.

        Raises:
            UsageError, DataError: as :func:`zoo.handwriting.image.read_image` and
                :meth:`zoo.handwriting.line_image.LineNormaliser.normalise`.
        """
        return self.normaliser.normalise(read_image(source))


@dataclass(frozen=True)
class Pen(_Handwriting):
    """Pen strokes as features along their way, and an alphabet.

    Args:
        normaliser: strokes to features.
        alphabet: the labels.
    """

    normaliser: InkNormaliser
    alphabet: Alphabet

    @classmethod
    def from_folder(cls, settings: Mapping[str, Any], files: Mapping[str, bytes]) -> Pen:
        """Rebuild from a model folder.

        Raises:
            FolderError: a part is missing or malformed.
        """
        features, alphabet = _parts(settings)
        return cls(InkNormaliser.from_folder(features), Alphabet.from_folder(alphabet, files))

    def read(self, source: Any) -> InkFeatures:
        """The features of strokes or of an ink file.

        Raises:
            UsageError, DataError: as :func:`zoo.handwriting.ink_files.ink_of_any` and
                :meth:`zoo.handwriting.ink.InkNormaliser.features`.
        """
        return self.normaliser.features(ink_of_any(source))


def _parts(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    features, alphabet = settings.get("features"), settings.get("alphabet")
    if not isinstance(features, dict) or not isinstance(alphabet, dict):
        raise FolderError("the processor's settings must have tables 'features' and 'alphabet'")
    return features, alphabet
