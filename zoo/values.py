"""Checks of a builder's values, made before anything is allocated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from numbers import Integral, Real
from typing import Any, TypeGuard

from zoo.errors import FolderError, UsageError, did_you_mean


def check_range(config: Any, name: str, kind: type, low: float, high: float) -> None:
    """Check that ``config.name`` is a number of ``kind`` from ``low`` to ``high``.

    A number of NumPy becomes a plain one, so that it can be written into a file.

    Raises:
        UsageError: the value is of another type, not finite or out of range.
    """
    value = getattr(config, name)
    if is_whole(value):
        value = int(value)
    elif kind is float and isinstance(value, Real) and not isinstance(value, bool):
        value = float(value)
    numeric = type(value) is int or (kind is float and type(value) is float)
    if numeric and type(getattr(config, name)) is not type(value):
        object.__setattr__(config, name, value)
    if not numeric or not low <= value <= high:  # which NaN is not, nor what is infinite
        noun = "a whole number" if kind is int else "a number"
        raise UsageError(f"{name} must be {noun} from {low} to {high}, not {shown(value)}")


def is_whole(value: Any) -> TypeGuard[int]:
    """Whether a value is a whole number, one of NumPy included; ``True`` and ``False`` are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def shown(value: Any) -> str:
    """A value as a message shows it, shortened; also a whole number that Python prints not."""
    try:
        return f"{value!r:.100}"
    except ValueError:
        return f"a number of {value.bit_length()} bits"


def check_choice(config: Any, name: str, choices: Sequence[Any]) -> None:
    """Check that ``config.name`` is one of ``choices``.

    Raises:
        UsageError: the value is not one of the choices.
    """
    value = getattr(config, name)
    if not any(type(value) is type(choice) and value == choice for choice in choices):
        known = ", ".join(repr(choice) for choice in choices)
        raise UsageError(f"{name} must be one of {known}, not {shown(value)}")


def check_same(config: Any, name: str, wanted: int, of: str) -> None:
    """Check that ``config.name`` agrees with another part of the model.

    Args:
        config: the builder's values.
        name: the name of the value.
        wanted: the required value.
        of: the part it must agree with, for the message.

    Raises:
        UsageError: the value differs.
    """
    value = getattr(config, name)
    if value != wanted:
        raise UsageError(f"{name} is {shown(value)}, but must be {wanted} to match {of}")


def make_config(config_class: type, values: Mapping[str, Any]) -> Any:
    """Create a builder's config from plain values.

    Raises:
        UsageError: a value is unknown, missing or out of range.
    """
    known = [entry.name for entry in fields(config_class)]
    for name in values:
        if name not in known:
            hint = did_you_mean(str(name), known) or f"; there are {', '.join(known)}"
            raise UsageError(f"{config_class.__name__} has no value {name!r}{hint}")
    try:
        return config_class(**values)
    except TypeError as error:
        raise UsageError(f"{config_class.__name__}: {error}") from None


def make_settings(kind: type, settings: Mapping[str, Any], part: str) -> Any:
    """Create the settings of one part of a model folder from plain values.

    Args:
        kind: the class of the settings.
        settings: the values.
        part: the part of the folder, for the message.

    Raises:
        FolderError: a value is unknown, missing or out of range.
    """
    try:
        return make_config(kind, settings)
    except UsageError as error:
        raise FolderError(f"{part}: {error}") from None
