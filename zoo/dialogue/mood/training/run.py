"""Training of mood readers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.dialogue.datasets import MoodMessage
from zoo.dialogue.messages import Message
from zoo.dialogue.mood.processor import MoodWords
from zoo.dialogue.mood.training.examples import conversations, make_examples
from zoo.dialogue.training.glove import frequent_words, set_word_vectors
from zoo.dialogue.word_features import word_values
from zoo.dialogue.words import Words
from zoo.training.subject import Training

if TYPE_CHECKING:
    from zoo.dialogue.mood.training.objective import MoodObjective
    from zoo.folder.bundle import Bundle
    from zoo.training.rundir import RunDirectory

TEMPERATURES = (0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4, 1.7, 2.0)


@dataclass(kw_only=True)
class MoodTraining(Training):
    """Training of a new mood reader.

    Args:
        card: how the model card begins; the name begins with the architecture.
        training: messages to train on.
        validation: messages to validate on.
        vocabulary_texts: texts whose words become known.
        moods: names of the moods.
        valence: how good each is, from -1 to 1.
        network: values of the builder that the data does not decide.
        vocabulary: number of words with a vector.
        batch: messages in a batch.
    """

    training: Sequence[MoodMessage]
    validation: Sequence[MoodMessage]
    vocabulary_texts: Sequence[str]
    moods: Sequence[str]
    valence: Mapping[str, float]
    network: Mapping[str, Any]
    vocabulary: int
    batch: int

    @property
    def decoder(self) -> Mapping[str, Any]:
        """The decoder's settings."""
        return {"valence": dict(self.valence)}

    @property
    def values(self) -> Mapping[str, Any]:
        """See :class:`~zoo.training.subject.Subject`."""
        names = ("moods", "network", "vocabulary", "batch")
        return {
            **{name: getattr(self, name) for name in names},
            "messages": [len(self.training), len(self.validation)],
        }

    @cached_property
    def _processor(self) -> MoodWords:
        words = Words.of_texts(
            self.vocabulary_texts, frequent_words(), size=self.vocabulary, least=3
        )
        return MoodWords(words, tuple(self.moods))

    def processor(self, run: RunDirectory, start: Bundle | None) -> MoodWords:
        """See :class:`~zoo.training.subject.Training`."""
        return self._processor if start is None else start.processor

    def config(self, processor: MoodWords) -> Any:
        """See :class:`~zoo.training.subject.Training`."""
        return self.architecture.load("config")(
            **word_values(processor.words), moods=len(processor.moods), **self.network
        )

    def objective(self, task: Any, seed: int) -> MoodObjective:
        """See :class:`~zoo.training.subject.Subject`."""
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
        """See :class:`~zoo.training.subject.Subject`."""
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
