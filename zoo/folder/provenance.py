"""Where a figure comes from: the commit of the code, the processor, the versions of libraries."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path


def current_commit() -> str | None:
    """The git commit of the checkout that the zoo runs from, or ``None`` outside one."""
    root = Path(__file__).parents[2]
    try:
        run = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return run.stdout.strip() or None


def machine() -> str:
    """Processor, cores, and versions that a figure can depend on."""
    libraries = {"TensorFlow": "tensorflow", "Keras": "keras", "ONNX Runtime": "onnxruntime"}
    versions = ""
    for name, package in libraries.items():
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions += f", {name} {importlib.metadata.version(package)}"
    return (
        f"{processor_name()}, {os.cpu_count()} cores, Python {platform.python_version()}{versions}"
    )


def processor_name() -> str:
    """The processor's name, as Linux knows it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
