"""What every recipe says of a pretrained model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

from zoo.training.plan import Plan


@dataclass(frozen=True, kw_only=True)
class RecipeValues:
    """All values of one pretrained model; a recipe adds those of its task.

    Args:
        corpus: what it is trained on: a corpus of ``zoo.datasets``, or a name for several.
        languages: ISO 639-1 codes.
        network: values of the architecture's configuration.
        plans: how to train: one plan after the other, each from the best weights of the last (warm
            restarts, Loshchilov and Hutter 2017, arXiv:1608.03983).
        license: SPDX identifier of the weights.
        data_note: what the card says of the data.
        limits: what the card says of the model's limits.
        comparison: published figures on the same data, for the card.
    """

    corpus: str
    languages: tuple[str, ...]
    network: dict[str, Any]
    plans: tuple[Plan, ...]
    license: str
    data_note: str = ""
    limits: str = ""
    comparison: tuple[dict[str, Any], ...] = ()

    def with_overrides(self, plan: Plan) -> Self:
        """These values with the plan's overrides applied."""
        return replace(self, network={**self.network, **plan.network}, **plan.values)

    def card(self, name: str) -> dict[str, Any]:
        """How the model's card begins.

        Args:
            name: ``architecture.weights``.
        """
        return {
            "name": name,
            "languages": list(self.languages),
            "license": self.license,
            "dataset": self.corpus,
        }
