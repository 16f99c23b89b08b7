"""The state of a conversation as a value: plain facts and arrays, in JSON."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import DataError, UsageError
from zoo.files import read_text, user_path, write_bytes
from zoo.folder.manifest import sha256_of

FORMAT = "zoo-conversation-1"
MAX_STATE_BYTES = 4_000_000


@dataclass(frozen=True)
class ConversationState:
    """Where a conversation stands. It can be kept, sent elsewhere and gone on from.

    Args:
        model: fingerprint of the model that it belongs to.
        messages: how many messages were read.
        facts: plain JSON values.
        arrays: float32 arrays by name.
    """

    model: str
    messages: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)

    def texts(self, name: str) -> dict[str, str]:
        """A fact that is a table of texts; empty if the state does not have it.

        Raises:
            DataError: it is something else.
        """
        return self._table(name, lambda value: isinstance(value, str))

    def numbers(self, name: str) -> dict[str, float]:
        """A fact that is a table of numbers; empty if the state does not have it.

        Raises:
            DataError: it is something else.
        """
        return self._table(name, lambda value: type(value) in (int, float) and abs(value) < 1e9)

    def _table(self, name: str, fits: Callable[[Any], bool]) -> dict[str, Any]:
        table = self.facts.get(name, {})
        if not isinstance(table, dict) or not all(map(fits, table.values())):
            raise DataError(f"the state is damaged: its {name} are malformed")
        return dict(table)

    def to_json(self) -> str:
        """The state as one line of JSON; arrays are little-endian float32 in base64."""
        arrays = {
            name: {
                "shape": list(array.shape),
                "float32": base64.b64encode(np.asarray(array, "<f4").tobytes()).decode("ascii"),
            }
            for name, array in self.arrays.items()
        }
        content = {
            "format": FORMAT,
            "model": self.model,
            "messages": self.messages,
            "facts": dict(self.facts),
            "arrays": arrays,
        }
        body = json.dumps(content, ensure_ascii=False, sort_keys=True)
        return json.dumps({**content, "sha256": sha256_of(body.encode())}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str, where: str = "the state") -> ConversationState:
        """Read what :meth:`to_json` wrote.

        Args:
            text: the JSON.
            where: its name in messages.

        Raises:
            DataError: it is damaged, or no state of a conversation.
        """
        if len(text) > MAX_STATE_BYTES:
            raise DataError(f"{where} is larger than {MAX_STATE_BYTES:,} characters")
        try:
            content = json.loads(text)
            if not isinstance(content, dict) or content.get("format") != FORMAT:
                raise DataError(f"{where} is no state of a conversation ({FORMAT})")
            told = content.pop("sha256", None)
            body = json.dumps(content, ensure_ascii=False, sort_keys=True)
            if told != sha256_of(body.encode()):
                raise DataError(f"{where} is damaged: its sha256 differs")
            arrays = {name: _array(one) for name, one in content["arrays"].items()}
            facts, messages = content["facts"], content["messages"]
            if not isinstance(facts, dict) or type(messages) is not int or messages < 0:
                raise ValueError("facts or messages are malformed")
            return cls(str(content["model"]), messages, facts, arrays)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise DataError(f"{where} is damaged: {error}") from None

    def save(self, path: str | Path) -> Path:
        """Write the state into a file, replacing what it holds.

        Raises:
            ZooError: it cannot be written.
        """
        target = user_path(path)
        write_bytes(target, (self.to_json() + "\n").encode())
        return target

    @classmethod
    def load(cls, path: str | Path) -> ConversationState:
        """Read a state from a file.

        Raises:
            DataError: it cannot be read, or is no state of a conversation.
        """
        return cls.from_json(read_text([Path(path)]), str(path))

    def check(self, model: str, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Check that the state belongs to a model.

        Args:
            model: the model's fingerprint.
            shapes: of the arrays that the model carries.

        Raises:
            UsageError: it belongs to another.
        """
        found = {name: array.shape for name, array in self.arrays.items()}
        if self.model != model or found != dict(shapes):
            raise UsageError(
                "the state belongs to another model or to other weights of it; go on with the "
                "model that it was saved from, or begin a new conversation"
            )


def fingerprint(*parts: Any) -> str:
    """A short name of a model's weights and settings, by which a state knows its model.

    Args:
        *parts: plain values, or arrays by name.
    """
    digests = []
    for part in parts:
        if isinstance(part, Mapping) and all(isinstance(v, np.ndarray) for v in part.values()):
            digests += [
                f"{name}:{sha256_of(np.ascontiguousarray(array, np.float32).tobytes())}"
                for name, array in sorted(part.items())
            ]
        else:
            digests.append(json.dumps(part, sort_keys=True, default=str))
    return sha256_of("\n".join(digests).encode())[:16]


def _array(told: Any) -> np.ndarray:
    shape = tuple(told["shape"])
    if not all(type(size) is int and 0 <= size <= 1_000_000 for size in shape):
        raise ValueError(f"{shape} is no shape")
    data = np.frombuffer(base64.b64decode(told["float32"], validate=True), "<f4")
    return data.reshape(shape).astype(np.float32)
