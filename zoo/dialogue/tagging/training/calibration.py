"""Temperatures and thresholds of a tagger, chosen on validation messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.decoding.crf import bio_spans
from zoo.dialogue.datasets import Span
from zoo.dialogue.tagging.inference import softmax
from zoo.dialogue.tagging.joining import code_tokens
from zoo.dialogue.tagging.training.examples import TaggedExample

TEMPERATURES = (0.7, 0.85, 1.0, 1.2, 1.5, 1.8, 2.2, 2.7, 3.3)
THRESHOLDS = tuple(round(0.02 * step, 2) for step in range(50))
PRICE = 0.005
"""The share of the messages in scope that may be lost to a threshold for those that are not."""


def choose_temperature(model: Any, examples: Sequence[TaggedExample]) -> float:
    """The temperature under which the scores of entities are the most honest.

    It has the lowest log loss of the scores against whether the entities are right (Guo et al.
    2017, arXiv:1706.04599, of whole predictions).

    Args:
        model: a tagger with labels.
        examples: to choose on.
    """
    inference = model.inference
    losses = np.zeros(len(TEMPERATURES))
    for example in examples:
        emissions = inference.read(example.ids).emissions
        joined = code_tokens(example.ids.tokens)
        tags, _ = inference.chain.viterbi(emissions, joined)
        spans = bio_spans(tags)
        if not spans:
            continue
        tokens, gold = example.ids.tokens, set(example.message.entities)
        for number, temperature in enumerate(TEMPERATURES):
            lattice = inference.chain.scaled(temperature).lattice(emissions / temperature, joined)
            for label, begin, end in spans:
                score = lattice.span(begin, tags[begin:end], [2 * label + 2])
                span = Span(model.labels[label], tokens[begin].start, tokens[end - 1].end)
                score = min(max(score, 1e-6), 1 - 1e-6)
                losses[number] -= np.log(score if span in gold else 1 - score)
    return TEMPERATURES[int(losses.argmin())]


def choose_intent_temperature(model: Any, examples: Sequence[TaggedExample]) -> float:
    """The temperature with the lowest cross-entropy of the intents."""
    told = [example for example in examples if example.intent >= 0]
    if not told:
        return 1.0
    logits = np.stack([model.inference.read(example.ids).intents for example in told])
    rows, right = np.arange(len(told)), np.asarray([example.intent for example in told])
    losses = [-np.log(softmax(logits / t)[rows, right] + 1e-9).mean() for t in TEMPERATURES]
    return TEMPERATURES[int(np.argmin(losses))]


def choose_threshold(
    model: Any, examples: Sequence[TaggedExample], outside: str, temperature: float
) -> float:
    """The highest threshold that costs at most :data:`PRICE` of the accuracy in scope.

    Most messages are in scope, and the more of what is not is found, the more of them are lost.

    Args:
        model: a tagger with intents.
        examples: to choose on.
        outside: the intent of messages that are out of scope.
        temperature: of the intents.
    """
    place = model.intents.index(outside)
    in_scope = []
    for example in examples:
        if example.intent < 0:
            continue
        probabilities = softmax(model.inference.read(example.ids).intents / temperature)
        probabilities[place] = 0.0
        best = int(probabilities.argmax())
        score = float(probabilities[best])
        if example.intent != place:
            in_scope.append(score if best == example.intent else -1.0)
    if not in_scope:
        return 0.0
    right = [float(np.mean(np.asarray(in_scope) >= t)) for t in THRESHOLDS]
    return max(t for t, share in zip(THRESHOLDS, right, strict=True) if share >= right[0] - PRICE)
