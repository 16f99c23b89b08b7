"""Training and fine-tuning of mood readers."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.dialogue.datasets import MoodMessage
from zoo.dialogue.messages import Message
from zoo.dialogue.mood.following import MoodFollower
from zoo.dialogue.mood.processor import MoodWords
from zoo.dialogue.mood.training.examples import conversations, make_examples
from zoo.dialogue.mood.training.files import read_moods, read_valences, split_conversations
from zoo.dialogue.mood.training.options import MoodOptions
from zoo.dialogue.training.glove import frequent_words, set_word_vectors
from zoo.dialogue.training.growth import grown_words, moved_rows, places_of, word_rows
from zoo.dialogue.training.learning import DialogueFinetuning, DialogueTraining, file_names
from zoo.dialogue.word_features import word_values
from zoo.dialogue.words import Words
from zoo.errors import ZooWarning
from zoo.store.locate import Reference
from zoo.training.run import finetune
from zoo.training.seen import fingerprints
from zoo.training.subject import Start, read_start

if TYPE_CHECKING:
    from zoo.dialogue.mood.training.objective import MoodObjective
    from zoo.folder.bundle import Bundle

_PLAIN = {"negative": -1.0, "neg": -1.0, "neutral": 0.0, "positive": 1.0, "pos": 1.0}
TEMPERATURES = (0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4, 1.7, 2.0)


@dataclass(kw_only=True)
class MoodTraining(DialogueTraining[MoodFollower]):
    """Training of a new mood reader.

    The examples are messages; what is not told here is as in
    :class:`~zoo.dialogue.training.learning.DialogueTraining`.

    Args:
        vocabulary_texts: texts whose words become known.
        moods: names of the moods.
        valence: how good each is, from -1 to 1.
    """

    decisive = ("moods", *DialogueTraining.decisive)

    training: Sequence[MoodMessage]
    validation: Sequence[MoodMessage]
    vocabulary_texts: Sequence[str]
    moods: Sequence[str]
    valence: Mapping[str, float]

    @property
    def decoder(self) -> Mapping[str, Any]:
        """The decoder's settings."""
        return {"valence": dict(self.valence)}

    @cached_property
    def new_processor(self) -> MoodWords:
        """See :class:`~zoo.dialogue.training.learning.DialogueTraining`."""
        words = Words.of_texts(
            self.vocabulary_texts, frequent_words(), size=self.vocabulary, least=3
        )
        return MoodWords(words, tuple(self.moods))

    def outputs(self, processor: MoodWords) -> Mapping[str, int]:
        """See :class:`~zoo.dialogue.training.learning.DialogueTraining`."""
        return {"moods": len(processor.moods)}

    def objective(self, task: Any, seed: int) -> MoodObjective:
        """See :class:`~zoo.training.subject.Learning`."""
        from zoo.dialogue.mood.training.objective import MoodObjective

        set_word_vectors(task.network, task.processor.words)
        return MoodObjective(
            task.network,
            task.config,
            make_examples(self.training, task.processor),
            make_examples(self.validation, task.processor),
            batch=self.batch,
            seed=seed,
        )

    def sample(self, task: Any) -> str:
        """See :class:`~zoo.training.subject.Learning`."""
        shown = conversations(self.validation)[0][:10]
        moods = task.follow([Message(one.text, one.speaker) for one in shown])
        return "\n".join(f"{mood}  {mood.text}" for mood in moods)

    def finish(self, task: Any) -> None:
        """Choose the temperature."""
        choose_temperature(task, self.validation)


def choose_temperature(task: Any, messages: Sequence[MoodMessage]) -> None:
    """Set the temperature with the lowest cross-entropy on messages."""
    task.decoder["temperature"] = 1.0
    logs, right = [], []
    for conversation in conversations(messages):
        moods = task.follow([Message(one.text, one.speaker) for one in conversation])
        for message, mood in zip(conversation, moods, strict=True):
            if message.mood:
                logs.append([np.log(mood.probabilities[name] + 1e-12) for name in task.moods])
                right.append(task.moods.index(message.mood))
    scores = np.asarray(logs)
    losses = []
    for temperature in TEMPERATURES:
        scaled = scores / temperature
        scaled -= np.log(np.exp(scaled).sum(axis=1, keepdims=True))
        losses.append(-scaled[np.arange(len(right)), right].mean())
    task.decoder["temperature"] = TEMPERATURES[int(np.argmin(losses))]


class MoodFinetuning(DialogueFinetuning[MoodFollower]):
    """Fine-tuning of a mood reader on messages."""

    def objective(self, task: MoodFollower, seed: int) -> MoodObjective:
        """See :class:`~zoo.training.subject.Learning`."""
        from zoo.dialogue.mood.training.objective import MoodObjective

        return MoodObjective(
            task.network,
            task.config,
            make_examples(self.training, task.processor),
            make_examples(self.validation, task.processor),
            batch=self.options.batch_for(len(self.training)),
            seed=seed,
        )

    def finish(self, task: MoodFollower) -> None:
        """Choose the temperature anew."""
        super().finish(task)
        choose_temperature(task, self.validation)


def finetune_moods(
    reference: Reference,
    files: Sequence[Path],
    out: Path,
    options: MoodOptions | None = None,
    *,
    command: str = "",
) -> Path:
    """Fine-tune a mood reader on messages of your own.

    The model learns the moods of the messages and their words, and knows no other moods
    afterwards. A mood has the valence that the files give it, else the one it had, else -1 if it is
    called negative and 1 if positive, else 0, with a warning, since such a mood escalates nothing.

    Args:
        reference: the model to start from, as ``load_model`` takes it.
        files: CSV files, see :func:`~zoo.dialogue.mood.training.files.read_moods`.
        out: the run's folder; an interrupted run in it is continued.
        options: how to train; left out, the defaults.
        command: the command line that does it again, for the model card.

    Returns:
        ``out``, a model folder.

    Raises:
        DataError: a file is missing, empty or malformed, or there are too few messages.
        ZooError: the model cannot be read, or the run cannot be started, continued or written.
    """
    options = options or MoodOptions()
    messages = [
        replace(message, conversation=f"{number}/{message.conversation}")
        for number, path in enumerate(files, 1)
        for message in read_moods(path)
    ]
    told = {mood: value for path in files for mood, value in read_valences(path).items()}
    training, validation = split_conversations(messages, options.validation, options.seed)
    moods = sorted({message.mood for message in messages if message.mood})
    start = read_start(reference)
    bundle = with_moods(start.bundle, moods, [message.text for message in training], told)
    finetuning = MoodFinetuning(
        start=Start(start.reference, bundle),
        data=file_names(files),
        options=options,
        training=training,
        validation=validation,
        seen=fingerprints(files),
    )
    return finetune(finetuning, out, command)


def with_moods(
    bundle: Bundle,
    moods: Sequence[str],
    texts: Sequence[str],
    valences: Mapping[str, float] | None = None,
) -> Bundle:
    """A mood reader's bundle for other moods and words; rows of those that stay are kept.

    Args:
        bundle: of the mood reader.
        moods: all moods that it shall have.
        texts: messages whose words become known.
        valences: how good moods are, -1 to 1; of others see :func:`finetune_moods`.

    Raises:
        UsageError: there are fewer than two moods.
    """
    old = bundle.processor
    words = grown_words(old.words, texts)
    processor = MoodWords(words, tuple(moods))
    config = replace(bundle.config, **word_values(words), moods=len(moods))
    weights = {path: np.asarray(array, np.float32) for path, array in bundle.weights.items()}
    weights |= word_rows(weights, old.words, words)
    places, rng = places_of(old.moods, moods), np.random.default_rng(0)
    for path, axis in (("moods/kernel", 1), ("moods/bias", 0)):
        weights[path] = moved_rows(weights[path], config.shapes()[path], {axis: places}, rng)
    before = {**_PLAIN, **bundle.decoder.get("valence", {}), **(valences or {})}
    known = {mood: before.get(mood, before.get(mood.lower())) for mood in moods}
    if unknown := [mood for mood, valence in known.items() if valence is None]:
        warnings.warn(
            f"{', '.join(unknown)}: it is not known how good or bad this is, so it counts as "
            "neither; give the data a column 'valence', from -1 to 1",
            ZooWarning,
            stacklevel=2,
        )
    return replace(
        bundle,
        processor=processor,
        config=config,
        decoder={**bundle.decoder, "valence": {m: v or 0.0 for m, v in known.items()}},
        weights=weights,
        golden={},
        metrics=[],
    )
