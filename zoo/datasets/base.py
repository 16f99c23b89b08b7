"""What the corpus builders share: pinned files, and the local mirror that is tried first."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from zoo.errors import DataError

MIRROR_VARIABLE = "ZOO_DATA_MIRROR"


@dataclass(frozen=True)
class Resource:
    """A public file: where it is and what its bytes are.

    Args:
        url: ``https://`` address, pinned by commit.
        sha256: of its bytes, in hex.
        size: of its bytes.
    """

    url: str
    sha256: str
    size: int

    def in_mirror(self, mirror: Path) -> Path:
        """Where a mirror folder keeps this file."""
        return mirror / self.url.removeprefix("https://")


def fetch(resource: Resource, downloads: tfds.download.DownloadManager) -> Path:
    """Path of a resource's file, from the mirror or downloaded, with its sha256 checked.

    Raises:
        DataError: it cannot be had, or its bytes are not those that the builder pins.
    """
    mirror = os.environ.get(MIRROR_VARIABLE)
    local = resource.in_mirror(Path(mirror).expanduser()) if mirror else None
    if local is not None and local.is_file():
        path = local
    else:
        try:
            path = Path(downloads.download(resource.url))
        except Exception as error:  # the download manager raises many kinds
            raise DataError(
                f"cannot download {resource.url}: {error}; "
                f"set {MIRROR_VARIABLE} to a folder that has it"
            ) from error
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != resource.sha256:
        raise DataError(f"{path} is not the file that {resource.url} pins: its sha256 differs")
    return path


class TextCorpus(  # type: ignore[call-arg]
    tfds.core.GeneratorBasedBuilder, skip_registration=True
):
    """A corpus of running text with one example a split, as ``tiny_shakespeare`` of TFDS has it.

    A subclass sets ``RESOURCE``, ``SUMMARY``, ``HOMEPAGE``, ``CITATION``, ``LICENSE`` and
    :meth:`split_text`.
    """

    VERSION = tfds.core.Version("1.0.0")
    RESOURCE: Resource
    SUMMARY: str
    HOMEPAGE: str
    CITATION: str
    LICENSE: str

    def split_text(self, text: str) -> dict[str, str]:
        """The splits of the whole file's text."""
        raise NotImplementedError

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.SUMMARY,
            features=tfds.features.FeaturesDict({"text": tfds.features.Text()}),
            homepage=self.HOMEPAGE,
            citation=self.CITATION,
            license=self.LICENSE,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        path = fetch(self.RESOURCE, dl_manager)
        with open(path, encoding="utf-8-sig", newline=None) as stream:
            splits = self.split_text(stream.read())
        return {name: self._generate_examples(text) for name, text in splits.items()}

    def _generate_examples(self, text: str) -> Any:
        yield 0, {"text": text}
