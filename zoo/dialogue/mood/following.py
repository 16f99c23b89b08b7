"""The task ``text-classification`` over a conversation: the mood of each message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.dialogue.conversation import WORD_MODULES, ConversationTask
from zoo.dialogue.doubts import DoubtSettings
from zoo.dialogue.messages import Message, as_messages
from zoo.dialogue.mood.inference import SentimentInference
from zoo.dialogue.mood.processor import MoodWords
from zoo.dialogue.mood.results import Mood
from zoo.dialogue.mood.speakers import speaker_number
from zoo.dialogue.state import ConversationState
from zoo.dialogue.words import pad_words
from zoo.errors import DataError, UsageError
from zoo.task import check_no_options
from zoo.values import check_range, make_settings

if TYPE_CHECKING:
    from zoo.dialogue.mood.sentiment_lstm import SentimentConfig
    from zoo.inspection.subject import InspectedInput

LEVELS = 1_000
"""How many speakers a state remembers the level of, those who spoke last."""

_GOLDEN = ("Hi, my parcel has not arrived.", "I'm sorry to hear that!", "This is terrible.")


@dataclass(frozen=True)
class MoodSettings(DoubtSettings):
    """The decoder's settings: these, and when a message is doubted.

    Args:
        valence: how good each mood is, from -1 to 1; a mood that is not named is 0.
        temperature: by which the scores are divided before probabilities are taken.
        threshold: level of valence below which a conversation is to be escalated.
        weight: of a message in the level of its speaker; the messages before it have the rest.

    Raises:
        UsageError: a value is out of range.
    """

    valence: Mapping[str, float] = field(default_factory=dict)
    temperature: float = 1.0
    threshold: float = -0.3
    weight: float = 0.4

    def __post_init__(self) -> None:
        super().__post_init__()
        if not all(-1 <= value <= 1 for value in self.valence.values()):
            raise UsageError("the valence of a mood must be from -1 to 1")
        check_range(self, "temperature", float, 0.05, 20.0)
        check_range(self, "threshold", float, -1.0, 1.0)
        check_range(self, "weight", float, 0.0, 1.0)
        if not self.weight:
            raise UsageError("weight must be above 0")


class MoodFollower(ConversationTask[Mood]):
    """Tells the mood of each message of a conversation.

    Example:
        >>> model = zoo.load_model("sentiment_lstm.topical_chat")
        >>> for mood in model.follow([("Great, thanks!", "ana"), ("This is awful", "ben")]):
        ...     print(mood)
    """

    verb = "follow"
    example = "zoo.dialogue.mood.standalone"
    example_modules = (
        *WORD_MODULES,
        "zoo.dialogue.mood.results",
        "zoo.dialogue.mood.speakers",
    )
    config: SentimentConfig
    processor: MoodWords

    @property
    def settings(self) -> MoodSettings:
        """The decoder's settings."""
        made: MoodSettings = make_settings(MoodSettings, self.decoder, "config.json, decoder")
        return made

    @property
    def moods(self) -> tuple[str, ...]:
        """Names of the moods."""
        return tuple(self.processor.moods)

    def follow(
        self,
        conversation: Any,
        *,
        threshold: float | None = None,
        on_progress: Callable[[int], object] | None = None,
    ) -> list[Mood]:
        """The mood of each message; nothing of the later ones counts.

        Args:
            conversation: texts, :class:`~zoo.dialogue.messages.Message`, pairs of text and speaker,
                or tables with ``text`` and ``speaker``.
            threshold: level of valence below which to escalate; left out, the model's own.
            on_progress: called with the number of messages read since the last call.

        Raises:
            UsageError: they are no messages, or the threshold is out of range.
        """
        settings = self.settings
        if threshold is not None:
            settings = replace(settings, threshold=threshold)
        inference, state, moods = self.inference, self.first_state(), []
        for message in as_messages(conversation):
            mood, state = self._read(inference, state, message, settings)
            moods.append(mood)
            if on_progress:
                on_progress(1)
        return moods

    def plot(self, moods: list[Mood], path: str | Path | None = None) -> Any:
        """Draw the course of a conversation; see :func:`zoo.dialogue.mood.plot.draw_course`."""
        from zoo.dialogue.mood.plot import draw_course

        return draw_course(moods, self.settings.threshold, path)

    def first_state(self) -> ConversationState:
        """See :class:`~zoo.dialogue.conversation.ConversationTask`."""
        state = super().first_state()
        return replace(state, arrays=self.inference.start(), facts={"speakers": [], "levels": {}})

    def read_message(
        self, inference: SentimentInference, state: ConversationState, message: Message
    ) -> tuple[Mood, ConversationState]:
        """See :class:`~zoo.dialogue.conversation.ConversationTask`."""
        return self._read(inference, state, message, self.settings)

    def _read(
        self,
        inference: SentimentInference,
        state: ConversationState,
        message: Message,
        settings: MoodSettings,
    ) -> tuple[Mood, ConversationState]:
        speakers, levels = state.facts.get("speakers"), state.numbers("levels")
        if not isinstance(speakers, list) or not all(isinstance(one, str) for one in speakers):
            raise DataError("the state is damaged: it does not say who spoke")
        number, speakers = speaker_number(message.speaker, speakers)
        ids = self.processor.encode(message.text)
        logits, arrays = inference.read(ids, number, state.arrays)
        raised = np.exp((logits - logits.max()).astype(np.float64) / settings.temperature)
        shares = (raised / raised.sum()).tolist()
        probabilities = dict(zip(self.moods, shares, strict=True))
        valence = sum(p * settings.valence.get(mood, 0.0) for mood, p in probabilities.items())
        before = levels.pop(message.speaker, None)
        level = valence if before is None else before + settings.weight * (valence - before)
        mood = Mood(
            message.text,
            message.speaker,
            max(probabilities, key=lambda name: probabilities[name]),
            probabilities,
            valence,
            level,
            level - (0.0 if before is None else before),
            level < settings.threshold,
            self.doubts_of(ids),
        )
        latest = list(levels.items())[1 - LEVELS :]
        facts = {"speakers": speakers, "levels": {**dict(latest), message.speaker: level}}
        return mood, replace(state, messages=state.messages + 1, facts=facts, arrays=arrays)

    def subject(self, source: Any, **options: Any) -> InspectedInput:
        """A conversation with its messages and words as steps; see :meth:`zoo.task.Task.subject`.

        Args:
            source: as in :meth:`follow`.
            **options: there are none.

        Raises:
            UsageError: they are no messages, or they have no words.
        """
        from zoo.dialogue.mood.inspection import conversation_subject

        check_no_options(options)
        messages = as_messages(source)
        ids = [self.processor.encode(message.text) for message in messages]
        if not any(one.tokens for one in ids):
            raise UsageError("a conversation to look into needs at least one word")
        return conversation_subject(messages, ids, self.moods)

    def golden_inputs(self) -> dict[str, np.ndarray]:
        """A conversation for the golden outputs."""
        words = pad_words([self.processor.encode(text) for text in _GOLDEN])
        turns = np.arange(len(_GOLDEN), dtype=np.int32)[None]
        arrays = (*words, turns, np.asarray([[1, 2, 1]], np.int32))
        return {f"input.{number}": array for number, array in enumerate(arrays)}
