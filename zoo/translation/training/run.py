"""Training and fine-tuning of translators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import UsageError
from zoo.files import readable_os_errors, write_bytes
from zoo.folder.bundle import read_bundle
from zoo.folder.manifest import read_file, sha256_of
from zoo.training.plan import Plan
from zoo.training.publish import make_task
from zoo.training.run import (
    check_share,
    finetune,
    finetune_command,
    load_to_finetune,
    train_from,
)
from zoo.training.rundir import SAMPLES, RunDirectory
from zoo.translation.processor import MODEL_FILE, Direction, Subwords
from zoo.translation.training.objective import Examples, Seq2SeqObjective, make_examples
from zoo.translation.training.pairs import Pair, pairs_of, read_pairs, split_pairs, with_copies
from zoo.translation.training.scores import choose_search

if TYPE_CHECKING:
    from zoo.translation.datasets import Sentence

LONGEST = 64
"""Tokens; pairs with a longer side are not trained on."""

COPIED_SHARE = 0.02
"""Share of the pairs that get characters to copy, see
:func:`~zoo.translation.training.pairs.with_copies`."""

_SHOWN = 12  # sentences that are translated after each epoch


def train_translator(
    *,
    card: Mapping[str, Any],
    out: Path,
    training: Sequence[Sentence],
    validation: Sequence[Sentence],
    directions: Sequence[Direction],
    vocabulary_size: int,
    network: dict[str, Any],
    plan: Plan,
    batch: int,
    label_smoothing: float,
    others: int,
    subword_dropout: float = 0.0,
    beam_size: int = 5,
    start: Path | None = None,
) -> Path:
    """Train a translator from scratch and write its model folder.

    Args:
        card: how the model card begins, see :meth:`~zoo.training.recipe.RecipeValues.card`; the
            name begins with the architecture.
        out: the run's folder; a broken run in it is continued.
        training: sentences to learn from.
        validation: sentences to choose on.
        directions: source and target language of each direction.
        vocabulary_size: subwords of all languages together, learnt from the training sentences.
        network: values of the builder, the vocabulary size left out.
        plan: how to train.
        batch: pairs in a batch.
        label_smoothing: share of the probability that is spread over the vocabulary.
        others: subwords that the softmax of a training step covers besides those of its batch; 0
            for the whole vocabulary.
        subword_dropout: how far the sources' subwords of each epoch are from the usual ones, see
            :meth:`~zoo.translation.processor.Subwords.encode_many`.
        beam_size: of the model's own settings; the others are chosen, see
            :func:`~zoo.translation.training.scores.choose_search`.
        start: a model folder of the same network to start from, with its subwords; its weights are
            kept if nothing does better.

    Returns:
        ``out``, a model folder.

    Raises:
        DataError: there are no pairs, or too few for the vocabulary.
        ZooError: the run cannot be started, continued or written.
    """
    import keras

    from zoo.translation.seq2seq_lstm import Seq2SeqConfig, build

    values = {
        "model": card["name"],
        "dataset": card["dataset"],
        "directions": [list(direction) for direction in directions],
        "vocabulary_size": vocabulary_size,
        "network": network,
        "plan": asdict(plan),
        "batch": batch,
        "label_smoothing": label_smoothing,
        "others": others,
        "subword_dropout": subword_dropout,
        "beam_size": beam_size,
        "sentences": [len(training), len(validation)],
    }
    with RunDirectory(out, values) as run:
        if start is not None:
            processor = read_bundle(start).processor
        else:
            processor = _subwords_of_run(run, training, vocabulary_size, directions)
        config = Seq2SeqConfig(len(processor), **network)
        keras.utils.set_random_seed(plan.seed)
        made = build(config, dtype=plan.dtype)
        chosen = list(pairs_of(validation, directions))
        examples = make_examples(
            with_copies(pairs_of(training, directions), COPIED_SHARE), processor, LONGEST
        )

        def segmented(epoch: int) -> Examples:
            seed = int(np.random.default_rng([plan.seed, epoch]).integers(2**32))
            return examples.segmented_anew(processor, subword_dropout, seed)

        objective = Seq2SeqObjective(
            made,
            config,
            examples,
            make_examples(chosen, processor, LONGEST),
            batch=batch,
            seed=plan.seed,
            label_smoothing=label_smoothing,
            others=others,
            segmented=segmented if subword_dropout else None,
        )
        decoder = {"beam_size": beam_size, "length_penalty": 1.0}
        model = make_task("seq2seq_lstm", made, config, processor, card, decoder)
        rows = train_from(
            start,
            objective,
            plan,
            run,
            card=card,
            on_epoch=_sample_writer(model, run, chosen),
        )
        model.set_search(choose_search(model, chosen))
        model.metrics = rows
        model.save(run.path)
        run.finish()
    return run.path


def finetune_translator(
    reference: str,
    files: Sequence[Path],
    out: Path,
    *,
    both_ways: bool = False,
    epochs: int = 20,
    patience: int = 3,
    learning_rate: float = 5e-4,
    validation: float = 0.1,
    batch: int = 64,
    seed: int = 0,
) -> Path:
    """Train a translator further on pairs of one's own.

    The folder that is written holds the weights that did best on the pairs that are kept to choose
    on; if nothing did better than the start, those of the start.

    Args:
        reference: the model to start from, as ``load_model`` takes it.
        files: files of pairs, see :func:`~zoo.translation.training.pairs.read_pairs`.
        out: the run's folder; a broken run in it is continued.
        both_ways: train each pair in the other direction too.
        epochs: passes over the pairs at most.
        patience: epochs without a better validation loss before it ends; 0 for never.
        learning_rate: its peak.
        validation: share of the sources that is kept to choose on, with all their translations.
        batch: pairs in a batch; fewer when there are few.
        seed: of dropout, data order and of what is kept to choose on.

    Returns:
        ``out``, a model folder.

    Raises:
        UsageError: an argument is out of range, or the model does not translate in a direction
            that the pairs need.
        DataError: a file is missing, empty or malformed, or there are too few pairs.
    """
    given = dict(locals())
    check_share(validation)
    if batch < 1:
        raise UsageError("batch must be at least 1")
    plan = Plan(epochs, learning_rate, warmup_steps=50, patience=patience, seed=seed)
    pairs = [pair for path in files for pair in read_pairs(path)]
    if both_ways:
        pairs += [Pair(b, a, to, origin) for a, b, origin, to in pairs]
    training, chosen = split_pairs(pairs, validation, seed)
    model = load_to_finetune(reference, plan)
    for origin, to in dict.fromkeys((pair.source_language, pair.target_language) for pair in pairs):
        model.processor.check_direction(to, origin)
    values = {
        "base_model": model.card.get("name", reference),
        "pairs": sha256_of("\n".join("\t".join(pair) for pair in pairs).encode()),
        "validation": validation,
        "plan": asdict(plan),
        "batch": batch,
    }
    examples = make_examples(training, model.processor, LONGEST)
    judged = make_examples(chosen, model.processor, LONGEST)
    with RunDirectory(out, values) as run:
        objective = Seq2SeqObjective(
            model.network,
            model.config,
            examples,
            judged,
            # At least four steps an epoch, so that a few pairs are not a single batch.
            batch=max(1, min(batch, len(examples) // 4)),
            seed=seed,
            others=0,
        )
        finetune(
            model,
            reference,
            objective,
            plan,
            run,
            corpus=", ".join(path.name for path in files),
            learnt=_learnt(len(examples), len(training)),
            command=finetune_command(finetune_translator, "--pairs ...", given),
            on_epoch=_sample_writer(model, run, chosen),
        )
        # One way may have been learnt alone; then the other is worth less in the ranking.
        weights = (0.0, model.settings.backward_weight)
        if any(weights):
            model.set_search(choose_search(model, chosen, {"backward_weight": weights}))
        model.save(run.path)
        run.finish()
    return run.path


def _learnt(kept: int, given: int) -> str:
    left_out = f", {given - kept:,} left out as longer than {LONGEST} subwords" * (kept < given)
    return f"{kept:,} pairs{left_out}"


def learn_subwords(
    training: Sequence[Sentence], vocabulary_size: int, directions: Sequence[Direction]
) -> Subwords:
    """Learn the subwords of all languages that the directions name.

    Raises:
        DataError: the sentences are too few for a vocabulary of that size.
    """
    wanted = {code for direction in directions for code in direction}
    texts = (
        text
        for sentence in training
        for code, own in {"en": (sentence.english,), **sentence.translations}.items()
        if code in wanted
        for text in own
    )
    return Subwords.train(texts, vocabulary_size, directions)


def _subwords_of_run(
    run: RunDirectory,
    training: Sequence[Sentence],
    vocabulary_size: int,
    directions: Sequence[Direction],
) -> Subwords:
    """The run's subwords: learnt when it begins, read again when it is continued."""
    path = run.training / MODEL_FILE
    if run.has_checkpoint and path.exists():
        return Subwords(read_file(path), tuple(directions))
    processor = learn_subwords(training, vocabulary_size, directions)
    write_bytes(path, processor.model)
    return processor


def _sample_writer(model: Any, run: RunDirectory, pairs: Sequence[Pair]) -> Callable[[int], None]:
    """A callback that appends translations of a few sentences to ``samples.txt`` each epoch."""
    shown = pairs[:: max(1, len(pairs) // _SHOWN)][:_SHOWN]

    def write(epoch: int) -> None:
        lines = [f"--- epoch {epoch}"]
        for pair in shown:
            found = model.translate(pair.source, pair.target_language)
            lines += [f"{pair.source_language}: {pair.source}", f"{pair.target_language}: {found}"]
        with readable_os_errors(f"write {run.training / SAMPLES}"):
            with open(run.training / SAMPLES, "a", encoding="utf-8") as stream:
                stream.write("\n".join(lines) + "\n\n")

    return write
