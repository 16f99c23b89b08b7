"""Exported models run in onnxruntime-web under Node, and write what Python writes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import platformdirs
import pytest
from filelock import FileLock

import zoo
from zoo.export.writing import export

PACKAGE = "onnxruntime-web@1.30.0"


@pytest.fixture(scope="module")
def modules() -> Path:
    """A folder ``node_modules`` with onnxruntime-web, which is installed once for all runs."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed")
    folder = platformdirs.user_cache_path("sequence-zoo-tests") / PACKAGE.replace("@", "-")
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        done = folder / ".done"
        if not done.exists():
            command = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund"]
            options = ["--ignore-scripts", "--fetch-retries=0", PACKAGE]
            run = subprocess.run([*command, *options], capture_output=True, text=True, timeout=240)
            if run.returncode:
                pytest.skip(f"npm cannot install {PACKAGE}: {run.stderr.strip()[-300:]}")
            done.touch()
    return folder / "node_modules"


def run_in_node(folder: Path, modules: Path, *arguments: object) -> str:
    """What an exported folder's JavaScript prints."""
    link = folder / "node_modules"
    if not link.is_symlink():
        link.symlink_to(modules)
    command = ["node", "example.mjs", *map(str, arguments)]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return run.stdout.removesuffix("\n")


@pytest.mark.parametrize("kind", ["onnx", "onnx-int8"])
def test_the_javascript_writes_what_the_model_writes(
    modules: Path, tmp_path: Path, kind: str
) -> None:
    model = zoo.load_model("char_lstm.shakespeare")
    folder, _ = export(model, tmp_path / "model", kind)
    text = run_in_node(folder, modules, "ROMEO:", "--length", 30, "--temperature", 0)
    assert text == str(model.generate("ROMEO:", length=30, temperature=0))
    drawn = run_in_node(folder, modules, "ROMEO:", "--length", 30)
    assert len(drawn) == len("ROMEO:") + 30
    assert set(drawn) <= set(model.processor.vocabulary)
