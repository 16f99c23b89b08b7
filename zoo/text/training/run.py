"""Training, fine-tuning and scoring of character language models."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import DataError, UsageError
from zoo.files import read_text, readable_os_errors
from zoo.folder.figures import Figure
from zoo.folder.manifest import sha256_of
from zoo.training.plan import Plan
from zoo.training.publish import make_task
from zoo.training.run import (
    check_share,
    finetune,
    finetune_command,
    load_to_finetune,
    train_from,
    with_characters,
)
from zoo.training.rundir import SAMPLES, RunDirectory
from zoo.version import __version__

if TYPE_CHECKING:
    from zoo.text.processor import Characters

SAMPLE_LENGTH = 300
DECODER = {"temperature": 0.8, "top_k": 0, "top_p": 1.0}


def train_language_model(
    *,
    card: Mapping[str, Any],
    out: Path,
    characters: Characters,
    training: str,
    validation: str,
    network: dict[str, Any],
    plan: Plan,
    batch: int,
    window: int,
    start: Path | None = None,
) -> Path:
    """Train a character model from scratch and write its model folder.

    Args:
        card: how the model card begins, see :meth:`~zoo.training.recipe.RecipeValues.card`; the
            name begins with the architecture.
        out: the run's folder; a broken run in it is continued.
        characters: the vocabulary.
        training: the text to learn from.
        validation: the text to choose on.
        network: values of the builder, the vocabulary size left out.
        plan: how to train.
        batch: parallel streams of text.
        window: characters of backpropagation through time.
        start: a model folder of the same network to start from; its weights are kept if nothing
            does better.

    Returns:
        ``out``, a model folder.

    Raises:
        ZooError: the run cannot be started, continued or written.
    """
    import keras

    from zoo.text.char_lstm import CharLSTMConfig, build
    from zoo.text.training.objective import LanguageModelObjective

    config = CharLSTMConfig(vocabulary_size=len(characters), **network)
    values = {
        "model": card["name"],
        "dataset": card["dataset"],
        "network": asdict(config),
        "plan": asdict(plan),
        "batch": batch,
        "window": window,
    }
    with RunDirectory(out, values) as run:
        keras.utils.set_random_seed(plan.seed)
        made = build(config, dtype=plan.dtype)
        objective = LanguageModelObjective(
            made,
            characters.encode(training),
            characters.encode(validation),
            batch=batch,
            window=window,
            seed=plan.seed,
        )
        model = make_task("char_lstm", made, config, characters, card, DECODER)
        rows = train_from(
            start,
            objective,
            plan,
            run,
            card=card,
            on_epoch=_sample_writer(model, run, validation[:1]),
        )
        model.metrics = rows
        model.save(run.path)
        run.finish()
    return run.path


def finetune_language_model(
    reference: str,
    texts: Sequence[Path],
    out: Path,
    *,
    epochs: int = 20,
    patience: int = 3,
    learning_rate: float = 1e-3,
    validation: float = 0.1,
    batch: int = 32,
    window: int = 128,
    seed: int = 0,
) -> Path:
    """Train a character model further on texts of one's own.

    Characters that the model does not know are added to its vocabulary. The folder that is written
    holds the weights that did best on the validation text; if nothing did better than the start,
    those of the start.

    Args:
        reference: the model to start from, as ``load_model`` takes it.
        texts: UTF-8 text files, read one after the other.
        out: the run's folder; a broken run in it is continued.
        epochs: passes over the text at most.
        patience: epochs without a better validation loss before it ends; 0 for never.
        learning_rate: its peak.
        validation: share of the text, its end, that is kept to choose on.
        batch: parallel streams of text; fewer when the text is short.
        window: characters of backpropagation through time.
        seed: of dropout and data order.

    Returns:
        ``out``, a model folder.

    Raises:
        UsageError: an argument is out of range.
        DataError: a file is missing, empty, too short or not UTF-8 text.
    """
    given = dict(locals())
    check_share(validation)
    if batch < 1 or window < 1:
        raise UsageError("batch and window must be at least 1")
    text = read_text(texts)
    cut = int(len(text) * (1 - validation))
    if len(text) - cut < 2 or cut < 2 * window:
        raise DataError(
            f"{len(text)} characters are too few to train on; give at least "
            f"{math.ceil(max(2 * window / (1 - validation), 2 / validation)) + 1}"
        )
    plan = Plan(
        epochs=epochs,
        patience=patience,
        learning_rate=learning_rate,
        average=0.99,
        seed=seed,
    )
    names = ", ".join(path.name for path in texts)
    values = {
        "model": reference,
        "texts": names,
        "sha256": sha256_of(text.encode()),
        "plan": asdict(plan),
        "validation": validation,
        "batch": batch,
        "window": window,
    }
    with RunDirectory(out, values) as run:
        from zoo.text.training.objective import LanguageModelObjective

        model = load_to_finetune(reference, plan)
        model = with_characters(model, reference, plan, text)
        ids = model.processor.encode(text)
        objective = LanguageModelObjective(
            model.network,
            ids[:cut],
            ids[cut:],
            # At least four steps an epoch, so that a short text is not a single batch.
            batch=max(1, min(batch, cut // (4 * window))),
            window=window,
            seed=seed,
        )
        finetune(
            model,
            reference,
            objective,
            plan,
            run,
            corpus=names,
            learnt=f"{len(text):,} characters",
            command=finetune_command(finetune_language_model, "--text ...", given),
            on_epoch=_sample_writer(model, run, text[cut]),
        )
        model.save(run.path)
        run.finish()
    return run.path


def _sample_writer(model: Any, run: RunDirectory, prompt: str) -> Callable[[int], None]:
    """A callback that appends what the model writes after each epoch to ``samples.txt``."""

    def write(epoch: int) -> None:
        # The compiled loop holds a copy of the weights, so a task that writes anew is needed.
        fresh = make_task(
            model.architecture.name,
            model.network,
            model.config,
            model.processor,
            model.card,
            model.decoder,
        )
        sample = fresh.generate(prompt, length=SAMPLE_LENGTH, seed=1)
        with readable_os_errors(f"write {run.training / SAMPLES}"):
            with open(run.training / SAMPLES, "a", encoding="utf-8") as stream:
                stream.write(f"--- epoch {epoch}\n{sample.text}\n\n")

    return write


def evaluate_language_model(
    model: Any,
    text: str,
    dataset: str,
    split: str,
    command: str,
    progress: Callable[[int, int], None] | None = None,
) -> list[Figure]:
    """Score a text in one pass, state carried from its first character to its last.

    Args:
        model: a text-generation task.
        text: the text.
        dataset: its name in the figures.
        split: which part of it, in the figures.
        command: the command that gives the figures again.
        progress: called with the number of characters read since the last call, and of all.

    Returns:
        Cross-entropy in nats and in bits for each character.
    """
    total = len(text) - 1
    score = model.score(
        text, on_progress=(lambda count: progress(count, total)) if progress else None
    )
    facts: dict[str, Any] = {
        "dataset": dataset,
        "split": split,
        "scorer": f"zoo {__version__} score, one pass, state carried",
        "command": command,
        "characters": total,
    }
    return [
        Figure.measured("cross_entropy", score.nats_per_character, "nats/char", **facts),
        Figure.measured("bits_per_character", score.bits_per_character, "bits/char", **facts),
    ]
