"""The lessons print what stands in them, and their notebooks are the same lessons."""

from __future__ import annotations

import json
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest

LESSONS = Path(__file__).parent.parent / "docs/lessons"
PAGES = sorted(LESSONS.glob("*.md"))


@pytest.fixture(scope="module")
def script() -> Any:
    path = str(Path(__file__).parent.parent / "scripts/lessons")
    spec = spec_from_loader("lessons", SourceFileLoader("lessons", path))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_lesson_prints_what_stands_in_it(script: Any, page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert script.alike(script.run(text), text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_notebook_is_its_lesson(script: Any, page: Path) -> None:
    stored = page.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert stored == script.notebook(page.read_text(encoding="utf-8"))
    cells = json.loads(stored)["cells"]
    assert sum(cell["cell_type"] == "code" for cell in cells) > 8
    assert all(cell["outputs"] for cell in cells if "print(" in "".join(cell["source"]))


def test_a_number_that_changed_and_a_word_that_changed_are_seen(script: Any) -> None:
    assert script.alike("f 0.991 at 8e-03", "f 0.99 at 9e-03")
    assert not script.alike("f 0.991 at 8e-03", "f 0.71 at 8e-03")
    assert not script.alike("f 0.991", "g 0.991")
