"""The vocabulary file of a model folder: a list of characters, one for each id or label."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TypeVar

from zoo.errors import FolderError, UsageError
from zoo.folder.manifest import parse_json

VOCABULARY_FILE = "vocab.json"
MAX_VOCABULARY = 100_000

T = TypeVar("T")


def vocabulary_files(vocabulary: tuple[str, ...]) -> dict[str, bytes]:
    """The vocabulary file of a model folder."""
    text = json.dumps(list(vocabulary), ensure_ascii=False, indent=0)
    return {VOCABULARY_FILE: (text + "\n").encode()}


def read_vocabulary(files: Mapping[str, bytes], make: Callable[[tuple[str, ...]], T]) -> T:
    """Make something of a model folder's vocabulary.

    Args:
        files: the folder's files by name.
        make: takes the entries, and raises ``UsageError`` if they will not do.

    Raises:
        FolderError: the file is missing, or is not a list of entries that will do.
    """
    if VOCABULARY_FILE not in files:
        raise FolderError(f"the model folder has no {VOCABULARY_FILE}")
    content = parse_json(files[VOCABULARY_FILE], VOCABULARY_FILE)
    if not isinstance(content, list):
        raise FolderError(f"{VOCABULARY_FILE} must be a list of characters")
    try:
        return make(tuple(content))
    except (UsageError, TypeError) as error:
        raise FolderError(f"{VOCABULARY_FILE}: {error}") from None


def describe_character(character: str) -> str:
    """A character as people can see it, with its code point: ``'ß' (U+00DF)``."""
    return f"{character!r} (U+{ord(character):04X})"
