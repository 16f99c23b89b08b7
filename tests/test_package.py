"""The wheel: it holds what it should, stays small, and works away from the checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAX_WHEEL_BYTES = 100_000_000


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    # A copy, so that building leaves nothing behind in the checkout.
    source = out / "source"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in listed:
        if name.startswith(("zoo/", "recipes/")) or "/" not in name:
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).exists():
                target.write_bytes((ROOT / name).read_bytes())
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", str(out), str(source)], check=True)
    (made,) = out.glob("sequence_zoo-*.whl")
    return made


def test_the_wheel_holds_recipes_weights_and_types(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"zoo/py.typed", "zoo/recipes/char_lstm.py", "zoo/cli/__init__.py"} <= names
    assert "zoo/speech/datasets/common_voice_clips.tsv" in names
    for path in (ROOT / "zoo").rglob("*.py"):
        assert str(path.relative_to(ROOT)) in names
    for folder in (ROOT / "zoo" / "weights").iterdir():
        if (folder / "manifest.json").exists():
            assert {f"zoo/weights/{folder.name}/{file.name}" for file in folder.iterdir()} <= names
    assert not any(name.startswith(("tests/", "recipes/")) for name in names)


def test_the_wheel_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size < MAX_WHEEL_BYTES


def test_the_installed_wheel_lists_and_writes(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*install, "--target", str(site), str(wheel)], check=True)
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "import zoo, zoo.recipes.char_lstm\n"
        "assert zoo.__file__.startswith(sys.path[0]), zoo.__file__\n"
        "model = zoo.load_model('char_lstm.shakespeare', offline=True)\n"
        "print(len(model.generate('ROMEO:', 40, seed=1).continuation))"
    )
    # Isolated, so that the checkout is not found instead.
    run = subprocess.run(
        [sys.executable, "-I", "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "40"
