"""The loss of a linear-chain conditional random field in TensorFlow."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from zoo.decoding.crf import FORBIDDEN

_TINY = 1e-37


def negative_log_likelihood(
    emissions: Any, allowed: Any, lengths: Any, transitions: Any, start: Any, end: Any
) -> Any:
    """How unlikely the right tags are, where of some steps only a set of tags is known.

    It is the log of the sum over all sequences less that over the allowed ones; where each step
    allows one tag this is the usual loss, and otherwise that of partial annotation (Tsuboi et al.
    2008).

    Args:
        emissions: ``(batch, steps, tags)`` float32.
        allowed: ``(batch, steps, tags)`` bool, true for the tags that may be right.
        lengths: ``(batch,)`` int32, how many steps of each count; at least 1.
        transitions: ``(tags, tags)``.
        start: ``(tags,)``.
        end: ``(tags,)``.

    Returns:
        ``(batch,)`` float32, in nats.
    """
    restricted = tf.where(allowed, emissions, FORBIDDEN)
    both = tf.concat([emissions, restricted], axis=0)
    sums = log_partition(both, tf.concat([lengths, lengths], axis=0), transitions, start, end)
    every, right = tf.split(sums, 2)
    return every - right


def log_partition(emissions: Any, lengths: Any, transitions: Any, start: Any, end: Any) -> Any:
    """Natural logarithm of the sum over all sequences of tags.

    Args:
        emissions: ``(batch, steps, tags)`` float32.
        lengths: ``(batch,)`` int32, how many steps of each count; at least 1.
        transitions: ``(tags, tags)``.
        start: ``(tags,)``.
        end: ``(tags,)``.

    Returns:
        ``(batch,)`` float32.
    """
    # A product of matrices of probabilities is many times faster than a sum of exponentials over
    # (batch, tags, tags). The largest score of each row is taken out, so nothing overflows.
    matrix = tf.exp(transitions)
    steps = tf.shape(emissions)[1]
    by_step = tf.transpose(emissions, [1, 0, 2])

    def follow(score: Any, now: tuple[Any, Any]) -> Any:
        step, emission = now
        top = tf.stop_gradient(tf.reduce_max(score, axis=1, keepdims=True))
        summed = tf.matmul(tf.exp(score - top), matrix)
        after = tf.math.log(tf.maximum(summed, _TINY)) + top + emission
        return tf.where((step < lengths)[:, None], after, score)

    score = tf.foldl(follow, (tf.range(1, steps), by_step[1:]), start + by_step[0])
    return tf.reduce_logsumexp(score + end, axis=1)
