"""``zoo cache``: where downloaded models lie, and whether they are whole."""

from __future__ import annotations

import click

from zoo.cli.output import complete_model, megabytes, print_json, print_table
from zoo.errors import FolderError


@click.group("cache")
def cache_group() -> None:
    """Show, check and empty the cache of downloaded models (moved by ZOO_CACHE)."""


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
    """Check every cached file against its sha256."""
    from zoo.store.cache import verify_cache

    damaged = 0
    for entry, problem in verify_cache():
        damaged += problem is not None
        click.echo(f"{entry.name} {entry.manifest}: {problem or 'good'}")
    if damaged:
        raise FolderError(f"{damaged} cached models are damaged; zoo cache clear NAME removes one")


@cache_group.command("clear")
@click.argument("name", required=False, shell_complete=complete_model)
@click.option("--yes", is_flag=True, help="Do not ask before emptying the whole cache.")
def clear_command(name: str | None, yes: bool) -> None:
    """Remove the cached model NAME, or all of them."""
    from zoo.store.cache import clear_cache

    if name is None and not yes:
        click.confirm("Remove all cached models?", abort=True, err=True)
    click.echo(f"freed {megabytes(clear_cache(name))}")
