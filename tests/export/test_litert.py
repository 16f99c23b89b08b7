"""Step graphs run in LiteRT with its built-in operations, and give what ONNX Runtime gives."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from tests.export.running import run_example
from zoo.catalogue import builtin
from zoo.errors import UsageError, ZooError
from zoo.export.checking import all_outputs
from zoo.export.litert import LENGTHS, first_step, is_step, litert_file, one_step, run_file
from zoo.export.litert_runner import LiteRTGraph
from zoo.export.writing import export
from zoo.inference.graph import Graph, GraphBuilder

SAMPLES = Path(__file__).parents[2] / "samples"
CHARACTERS = {"vocabulary_size": 9, "layers": 2, "units": 6, "embedding": 5}
STREAM = {"labels": 7, "bins": 13, "channels": 3, "layers": 2, "units": 6}
TRANSFORMER = {"vocabulary_size": 9, "layers": 1, "width": 8, "heads": 2, "context": 5}


def sessions(name: str, **values: Any) -> Any:
    """The sessions of a network whose weights are all random."""
    entry = builtin().architecture(name)
    config, rng = entry.load("config")(**values), np.random.default_rng(1)
    weights = {path: rng.standard_normal(shape) for path, shape in sorted(config.shapes().items())}
    return entry.load("inference")(config, weights).sessions()


@pytest.mark.parametrize(
    ("name", "part", "values"),
    [
        ("char_lstm", "step", {**CHARACTERS, "cell": "lstm", "tie_weights": True}),
        ("char_gru", "step", CHARACTERS),
        ("char_rnn", "step", CHARACTERS),
        ("char_transformer", "step", TRANSFORMER),
        ("ctc_lstm", "chunk", {**STREAM, "cell": "gru", "look_ahead": 2}),
        ("ctc_lstm", "chunk", {**STREAM, "look_ahead": 0}),
    ],
)
def test_a_step_gives_what_it_gives_in_onnx_runtime(
    tmp_path: Path, name: str, part: str, values: dict[str, Any]
) -> None:
    graph = sessions(name, **values)[part].graph
    assert is_step(graph)
    step = one_step(graph)
    assert all(isinstance(size, int) for tensor in step.inputs for size in tensor.shape)
    (tmp_path / "step.tflite").write_bytes(litert_file(step))
    file, rng = LiteRTGraph(tmp_path / "step.tflite"), np.random.default_rng(2)
    names = [tensor.name for tensor in graph.outputs]
    state = dict(zip(graph.states, graph.initial_states(batch=1), strict=True))
    for number in range(3):
        inputs = {tensor.name: tensor.zeros(**LENGTHS) for tensor in graph.inputs}
        for array in inputs.values():
            array += rng.integers(9, size=array.shape).astype(array.dtype)
        inputs |= state | ({"real": np.ones((1, 1), np.float32)} if part == "chunk" else {})
        wanted = all_outputs(graph, graph, inputs)
        found = dict(zip(names, file.run(names, inputs), strict=True))
        for output in names:
            np.testing.assert_allclose(found[output], wanted[output], atol=1e-4, err_msg=output)
        state = {name: wanted[after] for name, after in graph.states.items()}
        assert any(array.any() for array in state.values()), number


def test_the_examples_write_what_the_models_write(tmp_path: Path) -> None:
    recognised = zoo.load_model("ctc_lstm.an4")
    recording = SAMPLES / "census.wav"
    folder, worst = export(recognised, tmp_path / "speech", "litert")
    assert worst < 1e-4
    assert {path.name for path in folder.glob("*.tflite")} == {"chunk.tflite"}
    wanted = recognised.transcribe(recording, beam_size=1).text
    assert run_example(folder, recording, without="onnxruntime") == wanted
    writer = zoo.load_model("char_lstm.shakespeare")
    folder, _ = export(writer, tmp_path / "text", "litert")
    written = run_example(
        folder, "ROMEO:", "--length", 20, "--temperature", 0, without="onnxruntime"
    )
    assert written == str(writer.generate("ROMEO:", length=20, temperature=0)).rstrip("\n")
    assert not (folder / "example.mjs").exists()


def test_what_has_no_step_points_to_onnx(tmp_path: Path) -> None:
    for name in ("crnn.latin", "seq2seq_lstm.tatoeba", "tagger_bilstm.chat"):
        with pytest.raises(UsageError, match=r"no graph of one step.*--format onnx"):
            export(zoo.load_model(name), tmp_path / "model", "litert")
    assert list(tmp_path.iterdir()) == []


def doubling(operation: str) -> Graph:
    """A graph of one operation and a state."""
    graph = GraphBuilder("double")
    h = graph.state("h", ("batch", 3))
    graph.carry("h", graph.node(operation, h, h))
    return one_step(graph.build())


def test_an_operation_that_is_not_there_is_named() -> None:
    with pytest.raises(ZooError, match="double has the operation Mod, which is not for LiteRT"):
        litert_file(doubling("Mod"))


def test_only_the_beginning_of_an_input_is_a_step() -> None:
    graph = sessions("char_gru", **CHARACTERS)["step"].graph
    inputs = {tensor.name: tensor.zeros(batch=4, time=7) for tensor in graph.inputs}
    inputs["ids"] += np.arange(7, dtype=np.int32)
    found = first_step(graph, inputs)
    assert found["ids"].tolist() == [[0]]
    assert found["h_1"].shape == (1, 6)


def test_what_is_not_installed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "tensorflow", None)
        with pytest.raises(ZooError, match=r"pip install 'sequence-zoo\[train\]'"):
            litert_file(doubling("Add"))
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(ZooError, match=r"ai-edge-litert.*sequence-zoo\[train\]"):
        run_file(tmp_path / "none.tflite", doubling("Add"), {})
