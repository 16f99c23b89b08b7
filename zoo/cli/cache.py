"""``zoo cache``: show, verify and clear the cache of downloaded models."""

from __future__ import annotations

import click

from zoo.cli.output import complete_model, megabytes, print_json, print_table
from zoo.errors import FolderError


@click.group("cache")
def cache_group() -> None:
    """Show, verify and clear the cache of downloaded models (set ZOO_CACHE to move it)."""


@cache_group.command("dir")
def dir_command() -> None:
    """Print the cache folder."""
    from zoo.store.cache import cache_dir

    click.echo(cache_dir())


@cache_group.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(as_json: bool) -> None:
    """List the cached models."""
    from zoo.store.cache import cached

    entries = cached()
    if as_json:
        print_json([vars(entry) for entry in entries])
    elif entries:
        rows = [
            (e.name, e.manifest, megabytes(e.size), "partial" if e.partial else "whole", e.path)
            for e in entries
        ]
        print_table(("name", "version", "size", "state", "folder"), rows)
    else:
        click.echo("the cache is empty", err=True)


@cache_group.command("verify")
def verify_command() -> None:
    """Verify the sha256 of every cached file."""
    from zoo.store.cache import verify_cache

    damaged = 0
    for entry, problem in verify_cache():
        damaged += problem is not None
        click.echo(f"{entry.name} {entry.manifest}: {problem or 'good'}")
    if damaged:
        raise FolderError(
            f"{damaged} cached models are damaged; run zoo cache clear NAME to remove one"
        )


@cache_group.command("clear")
@click.argument("name", required=False, shell_complete=complete_model)
@click.option("--yes", is_flag=True, help="Clear the whole cache without asking.")
def clear_command(name: str | None, yes: bool) -> None:
    """Remove the cached model NAME, or all models."""
    from zoo.store.cache import clear_cache

    if name is None and not yes:
        click.confirm("Remove all cached models?", abort=True, err=True)
    click.echo(f"freed {megabytes(clear_cache(name))}")
