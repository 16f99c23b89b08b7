"""The base of all tasks: the three stages held together, checked and saved."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

import numpy as np

from zoo.contracts import Config, GraphInference, Processor
from zoo.errors import FolderError, UsageError, ZooError
from zoo.files import atomic_path, readable_os_errors, user_path
from zoo.folder.bundle import Bundle
from zoo.folder.int8 import quantised, restored
from zoo.folder.weights_file import half_precision
from zoo.folder.writing import write_bundle
from zoo.forks import check_not_forked
from zoo.memory import activation_bytes, check_memory
from zoo.network import (
    PLAIN,
    Weights,
    build_network,
    network_shapes,
    network_weights,
    same_weights,
)

if TYPE_CHECKING:
    from zoo.inspection.attribution import Attribution
    from zoo.inspection.highway import Highway
    from zoo.inspection.subject import InspectedInput
    from zoo.inspection.traces import Trace

GOLDEN_TOLERANCE = 2e-3

_NONE: Mapping[str, Any] = MappingProxyType({})


class _WithText(Protocol):
    @property
    def text(self) -> str: ...


Text = TypeVar("Text", bound=_WithText)


class Task:
    """A model ready for raw input.

    Its verbs run on :attr:`inference`, which is made from the model's weights when it is first
    needed, and made again when the weights of :attr:`network` have changed: a verb never answers
    with other weights than the network has. A task can be copied, pickled and sent to another
    process; the copy has the weights of that moment.

    Args:
        bundle: architecture, values, processor and weights.
        network: the ``keras.Model`` that has the weights; left out, the bundle has them.
        dtype: Keras dtype policy of the network.

    Attributes:
        processor: raw input to arrays.
        decoder: plain settings of the decoder, used where a call names none.
        config: the builder's values.
        card: ``name``, ``languages``, ``license``, ``dataset``.
        files: the decoder's files by name.
        metrics: the figures of ``metrics.json``.
    """

    verb: ClassVar[str]
    example: ClassVar[str] = ""
    """A module whose source runs an exported model without the zoo."""
    example_modules: ClassVar[tuple[str, ...]] = ()
    """Modules that :attr:`example` needs; their sources lie in ``front_end`` beside it."""
    example_javascript: ClassVar[str] = ""
    """The same in JavaScript for onnxruntime-web; the name of the file stands behind that of its
    package and a colon."""
    config: Config
    processor: Processor

    def __init__(self, bundle: Bundle, network: Any = None, *, dtype: str = PLAIN) -> None:
        self.architecture = bundle.architecture
        self.config = bundle.config
        self.processor = bundle.processor
        self.decoder = dict(bundle.decoder)
        self.metrics = list(bundle.metrics)
        self.card = dict(bundle.card)
        self.files = dict(bundle.files)
        self.dtype = dtype
        self._golden = dict(bundle.golden)
        self._stored: Weights = bundle.weights
        self._network = network
        self._shapes = {} if network is None else network_shapes(network)
        self._inference: Any = None
        self._inference_weights: Weights = {}
        self._lock = threading.RLock()

    @property
    def network(self) -> Any:
        """The ``keras.Model``, arrays to arrays; it is built when it is first asked for.

        Raises:
            ZooError: this process was forked from one that had built a network.
        """
        check_not_forked()
        with self._lock:
            if self._network is None:
                network = build_network(self.architecture, self.config, self.dtype, self._stored)
                self._shapes = network_shapes(network)
                self._network = network
            return self._network

    def weights(self) -> Weights:
        """The model's weights as they are now: float16 or float32 arrays by variable path.

        Raises:
            ZooError: the network was quantised, or its variables are not those of its builder.
        """
        with self._lock:
            if self._network is None:
                return self._stored
            return network_weights(self._network, self._shapes)

    @property
    def inference(self) -> Any:
        """What the verbs run on, with the weights as they are now; see :mod:`zoo.contracts`.

        It keeps these weights: who holds it, such as a stream, goes on with them.

        Raises:
            ZooError: as :meth:`weights`, or the architecture has no inference and its network
                cannot be run in its place.
        """
        with self._lock:
            weights = self.weights()
            if self._inference is None or not same_weights(weights, self._inference_weights):
                self._inference = self._make_inference(weights)
                self._inference_weights = weights
            return self._inference

    def _make_inference(self, weights: Weights) -> Any:
        if self.architecture.inference:
            return self.architecture.load("inference")(self.config, weights)
        return self.keras_inference(build_network(self.architecture, self.config, PLAIN, weights))

    def keras_inference(self, network: Any) -> Any:
        """An inference of the task's kind that runs a network of an architecture without one.

        Args:
            network: a ``keras.Model`` of its own.

        Raises:
            ZooError: the task has none.
        """
        raise ZooError(
            f"{self.architecture.name} has no inference, and the task {self.architecture.task} "
            "cannot run a network without one; the architecture must name its inference"
        )

    def subject(self, source: Any, **options: Any) -> InspectedInput:
        """One input with the names of its steps, for :meth:`trace` and its like.

        Args:
            source: one input, as the verb takes it.
            **options: of the task, such as the ``target`` of a translation.

        Raises:
            UsageError: the task does not say what its steps are.
            ZooError: the input cannot be read.
        """
        raise UsageError(f"the task of {self.architecture.name} has no steps to look into")

    def trace(
        self,
        source: Any,
        *,
        layers: Collection[str] | None = None,
        units: Sequence[int] | None = None,
        every: int = 1,
        **options: Any,
    ) -> Trace:
        """Every gate and state of every recurrent layer while the model reads one input.

        Args:
            source: one input, as the verb takes it.
            layers: names of the layers to keep, such as ``["recurrent_2"]``; left out, all.
            units: numbers of the units to keep in each layer; left out, all.
            every: keep every such step only.
            **options: of :meth:`subject`.

        Returns:
            A :class:`zoo.inspection.traces.Trace`.

        Raises:
            UsageError: a layer or unit is not there, there is too much to keep, or the network has
                no recurrent layer.
            ZooError: as the verb.
        """
        subject = self.subject(source, **options)
        if self.architecture.inspection:
            from zoo.inspection.traces import trace_network

            return trace_network(self._on_tape(), subject, layers=layers, units=units, every=every)
        from zoo.inspection.keras_models import trace_subject

        return trace_subject(self.network, subject, layers=layers, units=units, every=every)

    def highway(
        self,
        source: Any,
        at: int | None = None,
        steps: int | None = None,
        *,
        label: int | None = None,
        **options: Any,
    ) -> Highway:
        """How far back one output's loss reaches: its gradient at the states of earlier steps.

        Args:
            source: one input, as the verb takes it.
            at: number of the output, negative from the end; left out, the last, or the one in the
                middle where the network reads in both directions.
            steps: how many steps back; left out, 100 or as many as there are.
            label: the label whose negative log-probability is the loss; left out, what follows in
                the input where that is known, else the likeliest.
            **options: of :meth:`subject`.

        Returns:
            A :class:`zoo.inspection.highway.Highway`.

        Raises:
            UsageError: there is no such output, step or label, or the architecture brings no
                network to look into.
            ZooError: as the verb.
        """
        from zoo.inspection.highway import highway_of

        subject = self.subject(source, **options)
        at = self.asked_of(subject) if at is None else at
        return highway_of(self._on_tape(), subject, at, steps, label)

    def attribute(
        self,
        source: Any,
        at: int | None = None,
        *,
        label: int | None = None,
        points: int = 32,
        **options: Any,
    ) -> Attribution:
        """How much each part of an input speaks for one output, by integrated gradients.

        Args:
            source: one input, as the verb takes it.
            at: as in :meth:`highway`.
            label: as in :meth:`highway`.
            points: gradients that the integral is made of; its error is in the result.
            **options: of :meth:`subject`.

        Returns:
            An :class:`zoo.inspection.attribution.Attribution`.

        Raises:
            UsageError: as :meth:`highway`.
            ZooError: as the verb.
        """
        from zoo.inspection.attribution import attribute_output

        subject = self.subject(source, **options)
        at = self.asked_of(subject) if at is None else at
        return attribute_output(self._on_tape(), subject, at, label, points)

    def asked_of(self, subject: InspectedInput) -> int:
        """The output that a question about an input is about if it names none."""
        return subject.asked

    def _on_tape(self) -> Any:
        """The network with the weights as they are now, for traces and gradients."""
        if not self.architecture.inspection:
            raise UsageError(
                f"{self.architecture.name} brings no network to look into (the field inspection of "
                "its entry); its layers can be traced, but there are no gradients"
            )
        weights = {path: np.asarray(one, np.float32) for path, one in self.weights().items()}
        return self.architecture.load("inspection")(self.config, weights)

    def __reduce__(self) -> tuple[Any, ...]:
        processor = (type(self.processor), self.processor.settings(), self.processor.files())
        bundle = self._bundle(self.weights(), self._golden)
        return _restored, (type(self), replace(bundle, processor=None), processor, self.dtype)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The same as the task's verb."""
        return getattr(self, self.verb)(*args, **kwargs)

    def __repr__(self) -> str:
        name = self.card.get("name", self.architecture.name)
        return f"<{type(self).__name__} {name!r}, {self.config.parameters():,} parameters>"

    def check(self) -> float:
        """Run the model on the golden input and compare.

        Returns:
            The largest absolute difference from the golden outputs.

        Raises:
            FolderError: there is no golden input, it does not fit the network, or an output
                differs by more than :data:`GOLDEN_TOLERANCE`.
        """
        if not self._golden:
            raise FolderError("the model folder has no golden input")
        try:
            outputs = self._golden_outputs(self.weights(), self._golden)
        except ZooError as error:
            raise FolderError(f"golden input: {error}") from error
        except Exception as error:  # of many kinds, from ONNX Runtime, Keras and TensorFlow
            raise FolderError(f"the golden input does not fit the network: {error}") from error
        worst = 0.0
        for name, output in outputs.items():
            wanted = self._golden.get(name)
            if wanted is None or wanted.shape != output.shape:
                raise FolderError(f"golden {name} does not have the shape of the network's output")
            if not (np.isfinite(output).all() and np.isfinite(wanted).all()):
                raise FolderError(f"{name} of the golden input has values that are not finite")
            worst = max(worst, float(np.abs(output - wanted).max(initial=0.0)))
        if not worst <= GOLDEN_TOLERANCE:
            raise FolderError(f"the network's outputs differ from the golden ones by {worst:.2g}")
        return worst

    def save(self, folder: str | Path, *, int8: bool = False, **card: Any) -> Path:
        """Write the model as a folder that ``load_model`` opens.

        Args:
            folder: where to; it must not hold a model yet.
            int8: store the weights in eight bits with a scale for each channel, in half the size;
                the model read back has the rounded weights.
            **card: facts to change in the card, such as ``license="cc-by-4.0"``.

        Raises:
            UsageError: the folder already holds a model, or the card has values that none can have.
            ZooError: it cannot be written, or a file is larger than what is read again.
        """
        return write_bundle(user_path(folder), self.bundle(card, int8=int8))

    def bundle(self, card: Mapping[str, Any] | None = None, *, int8: bool = False) -> Bundle:
        """The model as data, with weights as they are stored and fresh golden outputs.

        Args:
            card: facts to change in the card.
            int8: store kernels and embeddings in eight bits, not in float16.
        """
        weights: Weights = half_precision(self.weights())
        if int8:
            weights = restored(quantised(weights), "the model")
        # The golden outputs belong to the weights as they are stored, in float32 arithmetic, while
        # this network may have been trained in another.
        golden = self.golden_inputs()
        golden |= self._golden_outputs(weights, golden)
        return replace(self._bundle(weights, golden, card or {}), int8=int8)

    def _golden_outputs(
        self, weights: Weights, golden: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Outputs ``output.0 ...`` of the network with these weights for ``golden``'s inputs."""
        inputs = network_inputs(golden)
        check_memory(
            activation_bytes([array.shape for array in weights.values()], inputs),
            f"the golden input of {sum(array.size for array in inputs):,} numbers",
        )
        if self.architecture.inference:
            inference = self._make_inference(weights)
            if isinstance(inference, GraphInference):
                outputs = inference.network_outputs(inputs)
                return {f"output.{number}": output for number, output in enumerate(outputs)}
        return network_outputs(
            build_network(self.architecture, self.config, PLAIN, weights), inputs
        )

    def _bundle(
        self, weights: Weights, golden: Mapping[str, np.ndarray], card: Mapping[str, Any] = _NONE
    ) -> Bundle:
        return Bundle(
            architecture=self.architecture,
            config=self.config,
            processor=self.processor,
            decoder=self.decoder,
            weights=dict(weights),
            golden=dict(golden),
            metrics=self.metrics,
            card={**self.card, **card},
            files=self.files,
        )

    def golden_inputs(self) -> dict[str, np.ndarray]:
        """A small input for the golden outputs: ``input.0`` and so on."""
        raise NotImplementedError

    def exercise(self) -> None:
        """Run each part of :attr:`inference` on a small input, for the golden outputs of an export.

        Raises:
            ZooError: as the verb.
        """
        self.inference.network_outputs(network_inputs(self.golden_inputs()))

    def front_end(self) -> dict[str, Any]:
        """Each number that the way from raw input to the network's arrays needs, for an export."""
        return self.processor.settings()

    def export_keras(self, path: str | Path) -> Path:
        """Write the network as one ``.keras`` file of Keras's own layers.

        It loads with ``keras.models.load_model`` and nothing of the zoo.

        Raises:
            UsageError: the file's name does not end in ``.keras``, or it exists.
            ZooError: it cannot be written.
        """
        from zoo.layers import to_keras_layers

        target = user_path(path)
        if target.suffix != ".keras":
            raise UsageError(f"{target}: the file's name must end in .keras")
        with readable_os_errors(f"write {str(target)!r:.100}"):
            if target.exists():
                raise UsageError(f"{target} exists; choose another name")
        with atomic_path(target) as temporary:
            plain = temporary.with_name(temporary.name + ".keras")
            try:
                to_keras_layers(self.network).save(plain)
                plain.replace(temporary)
            finally:
                plain.unlink(missing_ok=True)
        return target


def network_inputs(golden: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """The arrays ``input.0`` and so on, in order."""
    count = sum(name.startswith("input.") for name in golden)
    return [golden[f"input.{number}"] for number in range(count)]


def _restored(kind: type[Task], bundle: Bundle, processor: tuple[Any, ...], dtype: str) -> Task:
    """A task out of what :meth:`Task.__reduce__` gave."""
    made, settings, files = processor
    return kind(replace(bundle, processor=made.from_folder(settings, files)), dtype=dtype)


def check_no_options(options: Mapping[str, Any]) -> None:
    """Check that :meth:`Task.subject` was given no options but its own.

    Raises:
        UsageError: it was.
    """
    if options:
        raise UsageError(f"{', '.join(options)}: the task has no such option for its input")


def one_or_many(value: Any, kind: type) -> tuple[bool, list[Any]]:
    """Whether a verb was given one input, and the inputs as a list.

    Raises:
        UsageError: it is neither a ``kind`` nor a list of them.
    """
    if isinstance(value, kind):
        return True, [value]
    if isinstance(value, (list, tuple)) and all(isinstance(item, kind) for item in value):
        return False, list(value)
    raise UsageError(f"expected a {kind.__name__} or a list of them, got {value!r:.100}")


def distinct(alternatives: Iterable[Text], most: int) -> tuple[Text, ...]:
    """The first of those alternatives that have the same text, in the order given.

    Args:
        alternatives: each with its ``text``, the best first.
        most: how many to give at most.
    """
    by_text: dict[str, Text] = {}
    for alternative in alternatives:
        by_text.setdefault(alternative.text, alternative)
    return tuple(by_text.values())[:most]


def batches_by_length(lengths: Sequence[int], most: int, size: int) -> Iterator[list[int]]:
    """Put inputs of like length together, the shortest first.

    Args:
        lengths: of the inputs.
        most: inputs of a batch at most.
        size: what a batch holds at most, its padding included; a longer input is alone.

    Yields:
        The numbers of the inputs of each batch.
    """
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    start = 0
    while start < len(order):
        end = start + 1
        while (
            end < len(order)
            and end - start < most
            and (end + 1 - start) * lengths[order[end]] <= size
        ):
            end += 1
        yield order[start:end]
        start = end


def network_outputs(network: Any, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Outputs ``output.0 ...`` of a ``keras.Model`` for its inputs."""
    import keras

    outputs = network(inputs[0] if len(inputs) == 1 else list(inputs), training=False)
    listed = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    return {
        f"output.{number}": np.asarray(keras.ops.convert_to_numpy(output), np.float32)
        for number, output in enumerate(listed)
    }
