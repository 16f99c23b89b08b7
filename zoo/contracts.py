"""What the parts of a model offer each other, as protocols.

A model is a *config* and a *builder* (from the config to a Keras network), a *processor* (from raw
input to arrays), an *inference* (from arrays to arrays, with the network's weights), and a *task*
that puts a decoder behind them. A class need not inherit from these protocols: what has the methods
fits. The *optional* protocols say what a part may offer besides; who needs it asks with
``isinstance``.

The other contracts are where their types are: the base class of tasks is :class:`zoo.task.Task`, a
recipe is a :class:`zoo.training.recipe.Recipe`, and training asks for a
:class:`zoo.training.subject.Training` or a :class:`zoo.training.subject.Finetuning`, each of which
makes a :class:`zoo.training.objective.Objective`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, Self, runtime_checkable

if TYPE_CHECKING:
    import numpy as np

State = tuple[Any, ...]
"""Arrays that an inference carries from one call to the next. No call changes the state that it is
given, so a state can be kept, copied and sent."""


class Config(Protocol):
    """The values of an architecture: a frozen dataclass whose fields are plain values.

    It checks the range of each in ``__post_init__``, because the values of a folder from elsewhere
    come through here before anything is allocated for them.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def parameters(self) -> int:
        """Number of weights of the network, counted without building it."""


@runtime_checkable
class ConfigWithShapes(Config, Protocol):
    """Optional: a config that can tell the network's variables without building it.

    A model folder is then checked without Keras; without it the network is built to be checked.
    """

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of each variable of the network by its path."""


@runtime_checkable
class ConfigWithVocabulary(Config, Protocol):
    """Optional: a config of a network whose vocabulary can be changed."""

    def with_vocabulary(self, size: int) -> Self:
        """The same values for another number of entries."""

    def vocabulary_axes(self) -> Mapping[str, int]:
        """Which axis of which variable counts the entries, by the variable's path."""


@runtime_checkable
class CheckedConfig(Config, Protocol):
    """Optional: a config that must agree with the processor, such as on the vocabulary's size."""

    def check_processor(self, processor: Any) -> None:
        """Check that they agree.

        Raises:
            UsageError: they do not.
        """


@runtime_checkable
class StreamingConfig(Config, Protocol):
    """Optional: a config of a network that reads its input as it comes."""

    @property
    def look_ahead(self) -> int:
        """How many outputs an output lies behind its input."""


@runtime_checkable
class ConfigWithContext(Config, Protocol):
    """Optional: a config of a language model with a limited context, such as a Transformer."""

    @property
    def context(self) -> int:
        """How many tokens before each it attends to."""


@runtime_checkable
class ConfigWithReadout(Config, Protocol):
    """Optional: a config of a network that ends in one softmax over a vocabulary.

    Training may then compute the logits of a part of the vocabulary instead of all of them.
    """

    def readout(self, network: Any) -> Any:
        """The network up to what the softmax reads: a ``keras.Model`` of the same inputs."""

    def softmax_weights(self, network: Any) -> tuple[Any, Any]:
        """The softmax's matrix and bias, tensors that a gradient goes through.

        Returns:
            ``(vocabulary, width)``, and ``(vocabulary,)`` or ``None``.
        """


class Processor(Protocol):
    """Raw input to arrays, in NumPy; the same for training, serving and an exported model."""

    @classmethod
    def from_folder(cls, settings: Mapping[str, Any], files: Mapping[str, bytes]) -> Self:
        """Make it from what :meth:`settings` and :meth:`files` gave.

        Raises:
            FolderError: a setting or a file is missing or malformed.
        """

    def settings(self) -> dict[str, Any]:
        """Plain values for ``config.json``."""

    def files(self) -> dict[str, bytes]:
        """Files for the model folder by name, such as a vocabulary."""


@runtime_checkable
class AdjustableProcessor(Processor, Protocol):
    """Optional: a processor with settings that may be changed when a model is loaded.

    Attributes:
        adjustable: their names, which are arguments of :func:`zoo.load_model` then.
    """

    adjustable: ClassVar[tuple[str, ...]]

    def adjusted(self, **settings: Any) -> Self:
        """The same processor with other settings.

        Raises:
            UsageError: one is wrong.
        """


@runtime_checkable
class ProcessorWithVocabulary(Processor, Protocol):
    """Optional: a processor whose vocabulary can be changed."""

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The entries by index."""

    def with_vocabulary(self, vocabulary: tuple[str, ...]) -> Self:
        """The same with other entries.

        Raises:
            UsageError: they are not valid.
        """


@runtime_checkable
class GraphInference(Protocol):
    """Optional: an inference that calculates by ONNX graphs, which can be exported."""

    def sessions(self) -> Mapping[str, Any]:
        """The :class:`zoo.inference.session.Session` of each part, such as ``whole`` and ``chunk``.

        They are those that the inference runs, so that what replaces one of them is run.
        """

    def network_outputs(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """What the Keras network gives for its inputs, such as logits.

        Args:
            inputs: those of the network, in order.
        """


class CharacterReading(NamedTuple):
    """What a character network makes of a window of ids.

    Args:
        log_probs: ``(batch, time, vocabulary)`` float32 natural log-probabilities of the id that
            follows each.
        hidden: for each recurrent layer its output ``(batch, time, units)`` float32.
        state: the state after the last id.
    """

    log_probs: np.ndarray
    hidden: list[np.ndarray]
    state: list[np.ndarray]


@runtime_checkable
class CharacterInference(Protocol):
    """The inference of a text generation model.

    Its state is a list of float32 arrays with the batch as their first axis.
    """

    @property
    def vocabulary_size(self) -> int:
        """Number of ids."""

    def initial_state(self, batch: int) -> list[np.ndarray]:
        """The state before the first character of each text."""

    def read(self, ids: np.ndarray, state: Sequence[np.ndarray]) -> CharacterReading:
        """Read a window.

        Args:
            ids: ``(batch, time)`` int32.
            state: of :meth:`initial_state` or an earlier call; not changed.
        """

    def step(
        self, state: Sequence[np.ndarray], ids: np.ndarray
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """Read one id in each row, as the search of a recogniser does.

        Args:
            state: of :meth:`initial_state` or an earlier call; not changed.
            ids: ``(rows,)``.

        Returns:
            The new state, and log-probabilities ``(rows, vocabulary)`` of the next id.
        """

    def generate(
        self,
        state: Sequence[np.ndarray],
        first: np.ndarray,
        length: int,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int | Sequence[int],
        position: int = 0,
    ) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """Read ``first``, sample an id, read it, and so on; see
        ``zoo.inference.generator.Generator.run``.

        Returns:
            ids ``(batch, length)`` int32; their log-probabilities ``(batch, length)`` float32 under
            the unmodified softmax; the state before the last id is read.
        """


@runtime_checkable
class CTCInference(Protocol):
    """The inference of a recogniser that was trained with CTC."""

    def log_probs(self, features: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """Natural log-probabilities of the labels.

        Args:
            features: ``(batch, frames, width)`` float32, padded.
            frames: ``(batch,)`` int32, how many of each count.

        Returns:
            ``(batch, at least ceil(frames / 4), labels)`` float32; those of padding mean nothing.
        """


@runtime_checkable
class StreamingCTCInference(CTCInference, Protocol):
    """The inference of a recogniser that reads its input as it comes.

    Attributes:
        look_ahead: how many steps an output lies behind its input.
    """

    look_ahead: int

    def start(self) -> State:
        """The state of a stream at its beginning."""

    def step(self, frames: np.ndarray, real: float, state: State) -> tuple[np.ndarray, State]:
        """Advance a stream by four frames.

        The first ``look_ahead`` outputs of a stream are to be thrown away; as many steps with
        ``real`` 0 bring the last ones.

        Args:
            frames: ``(4, width)`` float32.
            real: 1 before the end of the utterance, 0 after it.
            state: of :meth:`start` or the step before; not changed.

        Returns:
            ``(1, labels)`` log-probabilities, ``look_ahead`` outputs back, and the state.
        """


@runtime_checkable
class TranslationInference(Protocol):
    """The inference of a translator.

    Attributes:
        attends: whether it tells what each token of the translation attends to; where it does not,
            attention is all zeros.
    """

    attends: bool

    def start(self, source: np.ndarray, rows: int = 1) -> State:
        """Read sources: the state before the first token of each translation.

        Args:
            source: ``(sentences, source)`` int32 ids, padded with 0 at the end.
            rows: hypotheses that will be followed side by side for each sentence.
        """

    def step(
        self, state: State, rows: np.ndarray, tokens: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, State]:
        """One step of the search, for :func:`zoo.decoding.beam_search.beam_search`.

        Args:
            state: of the step before.
            rows: ``(rows,)`` the rows of ``state`` to go on from.
            tokens: ``(rows,)`` the token that each has just written.
            k: how many following tokens are wanted.

        Returns:
            The likeliest following tokens ``(rows, k)``, likeliest first, their natural
            log-probabilities, the attention ``(rows, source)`` and the state after the step.
        """

    def score(
        self, source: np.ndarray, before: np.ndarray, after: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Log-probabilities of translations that are known.

        Args:
            source: ``(batch, source)`` int32 ids, padded with 0 at the end.
            before: ``(batch, steps)`` the tokens before each step.
            after: ``(batch, steps)`` the token of each step.

        Returns:
            ``(batch, steps)`` natural log-probabilities of ``after``, and the attention ``(batch,
            steps, source)``.
        """
