"""``zoo list``, ``show``, ``download`` and ``push``: nothing here runs a network."""

from __future__ import annotations

import shutil
import textwrap
from pathlib import Path

import click

from zoo.catalogue import registry
from zoo.cli.output import complete_model, complete_task, megabytes, print_json, print_table
from zoo.cli.terminal import printable
from zoo.folder.figures import Figure


@click.command(
    "list", epilog="Examples:\n\n\b\n  zoo list\n  zoo list 'char_*' --task text-generation"
)
@click.argument("pattern", default="*")
@click.option(
    "--task",
    shell_complete=complete_task,
    help="Only models of this task, such as text-generation.",
)
@click.option("--language", help="Only models for this language (ISO 639-1), such as en.")
@click.option(
    "--pretrained/--architectures",
    default=None,
    help="Only names with weights, or only architectures.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(
    pattern: str, task: str | None, language: str | None, pretrained: bool | None, as_json: bool
) -> None:
    """List models whose name matches PATTERN (shell wildcards)."""
    models = registry()
    names = models.select(pattern, task=task, language=language, pretrained=pretrained)
    described = [models.describe(name) for name in names]
    if as_json:
        print_json(described)
        return
    rows = [
        (
            name,
            facts["task"],
            ",".join(facts.get("languages", ())) or "-",
            f"{facts['parameters']:,}" if "parameters" in facts else "-",
            megabytes(facts["size"]) if "size" in facts else "-",
            str(Figure.from_headline(facts["metric"], name)) if facts.get("metric") else "-",
        )
        for name, facts in zip(names, described, strict=True)
    ]
    if rows:
        print_table(("name", "task", "languages", "parameters", "size", "figure"), rows)
    else:
        asked = {"task": task, "language": language}
        only = "".join(f" with the {key} {value}" for key, value in asked.items() if value)
        click.echo(f"no model{only} matches {pattern!r}; see zoo list", err=True)


_FROM_CARD = ("data", "confidence", "limits")
"""What only a model's card says: sentences about what it was trained on, what its confidences mean,
and what it cannot do."""


@click.command(
    "show", epilog="Examples:\n\n\b\n  zoo show char_lstm.shakespeare\n  zoo show runs/mine --json"
)
@click.argument("model", shell_complete=complete_model)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_command(model: str, as_json: bool) -> None:
    """Show details of MODEL, a registered name or a model folder."""
    from zoo.folder.bundle import describe_folder
    from zoo.store.hub import PREFIX
    from zoo.store.locate import is_folder, local_folder, locate, warn_of_folder

    if model.startswith(PREFIX) or is_folder(model):
        folder = locate(model)
        facts = {"folder": str(folder.path), **describe_folder(folder)}
    else:
        warn_of_folder(model)
        facts = registry().describe(model)
        if local := local_folder(model):
            card = describe_folder(local)
            facts |= {key: card[key] for key in _FROM_CARD if card.get(key)}
    task = registry().tasks.get(facts["task"])
    if task is not None and task.doubts:
        facts["doubts"] = task.doubts
    if as_json:
        print_json(facts)
        return
    width = max(len(key) for key in facts)
    for key, value in facts.items():
        if key == "metric" and value:
            headline = Figure.from_headline(value, model)
            value = f"{headline} ({headline.split})"
        elif key == "metrics":
            figures = [Figure.from_row(row) for row in value]
            lines = [f"{figure.name}: {figure.shown}, {figure.data}" for figure in figures]
            value = f"\n{' ' * (width + 2)}".join(lines) or "-"
        elif isinstance(value, dict):
            value = ", ".join(f"{k} {v}" for k, v in value.items())
        elif isinstance(value, (list, tuple)):
            value = ", ".join(map(str, value)) or "-"
        if key in (*_FROM_CARD, "summary", "doubts"):
            columns = max(40, shutil.get_terminal_size().columns)
            lines = textwrap.wrap(str(value), columns - width - 2)
            value = f"\n{' ' * (width + 2)}".join(lines)
        click.echo(f"{click.style(printable(key).ljust(width), bold=True)}  {printable(value)}")


@click.command("download", epilog="Example:\n\n\b\n  zoo download char_lstm.shakespeare")
@click.argument("models", nargs=-1, required=True, shell_complete=complete_model)
@click.option("--revision", help="A Hub revision: branch, tag or commit.")
def download_command(models: tuple[str, ...], revision: str | None) -> None:
    """Download MODELS into the cache, verify them, and print their folders."""
    from zoo.store.locate import locate

    for model in models:
        folder = locate(model, revision=revision)
        folder.verify()
        click.echo(folder.path)


@click.command("push", epilog="Example:\n\n\b\n  zoo push runs/mine me/my-shakespeare --private")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("repository", metavar="OWNER/REPO")
@click.option("--private", is_flag=True, help="Make a new repository private.")
@click.option("--revision", help="Branch to push to.")
@click.option("--message", help="Commit message.")
def push_command(
    folder: Path, repository: str, private: bool, revision: str | None, message: str | None
) -> None:
    """Upload a model FOLDER to OWNER/REPO on the Hugging Face Hub (token: HF_TOKEN)."""
    from zoo.store.hub import push

    click.echo(push(folder, repository, private=private, revision=revision, message=message))
