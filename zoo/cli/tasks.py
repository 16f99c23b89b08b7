"""How ``zoo run`` and ``zoo finetune`` reach the command of a model's task.

What a model takes depends on its task, so the model is looked up first, and the rest of the line,
its shell completion included, is left to the Click command that the task's entry in the registry
names. A task from an installed package is reached in the same way as the zoo's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem

from zoo.catalogue import registry
from zoo.errors import ZooError
from zoo.folder.model_folder import ModelFolder
from zoo.quiet import import_tensorflow_quietly
from zoo.registry import Architecture


class TaskCommand(click.Command):
    """A command with an argument ``model`` whose options are those of the model's task."""

    def __init__(self, *arguments: Any, **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.context_settings = {"ignore_unknown_options": True, "allow_interspersed_args": False}

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete an option: one of the task's, once the model is known."""
        inner = _context_to_complete(ctx)
        if inner is None:
            return super().shell_complete(ctx, incomplete)
        return inner.command.shell_complete(inner, incomplete)


def task_arguments(metavar: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The argument ``rest`` of a :class:`TaskCommand`: what its task's command gets.

    Args:
        metavar: how help shows it.
    """
    return click.argument(
        "rest", nargs=-1, type=click.UNPROCESSED, metavar=metavar, shell_complete=_complete_value
    )


def hand_on(ctx: click.Context, model: str, rest: tuple[str, ...]) -> Any:
    """Run the command of the model's task.

    Args:
        ctx: of a :class:`TaskCommand`; the task's command has the same name.
        model: a registered name, a model folder or a Hub reference.
        rest: the task's arguments and options.

    Raises:
        ZooError: there is no such model, or its task has no such command.
    """
    architecture, inner = _task_context(ctx, model, rest)
    with inner:
        if ctx.command.name != "run" or not architecture.inference:
            import_tensorflow_quietly()
        return inner.command.invoke(inner)


def _task_context(
    ctx: click.Context, model: str, rest: tuple[str, ...], **extra: Any
) -> tuple[Architecture, click.Context]:
    architecture, folder = _find(model)
    command: click.Command = registry().task(architecture.task).load(str(ctx.command.name))
    # With the folder as the context's object, MODEL is the located folder: it is found once.
    return architecture, command.make_context(
        f"{ctx.info_name} {model}", [model, *rest], parent=ctx.parent, obj=folder, **extra
    )


def _find(model: str) -> tuple[Architecture, ModelFolder | None]:
    """A model's architecture, and its folder if that had to be located to know it."""
    from zoo.folder.bundle import architecture_of
    from zoo.store.hub import PREFIX
    from zoo.store.locate import is_folder, locate

    if not model.startswith(PREFIX) and not is_folder(model):
        return registry().find(model)[0], None
    folder = locate(model)
    return architecture_of(folder), folder


def _context_to_complete(ctx: click.Context) -> click.Context | None:
    """The context of the task's command, or ``None`` if the model is not known (yet)."""
    from zoo.store.hub import PREFIX

    model = ctx.params.get("model")
    if not model or model.startswith(PREFIX):  # completion downloads nothing
        return None
    try:
        return _task_context(ctx, model, ctx.params.get("rest") or (), resilient_parsing=True)[1]
    except ZooError:
        return None


def _complete_value(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the value of a task's option or a task's argument."""
    inner = _context_to_complete(ctx)
    if inner is None:
        return []
    last = (ctx.params.get("rest") or ("",))[-1]
    options = [parameter for parameter in inner.command.params if last in parameter.opts]
    arguments = [parameter for parameter in inner.command.params if parameter.nargs == -1]
    asked = [
        parameter for parameter in options if not getattr(parameter, "is_flag", False)
    ] + arguments
    return asked[0].shell_complete(inner, incomplete) if asked else []
