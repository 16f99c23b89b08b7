"""Connectionist temporal classification: decoding, scoring and alignment.

Graves et al. 2006, "Connectionist Temporal Classification". A network gives, for each frame, the
log-probabilities of the labels and of a blank; a label sequence is spelled by every path that
becomes it when repeats are merged and blanks dropped. Speech and handwriting both use this file.

Every function takes ``log_probs`` ``(frames, labels)``: natural log-probabilities, each frame's
summing to one. ``length`` frames count and what follows is padding; left out, all count. Sums are
made in float64.

Confidence. A label's confidence is the geometric mean of its posterior over the frames of its span.
A word is as sure as its least sure label. A hypothesis has the geometric mean of its labels'
confidences; one without labels has that of the blank's posterior over all frames.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo.ctc.grammar import Phrase
from zoo.ctc.prefix_beam import PrefixBeam
from zoo.ctc.results import Word
from zoo.errors import UsageError
from zoo.language_models.fusion import LanguageModel

MAX_BEAM = 4096


@dataclass(frozen=True)
class LabelSpan:
    """Where a label stands.

    Args:
        label: its index.
        start: first frame.
        end: the frame after the last one.
        confidence: 0 to 1, see the module.
    """

    label: int
    start: int
    end: int
    confidence: float


@dataclass(frozen=True)
class Hypothesis:
    """A label sequence for an utterance or a line.

    Args:
        labels: the labels without blanks.
        spans: each label's frames.
        score: what it was ranked by: natural log; for the beam search with language model weight
            and insertion bonus added.
        ctc_score: natural log-probability of the labels under the network alone: for ``greedy`` of
            the best path, for the beam search of the paths that stayed in the beam.
        confidence: 0 to 1, see the module.
        phrases: those that it consists of, where the search was for given ones.
        heard: labels that were heard and are none of the given phrases.
    """

    labels: tuple[int, ...]
    spans: tuple[LabelSpan, ...] = field(repr=False)
    score: float
    ctc_score: float
    confidence: float
    phrases: tuple[Phrase, ...] = ()
    heard: tuple[int, ...] = ()


def greedy(log_probs: np.ndarray, blank: int, *, length: int | None = None) -> Hypothesis:
    """The labels of the single best path.

    Args:
        log_probs: ``(frames, labels)``.
        blank: index of the blank.
        length: frames that count.

    Raises:
        UsageError: the arguments do not fit together, or ``log_probs`` has NaN or values above 0.
    """
    log_probs = _check(log_probs, blank, length)
    if not len(log_probs):
        return _hypothesis((), log_probs, blank, 0.0, 0.0)
    path = log_probs.argmax(axis=1)
    best = np.take_along_axis(log_probs, path[:, None], axis=1)[:, 0]
    total = float(best.sum(dtype=np.float64))
    return _hypothesis(_path_spans(path, best, blank), log_probs, blank, total, total)


def ctc_log_probability(
    log_probs: np.ndarray, labels: Sequence[int], blank: int, *, length: int | None = None
) -> float:
    """Natural log-probability of a label sequence, by the forward algorithm.

    Args:
        log_probs: ``(frames, labels)``.
        labels: the sequence, without blanks.
        blank: index of the blank.
        length: frames that count.

    Returns:
        The log of the sum over all paths; ``-inf`` if no path spells the labels, such as when there
        are more of them than frames.

    Raises:
        UsageError: as :func:`greedy`, or a label is out of range or the blank.
    """
    log_probs = _check(log_probs, blank, length)
    states = _states(labels, blank, log_probs.shape[1])
    if not len(log_probs):
        return 0.0 if len(states) == 1 else -math.inf
    closed = np.where(_skips(states, blank)[2:], 0.0, -np.inf)
    emissions = log_probs[:, states].astype(np.float64)
    alpha = np.full(len(states), -np.inf)
    alpha[:2] = emissions[0, :2]
    for emission in emissions[1:]:
        after = alpha.copy()
        np.logaddexp(after[1:], alpha[:-1], out=after[1:])
        np.logaddexp(after[2:], alpha[:-2] + closed, out=after[2:])
        alpha = after + emission
    return float(np.logaddexp.reduce(alpha[-2:]))


def forced_alignment(
    log_probs: np.ndarray, labels: Sequence[int], blank: int, *, length: int | None = None
) -> tuple[LabelSpan, ...]:
    """Where each label of a known sequence stands: the spans of its best path (Viterbi).

    CTC networks put most labels into one or two frames near where they are heard or seen, so spans
    are narrow and have gaps between them.

    Args:
        log_probs: ``(frames, labels)``.
        labels: the sequence, without blanks.
        blank: index of the blank.
        length: frames that count.

    Returns:
        A span for each label, in order.

    Raises:
        UsageError: as :func:`ctc_log_probability`, or no path spells the labels.
    """
    log_probs = _check(log_probs, blank, length)
    states = _states(labels, blank, log_probs.shape[1])
    needed = len(labels) + sum(a == b for a, b in itertools.pairwise(labels))
    if len(log_probs) < needed:
        raise UsageError(
            f"{len(labels)} labels need at least {needed} frames (equal neighbours need a blank "
            f"between them), there are {len(log_probs)}"
        )
    if not len(labels):
        return ()
    path = _best_path(log_probs[:, states].astype(np.float64), _skips(states, blank))
    if path is None:
        raise UsageError(
            "the labels cannot be aligned: the network gives some of them zero probability"
        )
    best = log_probs[np.arange(len(path)), states[path]]
    edges = np.searchsorted(path, np.arange(1, len(states), 2), side="left")
    ends = np.searchsorted(path, np.arange(1, len(states), 2), side="right")
    return tuple(
        LabelSpan(int(label), int(start), int(end), _geometric_mean(best[start:end]))
        for label, start, end in zip(labels, edges, ends, strict=True)
    )


def prefix_beam_search(
    log_probs: np.ndarray,
    blank: int,
    *,
    beam_size: int = 16,
    length: int | None = None,
    language_model: LanguageModel | None = None,
    lm_weight: float = 0.5,
    insertion_bonus: float = 0.0,
    n_best: int = 1,
    prune: float = 1e-4,
) -> list[Hypothesis]:
    """The best label sequences, summed over their paths, with a language model mixed in.

    Prefix search as in Graves 2012 (*Supervised Sequence Labelling with Recurrent Neural Networks*,
    7.5) and Hannun et al. 2014 (arXiv:1408.2873): each prefix keeps the log-probability of its
    paths that end in blank and of those that end in its last label. Prefixes are ranked by ::

        log p_ctc + lm_weight * log p_lm + insertion_bonus * number of labels

    (shallow fusion). At the end the language model's probability of ending there is added, with the
    same weight.

    Args:
        log_probs: ``(frames, labels)``.
        blank: index of the blank.
        beam_size: prefixes kept after each frame.
        length: frames that count.
        language_model: see :class:`~zoo.language_models.fusion.LanguageModel`. Sequences that it
            forbids are not returned, unless nothing else is left in the beam at the end.
        lm_weight: weight of its log-probabilities, from 0.
        insertion_bonus: added for each label, since a language model by itself favours short texts.
        n_best: how many to return, at most ``beam_size``; fewer come if there are not so many.
        prune: labels below this posterior are not tried in a frame; 0 tries all.

    Returns:
        Hypotheses, the best first; their spans are those of :func:`forced_alignment`.

    Raises:
        UsageError: as :func:`greedy`, or an argument is out of range, or the language model is for
            another number of labels.
    """
    log_probs = _check(log_probs, blank, length)
    _check_search(log_probs, beam_size, language_model, lm_weight, insertion_bonus, n_best, prune)
    beam = PrefixBeam(
        blank,
        beam_size,
        language_model=language_model,
        lm_weight=lm_weight,
        insertion_bonus=insertion_bonus,
        prune=prune,
    )
    beam.feed(log_probs)
    return beam_hypotheses(beam, log_probs, n_best)


def beam_hypotheses(beam: PrefixBeam, log_probs: np.ndarray, n_best: int = 1) -> list[Hypothesis]:
    """What a beam has found, with spans.

    Args:
        beam: fed with all frames.
        log_probs: ``(frames, labels)``: those frames.
        n_best: how many to return.

    Returns:
        Hypotheses, the best first.
    """
    results = []
    for labels, score, ctc_score in beam.best(n_best):
        spans: tuple[LabelSpan, ...] = ()
        if labels and ctc_score > -math.inf:
            spans = forced_alignment(log_probs, labels, beam.blank)
        results.append(_hypothesis(spans, log_probs, beam.blank, score, ctc_score))
    return results


def words_from_spans(
    spans: Sequence[LabelSpan],
    texts: Sequence[str],
    separator: int | None,
    frame_seconds: float,
    offset: float = 0.0,
) -> tuple[Word, ...]:
    """Group label spans into words.

    Args:
        spans: of the labels, in order.
        texts: the text of each label by index.
        separator: the label between words, such as the space; ``None`` makes one word of all.
        frame_seconds: seconds from one frame of the network's output to the next.
        offset: seconds to add to all times.

    Returns:
        The words; separators at the ends or in a row make no empty ones.

    Raises:
        UsageError: a span's label has no text.
    """
    if any(not 0 <= span.label < len(texts) for span in spans):
        raise UsageError(f"the spans have labels outside 0 to {len(texts) - 1}")
    words, group = [], []
    for span in [*spans, None]:
        if span is not None and span.label != separator:
            group.append(span)
        elif group:
            words.append(
                Word(
                    "".join(texts[part.label] for part in group),
                    offset + group[0].start * frame_seconds,
                    offset + group[-1].end * frame_seconds,
                    min(part.confidence for part in group),
                )
            )
            group = []
    return tuple(words)


def ranges_from_spans(spans: Sequence[LabelSpan], frames: int) -> list[tuple[float, float]]:
    """Where each label may reach to: half-way to its neighbours.

    Spans are narrow and have gaps between them, while letters stand side by side. The first and the
    last label reach as far outwards as labels do on average.

    Args:
        spans: of the labels, in order.
        frames: number of all frames.

    Returns:
        Begin and end of each, in frames and parts of them.
    """
    if not spans:
        return []
    middles = [(a.end + b.start) / 2 for a, b in itertools.pairwise(spans)]
    reach = (spans[-1].end - spans[0].start) / max(1, len(spans) - 1) / 2 if middles else frames
    edges = [max(0.0, spans[0].start - reach), *middles, min(frames, spans[-1].end + reach)]
    return [(float(begin), float(end)) for begin, end in itertools.pairwise(edges)]


def _hypothesis(
    spans: tuple[LabelSpan, ...], log_probs: np.ndarray, blank: int, score: float, ctc: float
) -> Hypothesis:
    if spans:
        sure = [max(span.confidence, 1e-30) for span in spans]
        confidence = math.exp(sum(map(math.log, sure)) / len(sure))
    else:
        confidence = _geometric_mean(log_probs[:, blank])
    return Hypothesis(tuple(span.label for span in spans), spans, score, ctc, confidence)


def _geometric_mean(log_probs: np.ndarray) -> float:
    return min(1.0, math.exp(log_probs.mean(dtype=np.float64))) if len(log_probs) else 1.0


def _path_spans(path: np.ndarray, best: np.ndarray, blank: int) -> tuple[LabelSpan, ...]:
    """The runs of labels on a path, with ``best`` the log-probability of each of its frames."""
    starts = np.flatnonzero(np.diff(path, prepend=-1))
    ends = np.append(starts[1:], len(path))
    sure = np.minimum(
        1.0, np.exp(np.add.reduceat(best, starts, dtype=np.float64) / (ends - starts))
    )
    runs = zip(path[starts], starts, ends, sure, strict=True)
    return tuple(
        LabelSpan(int(label), int(start), int(end), float(confidence))
        for label, start, end, confidence in runs
        if label != blank
    )


def _best_path(emissions: np.ndarray, skip: np.ndarray) -> np.ndarray | None:
    """The states ``(frames,)`` of the best path through ``(frames, states)``, or none."""
    frames, count = emissions.shape
    steps = np.zeros((frames, count), np.int8)  # how many states back the best way came from
    ways = np.full((3, count), -np.inf)
    ways[0, :2] = emissions[0, :2]
    for frame in range(1, frames):
        ways[1, 1:] = ways[0, :-1]
        ways[2, 2:] = np.where(skip[2:], ways[0, :-2], -np.inf)
        steps[frame] = ways.argmax(axis=0)
        ways[0] = ways.max(axis=0) + emissions[frame]
    score = ways[0]
    state = count - 1 if count == 1 or score[-1] >= score[-2] else count - 2
    if score[state] == -np.inf:
        return None
    path = np.empty(frames, np.int64)
    for frame in range(frames - 1, -1, -1):
        path[frame] = state
        state -= int(steps[frame, state])
    return path


def _states(labels: Sequence[int], blank: int, count: int) -> np.ndarray:
    """The labels with blanks before, between and after them."""
    array = np.asarray(labels, dtype=object)
    whole = all(isinstance(x, (int, np.integer)) and 0 <= x < count and x != blank for x in array)
    if array.ndim != 1 or not whole:
        raise UsageError(f"labels must be whole numbers from 0 to {count - 1} other than {blank}")
    states = np.full(2 * len(array) + 1, blank, np.int64)
    states[1::2] = array.astype(np.int64)
    return states


def _skips(states: np.ndarray, blank: int) -> np.ndarray:
    """Which states can be reached from two before: a label that differs from the last one."""
    skip = np.zeros(len(states), bool)
    skip[2:] = (states[2:] != blank) & (states[2:] != states[:-2])
    return skip


def _check(log_probs: np.ndarray, blank: int, length: int | None) -> np.ndarray:
    """The frames that count, checked."""
    log_probs = np.asarray(log_probs)
    if log_probs.ndim != 2 or not log_probs.shape[1] or log_probs.dtype.kind != "f":
        raise UsageError(
            f"log_probs must be (frames, labels) floats, not {log_probs.dtype} {log_probs.shape}"
        )
    frames, count = log_probs.shape
    if not isinstance(blank, (int, np.integer)) or not 0 <= blank < count:
        raise UsageError(f"blank must be from 0 to {count - 1}, not {blank!r}")
    if length is not None:
        if not isinstance(length, (int, np.integer)) or not 0 <= length <= frames:
            raise UsageError(f"length must be from 0 to the {frames} frames, not {length!r}")
        log_probs = log_probs[:length]
    top = log_probs.max(initial=-np.inf)
    if not top <= 1e-3:  # also when it is NaN
        raise UsageError(
            f"log_probs must be natural log-probabilities, at most 0; the largest is {top}"
        )
    return log_probs


def _check_search(
    log_probs: np.ndarray,
    beam_size: Any,
    language_model: LanguageModel | None,
    lm_weight: Any,
    insertion_bonus: Any,
    n_best: Any,
    prune: Any,
) -> None:
    if not isinstance(beam_size, (int, np.integer)) or not 1 <= beam_size <= MAX_BEAM:
        raise UsageError(f"beam_size must be from 1 to {MAX_BEAM}, not {beam_size!r}")
    if not isinstance(n_best, (int, np.integer)) or not 1 <= n_best <= beam_size:
        raise UsageError(f"n_best must be from 1 to the beam size {beam_size}, not {n_best!r}")
    if not 0 <= lm_weight < math.inf:
        raise UsageError(f"lm_weight must be 0 or a number above it, not {lm_weight!r}")
    if not abs(insertion_bonus) < math.inf:
        raise UsageError(f"insertion_bonus must be a number, not {insertion_bonus!r}")
    if not 0 <= prune < 1:
        raise UsageError(f"prune must be a probability from 0 to below 1, not {prune!r}")
    if language_model is not None and language_model.labels != log_probs.shape[1]:
        raise UsageError(
            f"the language model is for {language_model.labels} labels, the network gives "
            f"{log_probs.shape[1]}"
        )
