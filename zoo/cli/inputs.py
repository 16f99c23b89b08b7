"""Inputs of ``zoo run`` and their results: standard input, progress, several inputs, JSON."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from zoo.cli.output import print_json
from zoo.cli.terminal import printable
from zoo.errors import DataError, UsageError, ZooError
from zoo.files import decoded_text, is_file

if TYPE_CHECKING:
    from zoo.results import Result

STANDARD_INPUT = "-"


def read_texts(arguments: Sequence[str]) -> list[str]:
    """The texts that a command's arguments mean; ``"-"`` is what is on standard input.

    A text that is the name of a file is taken as a text; a hint says how the file is read.

    Raises:
        UsageError: standard input is not UTF-8 text.
    """
    for text in arguments:
        if text != STANDARD_INPUT and is_file(Path(text)):
            name = shlex.quote(text)
            hint = f"zoo: {name} is taken as a text; did you mean the file? Then give: - < {name}"
            click.echo(printable(hint), err=True)
    return [read_standard_input() if text == STANDARD_INPUT else text for text in arguments]


def standard_input() -> BinaryIO:
    """Standard input as bytes.

    Raises:
        UsageError: it is closed.
    """
    if sys.stdin is None:
        raise UsageError("standard input is closed; pipe something into the command")
    return sys.stdin.buffer


def read_standard_input() -> str:
    """The whole text on standard input, with line ends converted to ``\\n``.

    Raises:
        UsageError: it is closed or not UTF-8 text.
    """
    try:
        return decoded_text(standard_input().read(), "standard input")
    except DataError as error:
        raise UsageError(str(error).replace("utf-8 standard input", "utf-8")) from None


@contextmanager
def progress_bar(
    description: str, unit: str, total: float | None = None, done: float = 0
) -> Iterator[Callable[[float], object]]:
    """A progress bar on standard error, if that is a terminal and the work takes a while.

    Args:
        description: what is being done, such as ``"reading"``.
        unit: of what is counted, such as ``"line"``.
        total: how many units there are, or ``None`` if that is unknown.
        done: how many of them were done before.

    Yields:
        A function to call with the number of units done since the last call: a verb's
        ``on_progress``.
    """
    from tqdm import tqdm

    with tqdm(
        total=total,
        initial=done,
        unit=unit,
        desc=description,
        unit_scale=True,
        delay=2,
        disable=None,
    ) as bar:
        yield bar.update


def run_each(run: Callable[[list[Any]], Sequence[Any]], inputs: Sequence[Any]) -> list[Any]:
    """Run on all inputs together or, if one of several cannot be used, on each alone.

    Args:
        run: gives a result for each input.
        inputs: what to run on; an input may be the error that was met when it was looked at.

    Returns:
        For each input its result, or the error that it met.

    Raises:
        ZooError: all inputs met the same error.
    """
    if not any(isinstance(each, ZooError) for each in inputs):
        try:
            return list(run(list(inputs)))
        except ZooError:
            if len(inputs) == 1:
                raise
    results = [_alone(run, each) for each in inputs]
    said = {str(result) if isinstance(result, ZooError) else None for result in results}
    if len(said) == 1 and None not in said:
        raise results[0]
    return results


def _alone(run: Callable[[list[Any]], Sequence[Any]], value: Any) -> Any:
    if isinstance(value, ZooError):
        return value
    try:
        return run([value])[0]
    except ZooError as error:
        return error


def print_each(
    names: Sequence[str], results: Sequence[Result | ZooError], as_json: bool, kind: str
) -> None:
    """Print one result as it is, and of several a row each: name, tab, text.

    Errors go to standard error (in JSON to the results), and the command then exits with 1. So do
    the results' doubts, if they have any.

    Args:
        names: of the inputs.
        results: for each input its result, or the error that it met.
        as_json: print JSON.
        kind: what an input is called in JSON.
    """
    named = list(zip(names, results, strict=True))
    failed = [result for result in results if isinstance(result, ZooError)]
    if as_json:
        print_json([{kind: name, **_plain(result)} for name, result in named])
    else:
        for name, result in named:
            if not isinstance(result, ZooError):
                click.echo(result if len(results) == 1 else f"{name}\t{result}")
        for name, result in named:
            where = f"{name}: " if len(results) > 1 else ""
            print_doubts(result, where)
    for error in failed:
        click.echo(f"zoo: {printable(error)}", err=True)
    if failed:
        raise click.exceptions.Exit(1)


def print_doubts(result: Any, where: str = "") -> None:
    """Print a result's doubts, if it has any, to standard error.

    Args:
        result: of one input.
        where: names the input, if there are others.
    """
    for doubt in getattr(result, "doubts", ()):
        click.echo(f"zoo: unsure: {printable(where + doubt)}", err=True)


def _plain(result: Result | ZooError) -> dict[str, Any]:
    return {"error": str(result)} if isinstance(result, ZooError) else result.to_dict()
