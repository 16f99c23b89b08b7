"""Training and fine-tuning of trackers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.dialogue.datasets import DialogueTurn
from zoo.dialogue.messages import Message
from zoo.dialogue.tracking.ontology import Ontology
from zoo.dialogue.tracking.processor import TrackedWords
from zoo.dialogue.tracking.tracking import Tracker
from zoo.dialogue.tracking.training.examples import by_dialogue, texts_of
from zoo.dialogue.tracking.training.files import (
    grown_ontology,
    in_spelling_of,
    read_dialogues,
    split_dialogues,
)
from zoo.dialogue.tracking.training.options import TrackerOptions
from zoo.dialogue.training.glove import frequent_words, set_word_vectors
from zoo.dialogue.training.growth import grown_words, word_rows
from zoo.dialogue.training.learning import DialogueFinetuning, DialogueTraining, file_names
from zoo.dialogue.word_features import word_values
from zoo.dialogue.words import Words
from zoo.store.locate import Reference
from zoo.training.run import finetune
from zoo.training.seen import fingerprints
from zoo.training.subject import Start, read_start

if TYPE_CHECKING:
    from zoo.dialogue.tracking.training.objective import TrackerObjective
    from zoo.folder.bundle import Bundle


@dataclass(kw_only=True)
class TrackerTraining(DialogueTraining[Tracker]):
    """Training of a new tracker.

    The examples are turns; what is not told here is as in
    :class:`~zoo.dialogue.training.learning.DialogueTraining`.

    Args:
        ontology: what the dialogues are about.
        swapped_values: share of the turns in which a value is replaced.
        request_weight: weight of the questions' loss.
        distractors: other words of a turn that are candidates of each slot.
    """

    unit = "turns"
    decisive = (*DialogueTraining.decisive, "swapped_values", "request_weight", "distractors")

    training: Sequence[DialogueTurn]
    validation: Sequence[DialogueTurn]
    ontology: Ontology
    swapped_values: float = 0.3
    request_weight: float = 1.0
    distractors: int = 0

    @cached_property
    def new_processor(self) -> TrackedWords:
        """See :class:`~zoo.dialogue.training.learning.DialogueTraining`."""
        found = self.ontology.candidates
        spoken = [" ".join((*one.words, *one.slot.lower().split())) for one in found]
        # The words of the ontology have vectors, but are not learnt by heart unless they are said.
        more = dict.fromkeys([word for text in spoken for word in text.split()])
        frequent = [word for word in frequent_words() if word not in more]
        words = Words.of_texts(
            texts_of(self.training), [*more, *frequent], size=self.vocabulary, least=2
        )
        return TrackedWords(words, self.ontology)

    def objective(self, task: Any, seed: int) -> TrackerObjective:
        """See :class:`~zoo.training.subject.Learning`."""
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
            distractors=self.distractors,
        )

    def sample(self, task: Any) -> str:
        """See :class:`~zoo.training.subject.Learning`."""
        dialogue = by_dialogue(self.validation)[0]
        conversation, lines = task.open_conversation(), []
        for turn in dialogue:
            conversation.feed(Message(turn.system, "system"))
            lines += [turn.user, f"    {conversation.feed(Message(turn.user, 'user'))}"]
        return "\n".join(lines)


class TrackerFinetuning(DialogueFinetuning[Tracker]):
    """Fine-tuning of a tracker on dialogues."""

    unit = "turns"

    def text_of(self, example: DialogueTurn) -> str:
        """See :class:`~zoo.dialogue.training.learning.DialogueFinetuning`."""
        return example.user

    def objective(self, task: Tracker, seed: int) -> TrackerObjective:
        """See :class:`~zoo.training.subject.Learning`."""
        from zoo.dialogue.tracking.training.objective import TrackerObjective

        return TrackerObjective(
            task,
            self.training,
            self.validation,
            batch=self.options.batch_for(len(self.training)),
            seed=seed,
        )


def finetune_tracker(
    reference: Reference,
    files: Sequence[Path],
    out: Path,
    options: TrackerOptions | None = None,
    *,
    command: str = "",
) -> Path:
    """Fine-tune a tracker on dialogues of your own.

    The slots, values and requests of the dialogues are added to the model's ontology, and their
    words to its vocabulary.

    Args:
        reference: the model to start from, as ``load_model`` takes it.
        files: JSON files, see :func:`~zoo.dialogue.tracking.training.files.read_dialogues`.
        out: the run's folder; an interrupted run in it is continued.
        options: how to train; left out, the defaults.
        command: the command line that does it again, for the model card.

    Returns:
        ``out``, a model folder.

    Raises:
        DataError: a file is missing, empty or malformed, or there are too few dialogues.
        UsageError: a slot has no value but ``dontcare``.
        ZooError: the model cannot be read, or the run cannot be started, continued or written.
    """
    options = options or TrackerOptions()
    turns = [
        replace(turn, dialogue=f"{number}/{turn.dialogue}")
        for number, path in enumerate(files, 1)
        for turn in read_dialogues(path)
    ]
    start = read_start(reference)
    turns = in_spelling_of(start.bundle.processor.ontology, turns)
    training, validation = split_dialogues(turns, options.validation, options.seed)
    ontology = grown_ontology(start.bundle.processor.ontology, turns)
    bundle = with_ontology(start.bundle, ontology, texts_of(training))
    finetuning = TrackerFinetuning(
        start=Start(start.reference, bundle),
        data=file_names(files),
        options=options,
        training=training,
        validation=validation,
        seen=fingerprints(files),
    )
    return finetune(finetuning, out, command)


def with_ontology(bundle: Bundle, ontology: Ontology, texts: Sequence[str]) -> Bundle:
    """A tracker's bundle with another ontology, and with the words of it and of texts."""
    old = bundle.processor.words
    spoken = [" ".join((*one.words, *one.slot.lower().split())) for one in ontology.candidates]
    words = grown_words(old, [*texts, *spoken])
    weights = {path: np.asarray(array, np.float32) for path, array in bundle.weights.items()}
    return replace(
        bundle,
        processor=TrackedWords(words, ontology),
        config=replace(bundle.config, **word_values(words)),
        weights={**weights, **word_rows(weights, old, words)},
        golden={},
        metrics=[],
    )
