"""Text generation with recurrent character models."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, overload

import numpy as np

from zoo.contracts import CharacterInference
from zoo.errors import FolderError, UsageError
from zoo.folder.bundle import Bundle
from zoo.inference.generator import MAX_POSITION, is_finite
from zoo.network import PLAIN
from zoo.task import Task, check_no_options, one_or_many
from zoo.text.processor import Characters
from zoo.text.results import GeneratedText, TextScore, TextState, TextStates
from zoo.values import is_whole, shown

if TYPE_CHECKING:
    from zoo.inspection.subject import InspectedInput

MAX_LENGTH = 100_000_000
_STREAM_CHUNK = 16
_CHUNK = 2000
_CHUNK_WORK = 4e9  # of a chunk, characters by parameters: a second or two, then Ctrl-C is heard
_STOP_CHUNK = 200
_WINDOW = 1000  # characters that are read at once
_WINDOW_OUTPUTS = 4_000_000  # numbers that a window may have as outputs: characters by vocabulary
_HOTTEST = 1e30  # temperature; dividing by more gives no other text


class GenerationOptions(TypedDict, total=False):
    """Options of :meth:`TextGeneration.generate`, which describes them."""

    temperature: float | None
    top_k: int | None
    top_p: float | None
    stop: str | Sequence[str]
    seed: int | None
    state: TextState | None
    errors: str
    on_progress: Callable[[int], object] | None


class ScoreOptions(TypedDict, total=False):
    """Options of :meth:`TextGeneration.score`, which describes them."""

    errors: str
    state: TextState | None
    on_progress: Callable[[int], object] | None


class TextGeneration(Task):
    """A character language model that writes, scores and embeds text.

    Example:
        >>> model = zoo.load_model("char_lstm.shakespeare")
        >>> print(model.generate("ROMEO:", length=200, temperature=0.7, seed=1))
    """

    verb = "generate"
    example = "zoo.text.standalone"
    example_javascript = "zoo.text:standalone.mjs"
    processor: Characters

    def __init__(self, bundle: Bundle, network: Any = None, *, dtype: str = PLAIN) -> None:
        super().__init__(bundle, network, dtype=dtype)
        try:
            self._sampling(None, None, None)
        except UsageError as error:
            raise FolderError(f"decoder: {error}") from None

    @overload
    def generate(
        self, prompt: str = "", length: int = 400, **options: Unpack[GenerationOptions]
    ) -> GeneratedText: ...
    @overload
    def generate(
        self,
        prompt: list[str] | tuple[str, ...],
        length: int = 400,
        **options: Unpack[GenerationOptions],
    ) -> list[GeneratedText]: ...
    def generate(
        self,
        prompt: str | Sequence[str] = "",
        length: int = 400,
        *,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] = (),
        seed: int | None = None,
        state: TextState | None = None,
        errors: str = "strict",
        on_progress: Callable[[int], object] | None = None,
    ) -> GeneratedText | list[GeneratedText]:
        """Write on from a prompt.

        Args:
            prompt: a text, or a list of texts that are continued side by side.
            length: characters to write.
            temperature: divides the logits; 0 always takes the likeliest character. Left out, it is
                the model's own setting.
            top_k: sample among the ``k`` likeliest only (Fan et al. 2018); 0 for all.
            top_p: sample among the likeliest that together have this probability (nucleus sampling,
                Holtzman et al. 2020); 1.0 for all.
            stop: texts that end the writing; the result ends before them.
            seed: an int gives the same text each time; left out, it is drawn and returned.
            state: ``result.state`` to go on from; the prompt is then read after it.
            errors: ``"strict"`` refuses characters outside the vocabulary, ``"replace"`` writes the
                nearest there is.
            on_progress: called with the number of characters written since the last call.

        Returns:
            A :class:`~zoo.text.results.GeneratedText`, or a list of them for a list of prompts.

        Raises:
            UsageError: an argument is out of its range, the prompt is empty without a state, or it
                has characters that the model does not know.
        """
        sampling = self._sampling(temperature, top_k, top_p)
        stops = _check_stops(stop)
        length = _check_length(length)
        single, prompts = one_or_many(prompt, str)
        if state is not None and not single:
            raise UsageError("a state goes with one prompt, not with a list")
        seed = secrets.randbits(32) if seed is None else _check_seed(seed)
        inference: CharacterInference = self.inference
        starts = [self._read_prompt(inference, text, state, errors) for text in prompts]
        # Row i of a list has a stream of its own, the same whatever stands beside it.
        seeds = [seed + row for row in range(len(prompts))]
        results = self._write(
            inference, prompts, starts, length, sampling, stops, seeds, on_progress
        )
        return results[0] if single else results

    def stream(
        self,
        prompt: str = "",
        length: int = 400,
        *,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] = (),
        seed: int | None = None,
        state: TextState | None = None,
        errors: str = "strict",
    ) -> Iterator[str]:
        """Write on from a prompt, character by character as they come.

        The arguments are those of :meth:`generate`, and with the same seed so is the text. The
        prompt is not repeated.

        Yields:
            One character at a time.

        Raises:
            UsageError: as :meth:`generate` does, before the first character.
        """
        sampling = self._sampling(temperature, top_k, top_p)
        stops = _check_stops(stop)
        length = _check_length(length)
        seed = secrets.randbits(32) if seed is None else _check_seed(seed)
        inference: CharacterInference = self.inference
        start = self._read_prompt(inference, prompt, state, errors)
        return self._stream(inference, start, length, sampling, stops, seed)

    def _stream(
        self,
        inference: CharacterInference,
        start: TextState,
        length: int,
        sampling: dict[str, Any],
        stops: list[str],
        seed: int,
    ) -> Iterator[str]:
        # Characters that may be the beginning of a stop text are held back until it is decided.
        held, longest = "", max((len(text) for text in stops), default=0)
        while length:
            count = min(length, _STREAM_CHUNK)
            ids, _, (start,) = _run(inference, [start], count, sampling, [seed])
            held += self.processor.decode(ids[0])
            length -= count
            cut = _find_stop(held, stops, ended=not length)
            if cut is not None:
                yield from held[:cut]
                return
            safe = len(held) - max(0, longest - 1)
            if safe > 0:
                yield from held[:safe]
                held = held[safe:]
        yield from held

    @overload
    def score(self, text: str, **options: Unpack[ScoreOptions]) -> TextScore: ...
    @overload
    def score(
        self, text: list[str] | tuple[str, ...], **options: Unpack[ScoreOptions]
    ) -> list[TextScore]: ...
    def score(
        self,
        text: str | Sequence[str],
        *,
        errors: str = "strict",
        state: TextState | None = None,
        on_progress: Callable[[int], object] | None = None,
    ) -> TextScore | list[TextScore]:
        """How well the model predicts a text.

        Args:
            text: a text of at least two characters (one with a ``state``), or a list of texts.
            errors: as in :meth:`generate`.
            state: what stood before the text; without it the first character is read unscored.
            on_progress: called with the number of characters read since the last call.

        Returns:
            A :class:`~zoo.text.results.TextScore`, or a list of them.

        Raises:
            UsageError: the text is too short or has characters that the model does not know.
        """
        single, texts = one_or_many(text, str)
        inference: CharacterInference = self.inference
        scores = [self._score(inference, each, errors, state, on_progress) for each in texts]
        return scores[0] if single else scores

    def _score(
        self,
        inference: CharacterInference,
        text: str,
        errors: str,
        state: TextState | None,
        on_progress: Callable[[int], object] | None,
    ) -> TextScore:
        ids = self.processor.encode(text, errors)
        if state is not None:
            self._check_state(inference, state)
            ids = np.concatenate([[state.last], ids]).astype(np.int32)
        if len(ids) < 2:
            raise UsageError("a text to score needs at least two characters")
        arrays = [a[None] for a in state.arrays] if state else inference.initial_state(1)
        log_probs = np.empty(len(ids) - 1, np.float32)
        size = _window(inference)
        for start in range(0, len(log_probs), size):
            window, following = ids[start : start + size + 1][:-1], ids[start + 1 :][:size]
            rows, _, arrays = inference.read(window[None], arrays)
            log_probs[start : start + len(window)] = rows[0, np.arange(len(window)), following]
            if on_progress:
                on_progress(len(window))
        position = state.position if state else 0
        after = TextState(tuple(a[0] for a in arrays), int(ids[-1]), position)
        return TextScore(text, log_probs, float(-log_probs.mean(dtype=np.float64)), after)

    @overload
    def embed(self, text: str, *, errors: str = "strict") -> TextStates: ...
    @overload
    def embed(
        self, text: list[str] | tuple[str, ...], *, errors: str = "strict"
    ) -> list[TextStates]: ...
    def embed(
        self, text: str | Sequence[str], *, errors: str = "strict"
    ) -> TextStates | list[TextStates]:
        """The hidden states of every recurrent layer after each character.

        Args:
            text: a text, or a list of texts.
            errors: as in :meth:`generate`.

        Returns:
            A :class:`~zoo.text.results.TextStates` with ``hidden`` ``(characters, layers, units)``,
            or a list.

        Raises:
            UsageError: the text is empty or has characters that the model does not know.
        """
        single, texts = one_or_many(text, str)
        states = []
        for each in texts:
            ids = self.processor.encode(each, errors)
            if not len(ids):
                raise UsageError("a text to embed needs at least one character")
            states.append(TextStates(each, _hidden(self.inference, ids)))
        return states[0] if single else states

    def subject(self, source: str, *, errors: str = "strict", **options: Any) -> InspectedInput:
        """A text with its characters as steps; see :meth:`zoo.task.Task.subject`.

        Args:
            source: a text of at least one character.
            errors: as in :meth:`generate`.
            **options: there are no others.

        Raises:
            UsageError: the text is empty or has characters that the model does not know.
        """
        from zoo.text.inspection import text_subject

        check_no_options(options)
        ids = self.processor.encode(source, errors)
        if not len(ids):
            raise UsageError("a text to look into needs at least one character")
        return text_subject(source, ids, self.processor.vocabulary)

    def golden_inputs(self) -> dict[str, np.ndarray]:
        """The first characters of the vocabulary, forwards and backwards."""
        ids = np.arange(32, dtype=np.int32) % len(self.processor)
        return {"input.0": np.stack([ids, ids[::-1]])}

    def front_end(self) -> dict[str, Any]:
        """The characters by id."""
        return {"characters": list(self.processor.vocabulary)}

    def _sampling(
        self, temperature: float | None, top_k: int | None, top_p: float | None
    ) -> dict[str, Any]:
        arguments = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        defaults = {"temperature": 1.0, "top_k": 0, "top_p": 1.0} | self.decoder
        values = {k: defaults[k] if v is None else v for k, v in arguments.items()}
        if not _is_number(values["temperature"]) or not 0 <= values["temperature"] < _HOTTEST:
            raise UsageError(
                f"temperature must be 0 (greedy) or a number above it, not {values['temperature']}"
            )
        if not is_whole(values["top_k"]) or values["top_k"] < 0:
            given = shown(values["top_k"])
            raise UsageError(f"top_k must be 0 or a whole number above it, not {given}")
        values["top_k"] = min(values["top_k"], len(self.processor))
        if not _is_number(values["top_p"]) or not 0 < values["top_p"] <= 1:
            raise UsageError(f"top_p must be above 0 and at most 1, not {values['top_p']}")
        return values

    def _write(
        self,
        inference: CharacterInference,
        prompts: list[str],
        states: list[TextState],
        length: int,
        sampling: dict[str, Any],
        stops: list[str],
        seeds: list[int],
        on_progress: Callable[[int], object] | None,
    ) -> list[GeneratedText]:
        texts, now = [""] * len(prompts), list(states)
        scores: list[list[np.ndarray]] = [[] for _ in prompts]
        cuts: dict[int, int] = {}
        left = length
        while left and len(cuts) < len(prompts):
            rows = [row for row in range(len(prompts)) if row not in cuts]
            count = min(left, self._chunk if not stops else _STOP_CHUNK)
            ids, log_probs, after = _run(
                inference,
                [now[row] for row in rows],
                count,
                sampling,
                [seeds[row] for row in rows],
            )
            for index, row in enumerate(rows):
                texts[row] += self.processor.decode(ids[index])
                scores[row].append(log_probs[index])
                now[row] = after[index]
                cut = _find_stop(texts[row], stops, ended=left == count)
                if cut is not None:
                    cuts[row] = cut
            left -= count
            if on_progress:
                on_progress(count)
        results = []
        for row, prompt in enumerate(prompts):
            text, state = texts[row], now[row]
            log_probs = np.concatenate([*scores[row], np.zeros(0, np.float32)])
            if row in cuts:
                # What was written past the stop is written again without it, for the state there.
                text, log_probs = text[: cuts[row]], log_probs[: cuts[row]]
                _, _, (state,) = _run(inference, [states[row]], cuts[row], sampling, [seeds[row]])
            results.append(
                GeneratedText(prompt + text, prompt, log_probs, seeds[row], state, row in cuts)
            )
        return results

    @property
    def _chunk(self) -> int:
        return max(1, min(_CHUNK, int(_CHUNK_WORK / self.config.parameters())))

    def _read_prompt(
        self, inference: CharacterInference, prompt: str, state: TextState | None, errors: str
    ) -> TextState:
        """The state in which all of the prompt but its last character has been read."""
        ids = self.processor.encode(prompt, errors)
        if state is None:
            if not len(ids):
                raise UsageError("the prompt is empty; give at least one character")
            state = TextState(tuple(a[0] for a in inference.initial_state(1)), int(ids[0]))
            ids = ids[1:]
        else:
            self._check_state(inference, state)
        if not len(ids):
            return state
        arrays = [np.asarray(a)[None] for a in state.arrays]
        read = np.concatenate([[state.last], ids]).astype(np.int32)
        size = _window(inference)
        for start in range(0, len(ids), size):
            window = read[start : start + size + 1][:-1]
            arrays = inference.read(window[None], arrays).state
        return TextState(tuple(a[0] for a in arrays), int(read[-1]), state.position)

    def character_model(self) -> CharacterInference:
        """The network with its present weights, as a language model steps it."""
        inference: CharacterInference = self.inference
        return inference

    def _check_state(self, inference: CharacterInference, state: Any) -> None:
        shapes = [part.shape[1:] for part in inference.initial_state(1)]
        whole = (int, np.integer)
        if (
            not isinstance(state, TextState)
            or [np.shape(part) for part in state.arrays] != shapes
            or not isinstance(state.last, whole)
            or not 0 <= state.last < len(self.processor)
            or not isinstance(state.position, whole)
            or not 0 <= state.position <= MAX_POSITION
        ):
            raise UsageError("the state must be one that a result of this model's architecture has")
        if not all(is_finite(part) for part in state.arrays):
            raise UsageError("the state has values that are not finite numbers")

    def keras_inference(self, network: Any) -> CharacterInference:
        """The network with its recurrent layers' state going in and coming out."""
        from zoo.inference.keras_characters import KerasCharacters

        return KerasCharacters(network)


def _run(
    inference: CharacterInference,
    states: Sequence[TextState],
    length: int,
    sampling: dict[str, Any],
    seeds: Sequence[int],
) -> tuple[np.ndarray, np.ndarray, list[TextState]]:
    """Sample ``length`` ids for each state: ids, log-probabilities and the states after."""
    if not length:
        empty = np.zeros((len(states), 0))
        return empty.astype(np.int32), empty.astype(np.float32), list(states)
    positions = {state.position for state in states}
    if len(positions) > 1:
        raise UsageError("texts that are written side by side must stand at the same position")
    ids, log_probs, arrays = inference.generate(
        [np.stack(parts) for parts in zip(*(state.arrays for state in states), strict=True)],
        np.asarray([state.last for state in states], np.int32),
        length,
        seed=list(seeds),
        position=positions.pop(),
        **sampling,
    )
    after = [
        TextState(tuple(a[row] for a in arrays), int(ids[row, -1]), state.position + length)
        for row, state in enumerate(states)
    ]
    return ids, log_probs, after


def _window(inference: CharacterInference) -> int:
    """How many characters are read at once, so that a large vocabulary takes no more memory."""
    return max(1, min(_WINDOW, _WINDOW_OUTPUTS // inference.vocabulary_size))


def _hidden(inference: CharacterInference, ids: np.ndarray) -> np.ndarray:
    """The hidden states ``(characters, layers, units)``, read a window at a time."""
    arrays, parts, size = inference.initial_state(1), [], _window(inference)
    for start in range(0, len(ids), size):
        _, hidden, arrays = inference.read(ids[None, start : start + size], arrays)
        if len({layer.shape[-1] for layer in hidden}) != 1:
            raise UsageError(
                "the recurrent layers differ in width, so their states cannot be stacked"
            )
        parts.append(np.stack([layer[0] for layer in hidden], axis=1))
    return np.concatenate(parts)


def _is_number(value: Any) -> bool:
    kinds = (int, float, np.floating, np.integer)
    return isinstance(value, kinds) and not isinstance(value, bool) and bool(value == value)


def _check_length(length: Any) -> int:
    if not is_whole(length):
        raise UsageError(f"length must be a whole number, not {shown(length)}")
    if not 1 <= length <= MAX_LENGTH:
        raise UsageError(f"length must be from 1 to {MAX_LENGTH:,}, not {shown(length)}")
    return int(length)


def _check_seed(seed: Any) -> int:
    if not is_whole(seed) or seed < 0:
        raise UsageError(f"seed must be a whole number from 0, not {shown(seed)}")
    return int(seed)


def _check_stops(stop: str | Sequence[str]) -> list[str]:
    stops = [stop] if isinstance(stop, str) and stop else stop
    if not isinstance(stops, Sequence) or not all(isinstance(text, str) and text for text in stops):
        raise UsageError("stop must be a text, or a list of texts, none of them empty")
    return list(stops)


def _find_stop(text: str, stops: Sequence[str], ended: bool) -> int | None:
    """Where the first stop text begins, or ``None`` while that is not decided.

    Args:
        text: what was written so far.
        stops: the stop texts.
        ended: whether nothing more will be written; else a longer stop text that began before the
            first one may still be going on.
    """
    first = min((place for place in (text.find(stop) for stop in stops) if place >= 0), default=-1)
    decided = ended or len(text) - first >= max(map(len, stops), default=0) - 1
    return first if first >= 0 and decided else None
