"""The model folder: reading it strictly, writing it whole.

A folder is data only. The architecture is found by its registered name, every value is checked
against the builder's limits, and the weights file must hold exactly the variables of the network,
so a damaged or hostile folder ends in a clear error before anything is allocated for it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Container, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from zoo.catalogue import registry
from zoo.errors import FolderError, UsageError, ZooError
from zoo.files import is_file, readable_os_errors, write_bytes
from zoo.folder.checks import check_types
from zoo.folder.figures import Figure
from zoo.folder.manifest import (
    FORMAT_VERSION,
    MANIFEST,
    MAX_FILE_BYTES,
    MAX_PART_BYTES,
    MAX_TEXT_BYTES,
    FileEntry,
    Manifest,
    check_format_version,
    parse_json,
    read_file,
    read_manifest,
    sha256_of,
    verify_folder,
)
from zoo.registry import Architecture, Registry
from zoo.values import make_config

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
GOLDEN = "golden.safetensors"
METRICS = "metrics.json"
CARD = "README.md"

_KNOWN = (CONFIG, WEIGHTS, GOLDEN, METRICS, CARD)
_REQUIRED = (CONFIG, WEIGHTS)
_WEIGHT_TYPES = {"F16": np.float16, "F32": np.float32}
_GOLDEN_TYPES = {**_WEIGHT_TYPES, "I32": np.int32, "BOOL": np.bool_}
_CARD_TEXTS = ("name", "license", "dataset", "data", "limits", "base_model")
_COMPARED = {"what": str, "unit": str, "source": str, "value": float}
_MAX_HEADER = 4 * 2**20
_LARGEST_HALF = float(np.finfo(np.float16).max)


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


def read_bundle(
    folder: Path, *, models: Registry | None = None, verify: bool = True, with_weights: bool = True
) -> Bundle:
    """Read a model folder.

    Args:
        folder: the model folder.
        models: the registry to find the architecture in.
        verify: check every file against the manifest first; leave out only when it has just been
            done.
        with_weights: read the weights too.

    Raises:
        FolderError: anything in the folder is missing, damaged, malformed or out of bounds.
    """
    if verify:
        verify_folder(folder)
    try:
        return _read(folder, models or registry(), with_weights)
    except UsageError as error:
        # A name or a value that the folder asks for is the folder's fault, not the caller's.
        raise FolderError(f"{folder}: {error}") from None


def _read(folder: Path, models: Registry, with_weights: bool) -> Bundle:
    names = set(read_manifest(folder).files)
    for name in _REQUIRED:
        if name not in names:
            raise FolderError(f"{folder} has no {name}")
    content = _read_config(folder)
    architecture = models.architecture(_text(content, "architecture", folder))
    if content.get("task") != architecture.task:
        raise FolderError(
            f"{folder / CONFIG}: task {content.get('task')!r} is not {architecture.task!r}, "
            f"the task of {architecture.name}"
        )
    config = make_config(architecture.load("config"), _table(content, "config", folder))
    files = {n: read_file(folder / n, _most_bytes(n)) for n in sorted(names - set(_KNOWN))}
    processor = architecture.load("processor").from_folder(
        _table(content, "processor", folder), files
    )
    check_processor(config, processor)
    metrics = _read_figures(folder, names)
    weights, golden = {}, {}
    if with_weights:
        weights = read_safetensors(
            folder / WEIGHTS, _WEIGHT_TYPES, expected_values=config.parameters()
        )
    if with_weights and GOLDEN in names:
        golden = read_safetensors(folder / GOLDEN, _GOLDEN_TYPES)
    return Bundle(
        architecture,
        config,
        processor,
        _table(content, "decoder", folder),
        weights,
        golden,
        metrics,
        _read_card(content, folder),
        {name: files[name] for name in files.keys() - processor.files().keys()},
    )


def check_processor(config: Any, processor: Any) -> None:
    """Check that a network and what makes its input are of one size.

    Args:
        config: the builder's values; what they must agree on is told by their
            ``check_processor(processor)``, if they have one.
        processor: raw input to arrays.

    Raises:
        UsageError: they do not fit each other.
    """
    check = getattr(config, "check_processor", None)
    if check is not None:
        check(processor)


def describe_folder(folder: Path) -> dict[str, Any]:
    """What a model folder says of itself; imports neither Keras nor its builder.

    Raises:
        FolderError: what is read of it is missing, damaged or malformed.
    """
    manifest = verify_folder(folder)
    content = _read_config(folder)
    facts = {key: value for key, value in content.items() if key not in ("card", "format_version")}
    return {
        **_read_card(content, folder),
        **facts,
        "size": manifest.total_size,
        "metrics": [figure.to_row() for figure in _read_figures(folder, manifest.files)],
    }


def architecture_of(folder: Path) -> Architecture:
    """The registered architecture of a model folder; imports neither Keras nor its builder.

    Raises:
        FolderError: the folder has no readable config, or names an unknown architecture.
    """
    try:
        return registry().architecture(_text(_read_config(folder), "architecture", folder))
    except UsageError as error:
        raise FolderError(f"{folder}: {error}") from None


def _read_config(folder: Path) -> dict[str, Any]:
    content = parse_json(read_file(folder / CONFIG), f"{folder / CONFIG}")
    if not isinstance(content, dict):
        raise FolderError(f"{folder / CONFIG} is not a table")
    check_format_version(content.get("format_version"), f"{folder / CONFIG}")
    return content


def _read_card(content: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    card = _table(content, "card", folder)
    where = f"{folder / CONFIG}, card"
    check_types(card, dict.fromkeys(_CARD_TEXTS, str) | {"languages": list}, where)
    if not all(isinstance(code, str) for code in card.get("languages", ())):
        raise FolderError(f"{where}: 'languages' is not a list of texts")
    compared = card.get("comparison", [])
    if not isinstance(compared, list):
        raise FolderError(f"{where}: 'comparison' is not a list")
    for row in compared:
        check_types(row, _COMPARED, where, needed=True)
    return card


def _read_figures(folder: Path, names: Container[str]) -> list[Figure]:
    if METRICS not in names:
        return []
    where = f"{folder / METRICS}"
    rows = parse_json(read_file(folder / METRICS), where)
    if not isinstance(rows, list):
        raise FolderError(f"{where} is not a list of tables")
    return [Figure.from_row(row, where) for row in rows]


def _text(content: Mapping[str, Any], key: str, folder: Path) -> str:
    value = content.get(key)
    if not isinstance(value, str):
        raise FolderError(f"{folder / CONFIG}: {key!r} is missing or not text")
    return value


def _table(content: Mapping[str, Any], key: str, folder: Path) -> dict[str, Any]:
    value = content.get(key, {})
    if not isinstance(value, dict):
        raise FolderError(f"{folder / CONFIG}: {key!r} is not a table")
    return value


def read_safetensors(
    path: Path, types: Mapping[str, type], *, expected_values: int | None = None
) -> dict[str, np.ndarray]:
    """Read a safetensors file whose header has been looked at first.

    Args:
        path: the file.
        types: the tensor types that are allowed.
        expected_values: how many numbers all tensors must hold together.

    Raises:
        FolderError: it is damaged, has another type, or holds more or fewer numbers.
    """
    import safetensors.numpy

    header = _read_header(path)
    total = 0
    for name, entry in header.items():
        kind, shape = (
            entry.get(k) if isinstance(entry, dict) else None for k in ("dtype", "shape")
        )
        if not isinstance(kind, str) or kind not in types:
            raise FolderError(f"{path}: {name} is not of type {' or '.join(types)}")
        if not isinstance(shape, list) or any(type(n) is not int or n < 0 for n in shape):
            raise FolderError(f"{path}: {name} has no valid shape")
        total += int(np.prod(shape, dtype=object)) if shape else 1
    if expected_values is not None and total != expected_values:
        raise FolderError(
            f"{path} holds {total:,} weights, but the network that {CONFIG} describes has "
            f"{expected_values:,}"
        )
    data = read_file(path, MAX_FILE_BYTES)
    try:
        return safetensors.numpy.load(data)
    except Exception as error:  # the parser's error class, and NumPy's for odd shapes
        raise FolderError(f"{path} is damaged: {error}") from None


def _read_header(path: Path) -> dict[str, Any]:
    start = _read_start(path, 8)
    if len(start) < 8:
        raise FolderError(f"{path} is too short for a safetensors file")
    (length,) = struct.unpack("<Q", start)
    if length > _MAX_HEADER:
        raise FolderError(f"{path} is no safetensors file: its header claims {length} bytes")
    text = _read_start(path, 8 + length)[8:]
    if len(text) < length:
        raise FolderError(f"{path} is cut off inside its header")
    header = parse_json(text, f"the header of {path}")
    if not isinstance(header, dict):
        raise FolderError(f"the header of {path} is not a table")
    header.pop("__metadata__", None)
    return header


def _read_start(path: Path, count: int) -> bytes:
    with readable_os_errors(f"read {path}"), open(path, "rb") as stream:
        return stream.read(count)


def assign_weights(network: Any, weights: Mapping[str, np.ndarray], where: str) -> None:
    """Put weights into a network, by variable path, every one and no other.

    Raises:
        FolderError: a name or a shape differs; the difference is listed.
    """
    wanted = {variable.path: variable for variable in network.weights}
    lines = [f"  missing: {name} {tuple(wanted[name].shape)}" for name in wanted.keys() - weights]
    lines += [f"  unknown: {name} {weights[name].shape}" for name in weights.keys() - wanted.keys()]
    lines += [
        f"  {name}: the file has {weights[name].shape}, the network {tuple(wanted[name].shape)}"
        for name in wanted.keys() & weights.keys()
        if weights[name].shape != tuple(wanted[name].shape)
    ]
    if lines:
        raise FolderError(
            f"the weights in {where} do not fit the network:\n" + "\n".join(sorted(lines)[:20])
        )
    for name, variable in wanted.items():
        if not np.isfinite(weights[name]).all():
            raise FolderError(f"the weights in {where} hold NaN or infinite values in {name}")
        variable.assign(weights[name].astype(np.float32))


def half_precision(network: Any) -> dict[str, np.ndarray]:
    """A network's weights as float16, by variable path.

    Raises:
        ZooError: a weight is NaN, infinite or too large for float16.
    """
    weights = {}
    for variable in network.weights:
        value = np.asarray(variable.numpy(), np.float32)
        if not np.isfinite(value).all() or np.abs(value).max(initial=0) > _LARGEST_HALF:
            raise ZooError(f"{variable.path} has values that float16 cannot hold")
        weights[variable.path] = value.astype(np.float16)
    return weights


def _most_bytes(name: str) -> int:
    """How large a file of a folder may be."""
    if name in (WEIGHTS, GOLDEN):
        return MAX_FILE_BYTES
    return MAX_TEXT_BYTES if name.endswith((".json", ".txt", ".md")) else MAX_PART_BYTES


def write_bundle(folder: Path, bundle: Bundle) -> Path:
    """Write a model folder; ``manifest.json`` comes last and makes it valid.

    Args:
        folder: where to; a folder that already holds a model is refused.
        bundle: what to write; the model card is generated from it.

    Returns:
        ``folder``.

    Raises:
        UsageError: the folder already holds a model, or the card has values that a folder cannot.
        ZooError: it cannot be written, or a file is larger than what is read again.
    """
    import safetensors.numpy

    from zoo.folder.card import model_card

    try:
        _read_card({"card": bundle.card}, folder)
    except FolderError as error:
        raise UsageError(f"{error}") from None
    if is_file(folder / MANIFEST):
        raise UsageError(f"{folder} already holds a model; choose another folder")
    content = {
        "format_version": FORMAT_VERSION,
        "architecture": bundle.architecture.name,
        "task": bundle.architecture.task,
        "config": asdict(bundle.config),
        "processor": bundle.processor.settings(),
        "decoder": bundle.decoder,
        "card": bundle.card,
    }
    files = {
        **bundle.files,
        **bundle.processor.files(),
        CONFIG: _json_bytes(content),
        WEIGHTS: safetensors.numpy.save(dict(bundle.weights), metadata={"format": "np"}),
        METRICS: _json_bytes([figure.to_row() for figure in bundle.metrics]),
        CARD: model_card(bundle).encode(),
    }
    if bundle.golden:
        files[GOLDEN] = safetensors.numpy.save(dict(bundle.golden), metadata={"format": "np"})
    for name, data in files.items():
        if len(data) > _most_bytes(name):
            raise ZooError(f"{folder / name} would be larger than {_most_bytes(name)} bytes")
    for name, data in files.items():
        write_bytes(folder / name, data)
    manifest = Manifest({n: FileEntry(sha256_of(data), len(data)) for n, data in files.items()})
    write_bytes(folder / MANIFEST, manifest.to_bytes())
    return folder


def _json_bytes(value: Any) -> bytes:
    try:
        text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UsageError(f"the card, a setting or a figure has no plain values: {error}") from None
    return (text + "\n").encode()
