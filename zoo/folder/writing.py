"""Writing a model folder whole."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from zoo.errors import FolderError, UsageError, ZooError
from zoo.files import folder_made, is_file, readable_os_errors, write_bytes
from zoo.folder.bundle import Bundle, check_card
from zoo.folder.card import model_card
from zoo.folder.int8 import quantised
from zoo.folder.layout import CARD, CONFIG, GOLDEN, METRICS, WEIGHTS, size_limit
from zoo.folder.manifest import INT8_VERSION, MANIFEST, FileEntry, Manifest, sha256_of


def write_bundle(folder: Path, bundle: Bundle) -> Path:
    """Write a model folder; ``manifest.json`` comes last and makes it valid.

    Args:
        folder: where to; a folder that already holds a model is refused.
        bundle: what to write; the model card is generated from it.

    Returns:
        ``folder``.

    Raises:
        UsageError: the folder already holds a model or is a file, or the card has values that a
            folder cannot have.
        ZooError: it cannot be written, or a file is larger than what is read again; then no new
            file is left.
    """
    import safetensors.numpy

    try:
        check_card(bundle.card, f"{folder / CONFIG}, card")
    except FolderError as error:
        raise UsageError(f"{error}") from None
    if is_file(folder):
        raise UsageError(f"{folder} is a file; choose another folder")
    if is_file(folder / MANIFEST):
        raise UsageError(f"{folder} already holds a model; choose another folder")
    version = INT8_VERSION if bundle.int8 else INT8_VERSION - 1
    weights = quantised(bundle.weights) if bundle.int8 else dict(bundle.weights)
    content = {
        "format_version": version,
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
        WEIGHTS: safetensors.numpy.save(weights, metadata={"format": "np"}),
        METRICS: _json_bytes([figure.to_row() for figure in bundle.metrics]),
        CARD: model_card(bundle).encode(),
    }
    if bundle.golden:
        files[GOLDEN] = safetensors.numpy.save(dict(bundle.golden), metadata={"format": "np"})
    for name, data in files.items():
        if len(data) > size_limit(name):
            raise ZooError(f"{folder / name} would be larger than {size_limit(name)} bytes")
    manifest = Manifest({n: FileEntry(sha256_of(data), len(data)) for n, data in files.items()})
    files[MANIFEST] = manifest.to_bytes(version)
    new = [folder / name for name in files if not os.path.lexists(folder / name)]
    with readable_os_errors(f"write {folder}"), folder_made(folder):
        try:
            for name, data in files.items():
                write_bytes(folder / name, data)
        except BaseException:
            for path in new:
                path.unlink(missing_ok=True)
            raise
    return folder


def _json_bytes(value: Any) -> bytes:
    try:
        text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"the card, a setting or a figure has values that JSON cannot hold: {error}"
        ) from None
    return (text + "\n").encode()
