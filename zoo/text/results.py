"""Results of text generation: texts, scores and hidden states."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo.results import rounded


@dataclass(frozen=True)
class TextState:
    """Where a text stands: all that is needed to go on with it.

    Args:
        arrays: ``(units,)`` float32 for each layer's ``h`` (and ``c``), layer by layer.
        last: id of the last character, which the network has not read yet.
        position: how many characters were sampled so far; random numbers are counted by it.
    """

    arrays: tuple[np.ndarray, ...]
    last: int
    position: int = 0


@dataclass(frozen=True)
class GeneratedText:
    """A generated text.

    Args:
        text: the prompt and what the model wrote after it.
        prompt: the prompt.
        log_probs: ``(characters,)`` natural log-probability of each written character, under the
            model's own distribution (temperature 1, nothing cut off).
        seed: the seed that gives this text again.
        state: give it to ``generate`` or ``stream`` to go on.
        stopped: whether a stop text ended it.
    """

    text: str
    prompt: str
    log_probs: np.ndarray = field(repr=False)
    seed: int
    state: TextState = field(repr=False)
    stopped: bool = False

    @property
    def continuation(self) -> str:
        """What the model wrote."""
        return self.text[len(self.prompt) :]

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """The result as plain JSON values, without the state; log-probabilities to 5 decimals."""
        return {
            "text": self.text,
            "prompt": self.prompt,
            "seed": self.seed,
            "stopped": self.stopped,
            "log_probs": rounded(self.log_probs, 5),
        }


@dataclass(frozen=True)
class TextScore:
    """How well a model predicts a text.

    Args:
        text: the text.
        log_probs: ``(characters - 1,)`` natural log-probability of each character after the first,
            given all before it; ``(characters,)`` where a state stood before the text.
        nats_per_character: mean negative log-probability.
        state: the state after the text, to score what follows it.
    """

    text: str = field(repr=False)
    log_probs: np.ndarray = field(repr=False)
    nats_per_character: float
    state: TextState = field(repr=False)

    @property
    def bits_per_character(self) -> float:
        """The same in bits."""
        return self.nats_per_character / math.log(2)

    def __str__(self) -> str:
        return f"{self.nats_per_character:.4f} nats/char ({self.bits_per_character:.4f} bits/char)"

    def to_dict(self) -> dict[str, Any]:
        """The score as plain JSON values, without the state; figures to 5 decimals."""
        return {
            "text": self.text,
            "nats_per_character": round(self.nats_per_character, 5),
            "bits_per_character": round(self.bits_per_character, 5),
            "log_probs": rounded(self.log_probs, 5),
        }


@dataclass(frozen=True)
class TextStates:
    """The hidden states of a text.

    Args:
        text: the text.
        hidden: ``(characters, layers, units)`` float32, each layer's output after each character.
    """

    text: str
    hidden: np.ndarray = field(repr=False)

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """The text and its states as plain JSON values, to 5 decimals."""
        return {"text": self.text, "hidden": rounded(self.hidden, 5)}
