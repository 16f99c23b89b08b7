"""``scripts/register``: from a trained folder to a registered one."""

from __future__ import annotations

import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import make_model
from zoo.catalogue import read_index
from zoo.folder.bundle import read_bundle
from zoo.folder.figures import Figure
from zoo.folder.model_folder import ModelFolder

ROOT = Path(__file__).parents[1]


def register(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    loader = SourceFileLoader("register", str(ROOT / "scripts/register"))
    spec = spec_from_loader("register", loader)
    assert spec is not None
    script: Any = module_from_spec(spec)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader.exec_module(script)
    monkeypatch.setattr(sys, "argv", ["register", *map(str, arguments)])
    script.main()


def test_a_model_is_registered_in_the_folder_of_a_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = make_model()
    model.metrics = [
        Figure.measured("cross_entropy", 1.5, "nats/char", dataset="a text", split="test")
    ]
    trained, into = model.save(tmp_path / "trained"), tmp_path / "weights"
    for name in ("char_lstm.war_and_peace", "char_lstm.shakespeare"):
        register(monkeypatch, trained, name, "--keep-figures", "--into", into)
    assert "char_lstm.shakespeare: cross_entropy 1.5" in capsys.readouterr().out
    entries = read_index(into / "index.json")
    assert [entry.name for entry in entries] == ["char_lstm.shakespeare", "char_lstm.war_and_peace"]
    for entry in entries:
        written = ModelFolder.open(into / entry.name, entry.manifest_sha256)
        assert read_bundle(written).card["name"] == entry.name
        assert (entry.languages, entry.task) == (("en",), "text-generation")
        assert entry.parameters == model.config.parameters()
        assert entry.metric["value"] == 1.5
