"""Conversations that go on: one message in, one result and one state out."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Generic, Protocol, TypeVar

from zoo.contracts import Processor
from zoo.dialogue.doubts import DoubtSettings, find_doubts
from zoo.dialogue.messages import Message, as_message, as_messages
from zoo.dialogue.state import ConversationState, fingerprint
from zoo.dialogue.words import WordIds, Words
from zoo.errors import UsageError
from zoo.task import Task

R = TypeVar("R")

WORD_MODULES = (
    "zoo.dialogue.standalone",
    "zoo.dialogue.tokens",
    "zoo.dialogue.word_ids",
    "zoo.typography",
)
"""What the example of each exported model needs."""


class WordProcessor(Processor, Protocol):
    """What makes ids of a message's words."""

    @property
    def words(self) -> Words:
        """The vocabulary."""
        ...


class ConversationTask(Task, Generic[R]):
    """A task that reads conversations message by message.

    A subclass reads one message with :meth:`read_message`; that a whole conversation gives the same
    as its messages one by one, to the last bit, follows from there being no other way to read one.
    """

    processor: WordProcessor

    @property
    @abstractmethod
    def settings(self) -> DoubtSettings:
        """The decoder's settings."""

    @property
    def languages(self) -> Sequence[str]:
        """ISO 639 codes of the languages that the model reads; empty if they are not known."""
        return tuple(self.settings.languages or self.card.get("languages", ()))

    def doubts_of(self, ids: WordIds) -> tuple[str, ...]:
        """Why the answer to a message may be wrong; see :func:`~zoo.dialogue.doubts.find_doubts`.

        Args:
            ids: the message.
        """
        return find_doubts(ids, self.processor.words, self.settings, self.languages)

    def first_state(self) -> ConversationState:
        """The state before the first message."""
        return ConversationState(self._fingerprint())

    def read_message(
        self, inference: Any, state: ConversationState, message: Message
    ) -> tuple[R, ConversationState]:
        """Read the next message of a conversation.

        Args:
            inference: the model's.
            state: before the message; it is not changed.
            message: the message.

        Returns:
            The result of the message and the state after it.
        """
        raise NotImplementedError

    def open_conversation(self, state: ConversationState | str | None = None) -> Conversation[R]:
        """Begin a conversation, or go on with one.

        Args:
            state: where to go on, a value or its JSON; left out, a new conversation begins.

        Raises:
            UsageError: the state belongs to another model.
            DataError: the JSON is damaged.

        Example:
            >>> conversation = model.open_conversation()
            >>> print(conversation.feed("Where is my parcel?", speaker="customer"))
            >>> conversation.state.save("parcel.json")
        """
        first = self.first_state()
        if state is None:
            return Conversation(self, first)
        given = ConversationState.from_json(state) if isinstance(state, str) else state
        if not isinstance(given, ConversationState):
            raise UsageError(f"a state is a ConversationState or its JSON, not {given!r:.60}")
        given.check(first.model, {name: array.shape for name, array in first.arrays.items()})
        return Conversation(self, given)

    def read_all(self, messages: Iterable[Any]) -> list[R]:
        """The results of a new conversation's messages."""
        conversation = Conversation(self, self.first_state())
        return [conversation.feed(message) for message in as_messages(messages)]

    def _fingerprint(self) -> str:
        inference, processor = self.inference, self.processor
        known: tuple[Any, Any, str] | None = getattr(self, "_known_fingerprint", None)
        if known is None or known[0] is not inference or known[1] is not processor:
            settings = (self.architecture.name, asdict(self.config), processor.settings())
            known = inference, processor, fingerprint(*settings, self.weights())
            self._known_fingerprint = known
        return known[2]


class Conversation(Generic[R]):
    """A conversation that is going on.

    Args:
        task: the model that reads it; weights and an ontology that it gets later do not count
            here.
        state: where it stands.

    Attributes:
        state: where it stands after the last message, as a value.
    """

    def __init__(self, task: ConversationTask[R], state: ConversationState) -> None:
        self._task, self._inference, self.state = copy.copy(task), task.inference, state
        self._results: list[R] = []

    def feed(self, message: Any, speaker: str = "") -> R:
        """Read the next message.

        Args:
            message: a text, a :class:`~zoo.dialogue.messages.Message` or a table with ``text``.
            speaker: who wrote it, where the message does not say.

        Returns:
            Its result.

        Raises:
            UsageError: it is no message; the conversation stands where it stood.
        """
        given = as_message(message)
        if speaker and not given.speaker:
            given = Message(given.text, speaker)
        result, self.state = self._task.read_message(self._inference, self.state, given)
        self._results.append(result)
        return result

    @property
    def results(self) -> tuple[R, ...]:
        """The results of the messages that were fed here, in order."""
        return tuple(self._results)

    @property
    def result(self) -> R | None:
        """The result of the last message, or ``None`` before the first."""
        return self._results[-1] if self._results else None
