"""``scripts/install``: pip's settings reach uv, and pip installs where they cannot."""

from __future__ import annotations

import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parent.parent / "scripts/install"


@pytest.fixture
def install() -> Any:
    """The script as a module."""
    loader = SourceFileLoader("zoo_install", str(SCRIPT))
    spec = spec_from_loader(loader.name, loader)
    assert spec
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_settings_become_those_of_uv_and_the_environments_count_most(install: Any) -> None:
    listing = (
        "global.constraint='/etc/known.txt'\n"
        "install.index-url='https://two.example/simple'\n"
        "global.index-url='https://one.example/simple'\n"
        "download.no-binary=':all:'\n"
        ":env:.find-links='/wheels\\n/more'\n"
        "global.find-links='/others'\n"
        "global.extra-index-url='file:///a  file:///b'\n"
        ":env:.no-input='1'\n"
    )
    assert install.uv_settings(listing) == {
        "UV_CONSTRAINT": "/etc/known.txt",
        "UV_DEFAULT_INDEX": "https://two.example/simple",
        "UV_FIND_LINKS": "/wheels,/more",
        "UV_INDEX": "file:///a file:///b",
    }


@pytest.mark.parametrize("listing", ["install.no-binary='numpy'", ":env:.proxy='http://a:1'"])
def test_a_setting_that_uv_lacks_leaves_the_work_to_pip(install: Any, listing: str) -> None:
    assert install.uv_settings(listing) is None


@pytest.mark.parametrize("failing", ["", "config", "uv", "--python"])
def test_a_step_that_fails_ends_with_uv(
    monkeypatch: pytest.MonkeyPatch, install: Any, failing: str
) -> None:
    commands = []

    def run(words: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        commands.append(words)
        return subprocess.CompletedProcess(words, int(failing in words), "global.timeout='9'\n")

    monkeypatch.setattr(install.subprocess, "run", run)
    assert install.install_with_uv(".[test]") == (not failing)
    if not failing:
        last = commands[-1]
        assert last[:5] == [sys.executable, "-m", "uv", "pip", "install"]
        assert last[last.index("--editable") + 1] == ".[test]"
        assert last[last.index("--constraint") + 1] == str(install.CONSTRAINTS)
