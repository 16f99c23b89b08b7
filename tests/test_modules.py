"""Every module is reached from an entry point, a recipe or a script."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOTTED = re.compile(r"zoo(\.\w+)+(:\w+)?")


def modules() -> dict[str, Path]:
    """The package's modules by dotted name, those of ``zoo.recipes`` included."""
    named = {}
    for top, prefix in (("zoo", "zoo"), ("recipes", "zoo.recipes")):
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = path.relative_to(ROOT / top).with_suffix("").parts
            named[".".join([prefix, *parts]).removesuffix(".__init__")] = path
    return named


def mentions(source: str) -> Iterator[str]:
    """Patterns of the names that a source imports, now or later by a string such as ``a.b:C``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (re.escape(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports are not followed here"
            yield re.escape(str(node.module))
            yield from (re.escape(f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Constant) and DOTTED.fullmatch(str(node.value)):
            yield re.escape(str(node.value).partition(":")[0])
        elif isinstance(node, ast.JoinedStr):  # f"zoo.cli.{task}"
            parts = [
                re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"\w+"
                for part in node.values
            ]
            if re.match(r"zoo\\\.\w", parts[0]):
                yield "".join(parts).partition(":")[0]


def roots(named: dict[str, Path]) -> set[str]:
    """Patterns of the modules that are entered from outside: entry points, recipes, scripts."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    commands = setup["options.entry_points"]["console_scripts"].strip().splitlines()
    entered = {"zoo.__main__", *(re.split("[=:]", command)[1].strip() for command in commands)}
    entered |= {name for name in named if name.startswith("zoo.recipes")}
    patterns = {re.escape(name) for name in entered}
    for path in (ROOT / "scripts").rglob("*"):
        if not path.is_file() or path.suffix == ".pyc":
            continue
        if path.suffix == ".py" or "python" in path.read_text().split("\n")[0]:
            patterns |= set(mentions(path.read_text()))
    return patterns


def test_every_module_is_imported_by_something() -> None:
    named = modules()
    reached: set[str] = set()
    patterns = roots(named)
    while patterns:
        pattern = patterns.pop()
        for name in named:
            if re.fullmatch(pattern, name):
                packages = {name[: dot.start()] for dot in re.finditer(r"\.", name)}
                for new in ({name} | packages) - reached:
                    reached.add(new)
                    patterns |= set(mentions(named[new].read_text()))
    unreached = [name for name in named if name not in reached and named[name].read_text()]
    assert unreached == []
