"""An ontology from a file of one's own."""

from __future__ import annotations

import json
from pathlib import Path

from zoo.dialogue.tracking.ontology import Ontology
from zoo.errors import DataError
from zoo.files import read_text


def read_ontology(path: Path) -> Ontology:
    """The ontology of a JSON file, see
    :meth:`~zoo.dialogue.tracking.ontology.Ontology.from_values`.

    Raises:
        DataError: the file is missing or not JSON.
        UsageError: it holds no ontology.
    """
    try:
        told = json.loads(read_text([path]))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not valid JSON: {error}") from None
    return Ontology.from_values(told)
