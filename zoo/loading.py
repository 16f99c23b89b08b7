"""``load_model``: from a name, a folder or a Hub reference to a model ready for raw input."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar, overload

import numpy as np

from zoo.catalogue import registry
from zoo.contracts import (
    AdjustableProcessor,
    ConfigWithShapes,
    ConfigWithVocabulary,
    ProcessorWithVocabulary,
)
from zoo.errors import UsageError
from zoo.folder.bundle import Bundle, check_processor, read_bundle
from zoo.folder.weights_file import check_weights
from zoo.inference.threads import get_threads
from zoo.network import build_network, check_dtype, rounded
from zoo.store.locate import Reference, locate
from zoo.task import Task
from zoo.values import make_config

TaskT = TypeVar("TaskT", bound=Task)


@overload
def load_model(reference: Reference, *, kind: type[TaskT], **options: Any) -> TaskT: ...
@overload
def load_model(reference: Reference, **options: Any) -> Task: ...
def load_model(
    reference: Reference,
    *,
    kind: type[Task] = Task,
    weights: str | None = "pretrained",
    revision: str | None = None,
    vocabulary: Iterable[str] | None = None,
    dtype: str = "float32",
    offline: bool | None = None,
    progress: bool = True,
    **values: Any,
) -> Task:
    """Load a model ready for raw text, audio or images.

    Args:
        reference: a registered name (``"char_lstm.shakespeare"``; the bare architecture means its
            default weights), a model folder, ``"hf://owner/repo@revision"``, or what
            :func:`zoo.store.locate.locate` gave.
        kind: the class of task that the caller needs, such as
            :class:`~zoo.text.generation.TextGeneration`; the model's must be of it. A type checker
            and an editor then know the model's verbs.
        weights: ``"pretrained"``, or ``None`` for the same architecture with random weights.
        revision: a Hub revision (branch, tag or commit).
        vocabulary: another output vocabulary. Rows of entries that the model knows are kept, the
            others start at random, and a warning says how many.
        dtype: Keras dtype policy of ``network``, for training in it; the model's own methods
            calculate in float32 with the same weights.
        offline: never touch the network; left out, ``HF_HUB_OFFLINE`` and ``ZOO_OFFLINE`` decide.
        progress: show a progress bar while downloading.
        **values: builder values to change, such as ``hidden_dropout=0.3``, and settings of the
            processor that may be changed, such as the ``ontology`` of a tracker. A value that
            changes a weight's shape needs ``weights=None``.

    Returns:
        A :class:`zoo.task.Task`.

    Raises:
        UsageError: the name, an argument, a value or ``ZOO_THREADS`` is wrong, or the model is of
            another kind.
        FolderError: the folder is damaged or does not fit the values.
        DownloadError: the weights are not here and cannot be fetched.

    Example:
        >>> model = zoo.load_model("char_lstm.shakespeare")
        >>> untrained = zoo.load_model("char_lstm", weights=None, units=256)
    """
    get_threads()  # a wrong ZOO_THREADS is the same error for every model
    if weights not in ("pretrained", None):
        raise UsageError(f"weights must be 'pretrained' or None, not {weights!r}")
    folder = locate(reference, revision=revision, offline=offline, progress=progress)
    bundle = read_bundle(folder)
    if not issubclass(bundle.architecture.load("task_class"), kind):
        raise UsageError(
            f"{folder.reference} is a model for {bundle.architecture.task}, not a {kind.__name__}"
        )
    return assemble(bundle, folder.reference, weights is not None, vocabulary, dtype, values)


def assemble(
    bundle: Bundle,
    where: str,
    pretrained: bool = True,
    vocabulary: Iterable[str] | None = None,
    dtype: str = "float32",
    values: dict[str, Any] | None = None,
) -> Task:
    """Make the task of a bundle, with its values and its vocabulary changed if that is asked for.

    Args:
        bundle: what the model folder said.
        where: its name in messages.
        pretrained: use the bundle's weights, not random ones.
        vocabulary: another output vocabulary, or ``None``.
        dtype: Keras dtype policy.
        values: builder values, and settings of the processor, to change.

    Raises:
        UsageError: a value is wrong.
        FolderError: the weights do not fit.
    """

    architecture, stored = bundle.architecture, bundle.weights
    values = dict(values or {})
    adjustable = (
        bundle.processor.adjustable if isinstance(bundle.processor, AdjustableProcessor) else ()
    )
    settings = {name: values.pop(name) for name in adjustable if name in values}
    if settings:
        bundle = replace(bundle, processor=bundle.processor.adjusted(**settings))
    # The stored values and the changes are checked together, before anything is allocated.
    config = make_config(type(bundle.config), {**vars(bundle.config), **values})
    changed = config != bundle.config or bool(settings)
    if vocabulary is not None:
        try:
            entries = tuple(vocabulary)
        except TypeError:
            raise UsageError(f"vocabulary must be texts, not {vocabulary!r}") from None
        if not isinstance(bundle.processor, ProcessorWithVocabulary) or not isinstance(
            config, ConfigWithVocabulary
        ):
            raise UsageError(f"the vocabulary of {architecture.name} cannot be changed")
        processor = bundle.processor.with_vocabulary(entries)
        config = config.with_vocabulary(len(processor.vocabulary))
        stored = _move_rows(bundle, processor, config) if pretrained else {}
        bundle = replace(bundle, processor=processor)
    if pretrained and vocabulary is None and config.parameters() != bundle.config.parameters():
        raise UsageError(
            f"{', '.join(values)}: this changes the shapes of the weights of {where}; "
            "pass weights=None for an untrained network"
        )
    if changed or vocabulary is not None or not pretrained:
        # Figures and golden outputs speak of the model as it was.
        bundle = replace(bundle, metrics=[], golden={})
    check_processor(config, bundle.processor)
    policy, variables = check_dtype(dtype)
    make: Callable[..., Task] = architecture.load("task_class")
    if pretrained and isinstance(config, ConfigWithShapes):
        check_weights(stored, config.shapes(), where)
        stored = rounded(stored, variables)
        return make(replace(bundle, config=config, weights=stored), dtype=policy)
    network = build_network(architecture, config, policy, stored if pretrained else None, where)
    return make(replace(bundle, config=config, weights={}), network, dtype=policy)


def make_task(
    architecture: str,
    network: Any,
    config: Any,
    processor: Any,
    card: Mapping[str, Any],
    decoder: Mapping[str, Any] | None = None,
) -> Task:
    """A task around a network of a registered architecture, such as one that was just trained.

    Args:
        architecture: its registered name.
        network: the ``keras.Model`` with its weights.
        config: the builder's values.
        processor: raw input to arrays.
        card: facts for the model card.
        decoder: the decoder's settings.

    Raises:
        UsageError: there is no such architecture.
    """
    entry = registry().architecture(architecture)
    bundle = Bundle(entry, config, processor, dict(decoder or {}), {}, card=dict(card))
    make: Callable[..., Task] = entry.load("task_class")
    return make(bundle, network)


def _move_rows(bundle: Bundle, processor: Any, config: Any) -> dict[str, np.ndarray]:
    """The stored weights with the vocabulary's rows moved to where ``processor`` has them."""
    old, new = bundle.processor.vocabulary, processor.vocabulary
    place = {entry: number for number, entry in enumerate(old)}
    kept = [number for number, entry in enumerate(new) if entry in place]
    source = [place[new[number]] for number in kept]
    rng = np.random.default_rng(0)
    weights = dict(bundle.weights)
    for name, axis in config.vocabulary_axes().items():
        if name not in weights:
            continue
        before = np.moveaxis(weights[name].astype(np.float32), axis, 0)
        # New rows get the mean of the old ones and a little noise, so that they start as a
        # character of average likelihood rather than as an impossible or a certain one.
        spread = 0.1 * before.std(axis=0) if len(before) > 1 else 0.0
        after = before.mean(axis=0) + spread * rng.standard_normal((len(new), *before.shape[1:]))
        after[kept] = before[source]
        weights[name] = np.moveaxis(after, 0, axis).astype(np.float32)
    lost = len(set(old) - set(new))
    warnings.warn(
        f"the vocabulary changed: kept {len(kept)} of {len(old)} entries, "
        f"{len(new) - len(kept)} are new, {lost} are gone",
        stacklevel=4,
    )
    return weights
