"""Figures: what is measured, and a row of ``metrics.json`` as a value.

Everything that reads, writes or prints a figure does it through :class:`Figure`. Unit and direction
are values of a figure, so that a new metric needs no change here.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from zoo.errors import FolderError
from zoo.folder.checks import check_types
from zoo.folder.provenance import current_commit, machine

T = TypeVar("T")

_DECIMALS = 4
_REQUIRED = {"metric": str, "value": float, "dataset": str, "split": str}
_OPTIONAL = dict.fromkeys(
    ("unit", "scorer", "command", "decoding", "group", "commit", "machine"), str
) | {
    "seed": int,
    "interval_95": list,
    "higher_is_better": bool,
}
# The metrics of rows that were written before rows could say "higher_is_better".
_UPWARDS = ("bleu", "bleu_tokenized_lowercased", "chrf")


@dataclass(frozen=True)
class Figure:
    """One row of ``metrics.json``.

    Args:
        metric: its standard name, such as ``"cross_entropy"``.
        value: the figure, in ``unit``.
        unit: such as ``"nats/char"``, ``"%"`` or ``"BLEU"``; empty for a plain number.
        dataset: what was scored.
        split: which part of it.
        higher_is_better: the direction of the metric.
        interval_95: ends of the 95 % interval, in ``unit``.
        scorer: what computed it, with its version.
        command: the command that gives it again.
        decoding: how the model decoded, such as ``"greedy"``.
        group: the part of the split that was scored, such as ``"female speakers"``; empty for all.
        seed: of the training.
        commit: git commit of the code that measured it.
        machine: processor and library versions.
        extra: further plain values beside it, such as ``{"characters": 111539}``.

    Example:
        >>> print(Figure("wer", 5.8215, "%", dataset="an4", split="test"))
        5.8 % WER
    """

    metric: str
    value: float
    unit: str = ""
    dataset: str = ""
    split: str = ""
    higher_is_better: bool = False
    interval_95: tuple[float, float] | None = None
    scorer: str = ""
    command: str = ""
    decoding: str = ""
    group: str = ""
    seed: int | None = None
    commit: str = ""
    machine: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def measured(cls, metric: str, value: float, unit: str = "", **facts: Any) -> Figure:
        """A figure measured here and now: with this commit and this machine.

        Args:
            metric: its standard name.
            value: the figure; four decimals of it are kept, two of its interval.
            unit: as :class:`Figure` has it.
            **facts: other fields of the figure; what is not a field goes into ``extra``.
        """
        names = {each.name for each in dataclasses.fields(cls)}
        fields = {key: fact for key, fact in facts.items() if key in names}
        if interval := fields.get("interval_95"):
            fields["interval_95"] = tuple(round(float(end), 2) for end in interval)
        return cls(
            metric,
            round(float(value), _DECIMALS),
            unit,
            commit=current_commit() or "",
            machine=machine(),
            extra={key: fact for key, fact in facts.items() if key not in names},
            **fields,
        )

    @classmethod
    def from_row(cls, row: Any, where: str = "metrics.json") -> Figure:
        """A row as it was read from JSON, checked.

        Args:
            row: the table.
            where: the file, for messages.

        Raises:
            FolderError: a field is missing or has another type.
        """
        check_types(row, _REQUIRED, where, needed=True)
        check_types(row, _OPTIONAL, where)
        interval = row.get("interval_95")
        if interval is not None and len(interval) != 2:
            raise FolderError(f"{where}: 'interval_95' is {interval!r:.60}, not two numbers")
        for end in interval or ():
            check_types({"interval_95": end}, {"interval_95": float}, where)
        for number in (row["value"], *(interval or ())):
            if not _is_finite(number):
                raise FolderError(f"{where}: {number!r:.60} is not a finite number")
        names = {each.name for each in dataclasses.fields(cls)} - {"extra"}
        fields = {key: value for key, value in row.items() if key in names}
        fields.setdefault("higher_is_better", row["metric"] in _UPWARDS)
        if interval is not None:
            fields["interval_95"] = tuple(interval)
        extra = {key: value for key, value in row.items() if key not in names}
        return cls(**fields, extra=extra)

    @classmethod
    def from_headline(cls, metric: Mapping[str, Any], model: str) -> Figure:
        """The headline figure of the registry: a table of ``name``, ``value``, ``unit``, ``split``.

        Args:
            metric: the table.
            model: whose it is, for messages.

        Raises:
            FolderError: a field is missing or has another type.
        """
        row = {"dataset": "", "metric": metric.get("name"), **metric}
        return cls.from_row(
            {key: row[key] for key in row if key != "name"}, f"the figure of {model}"
        )

    def to_row(self) -> dict[str, Any]:
        """The row for ``metrics.json``; fields that say nothing are left out."""
        row: dict[str, Any] = {
            "metric": self.metric,
            "value": self.value,
            "unit": self.unit or None,
            "higher_is_better": self.higher_is_better,
            "dataset": self.dataset,
            "split": self.split,
            "scorer": self.scorer or None,
            "command": self.command or None,
            "seed": self.seed,
            "commit": self.commit or None,
            "machine": self.machine or None,
            "interval_95": None if self.interval_95 is None else list(self.interval_95),
            **self.extra,
            "decoding": self.decoding or None,
            "group": self.group or None,
        }
        if self.higher_is_better == (self.metric in _UPWARDS):
            del row["higher_is_better"]
        return {key: value for key, value in row.items() if value is not None or key in self.extra}

    def to_headline(self, corpus: str) -> dict[str, Any]:
        """The table for the registry; see :meth:`from_headline`.

        Args:
            corpus: what the model was trained on; where the figure is of it, the split says enough.
        """
        of_corpus = self.dataset == corpus
        return {
            "name": self.metric,
            "value": self.value,
            "unit": self.unit,
            "split": self.split if of_corpus else self.data,
        }

    @property
    def name(self) -> str:
        """The metric, and how the model decoded."""
        return ", ".join(filter(None, [self.metric, self.decoding]))

    @property
    def data(self) -> str:
        """Data set and split, and the group in it."""
        return ", ".join(filter(None, [self.dataset, self.split, self.group]))

    @property
    def shown(self) -> str:
        """The rounded value with unit and interval, such as ``5.8 % (4.1 to 7.6)``."""
        text = f"{self._rounded(self.value)} {self.unit}".strip()
        if self.interval_95 is None:
            return text
        low, high = map(self._rounded, self.interval_95)
        return f"{text} ({low} to {high})"

    def __str__(self) -> str:
        text = f"{self._rounded(self.value)} {self.unit}".strip()
        if self.unit not in ("", "%"):
            return text  # such a unit names the metric
        name = self.metric.upper() if len(self.metric) <= 3 else self.metric.replace("_", " ")
        return f"{text} {name}"

    def _rounded(self, value: float) -> str:
        if "/" in self.unit:  # a rate, such as nats/char
            return f"{round(value, _DECIMALS):g}"
        return f"{value:.3g}" if abs(value) < 1 else f"{value:.1f}"


@dataclass(frozen=True)
class Measure:
    """What is measured: a metric with its unit and direction.

    Args:
        metric: its standard name, such as ``"label_error_rate"``.
        unit: of its figures, such as ``"%"``.
        factor: from what is computed to ``unit``, such as 100 from a fraction to ``"%"``.
        higher_is_better: the direction of the metric.
    """

    metric: str
    unit: str
    factor: float = 1.0
    higher_is_better: bool = False

    @property
    def worst(self) -> float:
        """A computed value that any other is better than."""
        return -math.inf if self.higher_is_better else math.inf

    def is_better(self, value: float, other: float) -> bool:
        """Whether a computed value is better than another; NaN never is."""
        return value > other if self.higher_is_better else value < other

    def best(self, items: Iterable[T], key: Callable[[T], float]) -> T:
        """The item whose computed value, given by ``key``, is the best; the first of equals."""
        return max(items, key=key) if self.higher_is_better else min(items, key=key)

    def in_unit(self, value: float) -> float:
        """A computed value in ``unit``, with the decimals that a figure has."""
        return round(self.factor * float(value), _DECIMALS)

    def figure(self, value: float, **facts: Any) -> Figure:
        """The figure of a computed value, measured here and now; see :meth:`Figure.measured`."""
        return Figure.measured(
            self.metric,
            self.factor * value,
            self.unit,
            higher_is_better=self.higher_is_better,
            **facts,
        )


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # a whole number that no float holds
        return False
