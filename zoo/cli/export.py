"""``zoo export``: a model as graphs, as a Keras file, or as a model folder."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import click

from zoo.cli.output import complete_model, print_table
from zoo.errors import UsageError
from zoo.quiet import import_tensorflow_quietly

_FORMATS = ("onnx", "onnx-int8", "onnx-int8-dynamic", "litert", "keras", "folder")


@click.command(
    "export",
    epilog="Examples:\n\n\b\n  zoo export ctc_lstm.an4 --format onnx-int8 --out phone\n"
    "  zoo export char_lstm.shakespeare --format keras --out model.keras",
)
@click.argument("model", shell_complete=complete_model)
@click.option("--format", "kind", type=click.Choice(_FORMATS), required=True)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder (or .keras file)."
)
@click.option(
    "--check",
    is_flag=True,
    help="Score the exported graphs on the test set too, beside the model itself.",
)
def export_command(model: str, kind: str, out: Path, check: bool) -> None:
    """Write MODEL for other programs.

    All formats but folder give a folder with what runs the model: graphs, the front end's numbers,
    the vocabulary, golden outputs, a card and an example.

    \b
    onnx               ONNX graphs in float32
    onnx-int8          the same with weights in int8, a scale a channel
    onnx-int8-dynamic  the same with arithmetic in int8 too
    litert             a step of streaming and character models
    keras              Keras layers; a name that ends in .keras gives one file
    folder             a model folder of the zoo

    MODEL is a registered name, a model folder, or hf://owner/repo@revision.
    """
    if check and not kind.startswith("onnx"):
        raise UsageError("--check compares ONNX graphs with the model")
    if kind in ("litert", "keras"):
        import_tensorflow_quietly()
    from zoo.export.writing import export
    from zoo.loading import load_model

    loaded = load_model(model)
    if kind == "folder":
        click.echo(loaded.save(out))
    elif kind == "keras" and out.suffix == ".keras":
        click.echo(loaded.export_keras(out))
    else:
        path, worst = export(loaded, out, kind)
        click.echo(path)
        click.echo(f"largest difference of golden outputs from float32: {worst:.2g}", err=True)
        if check:
            _compare(loaded, model, path)


def _compare(task: Any, reference: str, folder: Path) -> None:
    """Score a model and its exported graphs, and print both."""
    from zoo.export.checking import run_on_files
    from zoo.training.recipe import evaluate

    exported = copy.deepcopy(task)
    run_on_files(exported, {part: folder / f"{part}.onnx" for part in task.inference.sessions()})
    pairs = zip(evaluate(task, reference), evaluate(exported, reference), strict=True)
    rows = [(before.name, before.shown, after.shown, before.data) for before, after in pairs]
    print_table(("metric", "model", "exported", "data"), rows)
