"""The documents' tables, links, command lines and code are held against the project."""

from __future__ import annotations

import importlib
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import click
import pytest

from zoo.catalogue import registry
from zoo.cli import cli
from zoo.registry import Weights, resolve

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
IDS = [str(page.relative_to(ROOT)) for page in PAGES]

_FENCE = re.compile(r"^ *```+(.*?)\n(.*?)^ *```+ *$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")

each_page = pytest.mark.parametrize("page", PAGES, ids=IDS)


def blocks(page: Path, *languages: str) -> list[str]:
    """The fenced blocks of a page in one of some languages."""
    found = _FENCE.findall(page.read_text(encoding="utf-8"))
    return [text for language, text in found if language.strip() in languages]


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and MyST make them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


def zoo_lines(page: Path) -> list[list[str]]:
    """The words of every ``zoo ...`` command in the shell blocks of a page."""
    found = []
    for block in blocks(page, "bash", "console", "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars="|&;<>")
            lexer.commenters, lexer.whitespace_split = "#", True
            words = list(lexer)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                del words[0]
            end = next((i for i, word in enumerate(words) if word[0] in "|&;<>"), len(words))
            if words[:1] == ["zoo"]:
                found.append(words[1:end])
    return found


def commands_for(words: list[str]) -> Iterator[tuple[click.Command, list[str]]]:
    """The commands that may get these words, with what is left for their own parser."""
    command: click.Command = cli
    context = click.Context(cli, info_name="zoo")
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(context, rest[0])
        assert found is not None, f"there is no command zoo {' '.join(words)}"
        command, rest = found, rest[1:]
    if command.name in ("run", "finetune") and rest and rest[0].islower():
        yield from ((task, rest) for task in task_commands(command.name, rest[0]))
    else:
        yield command, rest


def task_commands(kind: str, model: str) -> list[click.Command]:
    """What ``zoo run`` or ``zoo finetune`` may hand a model on to; a folder may be of any task."""
    models = registry().architectures
    if "/" in model:
        tasks = {entry.task for entry in models.values()}
    else:
        entry = models.get(model.partition(".")[0])
        assert entry is not None, f"there is no architecture of {model}"
        assert model in (entry.name, *resolve(f"{entry.recipe}:MODELS")), f"there is no {model}"
        tasks = {entry.task}
    modules = [importlib.import_module(registry().task(task).command) for task in tasks]
    return [getattr(module, kind) for module in modules if hasattr(module, kind)]


def parse(words: list[str]) -> None:
    """Parse a command line as the real commands do, but with files that need not exist."""
    if words[-1:] == ["--help"]:
        words = words[:-1]
        assert any(commands_for(words))
        return
    errors = []
    for command, rest in commands_for(words):
        try:
            command.make_context(command.name, list(rest), parent=click.Context(cli))
            return
        except click.ClickException as error:
            errors.append(error.format_message())
    pytest.fail(f"zoo {' '.join(words)}: {'; '.join(errors)}")


def test_generated_tables_are_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "scripts/tables"), "--check"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``scripts/tables`` as a module."""
    loader = SourceFileLoader("tables", str(ROOT / "scripts/tables"))
    module = module_from_spec(spec_from_loader("tables", loader))
    monkeypatch.setitem(sys.modules, "tables", module)  # dataclasses look their module up there
    loader.exec_module(module)
    return module


def test_tables_take_every_figure_from_registry_and_measurements(tables: ModuleType) -> None:
    models = tables.builtin()
    models.weights.clear()
    assert "| `char_lstm` | text-generation | - |" in tables.readme_table(models)
    metric = {"name": "cross_entropy", "value": 1.25, "unit": "nats/char", "split": "test"}
    for tag in ("b10", "b9"):
        models.add_weights(
            Weights(
                f"char_lstm.{tag}", "text-generation", ("en",), "cc0-1.0", "a_text", metric,
                size=2_500_000, parameters=1_234_567, manifest_sha256="0" * 64,
            )
        )  # fmt: skip
    row = "text-generation | 1,234,567 | 2.5 MB | a_text | 1.25 nats/char (test) | cc0-1.0 |"
    both = f"| `char_lstm.b9` | {row}\n| `char_lstm.b10` | {row}"
    assert both in tables.readme_table(models)
    assert both in tables.models_page(models)

    rows = [
        {"units": units, "batch": "1", "rate": rate, "versions": "x 1; y 2"}
        for units, rate in (("256", "12345.6"), ("512", "0.12345"))
    ]
    benchmark = tables.Benchmark("Title", "Text.", {"rate": "characters a second"})
    assert tables.measurements(rows, benchmark) == [
        "units 256, batch 1:",
        "| characters a second |\n| --- |\n| 12,346 |",
        "units 512, batch 1:",
        "| characters a second |\n| --- |\n| 0.1235 |",
        "Measured on: x 1, y 2.",
    ]


def test_a_page_shows_the_rows_of_a_csv_file_without_their_source(
    tables: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "runs.csv").write_text(
        "run,test_BLEU,words,source,processor\nA,44.0,1234567,x,cpu 1\nB,,7,y,\n"
    )
    page = tmp_path / "page.md"
    page.write_text("Before.\n\n<!-- table: runs.csv -->\n\nold\n\n<!-- table: end -->\n\nAfter.\n")
    table = (
        "| run | test BLEU | words |\n| --- | --- | --- |\n| A | 44.0 | 1,234,567 |\n| B | - | 7 |"
    )
    expected = (
        f"Before.\n\n<!-- table: runs.csv -->\n\n{table}\n\nMeasured on: cpu 1.\n\n"
        "<!-- table: end -->\n\nAfter.\n"
    )
    assert tables.page_with_tables(page) == expected
    page.write_text(expected)
    assert tables.page_with_tables(page) == expected


def test_every_task_has_a_page_and_its_commands_are_in_the_reference() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    reference = (ROOT / "docs/command-line.md").read_text(encoding="utf-8")
    for name in {entry.task for entry in registry().architectures.values()}:
        page = f"docs/tasks/{name}.md"
        assert (ROOT / page).is_file()
        assert f"]({page})" in readme
        for command in ("run", "inspect", "finetune"):
            assert f".. click:: {registry().task(name).command}:{command}\n" in reference


@each_page
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for link in _LINK.findall(prose(page)):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.is_file(), f"{link} leads nowhere"
        assert target.is_relative_to(ROOT), f"{link} leads out of the project"
        assert not anchor or anchor in anchors(target), f"{link}: there is no such heading"


@each_page
def test_every_page_of_the_site_is_reached_from_its_contents(page: Path) -> None:
    docs = ROOT / "docs"
    listed = {
        line.strip()
        for block in blocks(docs / "index.md", "{toctree}")
        for line in block.splitlines()
    }
    if page.is_relative_to(docs) and page != docs / "index.md":
        assert str(page.relative_to(docs).with_suffix("")) in listed


@each_page
def test_every_zoo_command_line_parses(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(click.Path, "convert", lambda self, value, param, ctx: value)
    for words in zoo_lines(page):
        parse(words)


@each_page
def test_commands_and_options_named_in_the_text_exist(page: Path) -> None:
    for code in _CODE.findall(prose(page)):
        words = code.split()
        if words[:1] == ["zoo"] and len(words) > 1 and words[1].islower():
            for command, rest in commands_for(words[1:]):
                known = {option for param in command.params for option in param.opts} | {"--help"}
                used = {word for word in rest if word.startswith("--")}
                assert used <= known, f"`{code}`: there is no {used - known}"
        if words and re.fullmatch(r"scripts/[\w/]+(\.py)?", words[0]):
            assert (ROOT / words[0]).exists(), f"there is no {words[0]}"


@each_page
def test_every_python_block_compiles(page: Path) -> None:
    for block in blocks(page, "python"):
        compile(block, str(page), "exec")


def test_limits_in_the_format_description_are_those_of_the_code() -> None:
    text = (ROOT / "docs/model-folder.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|]* \| (\d+) \| `([\w.]+)\.(\w+)` \|$", text, re.MULTILINE)
    assert len(rows) >= 4
    for value, module, name in rows:
        assert int(value) == resolve(f"{module}:{name}"), name
