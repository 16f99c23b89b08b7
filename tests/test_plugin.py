"""The example of a package from outside: installed, trained, run and published by its page.

``docs/adding-a-model.md`` includes the package's files, and this test runs its commands in their
order: in one process of the fresh environment, since each new one takes seconds to load TensorFlow.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.store.servers import HubServer

ROOT = Path(__file__).parent.parent
PLUGIN = ROOT / "examples/plugin"
PAGE = ROOT / "docs/adding-a-model.md"
COMMANDS = """
import contextlib, io, json, shlex, sys
from zoo.cli import main

outputs = {}
for line in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8")) as shown:
        main(shlex.split(line)[1:])
    shown.seek(0)
    outputs[line] = shown.read()
print(json.dumps(outputs))
"""
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    """The page's code blocks in a language."""
    return [text for kind, text in _BLOCK.findall(PAGE.read_text("utf-8")) if kind == language]


@dataclass
class Installation:
    """A fresh environment with the package in it, the zoo and what it needs.

    Args:
        folder: the working folder.
        hub: the Hub on loopback that the environment is told of.
        outputs: what each command of the page printed.
    """

    folder: Path
    hub: HubServer
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.folder / "environment/bin/python"

    def install(self) -> None:
        """Make the environment; its dependencies are those of the running interpreter."""
        environment = self.folder / "environment"
        venv.create(environment, symlinks=True)
        (site,) = environment.glob("lib/python*/site-packages")
        installed = sysconfig.get_path("purelib")
        (site / "zoo.pth").write_text(f"import site; site.addsitedir({installed!r})\n")
        source = shutil.copytree(PLUGIN, self.folder / "plugin")  # it is built where it lies
        self.run(
            [sys.executable, "-m", "pip", "--python", str(self.python), "install", "--quiet",
             "--no-deps", "--no-index", "--no-build-isolation", str(source)]
        )  # fmt: skip

    def run(self, command: list[str], stdin: str = "") -> str:
        """Run a command in the working folder; give its standard output."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("HF_", "ZOO_")) and not name.lower().endswith("_proxy")
        }
        mine = {
            "HF_ENDPOINT": self.hub.url,
            "HF_HOME": str(self.folder / "hf"),
            "HF_HUB_DISABLE_XET": "1",  # the loopback Hub has LFS storage only
            "HF_TOKEN": self.hub.token,
            "ZOO_CACHE": str(self.folder / "cache"),
        }
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=kept | mine,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}:\n{done.stderr}"
        return done.stdout

    def zoo(self, line: str) -> str:
        """Run a command line of the page, written for a shell that knows ``zoo``."""
        return self.run(["sh", "-c", f'zoo() {{ "{self.python}" -m zoo "$@"; }}\n{line}'])

    def run_lines(self, lines: list[str]) -> None:
        """Run command lines that begin with ``zoo`` one after another, and keep what they print."""
        shown = self.run([str(self.python), "-c", COMMANDS], json.dumps(lines))
        self.outputs |= json.loads(shown.splitlines()[-1])


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The package installed, and every command of the page run in its order."""
    with HubServer() as hub:
        installed = Installation(tmp_path_factory.mktemp("plugin"), hub)
        installed.install()
        (lines,) = blocks("text")
        (installed.folder / "my.tsv").write_text(lines, "utf-8")
        commands = "".join(blocks("bash")).replace("\\\n", "").splitlines()
        installed.run_lines(
            [line for line in commands if line.startswith("zoo ")]
            + ["zoo evaluate runs/writer --json", "zoo evaluate runs/phrases --json"]
        )
        yield installed


def output(installation: Installation, start: str) -> str:
    """What the page's command that begins so printed."""
    (line,) = [line for line in installation.outputs if line.startswith(start)]
    return installation.outputs[line]


def test_the_page_shows_every_module_of_the_package() -> None:
    page = PAGE.read_text("utf-8")
    modules = [path for path in PLUGIN.rglob("*.py") if path.name != "__init__.py"]
    assert len(modules) >= 9
    for path in modules:
        assert str(path.relative_to(PLUGIN)) in page


def test_the_packages_models_and_task_are_listed(installation: Installation) -> None:
    listed = output(installation, "zoo list --task language-identification").splitlines()
    assert [line.split()[:2] for line in listed[1:]] == [["line_gru", "language-identification"]]
    names = {facts["name"] for facts in json.loads(installation.zoo("zoo list '*_gru' --json"))}
    assert {"line_gru", "tiny_gru"} <= names


def test_a_plug_in_that_fails_half_way_leaves_nothing_behind(installation: Installation) -> None:
    (site,) = installation.folder.glob("environment/lib/python*/site-packages")
    metadata = site / "half_way-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: half-way\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[zoo.models]\nfirst_of_all = half_way:register\n")
    (site / "half_way.py").write_text(
        "from zoo.registry import TaskEntry\n"
        "def register(registry):\n"
        "    registry.add_task(TaskEntry('half-way', 'A task.', '', 'half'))\n"
        "    registry.add_architecture(None)\n"
    )
    try:
        code = (
            "import sys; sys.stderr = sys.stdout\n"
            "from zoo.catalogue import registry\n"
            "print(*registry().tasks, *registry().architectures)"
        )
        warning, *_, names = installation.run([str(installation.python), "-c", code]).splitlines()
    finally:
        shutil.rmtree(metadata)
    assert "zoo plug-in 'first_of_all' was left out" in warning
    assert {"language-identification", "line_gru", "char_lstm"} <= set(names.split())
    assert "half-way" not in names


def test_registering_imports_neither_tensorflow_nor_numpy(installation: Installation) -> None:
    code = "import sys, zoo; assert 'line_gru' in zoo.list_models(); print(*sys.modules)"
    loaded = installation.run([str(installation.python), "-c", code]).split()
    assert "zoo_plugin.registration" in loaded
    assert not {"tensorflow", "keras", "numpy", "zoo_plugin.line_language.network"} & set(loaded)


def test_the_new_task_answers_on_the_command_line(installation: Installation) -> None:
    two = output(installation, "zoo run runs/phrases")
    assert two == "der junge wartet im garten\tde\nthe river behind the house\ten\n"
    found = json.loads(installation.zoo("printf 'une clé\\na key\\n' | zoo run runs/mine - --json"))
    assert [row["line"] for row in found] == ["une clé", "a key"]
    assert all(row["probabilities"][row["language"]] == row["confidence"] for row in found)


def test_the_new_task_is_scored_by_the_packages_recipe(installation: Installation) -> None:
    shown = installation.outputs["zoo evaluate runs/phrases"]
    assert "accuracy" in shown
    (row,) = json.loads(output(installation, "zoo evaluate runs/phrases --json"))
    assert row["value"] >= 95
    assert row["higher_is_better"] is True


def test_the_new_task_is_fine_tuned_on_lines_of_ones_own(installation: Installation) -> None:
    assert output(installation, "zoo finetune runs/phrases").splitlines()[-1] == "runs/mine"
    (facts,) = json.loads((installation.folder / "runs/mine/metrics.json").read_text())
    assert facts["value"] < facts["start"]
    assert (
        facts["command"]
        == "zoo finetune runs/phrases --lines my.tsv --out runs/mine --validation 0.34"
    )


def test_the_new_architecture_writes_what_it_was_trained_on(installation: Installation) -> None:
    written = output(installation, "zoo run runs/writer")
    assert written.startswith("the old woman ")
    figures = json.loads(output(installation, "zoo evaluate runs/writer --json"))
    assert figures[0]["unit"] == "nats/char"
    assert figures[0]["value"] < 1.0


def test_the_new_architecture_is_fine_tuned_by_its_tasks_command(
    installation: Installation,
) -> None:
    out = output(installation, "zoo finetune runs/writer").splitlines()[-1]
    (figure,) = json.loads((installation.folder / out / "metrics.json").read_text())
    assert figure["metric"] == "cross_entropy"
    assert figure["value"] < figure["start"]
    config = json.loads((installation.folder / out / "config.json").read_text())
    before = json.loads((installation.folder / "runs/writer/config.json").read_text())
    assert config["architecture"] == "tiny_gru"
    assert config["config"]["vocabulary_size"] > before["config"]["vocabulary_size"]


def test_the_task_is_published_and_loaded_from_the_hub(installation: Installation) -> None:
    repository = installation.hub.repositories["me/phrases"]
    card = repository.commits[repository.branches["main"]]["README.md"].decode()
    assert "pipeline_tag: language-identification" in card
    assert output(installation, "zoo run hf://me/phrases") == "fr\n"


def test_every_python_example_of_the_page_runs(installation: Installation) -> None:
    assert blocks("python")
    for block in blocks("python"):
        wanted = re.findall(r"# (.+)$", block, re.MULTILINE)
        shown = installation.run([str(installation.python), "-c", block])
        assert shown.splitlines() == wanted
