"""Writing the exported folder."""

from __future__ import annotations

import importlib.resources
import importlib.util
import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.contracts import GraphInference
from zoo.errors import UsageError, ZooError
from zoo.export.checking import (
    TOLERANCE,
    Arrays,
    OnnxFile,
    all_outputs,
    check_golden,
    difference,
    golden_inputs,
)
from zoo.export.formats import LITERT, ONNX_FORMATS
from zoo.export.litert import first_step, is_step, litert_file, one_step, run_file
from zoo.files import folder_made, readable_os_errors, user_path
from zoo.inference.graph import Graph, Tensor
from zoo.task import network_inputs

if TYPE_CHECKING:
    from zoo.task import Task

FORMATS = (*ONNX_FORMATS, LITERT, "keras")
CODE = "front_end"
EXAMPLE = "example.py"
JAVASCRIPT = "example.mjs"
FRONT_END = "front_end.json"
GOLDEN = "golden.npz"
MODEL = "model.json"

_IMPORT = re.compile(r"^from zoo(?:\.\w+)*\.(\w+) import", re.MULTILINE)


def export(task: Task, folder: str | Path, kind: str) -> tuple[Path, float]:
    """Write a model as a folder that needs nothing of the zoo.

    It holds the graphs (in the format ``litert`` those of one step alone) or ``model.keras``,
    ``model.json`` (what the graphs take and give), ``front_end.json`` (each number that the way
    from raw input to arrays needs), the vocabulary, ``golden.npz`` (inputs ``GRAPH/in/NAME`` and
    outputs ``GRAPH/out/NAME``), a card and an example that runs with NumPy and the runtime alone.
    The graphs are run on the golden inputs before the folder gets its name.

    Args:
        task: the model.
        folder: where to; it must not exist.
        kind: one of ``FORMATS``.

    Returns:
        The folder, and the largest difference of its golden outputs from those in float32.

    Raises:
        UsageError: there is no such format, the folder exists, or the model has nothing that the
            format can hold.
        ZooError: the model has no graphs, its golden outputs differ, or it cannot be written; then
            there is no folder.
    """
    target = user_path(folder)
    if kind not in FORMATS:
        raise UsageError(f"no format {kind!r}; there are {', '.join(FORMATS)}")
    if os.path.lexists(target):
        raise UsageError(f"{target} already exists; choose another folder")
    fills: dict[str, Callable[[Task, Path, str], float]]
    fills = {"keras": _fill_keras, LITERT: _fill_litert}
    fill = fills.get(kind, _fill_onnx)
    with readable_os_errors(f"write {target}"), folder_made(target.parent):
        unfinished = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            worst = fill(task, unfinished, kind)
            unfinished.chmod(0o755)
            unfinished.rename(target)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
    return target, worst


def _fill_onnx(task: Task, folder: Path, kind: str) -> float:
    graphs, inputs = _graphs(task), golden_inputs(task)
    how, worst = ONNX_FORMATS[kind], 0.0
    golden: Arrays = {}
    for name, graph in graphs.items():
        _write(folder / f"{name}.onnx", how.write(graph).SerializeToString())
        if graph.name not in inputs:
            continue
        given = inputs[graph.name]
        plain = all_outputs(graph, graph, given)
        exact = how.exact(graph)
        outputs = plain if exact is graph else all_outputs(exact, graph, given)
        path = folder / f"{name}.onnx"
        written = all_outputs(OnnxFile(path), graph, given)
        check_golden(path.name, written, outputs, how.tolerance)
        worst = max(worst, difference(written, plain))
        golden |= _named(name, given, outputs)
    _fill_common(task, folder, kind, {name: _described(graphs[name], name) for name in graphs})
    _write_golden(folder, golden)
    return worst


def _fill_litert(task: Task, folder: Path, kind: str) -> float:
    graphs = {name: one_step(graph) for name, graph in _graphs(task).items() if is_step(graph)}
    if not graphs:
        raise UsageError(
            f"{task.architecture.name} has no graph of one step, which is all that LiteRT's "
            "built-in operations can do; export it with --format onnx"
        )
    golden: Arrays = {}
    inputs, worst = golden_inputs(task), 0.0
    for name, graph in graphs.items():
        given, path = first_step(graph, inputs[graph.name]), folder / f"{name}.tflite"
        _write(path, litert_file(graph))
        outputs, written = all_outputs(graph, graph, given), run_file(path, graph, given)
        check_golden(path.name, written, outputs, TOLERANCE)
        worst = max(worst, difference(written, outputs))
        golden |= _named(name, given, outputs)
    files = {name: _described(graph, name, "tflite") for name, graph in graphs.items()}
    _fill_common(task, folder, kind, files)
    _write_golden(folder, golden)
    return worst


def _named(part: str, inputs: Mapping[str, np.ndarray], outputs: Arrays) -> Arrays:
    """Golden arrays by their names in the file."""
    return {
        **{f"{part}/in/{name}": array for name, array in inputs.items()},
        **{f"{part}/out/{name}": array for name, array in outputs.items()},
    }


def _fill_keras(task: Task, folder: Path, kind: str) -> float:
    import keras

    path = task.export_keras(folder / "model.keras")
    _fill_common(task, folder, kind, {})
    inputs = task.golden_inputs()
    outputs = _keras_outputs(task.network, inputs)
    written = _keras_outputs(keras.models.load_model(path, compile=False), inputs)
    check_golden(path.name, written, outputs, TOLERANCE)
    _write_golden(folder, _named("model", inputs, outputs))
    return difference(written, outputs)


def _keras_outputs(network: Any, inputs: Mapping[str, np.ndarray]) -> Arrays:
    """The outputs of a Keras model for golden inputs: ``output.0`` and so on."""
    given = network_inputs(inputs)
    outputs = network(given if len(given) > 1 else given[0], training=False)
    listed = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    return {f"output.{number}": np.asarray(part) for number, part in enumerate(listed)}


def _graphs(task: Task) -> Mapping[str, Graph]:
    inference = task.inference
    if not isinstance(inference, GraphInference):
        raise ZooError(
            f"{task.architecture.name} brings no graphs, so it runs on Keras alone; export it with "
            "--format keras"
        )
    return {part: session.graph for part, session in inference.sessions().items()}


def _fill_common(task: Task, folder: Path, kind: str, graphs: Mapping[str, Any]) -> None:
    for name, data in task.processor.files().items():
        _write(folder / name, data)
    _write_json(folder / FRONT_END, task.front_end())
    facts = {
        "name": task.card.get("name", task.architecture.name),
        "architecture": task.architecture.name,
        "task": task.architecture.task,
        "license": task.card.get("license", ""),
        "languages": task.card.get("languages", []),
        "format": kind,
        "config": asdict(task.config),
        "decoder": task.decoder,
        "graphs": graphs,
    }
    _write_json(folder / MODEL, facts)
    has_example = bool(task.example) and kind != "keras"
    if has_example:
        _write(folder / EXAMPLE, _source(task.example))
        (folder / CODE).mkdir()
        runner = "zoo.export.litert_runner" if kind == LITERT else "zoo.export.runner"
        _write(folder / CODE / "runner.py", _source(runner))
        for module in task.example_modules:
            path = folder / CODE / f"{module.rpartition('.')[2]}.py"
            _write(path, _IMPORT.sub(rf"from {CODE}.\1 import", _source(module)))
        if task.example_javascript and kind != LITERT:
            package, _, name = task.example_javascript.partition(":")
            script = importlib.resources.files(package).joinpath(name)
            _write(folder / JAVASCRIPT, script.read_text("utf-8"))
    _write(folder / "README.md", _card(task, kind, graphs, has_example))


def _described(graph: Graph, name: str, suffix: str = "onnx") -> dict[str, Any]:
    def listed(tensors: tuple[Tensor, ...]) -> list[dict[str, Any]]:
        return [
            {"name": one.name, "dtype": str(one.dtype), "shape": list(one.shape)} for one in tensors
        ]

    return {
        "file": f"{name}.{suffix}",
        "inputs": listed(graph.inputs),
        "outputs": listed(graph.outputs),
        "states": dict(graph.states),
    }


def _card(task: Task, kind: str, graphs: Mapping[str, Any], has_example: bool) -> str:
    name = task.card.get("name", task.architecture.name)
    lines = [
        f"# {name}, exported",
        "",
        f"Task: {task.architecture.task}. Format: {kind}"
        + (f" ({ONNX_FORMATS[kind].summary})." if kind in ONNX_FORMATS else "."),
        f"Licence of the weights: {task.card.get('license') or 'see the model they come from'}.",
        "",
        f"`{FRONT_END}` has each number that the way from raw input to the graph's arrays needs, "
        f"`{GOLDEN}` inputs and the outputs that they must give, `{MODEL}` names and shapes of all "
        "inputs and outputs. An output that carries a state (`states`) is the input of the same "
        "part in the next call; a state begins as zeros.",
        "",
    ]
    for part, facts in graphs.items():
        given, taken = (
            ", ".join(f"`{one['name']}` {one['shape']}" for one in facts[side])
            for side in ("inputs", "outputs")
        )
        lines += [f"## {part}", "", f"Inputs: {given}.", "", f"Outputs: {taken}.", ""]
    if has_example:
        runtime = "ai-edge-litert" if kind == LITERT else "onnxruntime"
        lines += ["## Run it", "", f"    pip install numpy {runtime}", f"    python {EXAMPLE}", ""]
        if task.example_javascript and kind != LITERT:
            lines += ["or in JavaScript:", ""]
            lines += ["    npm install onnxruntime-web", f"    node {JAVASCRIPT}", ""]
    if task.metrics:
        lines += ["## Figures of the model it was exported from", ""]
        lines += [f"- {figure.name}: {figure.shown} ({figure.data})" for figure in task.metrics]
        lines.append("")
    return "\n".join(lines)


def _source(module: str) -> str:
    found = importlib.util.find_spec(module)
    assert found is not None, module
    assert found.origin is not None, module
    return Path(found.origin).read_text("utf-8")


def _write_golden(folder: Path, golden: Arrays) -> None:
    stream = io.BytesIO()
    np.savez_compressed(stream, **golden)  # type: ignore[arg-type]
    _write(folder / GOLDEN, stream.getvalue())


def _write_json(path: Path, value: Any) -> None:
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    _write(path, text + "\n")


def _write(path: Path, data: bytes | str) -> None:
    with open(path, "xb") as stream:
        stream.write(data.encode() if isinstance(data, str) else data)
        stream.flush()
        os.fsync(stream.fileno())
