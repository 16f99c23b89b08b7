"""A model folder's content: reading it strictly.

A folder is data only. The architecture is found by its registered name, every value is checked
against the builder's limits, and the weights file must hold exactly the variables of the network,
so a damaged or hostile folder ends in a clear error before anything is allocated for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.catalogue import registry
from zoo.contracts import CheckedConfig
from zoo.errors import FolderError, UsageError
from zoo.folder.checks import check_types
from zoo.folder.figures import Figure
from zoo.folder.layout import CONFIG, METRICS, NAMED, REQUIRED, size_limit
from zoo.folder.manifest import check_format_version, parse_json
from zoo.folder.model_folder import ModelFolder
from zoo.registry import Architecture
from zoo.values import make_config

if TYPE_CHECKING:
    import numpy as np

_CARD_TEXTS = ("name", "license", "dataset", "data", "confidence", "limits", "base_model")
_COMPARED = {"what": str, "unit": str, "source": str, "value": float}


@dataclass(frozen=True)
class Bundle:
    """What a model folder holds, checked.

    Args:
        architecture: the registered architecture.
        config: the builder's values.
        processor: raw input to arrays.
        decoder: the decoder's settings.
        weights: arrays by variable path, float16 or float32.
        golden: arrays ``input.0 ...`` and ``output.0 ...`` that the network must reproduce.
        metrics: figures, each with data set, split, scorer and the command that gives it.
        card: facts about the model as a whole: ``name``, ``languages``, ``license``, ``dataset``.
        files: the decoder's files, such as a language model, by name.
        int8: whether the weights are written in eight bits (:mod:`zoo.folder.int8`).
    """

    architecture: Architecture
    config: Any
    processor: Any
    decoder: dict[str, Any]
    weights: dict[str, np.ndarray]
    golden: dict[str, np.ndarray] = field(default_factory=dict)
    metrics: list[Figure] = field(default_factory=list)
    card: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    int8: bool = False


def read_bundle(folder: ModelFolder | Path) -> Bundle:
    """Read a model folder, each file of it once.

    Args:
        folder: the model folder.

    Raises:
        FolderError: anything in the folder is missing, damaged, malformed or out of bounds.
    """
    opened = folder if isinstance(folder, ModelFolder) else ModelFolder.open(folder)
    try:
        bundle = _read(opened)
    except UsageError as error:
        # A name or a value that the folder asks for is the folder's fault, not the caller's.
        raise FolderError(f"{opened.path}: {error}") from None
    opened.verify()  # what was not read, such as the card
    return bundle


def _read(folder: ModelFolder) -> Bundle:
    from zoo.folder.weights_file import read_golden, read_weights

    for name in REQUIRED:
        if name not in folder:
            raise FolderError(f"{folder.path} has no {name}")
    content = _read_config(folder)
    architecture = registry().architecture(_text(content, "architecture", folder))
    if content.get("task") != architecture.task:
        raise FolderError(
            f"{folder.path / CONFIG}: task {content.get('task')!r} is not {architecture.task!r}, "
            f"the task of {architecture.name}"
        )
    config = make_config(architecture.load("config"), _table(content, "config", folder))
    names = sorted(folder.manifest.files.keys() - set(NAMED))
    files = {name: folder.read(name, size_limit(name)) for name in names}
    processor = architecture.load("processor").from_folder(
        _table(content, "processor", folder), files
    )
    check_processor(config, processor)
    return Bundle(
        architecture,
        config,
        processor,
        decoder=_table(content, "decoder", folder),
        metrics=_read_figures(folder),
        card=_read_card(content, folder),
        files={name: files[name] for name in files.keys() - processor.files().keys()},
        weights=read_weights(folder, config.parameters(), content["format_version"]),
        golden=read_golden(folder),
    )


def check_processor(config: Any, processor: Any) -> None:
    """Check that a network and what makes its input are of one size.

    Args:
        config: the builder's values; a :class:`zoo.contracts.CheckedConfig` says what they must
            agree on.
        processor: raw input to arrays.

    Raises:
        UsageError: they do not fit each other.
    """
    if isinstance(config, CheckedConfig):
        config.check_processor(processor)


def describe_folder(folder: ModelFolder) -> dict[str, Any]:
    """What a model folder says of itself; imports neither Keras nor its builder.

    Raises:
        FolderError: the folder is damaged, or what is read of it is malformed.
    """
    content = _read_config(folder)
    facts = {key: value for key, value in content.items() if key not in ("card", "format_version")}
    described = {
        **_read_card(content, folder),
        **facts,
        "size": folder.manifest.total_size,
        "metrics": [figure.to_row() for figure in _read_figures(folder)],
    }
    folder.verify()
    return described


def architecture_of(folder: ModelFolder) -> Architecture:
    """The registered architecture of a model folder; imports neither Keras nor its builder.

    Raises:
        FolderError: the folder has no readable config, or names an unknown architecture.
    """
    try:
        return registry().architecture(_text(_read_config(folder), "architecture", folder))
    except UsageError as error:
        raise FolderError(f"{folder.path}: {error}") from None


def check_card(card: Any, where: str) -> None:
    """Check the types of a card's facts.

    Args:
        card: the facts.
        where: the file, for the message.

    Raises:
        FolderError: a fact has another type.
    """
    check_types(card, dict.fromkeys(_CARD_TEXTS, str) | {"languages": list}, where)
    if not all(isinstance(code, str) for code in card.get("languages", ())):
        raise FolderError(f"{where}: 'languages' is not a list of texts")
    compared = card.get("comparison", [])
    if not isinstance(compared, list):
        raise FolderError(f"{where}: 'comparison' is not a list")
    for row in compared:
        check_types(row, _COMPARED, where, needed=True)


def _read_config(folder: ModelFolder) -> dict[str, Any]:
    where = str(folder.path / CONFIG)
    content = parse_json(folder.read(CONFIG, size_limit(CONFIG)), where)
    if not isinstance(content, dict):
        raise FolderError(f"{where} is not a table")
    check_format_version(content.get("format_version"), where)
    return content


def _read_card(content: Mapping[str, Any], folder: ModelFolder) -> dict[str, Any]:
    card = _table(content, "card", folder)
    check_card(card, f"{folder.path / CONFIG}, card")
    return card


def _read_figures(folder: ModelFolder) -> list[Figure]:
    if METRICS not in folder:
        return []
    where = str(folder.path / METRICS)
    rows = parse_json(folder.read(METRICS, size_limit(METRICS)), where)
    if not isinstance(rows, list):
        raise FolderError(f"{where} is not a list of tables")
    return [Figure.from_row(row, where) for row in rows]


def _text(content: Mapping[str, Any], key: str, folder: ModelFolder) -> str:
    value = content.get(key)
    if not isinstance(value, str):
        raise FolderError(f"{folder.path / CONFIG}: {key!r} is missing or not text")
    return value


def _table(content: Mapping[str, Any], key: str, folder: ModelFolder) -> dict[str, Any]:
    value = content.get(key, {})
    if not isinstance(value, dict):
        raise FolderError(f"{folder.path / CONFIG}: {key!r} is not a table")
    return value
