"""``zoo inspect``: its command, and what the commands of the tasks behind it share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from zoo.cli.output import MODEL_HELP, complete_model
from zoo.cli.tasks import TaskCommand, hand_on, task_arguments
from zoo.errors import UsageError
from zoo.store.locate import Reference


@click.command(
    "inspect",
    cls=TaskCommand,
    epilog='Examples:\n\n\b\n  zoo inspect char_lstm.shakespeare "ROMEO: who is there?" '
    "--out page.html\n  zoo inspect crnn.latin line.png --plot gates.png\n"
    "  zoo inspect char_lstm.shakespeare --help",
    help="Look into MODEL while it reads an input: gates, states, gradients.\n\n"
    f"See zoo inspect MODEL --help for its arguments.\n\nMODEL is {MODEL_HELP}.",
)
@click.argument("model", shell_complete=complete_model)
@task_arguments("INPUT [OPTIONS]")
@click.pass_context
def inspect_command(ctx: click.Context, model: str, rest: tuple[str, ...]) -> None:
    """Run the ``inspect`` command of the model's task."""
    hand_on(ctx, model, rest)


def inspection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a task's ``inspect`` command, with the names of :func:`inspect_input`."""
    for decorator in (
        click.option("--at", type=int, help="The output that --highway is about, from 0."),
        click.option("--steps", type=int, help="Number of steps back of --highway."),
        click.option(
            "--highway", is_flag=True, help="Measure how far back an output's loss reaches."
        ),
        click.option(
            "--find-units", is_flag=True, help="Find the units that follow what the task knows."
        ),
        click.option("--unit", type=int, help="With --plot, colour the input by this unit."),
        click.option("--layer", help="The layer of --plot and --unit; left out, the last."),
        click.option(
            "--plot", type=click.Path(path_type=Path), help="Draw the gates: PNG, SVG or PDF."
        ),
        click.option(
            "--save", type=click.Path(path_type=Path), help="Write all gates and states as .npz."
        ),
        click.option(
            "--out", type=click.Path(path_type=Path), help="Write a page for a browser: .html."
        ),
    ):
        command = decorator(command)
    return command


def inspect_input(
    reference: Reference,
    source: Any,
    options: dict[str, Any] | None = None,
    *,
    out: Path | None,
    save: Path | None,
    plot: Path | None,
    layer: str | None,
    unit: int | None,
    find_units: bool,
    highway: bool,
    steps: int | None,
    at: int | None,
) -> None:
    """Trace a model on an input and print, draw and write what is asked for.

    Args:
        reference: the model, as ``load_model`` takes it.
        source: one input, as the model's verb takes it.
        options: of the task's :meth:`~zoo.task.Task.subject`.
        out: a page to write.
        save: a file of arrays to write.
        plot: a picture to draw.
        layer: of the picture.
        unit: of the picture.
        find_units: whether to look for units that follow the task's quantities.
        highway: whether to measure one.
        steps: of the highway.
        at: of the highway.

    Raises:
        UsageError: an option is out of its range, or a file's ending is wrong.
        ZooError: the model or the input cannot be read, or a file cannot be written.
    """
    from zoo.inspection import pictures
    from zoo.inspection.page import write_page
    from zoo.loading import load_model

    if unit is not None and plot is None:
        raise UsageError("--unit says what --plot draws; give --plot too")
    if not highway and (steps is not None or at is not None):
        raise UsageError("--steps and --at belong to --highway; give it too")
    given = options or {}
    model = load_model(reference)
    trace = model.trace(source, **given)
    for one in trace.layers.values():
        click.echo(f"{one.name}: {one.cell}, {len(one.units)} units, {len(one)} steps")
        if one.gates:
            click.echo(f"  {trace.lifetimes(one.name)}")
            click.echo(f"  {trace.saturation(one.name)}")
    findings = _findings(trace) if find_units else []
    for finding in findings:
        click.echo(finding)
    measured = model.highway(source, at, steps, **given) if highway else None
    if measured is not None:
        click.echo(measured)
    if save is not None:
        click.echo(trace.save(save))
    if plot is not None and unit is not None:
        click.echo(pictures.draw_unit(trace, plot, unit, layer))
    elif plot is not None:
        click.echo(pictures.draw_gates(trace, plot, layer))
    if out is not None:
        title = str(model.card.get("name", reference))
        click.echo(write_page(trace, out, title=title, highway=measured, findings=findings))


def _findings(trace: Any) -> list[Any]:
    """The units that follow each quantity of the task; those that stand still are named."""
    main = next(iter(trace.axes)) if trace.subject is None else next(iter(trace.subject.axes))
    layers = [one.name for one in trace.layers.values() if one.axis == main]
    found = []
    for name in trace.subject.quantities if trace.subject and layers else ():
        try:
            found.append(trace.find(name, layers=layers, most=3))
        except UsageError as error:
            click.echo(f"zoo: {error}", err=True)
    return found
