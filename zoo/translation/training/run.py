"""Training and fine-tuning of translators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.files import write_bytes
from zoo.folder.manifest import read_file, sha256_of
from zoo.store.locate import Reference
from zoo.training.run import finetune
from zoo.training.rundir import RunDirectory
from zoo.training.seen import fingerprints
from zoo.training.subject import Finetuning, Training, read_start
from zoo.translation.processor import MODEL_FILE, Direction, Subwords
from zoo.translation.training.examples import Examples, make_examples
from zoo.translation.training.options import TranslatorOptions
from zoo.translation.training.pairs import Pair, pairs_of, read_pairs, split_pairs, with_copies
from zoo.translation.training.scores import choose_search, fit_doubts
from zoo.translation.training.variants import with_variants
from zoo.translation.translation import Translation

if TYPE_CHECKING:
    from zoo.folder.bundle import Bundle
    from zoo.translation.datasets import Sentence
    from zoo.translation.training.objective import Seq2SeqObjective

LONGEST = 64
"""Tokens; pairs with a longer side are not trained on."""

COPIED_SHARE = 0.02
"""Fraction of the pairs that get characters to copy, see
:func:`~zoo.translation.training.pairs.with_copies`."""

_SHOWN = 12  # sentences that are translated after each epoch


@dataclass(kw_only=True)
class TranslatorTraining(Training[Translation]):
    """Training of a new translator.

    Args:
        card: how the model card begins; the name begins with the architecture.
        training: sentences to train on.
        validation: sentences to validate on.
        directions: source and target language of each direction.
        vocabulary_size: subwords of all languages together, learnt from the training sentences.
        network: values of the builder without the vocabulary's size.
        batch: pairs in a batch.
        label_smoothing: probability mass that is spread over the vocabulary.
        others: subwords that the softmax of a training step covers besides those of its batch; 0
            for the whole vocabulary.
        subword_dropout: how far the sources' subwords of each epoch are from the usual ones, see
            :meth:`~zoo.translation.processor.Subwords.encode_many`.
        variants: fraction of the pairs that get variants in spelling, see
            :func:`~zoo.translation.training.variants.with_variants`; 0 for none.
        beam_size: of the model's own settings; the others are chosen, see
            :func:`~zoo.translation.training.scores.choose_search`.
    """

    training: Sequence[Sentence]
    validation: Sequence[Sentence]
    directions: Sequence[Direction]
    vocabulary_size: int
    network: Mapping[str, Any]
    batch: int
    label_smoothing: float
    others: int
    subword_dropout: float = 0.0
    variants: float = 0.0
    beam_size: int = 5

    @property
    def decoder(self) -> Mapping[str, Any]:
        """The decoder's settings."""
        return {"beam_size": self.beam_size, "length_penalty": 1.0}

    @property
    def values(self) -> Mapping[str, Any]:
        """See :class:`~zoo.training.subject.Learning`."""
        return {
            "directions": [list(direction) for direction in self.directions],
            "vocabulary_size": self.vocabulary_size,
            "network": self.network,
            "batch": self.batch,
            "label_smoothing": self.label_smoothing,
            "others": self.others,
            "subword_dropout": self.subword_dropout,
            "beam_size": self.beam_size,
            **({"variants": self.variants} if self.variants else {}),
            "sentences": [len(self.training), len(self.validation)],
        }

    def processor(self, run: RunDirectory, start: Bundle | None) -> Subwords:
        """The subwords of the start, or else the run's: learnt when it begins, then read again.

        Raises:
            DataError: the sentences are too few for the vocabulary.
        """
        if start is not None:
            subwords: Subwords = start.processor
            return subwords
        path = run.training / MODEL_FILE
        if run.has_checkpoint and path.exists():
            return Subwords(read_file(path), tuple(self.directions))
        subwords = learn_subwords(self.training, self.vocabulary_size, self.directions)
        write_bytes(path, subwords.model)
        return subwords

    def config(self, processor: Subwords) -> Any:
        """See :class:`~zoo.training.subject.Training`."""
        return self.architecture.load("config")(len(processor), **self.network)

    def objective(self, task: Translation, seed: int) -> Seq2SeqObjective:
        """See :class:`~zoo.training.subject.Learning`."""
        from zoo.translation.training.objective import Seq2SeqObjective

        processor = task.processor
        pairs = list(with_copies(pairs_of(self.training, self.directions), COPIED_SHARE))
        if self.variants:
            pairs = list(with_variants(pairs, processor, self.variants, seed))
        examples = make_examples(pairs, processor, LONGEST)

        def segmented(epoch: int) -> Examples:
            epoch_seed = int(np.random.default_rng([seed, epoch]).integers(2**32))
            return examples.segmented_anew(processor, self.subword_dropout, epoch_seed)

        return Seq2SeqObjective(
            task.network,
            task.config,
            examples,
            make_examples(self._validation_pairs, processor, LONGEST),
            batch=self.batch,
            seed=seed,
            label_smoothing=self.label_smoothing,
            others=self.others,
            segmented=segmented if self.subword_dropout else None,
        )

    def sample(self, task: Translation) -> str:
        """See :class:`~zoo.training.subject.Learning`."""
        return _sample(task, self._validation_pairs)

    def finish(self, task: Translation) -> None:
        """Choose the search, and what is doubtful."""
        task.set_search(choose_search(task, self._validation_pairs))
        fit_doubts(task, self._validation_pairs)

    @cached_property
    def _validation_pairs(self) -> list[Pair]:
        return list(pairs_of(self.validation, self.directions))


@dataclass(kw_only=True)
class TranslatorFinetuning(Finetuning[Translation]):
    """Fine-tuning of a translator on pairs of sentences.

    Args:
        start: the model to start from.
        data: the name of the pairs.
        options: how to train.
        pairs: sentences and translations.

    Raises:
        UsageError: the model does not translate in a direction that the pairs need.
        DataError: there are too few pairs.
    """

    options: TranslatorOptions
    pairs: list[Pair]

    def __post_init__(self) -> None:
        processor = self.start.bundle.processor
        languages = ((pair.source_language, pair.target_language) for pair in self.pairs)
        for source, target in dict.fromkeys(languages):
            processor.check_direction(target, source)
        self._training, self._validation = split_pairs(
            self.pairs, self.options.validation, self.options.seed
        )
        self._examples = (
            make_examples(self._training, processor, LONGEST),
            make_examples(self._validation, processor, LONGEST),
        )

    @property
    def values(self) -> Mapping[str, Any]:
        """See :class:`~zoo.training.subject.Learning`."""
        return {
            "base_model": self.start.name,
            "pairs": sha256_of("\n".join("\t".join(pair) for pair in self.pairs).encode()),
            "validation": self.options.validation,
            "batch": self.options.batch,
        }

    @property
    def learnt_from(self) -> str:
        """See :class:`~zoo.training.subject.Finetuning`."""
        kept, all_pairs = len(self._examples[0]), len(self._training)
        text = f"{kept:,} pairs"
        if kept < all_pairs:
            text += f", {all_pairs - kept:,} left out as longer than {LONGEST} subwords"
        return text

    def objective(self, task: Translation, seed: int) -> Seq2SeqObjective:
        """See :class:`~zoo.training.subject.Learning`."""
        from zoo.translation.training.objective import Seq2SeqObjective

        examples, validation = self._examples
        return Seq2SeqObjective(
            task.network,
            task.config,
            examples,
            validation,
            batch=self.options.batch_for(len(examples)),
            seed=seed,
            others=0,
        )

    def sample(self, task: Translation) -> str:
        """See :class:`~zoo.training.subject.Learning`."""
        return _sample(task, self._validation)

    def finish(self, task: Translation) -> None:
        """Choose again how much the backward score counts, or whether it does at all."""
        # One direction may have been trained alone; then the other is worth less in the ranking.
        weights = (0.0, task.settings.backward_weight)
        if any(weights):
            task.set_search(choose_search(task, self._validation, {"backward_weight": weights}))
        fit_doubts(task, self._validation)


def finetune_translator(
    reference: Reference,
    files: Sequence[Path],
    out: Path,
    options: TranslatorOptions | None = None,
    *,
    command: str = "",
) -> Path:
    """Fine-tune a translator on sentence pairs of your own.

    The folder holds the weights with the lowest loss on the held-out pairs; if no epoch improved on
    the model that was given, its weights are kept.

    Args:
        reference: the model to start from, as ``load_model`` takes it.
        files: files of pairs, see :func:`~zoo.translation.training.pairs.read_pairs`.
        out: the run's folder; an interrupted run in it is continued.
        options: how to train; left out, the defaults.
        command: the command line that does it again, for the model card.

    Returns:
        ``out``, a model folder.

    Raises:
        UsageError: the model does not translate in a direction that the pairs need.
        DataError: a file is missing, empty or malformed, or there are too few pairs.
        ZooError: the model cannot be read, or the run cannot be started, continued or written.

    Example:
        >>> finetune_translator("seq2seq_lstm.tatoeba", [Path("my.tsv")], Path("runs/mine"))
    """
    options = options or TranslatorOptions()
    pairs = [pair for path in files for pair in read_pairs(path)]
    if options.both_ways:
        pairs += [Pair(b, a, to, origin) for a, b, origin, to in pairs]
    finetuning = TranslatorFinetuning(
        start=read_start(reference),
        data=", ".join(path.name for path in files),
        options=options,
        pairs=pairs,
        seen=fingerprints(files),
    )
    return finetune(finetuning, out, command)


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
        for code, versions in {"en": (sentence.english,), **sentence.translations}.items()
        if code in wanted
        for text in versions
    )
    return Subwords.train(texts, vocabulary_size, directions)


def _sample(task: Translation, pairs: Sequence[Pair]) -> str:
    """Translations of a few sentences."""
    lines = []
    for pair in pairs[:: max(1, len(pairs) // _SHOWN)][:_SHOWN]:
        translation = task.translate(pair.source, pair.target_language)
        lines += [
            f"{pair.source_language}: {pair.source}",
            f"{pair.target_language}: {translation}",
        ]
    return "\n".join(lines)
