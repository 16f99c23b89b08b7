"""Training, fine-tuning and scoring of translators."""

from __future__ import annotations

import importlib.metadata
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import zoo
from zoo.bundle import assign_weights, read_bundle
from zoo.errors import DataError, UsageError
from zoo.files import readable_os_errors, write_bytes
from zoo.manifest import read_file, sha256_of
from zoo.processing.subwords import MODEL_FILE, Direction, Subwords, clean
from zoo.training.plan import Plan
from zoo.training.publish import figure, make_task
from zoo.training.rundir import RunDirectory
from zoo.training.seq2seq import Pair, Seq2SeqObjective, make_examples
from zoo.training.text import SAMPLES, read_text

if TYPE_CHECKING:
    from zoo.datasets.translations import Sentence

LONGEST = 64
"""Tokens; pairs with a longer side are not trained on."""

DECODER = {"beam_size": 5, "length_penalty": 1.0}

_SHOWN = 12  # sentences that are translated after each epoch
_COPIED = 2000  # texts that are copied, to draw from
_COPIED_SHARE = 0.02
_LANGUAGE = re.compile(r"[a-z]{2,3}")
# Where copied characters are drawn from: Greek, Cyrillic, Hebrew, Arabic, Devanagari, Thai, kana,
# Chinese characters, Hangul, arrows, currency, and three blocks of emoji.
_BLOCKS = (
    (0x391, 0x3C9),
    (0x410, 0x44F),
    (0x5D0, 0x5EA),
    (0x627, 0x64A),
    (0x905, 0x939),
    (0xE01, 0xE2E),
    (0x3041, 0x30FA),
    (0x4E00, 0x9FA5),
    (0xAC00, 0xD7A3),
    (0x2190, 0x21FF),
    (0x20A0, 0x20BF),
    (0x1F300, 0x1F5FF),
    (0x1F600, 0x1F64F),
    (0x1F680, 0x1F6FF),
)


def pairs_of(sentences: Iterable[Sentence], directions: Sequence[Direction]) -> Iterator[Pair]:
    """All pairs of a corpus in some directions."""
    for sentence in sentences:
        texts = {"en": (sentence.english,), **sentence.translations}
        for source, target in directions:
            for text in texts.get(source, ()):
                for translation in texts.get(target, ()):
                    yield Pair(text, translation, source, target)


def train_translator(
    *,
    name: str,
    out: Path,
    training: Sequence[Sentence],
    validation: Sequence[Sentence],
    directions: Sequence[Direction],
    vocabulary_size: int,
    network: dict[str, Any],
    plan: Plan,
    batch: int,
    label_smoothing: float,
    candidates: int,
    languages: tuple[str, ...],
    dataset: str,
    license: str,
    start: Path | None = None,
) -> Path:
    """Train a translator from scratch and write its model folder.

    Args:
        name: ``architecture.weights`` for the model card.
        out: the run's folder; a broken run in it is continued.
        training: sentences to learn from.
        validation: sentences to choose on.
        directions: source and target language of each direction.
        vocabulary_size: subwords of all languages together, learnt from the training sentences.
        network: values of the builder, the vocabulary size left out.
        plan: how to train.
        batch: pairs in a batch.
        label_smoothing: share of the probability that is spread over the vocabulary.
        candidates: subwords that the softmax of a training step covers; 0 for all.
        languages: ISO 639-1 codes for the card.
        dataset: the corpus's name for the card.
        license: SPDX identifier for the card.
        start: a model folder of the same network to start from, with its subwords; its weights are
            kept if nothing does better.

    Returns:
        ``out``, a model folder.

    Raises:
        DataError: there are no pairs, or too few for the vocabulary.
        ZooError: the run cannot be started, continued or written.
    """
    import keras

    from zoo.models.seq2seq import Seq2SeqConfig, build
    from zoo.training.trainer import Trainer

    values = {
        "model": name,
        "dataset": dataset,
        "directions": [list(direction) for direction in directions],
        "vocabulary_size": vocabulary_size,
        "network": network,
        "plan": asdict(plan),
        "batch": batch,
        "label_smoothing": label_smoothing,
        "candidates": candidates,
        "sentences": [len(training), len(validation)],
    }
    with RunDirectory(out, values) as run:
        begun = None if start is None else read_bundle(start)
        if begun is not None:
            processor = begun.processor
        else:
            processor = _subwords_of_run(run, training, vocabulary_size, directions)
        config = Seq2SeqConfig(len(processor), **network)
        keras.utils.set_random_seed(plan.seed)
        made = build(config, dtype=plan.dtype)
        chosen = list(pairs_of(validation, directions))
        objective = Seq2SeqObjective(
            made,
            config,
            make_examples(pairs_of(training, directions), processor, LONGEST),
            make_examples(chosen, processor, LONGEST),
            batch=batch,
            seed=plan.seed,
            label_smoothing=label_smoothing,
            candidates=candidates,
            copied=copied_texts(processor),
            copied_share=_COPIED_SHARE,
        )
        card = {"name": name, "languages": list(languages), "license": license, "dataset": dataset}
        model = make_task("seq2seq_lstm", made, config, processor, card, DECODER)
        start_loss = math.inf
        if begun is not None:
            assign_weights(made, begun.weights, str(start))
            start_loss = objective.validate()
        samples = _sample_writer(model, run, chosen)
        Trainer(objective, plan, run, samples, start_loss).train()
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
        files: files of pairs, see :func:`read_pairs`.
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
    import keras

    from zoo.loading import load_model
    from zoo.training.trainer import Trainer

    if not 0 < validation < 1:
        raise UsageError(f"validation must be a share between 0 and 1, not {validation}")
    if batch < 1:
        raise UsageError("batch must be at least 1")
    plan = Plan(epochs, learning_rate, warmup_steps=50, patience=patience, seed=seed)
    pairs = [pair for path in files for pair in read_pairs(path)]
    if both_ways:
        pairs += [Pair(b, a, to, origin) for a, b, origin, to in pairs]
    training, chosen = split_pairs(pairs, validation, seed)
    keras.utils.set_random_seed(seed)
    model = load_model(reference, dtype=plan.dtype)
    for origin, to in dict.fromkeys((pair.source_language, pair.target_language) for pair in pairs):
        model.processor.check_direction(to, origin)
    names = ", ".join(path.name for path in files)
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
            candidates=0,
        )
        before = objective.validate()
        samples = _sample_writer(model, run, chosen)
        after = Trainer(objective, plan, run, samples, start_loss=before).train()
        model.metrics = [
            figure(
                "cross_entropy",
                after,
                unit="nats/token",
                dataset=names,
                split="validation",
                scorer=f"zoo {zoo.__version__} training",
                command=f"zoo finetune {reference} --pairs ... --out {out}",
                seed=seed,
                start=round(before, 4),
            )
        ]
        base = model.card.get("name", reference)
        model.card |= {
            "name": f"{model.architecture.name}.{run.path.name}",
            "base_model": base,
            "dataset": names,
            "data": f"Fine-tuned from {base} on {len(examples):,} pairs.",
        }
        model.save(run.path)
        run.finish()
    return run.path


def read_pairs(path: Path) -> list[Pair]:
    """Sentence pairs of a tab-separated UTF-8 file.

    The first line names the languages of the first two columns, such as ``en<TAB>fr``; each further
    line holds a sentence and its translation. Further columns do not matter.

    Raises:
        DataError: the file is missing, empty or not UTF-8 text, its first line names no languages,
            or a line has a column too few or an empty side.
    """
    head, *lines = read_text([path]).rstrip("\n").split("\n")
    codes = [column.strip() for column in head.split("\t")][:2]
    if len(codes) < 2 or not all(map(_LANGUAGE.fullmatch, codes)) or codes[0] == codes[1]:
        raise DataError(
            f"{path}: the first line must name the languages of the two columns, such as "
            f"'en<TAB>fr', not {head[:60]!r}"
        )
    pairs = []
    for number, line in enumerate(lines, 2):
        columns = line.split("\t")
        if len(columns) < 2:
            raise DataError(
                f"{path}: line {number} has one column, not a sentence and a tab and "
                f"its translation: {line[:60]!r}"
            )
        if not clean(columns[0]) or not clean(columns[1]):
            raise DataError(f"{path}: line {number} has an empty side: {line[:60]!r}")
        pairs.append(Pair(columns[0], columns[1], codes[0], codes[1]))
    if not pairs:
        raise DataError(f"{path} holds no pairs, only the line with the languages")
    return pairs


def copied_texts(processor: Subwords) -> list[np.ndarray]:
    """Ids of short runs of characters that are the same in every language.

    The vocabulary lacks them, so they are written as bytes. Appended to both sides of some training
    pairs they teach the network to hand on what it does not know.
    """
    rng = np.random.default_rng(0)
    texts = []
    for _ in range(_COPIED):
        low, high = _BLOCKS[int(rng.integers(len(_BLOCKS)))]
        points = rng.integers(low, high + 1, int(rng.integers(1, 4)))
        texts.append("".join(map(chr, points)))
    return processor.encode_many(texts)


def references_of(pairs: Iterable[Pair]) -> dict[Direction, dict[str, list[str]]]:
    """For each direction every source with all of its translations, each of them once."""
    found: dict[Direction, dict[str, list[str]]] = {}
    for pair in pairs:
        own = found.setdefault((pair.source_language, pair.target_language), {})
        texts = own.setdefault(pair.source, [])
        if pair.target not in texts:
            texts.append(pair.target)
    return found


def evaluate_translations(
    model: Any,
    tests: Mapping[str, Iterable[Pair]],
    *,
    dataset: str,
    command: str,
    tokenized: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[dict[str, Any]]:
    """BLEU and chrF of each direction.

    A source that has several translations is translated once and scored against all of them.

    Args:
        model: a translation task.
        tests: pairs of each split that is scored, by its name.
        dataset: the test set's name in the figures.
        command: the command that gives the figures again.
        tokenized: score lower-cased, tokenised text first, as older publications do.
        progress: called with the number of sentences translated since the last call, and of all.

    Returns:
        Rows for ``metrics.json``: sacrebleu's BLEU and chrF (Post 2018, arXiv:1804.08771) of each
        direction, with their signatures.

    Raises:
        UsageError: the model does not translate in a direction that the pairs need.
    """
    work = [
        (split, direction, references)
        for split, pairs in tests.items()
        for direction, references in references_of(pairs).items()
    ]
    total = sum(len(references) for _, _, references in work)
    rows = []
    for split, (source, target), references in work:
        found = model.translate(
            list(references),
            target,
            source=source,
            on_progress=(lambda count: progress(count, total)) if progress else None,
        )
        facts = {
            "dataset": dataset,
            "split": f"{split} {source}-{target}",
            "command": command,
            "sentences": len(references),
            "decoding": (
                f"beam {model.settings.beam_size}, length penalty {model.settings.length_penalty:g}"
            ),
        }
        scores = score_texts(
            [one.text for one in found], list(references.values()), target, tokenized
        )
        rows += [
            figure(metric, value, unit=unit, scorer=scorer, **facts)
            for metric, value, unit, scorer in scores
        ]
    return rows


def score_texts(
    texts: Sequence[str],
    references: Sequence[Sequence[str]],
    language: str,
    tokenized: bool = False,
) -> list[tuple[str, float, str, str]]:
    """Metric, value, unit and scorer of translations.

    Args:
        texts: the translations.
        references: one or more right ones for each.
        language: theirs, for the tokeniser.
        tokenized: give BLEU on lower-cased, tokenised text (Moses, hyphens apart) first.
    """
    from sacrebleu.metrics import BLEU, CHRF

    most = max(len(one) for one in references)
    # sacrebleu takes a stream for each reference; one that has run out gives None.
    streams: Any = [[one[i] if i < len(one) else None for one in references] for i in range(most)]
    rows = []
    scorer: Any
    if tokenized:
        from sacremoses import MosesTokenizer

        moses = MosesTokenizer(lang=language)

        def cut(text: Any) -> Any:
            return text and moses.tokenize(
                text.lower(), aggressive_dash_splits=True, return_str=True, escape=False
            )

        scorer = BLEU(tokenize="none", force=True)
        value = scorer.corpus_score(
            [cut(text) for text in texts], [[cut(text) for text in one] for one in streams]
        ).score
        version = importlib.metadata.version("sacremoses")
        name = f"sacremoses {version}, lower-cased; sacrebleu {scorer.get_signature()}"
        rows.append(("bleu_tokenized_lowercased", value, "BLEU", name))
    for metric, unit, scorer in (("bleu", "BLEU", BLEU()), ("chrf", "chrF2", CHRF())):
        value = scorer.corpus_score(list(texts), streams).score
        rows.append((metric, value, unit, f"sacrebleu {scorer.get_signature()}"))
    return rows


def mean_row(rows: Sequence[dict[str, Any]], metric: str, split: str) -> dict[str, Any]:
    """The mean of a metric over directions, as a row of its own."""
    chosen = [row for row in rows if row["metric"] == metric]
    value = round(sum(row["value"] for row in chosen) / len(chosen), 4)
    kept = {key: chosen[0][key] for key in chosen[0] if key != "sentences"}
    return {**kept, "value": value, "split": f"{split}, mean of {len(chosen)} directions"}


def _subwords_of_run(
    run: RunDirectory,
    training: Sequence[Sentence],
    vocabulary_size: int,
    directions: Sequence[Direction],
) -> Subwords:
    """The run's subwords: learnt when it begins, read again when it is continued."""
    path = run.training / MODEL_FILE
    if path.exists():
        return Subwords(read_file(path), tuple(directions))
    wanted = {code for direction in directions for code in direction}
    texts = (
        text
        for sentence in training
        for code, own in {"en": (sentence.english,), **sentence.translations}.items()
        if code in wanted
        for text in own
    )
    processor = Subwords.train(texts, vocabulary_size, directions)
    write_bytes(path, processor.model)
    return processor


def split_pairs(pairs: Sequence[Pair], share: float, seed: int) -> tuple[list[Pair], list[Pair]]:
    """Pairs to learn from and to choose on; no sentence is in both."""
    # Pairs that share a sentence hang together; each such group goes to one side as a whole.
    leader: dict[str, str] = {}

    def find(text: str) -> str:
        root = text
        while leader.setdefault(root, root) != root:
            root = leader[root]
        while leader[text] != root:
            leader[text], text = root, leader[text]
        return root

    for pair in pairs:
        leader[find(pair.source)] = find(pair.target)
    groups = list(dict.fromkeys(find(pair.source) for pair in pairs))
    if len(groups) < 2:
        raise DataError("there must be at least two pairs that share no sentence")
    order = np.random.default_rng(seed).permutation(len(groups))
    kept = {groups[i] for i in order[: max(1, min(len(groups) - 1, round(share * len(groups))))]}
    training = [pair for pair in pairs if find(pair.source) not in kept]
    return training, [pair for pair in pairs if find(pair.source) in kept]


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
