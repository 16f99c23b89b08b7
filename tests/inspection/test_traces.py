"""Traces of small networks: what they hold, and what they tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.inspection.cells import cell_step
from tests.inspection.networks import TEXT, character_network, character_weights, subject
from zoo.errors import UsageError
from zoo.inspection import traces
from zoo.inspection.finding import find_units
from zoo.inspection.layer_trace import LayerTrace
from zoo.inspection.measures import lifetimes_of
from zoo.inspection.traces import trace_network
from zoo.text.inspection import text_quantities


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_states_are_those_of_the_cell_step_by_step(cell: str) -> None:
    found = trace_network(character_network(cell, layers=1), subject())
    _, weights = character_weights(cell, layers=1)
    (name,) = {path.split("/")[1] for path in weights if path.startswith("recurrent_1")}
    kernel, recurrent, bias = (
        weights[f"recurrent_1/{name}/{part}"] for part in ("kernel", "recurrent_kernel", "bias")
    )
    state = [np.zeros((1, 5)) for _ in range(2 if cell == "lstm" else 1)]
    for t, one in enumerate(subject().arrays[0][0]):
        x = weights["embedding/embeddings"][one][None]
        state = cell_step(cell, x @ kernel, state, recurrent, bias)
        for array, values in zip("hc", state, strict=False):
            np.testing.assert_allclose(found.gate(array)[t], values[0], rtol=1e-5, atol=1e-6)


def test_gates_make_the_states() -> None:
    lstm = trace_network(character_network("lstm"), subject()).layer(2).arrays
    c = lstm["f"][1:] * lstm["c"][:-1] + lstm["i"][1:] * lstm["g"][1:]
    np.testing.assert_allclose(lstm["c"][1:], c, atol=1e-6)
    np.testing.assert_allclose(lstm["h"], lstm["o"] * np.tanh(lstm["c"]), atol=1e-6)
    gru = trace_network(character_network("gru"), subject()).layer(2).arrays
    h = gru["z"][1:] * gru["h"][:-1] + (1 - gru["z"][1:]) * gru["n"][1:]
    np.testing.assert_allclose(gru["h"][1:], h, atol=1e-6)


def test_a_text_read_in_parts_gives_the_same_trace() -> None:
    network = character_network("lstm")
    whole = trace_network(network, subject())
    network.window = 7
    part = trace_network(network, subject(), every=3, units=[4, 1], layers=["recurrent_2"])
    assert list(part.layers) == ["recurrent_2"]
    np.testing.assert_allclose(
        part.gate("f"), whole.gate("f")[::3][:, [4, 1]], rtol=1e-6, atol=1e-7
    )
    assert part.log_probs is not None
    assert whole.log_probs is not None
    np.testing.assert_allclose(part.log_probs, whole.log_probs[::3], rtol=1e-6)
    assert part.steps().texts == tuple(TEXT)[::3]
    assert part.unit(1).shape == (len(TEXT[::3]),)
    with pytest.raises(UsageError, match="no unit 2 here; the trace has units 4, 1"):
        part.unit(2)


def test_a_saved_trace_holds_its_arrays_and_names(tmp_path: Path) -> None:
    found = trace_network(character_network("gru"), subject())
    with np.load(found.save(tmp_path / "a.npz")) as stored:
        np.testing.assert_array_equal(stored["recurrent_1:z"], found.gate("z", 1))
        assert '"unit": "characters"' in str(stored["facts"])
    with pytest.raises(UsageError, match=r"must end in \.npz"):
        found.save(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"layers": ["recurrent_3"]}, "no recurrent layer 'recurrent_3'; did you mean"),
        ({"units": [5]}, "units are 0 to 4"),
        ({"units": []}, "at least one unit"),
        ({"every": 0}, "every must be"),
    ],
)
def test_a_wrong_trace_is_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        trace_network(character_network("lstm"), subject(), **arguments)


def test_a_trace_that_would_be_too_large_names_what_to_leave_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(traces, "MAX_BYTES", 10_000)
    with pytest.raises(UsageError, match=r"every=\d+"):
        trace_network(character_network("lstm"), subject())
    trace_network(character_network("lstm"), subject(), units=[0], every=4)


def test_names_that_are_not_there_are_refused() -> None:
    found = trace_network(character_network("rnn"), subject())
    with pytest.raises(UsageError, match="did you mean 'recurrent_1'"):
        found.layer("recurent_1")
    with pytest.raises(UsageError, match="has no 'f'"):
        found.gate("f")
    with pytest.raises(UsageError, match="no gate that keeps"):
        found.lifetimes()
    with pytest.raises(UsageError, match="has no gates"):
        found.saturation()


def test_a_gate_that_stands_at_nine_tenths_keeps_ten_steps() -> None:
    found = lifetimes_of(np.array([[0.9, 0.5], [0.9, 0.5]]), np.array([3, 4]))
    np.testing.assert_allclose(found.steps, [10, 2])
    assert found.longest == 3
    assert found.median == pytest.approx(6.0)


def test_saturation_counts_steps_beyond_the_limits() -> None:
    found = trace_network(character_network("lstm"), subject())
    share = found.saturation(1)
    gate = found.gate("o", 1)
    np.testing.assert_allclose(share.open["o"], (gate > 0.9).mean(axis=0))
    np.testing.assert_allclose(share.shut["o"], (gate < 0.1).mean(axis=0))
    assert "shut" in str(share)


def _layer(values: np.ndarray) -> LayerTrace:
    units = np.arange(values.shape[1])
    return LayerTrace("a", "rnn", "t", False, {"h": values}, units)


def test_the_unit_that_follows_is_found_and_others_are_chance() -> None:
    draw = np.random.default_rng(0)
    wanted = np.sin(np.arange(400) / 7) + draw.normal(0, 0.3, 400)
    noise = draw.normal(size=(400, 60))
    noise[:, 17] = -wanted + draw.normal(0, 0.2, 400)
    found = find_units("wave", wanted, [_layer(noise)], "", 3)
    assert found.units[0].unit == 17
    assert found.units[0].held_out < -0.8
    assert found.units[0].p_value < 0.02
    assert found.units[1].p_value > 0.05
    assert found.tried == 60


def test_the_best_of_many_random_units_is_not_significant() -> None:
    draw = np.random.default_rng(3)
    walk = np.cumsum(draw.normal(size=(300, 200)), axis=0)  # they correlate with anything
    found = find_units("walk", np.cumsum(draw.normal(size=300)), [_layer(walk)], "", 1)
    assert abs(found.units[0].chosen) > 0.6
    assert found.units[0].p_value > 0.05


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.ones(44), "constant on the first half"),
        (np.arange(43.0), "43 values for layers of 44 steps"),
        (np.full(44, np.nan), "no NaN"),
    ],
)
def test_a_quantity_that_cannot_be_followed_is_refused(values: np.ndarray, said: str) -> None:
    found = trace_network(character_network("lstm"), subject())
    with pytest.raises(UsageError, match=said):
        found.find("it", values)


def test_masked_steps_do_not_count() -> None:
    draw = np.random.default_rng(0)
    wanted, real = draw.normal(size=240), np.arange(240) % 6 == 0
    gate = np.where(real[:, None], draw.normal(size=(240, 9)), np.nan)
    gate[real, 7] = wanted[real]
    h = np.nan_to_num(gate).cumsum(axis=0)  # carried over masked steps
    layer = LayerTrace("a", "gru", "t", False, {"z": gate, "r": gate, "h": h}, np.arange(9))
    found = find_units("it", wanted, [layer], "z", 1)
    assert (found.units[0].unit, found.steps) == (7, (20, 20))
    assert found.units[0].held_out == pytest.approx(1.0)
    other = LayerTrace("b", "rnn", "t", False, {"h": h}, np.arange(9))
    with pytest.raises(UsageError, match="other steps masked"):
        find_units("it", wanted, [layer, other], "h", 1)


def test_a_quantity_is_looked_for_along_its_own_axis() -> None:
    traced = trace_network(character_network("lstm"), subject())
    length = len(traced.layer())
    other = replace(traced.layer(), name="b", axis="source")
    longer = LayerTrace("c", "rnn", "long", False, {"h": np.ones((99, 2))}, np.arange(2))
    trace = replace(traced, layers={**traced.layers, "b": other, "c": longer})
    own = {one.name for one in traced.layers.values()}
    assert {one.layer for one in trace.find("space", most=999).units} == own
    values = np.random.default_rng(0).random(length)
    assert {one.layer for one in trace.find("mine", values, most=999).units} == {*own, "b"}
    for wrong in (["x"] * length, [[1], [2, 3]]):
        with pytest.raises(UsageError, match="give one number for each step"):
            trace.find("mine", wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="most must be a whole number from 1"):
        trace.find("space", most=-1)
    with pytest.raises(UsageError, match=r"a number of \d+ bits"):
        trace.find("space", most=-(10**5000))


def test_a_quantity_of_the_task_needs_no_values() -> None:
    found = trace_network(character_network("lstm"), subject())
    assert found.find("position in word").tried == 10
    with pytest.raises(UsageError, match="did you mean 'position in line'"):
        found.find("position in lime")


def test_quantities_of_a_text_are_those_of_its_characters() -> None:
    found = text_quantities('A B: "x (y)"\nZ')
    assert found["position in line"].tolist() == [*range(13), 0]
    assert found["inside quotes"][5:12].tolist() == [1, 1, 1, 1, 1, 1, 0]
    assert found["inside brackets"].tolist()[8:11] == [1, 1, 0]
    assert found["speaker's name"].tolist() == [1] * 4 + [0] * 10
