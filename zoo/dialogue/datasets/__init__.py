"""The corpora of messages with entities and intents, and those of conversations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from zoo.datasets import prepared
from zoo.errors import UsageError


class Span(NamedTuple):
    """A part of a message that matters.

    Args:
        label: what it is.
        start: of its first character.
        end: after its last one.
    """

    label: str
    start: int
    end: int


@dataclass(frozen=True)
class TaggedMessage:
    """A message with what is to be found in it.

    Args:
        text: the message.
        entities: in the order of the message; they do not overlap.
        intent: what it is for; empty where the corpus has none.
        dialogue: what it belongs together with, for intervals; empty if it stands alone.
    """

    text: str
    entities: tuple[Span, ...] = ()
    intent: str = ""
    dialogue: str = ""


@dataclass(frozen=True)
class MoodMessage:
    """A message with its mood.

    Args:
        text: the message.
        speaker: who wrote it; empty if that is unknown.
        mood: its mood; empty if it has none to learn.
        conversation: which one it belongs to.
    """

    text: str
    speaker: str
    mood: str
    conversation: str


def load_moods(name: str, split: str) -> list[MoodMessage]:
    """A split of a corpus of messages with moods, conversation by conversation.

    Args:
        name: of the corpus.
        split: such as ``"train"`` or ``"validation"``.

    Raises:
        DataError: the corpus is not there and cannot be fetched, or its files are damaged.
        UsageError: there is no corpus of that name.
    """
    import tensorflow_datasets as tfds

    names = ("text", "speaker", "mood", "conversation")
    with prepared(name) as made:
        return [
            MoodMessage(*(row[name].decode() for name in names))
            for row in tfds.as_numpy(made.as_dataset(split=split))
        ]


@dataclass(frozen=True)
class DialogueTurn:
    """A turn of a dialogue with a system.

    Args:
        dialogue: which one.
        system: what the system said; empty at the beginning.
        user: what the user answers.
        said: the values that the answer gives to slots.
        state: the value of each slot after it.
        requests: what the answer asks for.
    """

    dialogue: str
    system: str
    user: str
    said: dict[str, str]
    state: dict[str, str]
    requests: tuple[str, ...]


def load_ontology(name: str) -> dict[str, list[str]]:
    """The values of each slot of a corpus of dialogues; ``request`` has what is asked for.

    Raises:
        DataError: the corpus is not there and cannot be fetched, or its files are damaged.
        UsageError: there is no corpus of that name.
    """
    with prepared(name) as made:
        return {slot: list(values) for slot, values in made.info.metadata["ontology"].items()}


def load_dialogues(name: str, split: str) -> list[DialogueTurn]:
    """The turns of a corpus of dialogues with states, in order.

    Args:
        name: of the corpus.
        split: ``"train"``, ``"validation"`` or ``"test"``.

    Raises:
        DataError: the corpus is not there and cannot be fetched, or its files are damaged.
        UsageError: there is no corpus of that name.
    """
    import tensorflow_datasets as tfds

    def table(pairs: dict[str, list[bytes]]) -> dict[str, str]:
        return {
            slot.decode(): value.decode()
            for slot, value in zip(pairs["slot"], pairs["value"], strict=True)
        }

    with prepared(name) as made:
        return [
            DialogueTurn(
                row["dialogue"].decode(),
                row["system"].decode(),
                row["user"].decode(),
                table(row["said"]),
                table(row["state"]),
                tuple(one.decode() for one in row["requests"]),
            )
            for row in tfds.as_numpy(made.as_dataset(split=split))
        ]


def load_tagged(name: str, split: str) -> list[TaggedMessage]:
    """A split of a corpus of tagged messages.

    Args:
        name: of the corpus.
        split: such as ``"train"``, ``"validation"`` or ``"test"``.

    Raises:
        DataError: the corpus is not there and cannot be fetched, or its files are damaged.
        UsageError: there is no corpus or no split of that name.
    """
    import tensorflow_datasets as tfds

    with prepared(name) as made:
        if split not in made.info.splits:
            known = ", ".join(made.info.splits)
            raise UsageError(f"{name} has no split {split!r}; there are {known}")
        messages = []
        for row in tfds.as_numpy(made.as_dataset(split=split)):
            spans = zip(row["labels"], row["starts"], row["ends"], strict=True)
            messages.append(
                TaggedMessage(
                    row["text"].decode(),
                    tuple(Span(label.decode(), int(a), int(b)) for label, a, b in spans),
                    row["intent"].decode(),
                    row["dialogue"].decode(),
                )
            )
        return messages


def from_tokens(
    tokens: list[str], tags: list[str], intent: str = "", dialogue: str = ""
) -> TaggedMessage:
    """A message of tokens joined by spaces, with entities from tags such as ``B-date``.

    Tags without ``B-`` and ``I-`` are joined where neighbours are the same; an inside tag without
    its entity before it begins one, as in the CoNLL script.

    Example:
        >>> from_tokens(["at", "7", "pm"], ["O", "B-time", "I-time"]).entities
        (Span(label='time', start=3, end=7),)
    """
    spans: list[Span] = []
    place = 0
    before = "O"
    for token, tag in zip(tokens, tags, strict=True):
        mark, dash, label = tag.partition("-")
        if not dash or mark not in ("B", "I"):
            mark, label = "I", tag
        if tag != "O":
            end = place + len(token)
            if mark == "I" and label == before and spans:
                spans[-1] = Span(label, spans[-1].start, end)
            else:
                spans.append(Span(label, place, end))
        before = "O" if tag == "O" else label
        place += len(token) + 1
    return TaggedMessage(" ".join(tokens), tuple(spans), intent, dialogue)
