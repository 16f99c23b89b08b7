"""Speech recognisers: log-mel features, LSTM layers and CTC over characters.

zoo train ctc_bilstm.an4 --out runs/an4
zoo evaluate runs/an4
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from zoo.datasets import load_texts
from zoo.folder.figures import Figure
from zoo.speech.datasets import load_speech
from zoo.speech.features import LogMel
from zoo.speech.processor import Utterance
from zoo.speech.training.augmentation import AudioAugmentation
from zoo.speech.training.scenes import FeatureStore, SceneAugmentation
from zoo.training import run
from zoo.training.plan import Plan, stages
from zoo.training.recipe import RecipeValues, own_values, published


@dataclass(frozen=True, kw_only=True)
class Values(RecipeValues):
    """The hyperparameters of one pretrained model: those of every recipe, and these.

    Args:
        log_mel: the features.
        augmentation: strength of the augmentation of recordings.
        variants: number of augmented recordings per utterance.
        aligner: a pretrained recogniser that finds words in the recordings; by default, the model
            of one plan finds them for the next.
        splice_share: fraction of the examples that are spliced together from such words.
        batch: number of utterances in a batch.
        scenes: simulated acoustic scenes to train in; if set, the fields above are ignored except
            ``log_mel``.
        repeats: how often an utterance is used per epoch, by source.
        longest: duration of the longest training utterance, in seconds.
        seconds: duration of a batch in seconds, silences included.
        rising: number of epochs at the start that go from short to long utterances.
        teacher: a pretrained recogniser with the same labels to learn from in scenes.
        taught: share of what the teacher hears in the loss; the labels have the rest.
        texts: a corpus of texts for the word model of a model that is trained in scenes; the
            transcripts of its training utterances come with them.
        untested: sources of the validation set whose speakers are like those of no test part, by
            what they have in common; they are scored beside the test parts.
    """

    log_mel: LogMel = field(default_factory=LogMel)
    augmentation: AudioAugmentation = field(default_factory=AudioAugmentation)
    variants: int = 16
    aligner: str = ""
    splice_share: float = 0.0
    batch: int = 16
    scenes: SceneAugmentation | None = None
    repeats: Mapping[str, int] = field(default_factory=dict)
    longest: float = 40.0
    seconds: float = 128.0
    rising: int = 0
    teacher: str = ""
    taught: float = 0.0
    texts: str = ""
    untested: Mapping[str, str] = field(default_factory=dict)
    license: str = "apache-2.0"


AN4_DATA = (
    "CMU AN4: 84 people spell names and addresses and say numbers, dates and commands, 16 kHz, "
    "about 50 minutes. The figures are on the corpus's own test list (130 utterances, 10 speakers "
    "who are in no other list). Eight speakers of the training list, 102 utterances, are the "
    "validation set. In training, recordings were augmented (speed, loudness, noise, bandwidth), "
    "and up to half of the utterances were spliced together from words of one speaker, cut out by "
    "forced alignment."
)
AN4_LIMITS = (
    "It knows the words of AN4: letters, digits, numbers, months and a few commands. It spells out "
    "unknown words, mostly wrongly. It was trained on North American speech."
)
AN4_COMPARISON = (
    published(
        "deepspeech.pytorch V3, 5x800 recurrent", 9.57, "% WER", "SeanNaren/deepspeech.pytorch"
    ),
    published("ESPnet Transformer", 7.6, "% WER", "espnet/espnet, egs/an4"),
    published("ESPnet Transformer with language model", 7.4, "% WER", "espnet/espnet, egs/an4"),
)

PLAIN = SceneAugmentation(
    gain_db=(0.0, 0.0),
    warp=0.0,
    colour_db=0.0,
    band_share=0.0,
    smooth_share=0.0,
    noise_share=0.0,
    silence_share=0.0,
    join_share=0.0,
    sound_share=0.0,
    frequency_masks=0,
    time_masks=0.0,
)
"""The variants of the waveforms as they are."""

SHORT_AND_PLAIN: dict[str, Any] = {"longest": 3.0, "seconds": 48.0, "scenes": PLAIN}
"""Where a network finds its first alignments. Of Opus-coded utterances up to 3 s it began to write
letters after 375 steps; with noise, silence and utterances up to 7 s, it wrote nothing but blanks
in 800 steps."""

ENGLISH_DATA = (
    "11.5 hours of English read aloud by 522 people: LibriSpeech (audio books, 247 speakers, 5.9 "
    "hours), Common Voice (anyone's microphone, 179 speakers of many accents, 3.0 hours) and "
    "speechocean762 (115 people whose first language is Mandarin, almost half of them children of "
    "6 to 12 years, 2.6 hours); with them CMU AN4 (0.6 hours of spelled words, numbers and "
    "commands), twice an epoch. Ages go from 6 to over 70. No speaker is in two parts. In "
    "training, silence, noise, other voices, rooms, telephone lines, loudness, speed and pitch "
    "were varied. The word model is made of LibriSpeech's transcripts, 987,649 words, and those of "
    "the training utterances."
)
ENGLISH_LIMITS = (
    "Clear speech of one person, read or dictated. Its error rates are those of a small network "
    "and little data: good enough to search and to correct, not to rely on. Free conversation, far "
    "microphones, song and several voices at once are not in the data. Words that the word model "
    "does not know are spelled by ear. It works far less well with anyone's microphone than "
    "with audio books, and in those less well for women than for men: see the figures by group."
)
ENGLISH_COMPARISON = tuple(
    published(
        f"Kaldi, {what}, on 5 of these hours, dev-clean", value, "% WER", "egs/mini_librispeech"
    )
    for what, value in (
        ("monophones with a lexicon and a language model of LibriSpeech", 48.8),
        ("triphones of adapted features (tri3b) with the same", 12.5),
    )
)

LITTLE_DROPOUT = {"dropout": 0.1, "weight_dropout": 0.0}
"""Where a network learns too little rather than too much."""

LIGHT = SceneAugmentation(noise_share=0.25, colour_db=4.0, frequency_masks=1, time_masks=0.4)
"""Less noise, and less that is hidden."""

BARE = SceneAugmentation(
    gain_db=(-15.0, 10.0),
    warp=0.06,
    colour_db=2.0,
    band_share=0.03,
    smooth_share=0.1,
    noise_share=0.1,
    silence_share=0.05,
    join_share=0.05,
    frequency_masks=0,
    time_masks=0.0,
)
"""As much noise and silence as keeps a network from hearing letters in them, and nothing hidden."""

ENGLISH = Values(
    corpus="english+an4",
    languages=("en",),
    network={"units": 320, "layers": 4, "dropout": 0.25, "weight_dropout": 0.2},
    plans=(
        Plan(
            epochs=8,
            learning_rate=2e-3,
            warmup_steps=100,
            final_share=0.5,
            average=0.99,
            network=LITTLE_DROPOUT,
            values=SHORT_AND_PLAIN,
        ),
        Plan(
            epochs=12,
            learning_rate=2e-3,
            warmup_steps=200,
            final_share=0.5,
            average=0.998,
            values={"longest": 7.0},
        ),
        # All utterances. The network learns too little of so much change rather than too much.
        Plan(epochs=3, learning_rate=2e-3, warmup_steps=200, final_share=0.95, average=0.999),
        Plan(
            epochs=12,
            learning_rate=2e-3,
            warmup_steps=200,
            final_share=0.3,
            average=0.999,
            network=LITTLE_DROPOUT,
            values={"scenes": LIGHT},
        ),
        # Even so, unchanged training utterances were read little better than those of the
        # validation set: 23 to 34 % of the characters were wrong, against 28 to 40 %.
        Plan(
            epochs=8,
            learning_rate=2e-3,
            warmup_steps=100,
            average=0.999,
            network={**LITTLE_DROPOUT, "dropout": 0.05},
            values={"scenes": BARE},
        ),
    ),
    scenes=SceneAugmentation(),
    repeats={"an4": 2},
    texts="librispeech_text",
    untested={"so762_train": "Mandarin as first language"},
    license="cc-by-4.0",
    data_note=ENGLISH_DATA,
    limits=ENGLISH_LIMITS,
    comparison=ENGLISH_COMPARISON,
)

# For people with a GPU: 960 hours of speech; the features of one variant take 55 GB of disk.
LIBRISPEECH = Values(
    corpus="librispeech",
    languages=("en",),
    network={"units": 768, "layers": 5, "dropout": 0.1},
    plans=(
        Plan(
            epochs=2,
            learning_rate=1e-3,
            warmup_steps=2000,
            final_share=0.3,
            values={**SHORT_AND_PLAIN, "scenes": replace(PLAIN, variants=2)},
        ),
        Plan(epochs=30, learning_rate=1e-3, warmup_steps=1000),
    ),
    scenes=SceneAugmentation(variants=2),
    seconds=600.0,
    license="cc-by-4.0",
)

MODELS = {
    "ctc_bilstm.english": ENGLISH,
    "ctc_lstm.english": replace(
        ENGLISH,
        network={**ENGLISH.network, "units": 536, "look_ahead": 8},
        # By CTC alone it wrote nothing but blanks in 680 steps, where the bidirectional one had
        # found its alignments. It learns too little rather than too much, so there is little
        # dropout and hardly any augmentation, and batches are small where utterances are short.
        teacher="ctc_bilstm.english",
        taught=0.5,
        limits=f"{ENGLISH_LIMITS} It hears only a third of a second ahead, and mistakes a third "
        "more words than ctc_bilstm.english; of phrases in a list it takes one in ten for another "
        "or for none.",
        plans=(
            replace(ENGLISH.plans[0], epochs=4, values={**SHORT_AND_PLAIN, "taught": 0.8}),
            replace(
                ENGLISH.plans[1],
                epochs=3,
                network=ENGLISH.plans[4].network,
                values={**ENGLISH.plans[1].values, "scenes": BARE, "seconds": 64.0},
            ),
            replace(ENGLISH.plans[4], epochs=1),
            replace(ENGLISH.plans[4], epochs=4),
        ),
    ),
    "ctc_bilstm.an4": Values(
        corpus="an4",
        languages=("en",),
        network={"units": 256, "dropout": 0.4, "weight_dropout": 0.3},
        plans=(
            Plan(epochs=50, learning_rate=2e-3, weight_decay=0.02, average=0.998),
            Plan(epochs=70, learning_rate=1.5e-3, weight_decay=0.02, average=0.998),
        ),
        splice_share=0.5,
        data_note=AN4_DATA,
        limits=AN4_LIMITS,
        comparison=AN4_COMPARISON,
    ),
    "ctc_lstm.an4": Values(
        corpus="an4",
        languages=("en",),
        network={"units": 384, "dropout": 0.4, "weight_dropout": 0.3, "look_ahead": 4},
        plans=(Plan(epochs=120, learning_rate=2e-3, weight_decay=0.02, average=0.998),),
        aligner="ctc_bilstm.an4",
        splice_share=0.5,
        data_note=AN4_DATA,
        limits=AN4_LIMITS,
        comparison=AN4_COMPARISON,
    ),
    "ctc_bilstm.librispeech": LIBRISPEECH,
    "ctc_lstm.librispeech": replace(
        LIBRISPEECH, network={**LIBRISPEECH.network, "units": 1024, "look_ahead": 8}
    ),
}


def train(name: str, out: Path, command: str = "", **changes: Any) -> Path:
    """Train a registered model from its corpus.

    Args:
        name: a key of :data:`MODELS`.
        out: the run's folder; an interrupted run in it is resumed.
        command: the command line that trains it, for the model card.
        **changes: fields of each plan to change, such as ``epochs=1``.

    Returns:
        The model folder.
    """
    from zoo.speech.training.run import RecogniserTraining

    values = MODELS[name]
    if values.scenes is not None:
        return _train_on_scenes(name, out, command, **changes)
    corpus = load_speech(values.corpus)
    for stage in stages(values.plans, out, command, **changes):
        chosen = values.with_overrides(stage.plan)
        training = RecogniserTraining(
            card=values.card(name),
            training=corpus["train"],
            validation=corpus["validation"],
            network=chosen.network,
            log_mel=chosen.log_mel,
            batch=chosen.batch,
            augmentation=chosen.augmentation,
            variants=chosen.variants,
            aligner=(chosen.aligner or stage.start) if chosen.splice_share else None,
            splice_share=chosen.splice_share,
            language_model=stage.last,
        )
        run.train(training, stage)
    return out


def _train_on_scenes(name: str, out: Path, command: str, **changes: Any) -> Path:
    from zoo.speech.datasets.builders import JoinedUtterances
    from zoo.speech.training.run import SceneTraining

    values = MODELS[name]
    corpora = {corpus: load_speech(corpus) for corpus in values.corpus.split("+")}
    utterances, validation = (
        JoinedUtterances({corpus: splits[split] for corpus, splits in corpora.items()})
        for split in ("train", "validation")
    )
    for stage in stages(values.plans, out, command, **changes):
        chosen = values.with_overrides(stage.plan)
        assert chosen.scenes is not None
        store = FeatureStore(
            out / "training" / "features",
            utterances,
            chosen.log_mel,
            chosen.scenes,
            stage.plan.seed,
            {"corpus": values.corpus},
        )
        training = SceneTraining(
            card=values.card(name),
            training=store,
            validation=validation,
            network=chosen.network,
            log_mel=chosen.log_mel,
            scenes=chosen.scenes,
            repeats=chosen.repeats,
            longest=chosen.longest,
            seconds=chosen.seconds,
            rising=chosen.rising,
            teacher=chosen.teacher,
            taught=chosen.taught,
            texts=partial(_texts, chosen.texts, store.texts)
            if chosen.texts and stage.last
            else None,
        )
        run.train(training, stage)
    return out


def _texts(corpus: str, transcripts: Sequence[str]) -> list[str]:
    """A corpus of texts, and the transcripts that are not in it.

    The perplexity of AN4's validation transcripts, letters and numbers mostly, is 5,732 by
    LibriSpeech's transcripts alone and 61 with them; nowhere does it rise.
    """
    texts = load_texts(corpus)
    known = set(texts)
    return texts + [text for text in transcripts if text not in known]


def evaluate(
    model: Any,
    reference: str,
    data: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Figure]:
    """Score a model on the test recordings of its corpora: word and character error rates.

    Args:
        model: a model of :data:`MODELS`, or one fine-tuned from it.
        reference: the argument of ``zoo evaluate``, for the command in the figures.
        data: a folder of recordings with ``transcripts.tsv`` to score on instead.
        progress: called with the number of recordings decoded since the last call, and the total.

    Returns:
        Figures, one set for each test split of each corpus. The first figure is the greedy word
        error rate on the first corpus's first test split.

    Raises:
        UsageError: no data is given and the model's own corpus is not one of this recipe's.
    """
    from zoo.speech.training.scores import evaluate_folder, evaluate_recogniser

    if data is not None:
        return evaluate_folder(model, reference, data, progress)
    command = f"zoo evaluate {reference}"
    values = own_values(model, reference, MODELS)
    corpora = {corpus: load_speech(corpus) for corpus in values.corpus.split("+")}
    parts = scored_parts(corpora, values.untested)
    total = sum(len(utterances) for _, _, utterances, _ in parts)
    return [
        figure
        for corpus, split, utterances, group in parts
        for figure in evaluate_recogniser(
            model, utterances, corpus, split, command, progress, total, group
        )
    ]


def scored_parts(
    corpora: Mapping[str, Mapping[str, Sequence[Utterance]]], untested: Mapping[str, str]
) -> list[tuple[str, str, Sequence[Utterance], str]]:
    """What a model is scored on: test splits, and parts of validation sets.

    Args:
        corpora: splits by corpus.
        untested: as :class:`Values` has it.

    Returns:
        Corpus, split, utterances, and what the speakers of a part have in common.
    """
    tests: list[tuple[str, str, Sequence[Utterance], str]] = [
        (corpus, split, utterances, "")
        for corpus, splits in corpora.items()
        for split, utterances in splits.items()
        if split.startswith("test")
    ]
    if not untested:
        return tests
    parts: dict[tuple[str, str], list[Utterance]] = {}
    for corpus, splits in corpora.items():
        for utterance in splits["validation"]:
            if utterance.source in untested:
                parts.setdefault((corpus, utterance.source), []).append(utterance)
    return tests + [
        (corpus, "validation", utterances, untested[source])
        for (corpus, source), utterances in parts.items()
    ]
