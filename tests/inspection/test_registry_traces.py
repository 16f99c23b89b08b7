"""Every pretrained model's trace against its network's outputs and its engine's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo import load_model
from zoo.catalogue import registry
from zoo.inference.stack import log_softmax
from zoo.inspection.subject import InspectedInput, Outputs, Steps
from zoo.inspection.tape import Tape
from zoo.inspection.traces import trace_network

SAMPLES = Path(__file__).parents[2] / "samples"

MODELS = [
    name
    for name in registry().select(pretrained=True)
    if registry().architecture(name.partition(".")[0]).inspection
]


def _bundle(name: str) -> Any:
    from zoo.folder.bundle import read_bundle
    from zoo.store.locate import locate

    return read_bundle(locate(name))


def _network(bundle: Any) -> Any:
    weights = {path: np.asarray(one, np.float32) for path, one in bundle.weights.items()}
    return bundle.architecture.load("inspection")(bundle.config, weights)


def _first_row(golden: Any) -> list[np.ndarray]:
    """The golden inputs' first example, which has no padding."""
    names = [name for name in golden if name.startswith("input.")]
    return [golden[f"input.{number}"][:1] for number in range(len(names))]


@pytest.mark.parametrize("name", MODELS)
def test_a_models_outputs_on_a_tape_are_those_of_its_network(name: str) -> None:
    bundle = _bundle(name)
    network, tape = _network(bundle), Tape(record=False)
    arrays = [
        one[one != 0][None] if name.startswith("seq2seq") else one
        for one in _first_row(bundle.golden)
    ]
    if name.startswith("sentiment"):  # a conversation of several messages, which are rows
        arrays = [bundle.golden[f"input.{number}"] for number in range(5)]
    found: Outputs = network.run(tape, [tape.leaf(one) for one in network.inputs(arrays)])
    wanted = bundle.golden["output.0"][:1]
    if wanted.ndim == 2:  # one output for the whole input, such as an intent
        wanted = wanted[:, None]
    wanted = wanted[:, : found.logits.value.shape[1]]
    np.testing.assert_allclose(
        log_softmax(found.logits.value), log_softmax(wanted), atol=1e-5 * np.abs(wanted).max()
    )
    assert tape.runs or tape.streams
    if "attention" in tape.attention:
        attention = bundle.golden["output.1"][:1, : arrays[1].shape[1], : arrays[0].shape[1]]
        np.testing.assert_allclose(tape.attention["attention"][:, 0], attention, atol=1e-5)


@pytest.mark.parametrize("name", [one for one in MODELS if one.startswith("char_")])
def test_traced_states_are_those_of_the_engine(name: str) -> None:
    bundle = _bundle(name)
    engine = bundle.architecture.load("inference")(bundle.config, bundle.weights)
    ids = (np.arange(40, dtype=np.int32) * 7 % bundle.config.vocabulary_size)[None]
    reading = engine.read(ids, engine.initial_state(1))
    steps = Steps("characters", np.arange(40.0))
    found = trace_network(_network(bundle), InspectedInput((ids,), {"a": steps}, "a"))
    # A trace has what a Transformer's block reads, the engine what it writes.
    reads = int(found.layer(1).cell == "attention")
    for number, hidden in enumerate(reading.hidden[: len(found.layers) - reads], 1 + reads):
        np.testing.assert_allclose(found.gate("h", number), hidden[0], atol=1e-4 if reads else 2e-5)
    np.testing.assert_allclose(found.log_probs, reading.log_probs[0], atol=1e-4)
    per_layer = len(reading.state) // 2
    for number in (1, 2):
        for place, key in enumerate(["h", "c"][:per_layer]):
            if key in found.layer(number).arrays and found.layer(number).cell != "attention":
                last = reading.state[per_layer * (number - 1) + place][0]
                np.testing.assert_allclose(found.gate(key, number)[-1], last, atol=1e-5)


def test_a_recogniser_is_asked_of_what_it_reads_and_not_of_a_blank() -> None:
    model: Any = load_model("crnn.latin")
    assert model.highway(SAMPLES / "line.png", steps=5).target != "(blank)"
    assert model.attribute(SAMPLES / "line.png", points=2).target != "(blank)"
