"""Type checks of tables that were read from JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.errors import FolderError


def check_types(table: Any, types: Mapping[str, type], where: str, *, needed: bool = False) -> None:
    """Check the values of some keys of a table.

    Args:
        table: what was read.
        types: the type of each key's value; whole numbers count as float, ``bool`` as no number.
        where: the file, for the message.
        needed: refuse a table that lacks one of the keys.

    Raises:
        FolderError: it is not a table, or a value has another type.
    """
    if not isinstance(table, dict):
        raise FolderError(f"{where}: {table!r:.60} is not a table")
    for key, kind in types.items():
        if key not in table and not needed:
            continue
        value = table.get(key)
        kinds = (int, float) if kind is float else (kind,)
        if not isinstance(value, kinds) or (isinstance(value, bool) and kind is not bool):
            raise FolderError(f"{where}: {key!r} is {value!r:.60}, not a {kind.__name__}")
