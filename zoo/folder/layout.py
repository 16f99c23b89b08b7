"""Which files a model folder has, and how large each may be."""

from __future__ import annotations

from zoo.folder.manifest import MAX_FILE_BYTES, MAX_PART_BYTES, MAX_TEXT_BYTES

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
GOLDEN = "golden.safetensors"
METRICS = "metrics.json"
CARD = "README.md"

NAMED = (CONFIG, WEIGHTS, GOLDEN, METRICS, CARD)
"""The files that mean the same in every folder; others belong to the processor or the decoder."""

REQUIRED = (CONFIG, WEIGHTS)


def size_limit(name: str) -> int:
    """Maximum size in bytes of a folder's file."""
    if name in (WEIGHTS, GOLDEN):
        return MAX_FILE_BYTES
    return MAX_TEXT_BYTES if name.endswith((".json", ".txt", ".md")) else MAX_PART_BYTES
