"""Runs on several inputs, some of which may be unreadable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from zoo.cli.output import print_json
from zoo.errors import ZooError


def run_each(run: Callable[[list[Any]], list[Any]], inputs: Sequence[Any]) -> list[Any]:
    """Run on all inputs together or, if one of several cannot be used, on each alone.

    Args:
        run: gives a result for each input.
        inputs: what to run on; an input may be the error that was met when it was looked at.

    Returns:
        For each input its result, or the error that it met.

    Raises:
        ZooError: all inputs met the same error.
    """
    if not any(isinstance(one, ZooError) for one in inputs):
        try:
            return run(list(inputs))
        except ZooError:
            if len(inputs) == 1:
                raise
    results = [_alone(run, one) for one in inputs]
    said = {str(one) if isinstance(one, ZooError) else None for one in results}
    if len(said) == 1 and None not in said:
        raise results[0]
    return results


def _alone(run: Callable[[list[Any]], list[Any]], one: Any) -> Any:
    if isinstance(one, ZooError):
        return one
    try:
        return run([one])[0]
    except ZooError as error:
        return error


def print_each(
    names: Sequence[str],
    results: Sequence[Any],
    plain: Callable[[Any], dict[str, Any]],
    as_json: bool,
    kind: str,
) -> None:
    """Print one result as it is, and of several a row each: name, tab, text.

    Errors go to standard error (in JSON to the results), and the command then exits with 1.

    Args:
        names: of the inputs.
        results: for each input its result, or the error that it met.
        plain: a result as JSON shows it.
        as_json: print JSON.
        kind: what an input is called in JSON.
    """
    failed = [one for one in results if isinstance(one, ZooError)]
    named = list(zip(names, results, strict=True))
    if as_json:
        print_json(
            [
                {kind: name, **({"error": str(one)} if isinstance(one, ZooError) else plain(one))}
                for name, one in named
            ]
        )
    elif len(results) == 1:
        click.echo(results[0])
    else:
        for name, one in named:
            if not isinstance(one, ZooError):
                click.echo(f"{name}\t{one}")
    for error in failed:
        click.echo(f"zoo: {error}", err=True)
    if failed:
        raise click.exceptions.Exit(1)
