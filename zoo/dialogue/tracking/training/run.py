"""Training of trackers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from zoo.dialogue.datasets import DialogueTurn
from zoo.dialogue.messages import Message
from zoo.dialogue.tracking.ontology import Ontology
from zoo.dialogue.tracking.processor import TrackedWords
from zoo.dialogue.tracking.training.examples import by_dialogue, texts_of
from zoo.dialogue.training.glove import frequent_words, set_word_vectors
from zoo.dialogue.word_features import word_values
from zoo.dialogue.words import Words
from zoo.training.subject import Training

if TYPE_CHECKING:
    from zoo.dialogue.tracking.training.objective import TrackerObjective
    from zoo.folder.bundle import Bundle
    from zoo.training.rundir import RunDirectory


@dataclass(kw_only=True)
class TrackerTraining(Training):
    """Training of a new tracker.

    Args:
        card: how the model card begins; the name begins with the architecture.
        training: turns to train on.
        validation: turns to validate on.
        ontology: what the dialogues are about.
        network: values of the builder that the data does not decide.
        vocabulary: number of words with a vector.
        batch: turns in a batch.
        swapped_values: share of the turns in which a value is replaced.
        request_weight: weight of the questions' loss.
    """

    training: Sequence[DialogueTurn]
    validation: Sequence[DialogueTurn]
    ontology: Ontology
    network: Mapping[str, Any]
    vocabulary: int
    batch: int
    swapped_values: float = 0.3
    request_weight: float = 1.0

    @property
    def values(self) -> Mapping[str, Any]:
        """See :class:`~zoo.training.subject.Subject`."""
        names = ("network", "vocabulary", "batch", "swapped_values", "request_weight")
        return {
            **{name: getattr(self, name) for name in names},
            "turns": [len(self.training), len(self.validation)],
        }

    @cached_property
    def _processor(self) -> TrackedWords:
        found = self.ontology.candidates
        spoken = [" ".join((*one.words, *one.slot.lower().split())) for one in found]
        # The words of the ontology have vectors, but are not learnt by heart unless they are said.
        more = dict.fromkeys([word for text in spoken for word in text.split()])
        frequent = [word for word in frequent_words() if word not in more]
        words = Words.of_texts(
            texts_of(self.training), [*more, *frequent], size=self.vocabulary, least=2
        )
        return TrackedWords(words, self.ontology)

    def processor(self, run: RunDirectory, start: Bundle | None) -> TrackedWords:
        """See :class:`~zoo.training.subject.Training`."""
        return self._processor if start is None else start.processor

    def config(self, processor: TrackedWords) -> Any:
        """See :class:`~zoo.training.subject.Training`."""
        return self.architecture.load("config")(**word_values(processor.words), **self.network)

    def objective(self, task: Any, seed: int) -> TrackerObjective:
        """See :class:`~zoo.training.subject.Subject`."""
        from zoo.dialogue.tracking.training.objective import TrackerObjective

        set_word_vectors(task.network, task.processor.words)
        return TrackerObjective(
            task,
            self.training,
            self.validation,
            batch=self.batch,
            seed=seed,
            swapped_values=self.swapped_values,
            request_weight=self.request_weight,
        )

    def sample(self, task: Any) -> str:
        """See :class:`~zoo.training.subject.Subject`."""
        dialogue = by_dialogue(self.validation)[0]
        conversation, lines = task.open_conversation(), []
        for turn in dialogue:
            conversation.feed(Message(turn.system, "system"))
            lines += [turn.user, f"    {conversation.feed(Message(turn.user, 'user'))}"]
        return "\n".join(lines)
