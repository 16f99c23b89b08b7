"""Pictures of traces: what they refuse, and that they show what was traced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.inspection.networks import TEXT, character_network, subject
from zoo.errors import UsageError
from zoo.inspection import charts, pictures
from zoo.inspection.attribution import attribute_output
from zoo.inspection.highway import highway_of
from zoo.inspection.subject import Backdrop, Steps
from zoo.inspection.traces import Trace, trace_network


@pytest.fixture(scope="module")
def traced() -> Trace:
    return trace_network(character_network("lstm"), subject())


def _shown(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"), np.int64)


def _over(traced: Trace, backdrop: Backdrop) -> Trace:
    """The trace as one of an input without texts, over a backdrop."""
    assert traced.subject is not None
    steps = Steps("seconds", np.linspace(*backdrop.extent, len(TEXT)))
    return replace(
        traced,
        axes={"characters": steps},
        subject=replace(traced.subject, axes={"characters": steps}, backdrop=backdrop),
    )


def test_a_text_has_the_colours_of_its_unit(traced: Trace, tmp_path: Path) -> None:
    c = np.zeros_like(traced.gate("c"))
    c[: len(TEXT) // 2, 3], c[len(TEXT) // 2 :, 3] = 1.0, -1.0
    layer = traced.layer()
    made = replace(traced, layers={layer.name: replace(layer, arrays={**layer.arrays, "c": c})})
    picture = _shown(pictures.draw_unit(made, tmp_path / "a.png", 3))
    red, blue = ((picture[..., a] - picture[..., b] > 60).sum() for a, b in ((0, 2), (2, 0)))
    assert min(red, blue) > 1000
    grey = _shown(pictures.draw_unit(made, tmp_path / "b.png", 2))
    assert (np.ptp(grey, axis=-1) > 60).sum() == 0


BACKDROPS = {
    "curve": Backdrop(curve=np.sin(np.arange(999.0)), extent=(0.0, 2.0)),
    "image": Backdrop(image=np.zeros((20, 90), np.uint8), extent=(0.0, 90.0)),
    "paths": Backdrop(
        paths=(np.array([[0.0, 0.0], [5.0, 3.0]]), np.array([[7.0, 1.0]])),
        path_steps=(np.array([0.0, 30.0]), np.array([40.0])),
    ),
}


@pytest.mark.parametrize("kind", BACKDROPS)
def test_gates_are_drawn_under_what_was_read(traced: Trace, tmp_path: Path, kind: str) -> None:
    made = _over(traced, BACKDROPS[kind])
    with_it = _shown(pictures.draw_gates(made, tmp_path / "a.png", arrays=["f"]))
    alone = _shown(
        pictures.draw_gates(replace(made, subject=None), tmp_path / "b.png", arrays=["f"])
    )
    assert with_it.shape[0] > alone.shape[0] + 50
    pictures.draw_unit(made, tmp_path / "c.png", 0)


def test_strokes_have_the_colours_of_the_steps_that_were_kept(
    traced: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = float(len(TEXT) - 1)
    stroke, when = np.stack([np.arange(9.0), np.zeros(9)], axis=1), np.linspace(0, last, 9)
    backdrop = Backdrop(paths=(stroke,), path_steps=(when,))
    assert traced.subject is not None
    given = replace(subject(), backdrop=backdrop)
    given = replace(given, axes={"characters": replace(given.axes["characters"], texts=())})
    drawn = []
    monkeypatch.setattr(pictures, "_draw_paths", lambda *given: drawn.append(given) or tmp_path)
    for every in (1, 4):
        found = trace_network(character_network("lstm"), given, every=every)
        pictures.draw_unit(found, tmp_path / "a.png", 3)
    (_, whole, values, _), (_, thinned, kept, _) = drawn
    assert thinned.path_steps[0][-1] < len(kept)
    np.testing.assert_array_equal(kept, values[::4])
    np.testing.assert_allclose(thinned.path_steps[0] * 4, whole.path_steps[0])


def test_rows_and_columns_of_attention_have_their_own_texts(
    traced: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    axes = {
        name: Steps("subwords", np.arange(2.0), texts)
        for name, texts in (("target", ("der", "Hund")), ("source", ("the", "dog")))
    }
    assert traced.subject is not None
    pair = replace(traced.subject, axes=axes, output_axis="target", read_axes=("source", "target"))
    made = replace(
        traced,
        subject=pair,
        attention={"attention": np.eye(2, dtype=np.float32)[None]},
        attended={"attention": ("target", "source")},
    )
    figures = []
    monkeypatch.setattr(charts, "save_picture", lambda figure, path: figures.append(figure) or path)
    charts.draw_attention(made, tmp_path / "a.png")
    (panel,) = figures[0].axes
    assert [one.get_text() for one in panel.get_yticklabels()] == ["der", "Hund"]
    assert [one.get_text() for one in panel.get_xticklabels()] == ["the", "dog"]
    steps = [pair.steps_of_input(number, 2) for number in (0, 1)]
    assert [one.texts for one in steps if one is not None] == [("the", "dog"), ("der", "Hund")]


def test_charts_are_drawn(traced: Trace, tmp_path: Path) -> None:
    highways = {cell: highway_of(character_network(cell), subject()) for cell in ("lstm", "rnn")}
    attention = replace(traced, attention={"a": np.full((2, len(TEXT), len(TEXT)), 0.1)})
    attribution = attribute_output(character_network("rnn"), subject(), points=4)
    made = [
        pictures.draw_gates(traced, tmp_path / "gates.png", layer=1),
        charts.draw_saturation(traced, tmp_path / "saturation.png"),
        charts.draw_lifetimes({"lstm": traced}, tmp_path / "lifetimes.svg"),
        charts.draw_highways(highways, tmp_path / "highways.png"),
        charts.draw_attention(attention, tmp_path / "attention.png", head=1),
        pictures.draw_attribution(attribution, subject(), tmp_path / "attribution.png"),
    ]
    for path in made:
        assert path.stat().st_size > 3000


@pytest.mark.parametrize(
    ("draw", "said"),
    [
        (lambda t, p: pictures.draw_gates(t, p / "a.gif"), "must end in"),
        (lambda t, p: pictures.draw_gates(t, p / "a.png", arrays=["z"]), "has no 'z'"),
        (lambda t, p: pictures.draw_unit(t, p / "a.png", 5), "units 0 to 4"),
        (lambda t, p: charts.draw_attention(t, p / "a.png"), "no attention"),
    ],
)
def test_a_wrong_picture_is_refused(
    traced: Trace, tmp_path: Path, draw: Callable[..., Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        draw(traced, tmp_path)


def test_a_plain_rnn_has_no_saturation_to_draw(tmp_path: Path) -> None:
    traced = trace_network(character_network("rnn"), subject())
    with pytest.raises(UsageError, match="no layer of the trace has gates"):
        charts.draw_saturation(traced, tmp_path / "a.png")
    with pytest.raises(UsageError, match="gate that keeps"):
        charts.draw_lifetimes({"": traced}, tmp_path / "a.png")
    with pytest.raises(UsageError, match="no curve"):
        charts.draw_highways(
            {"": highway_of(character_network("rnn"), subject("T"))}, tmp_path / "a.png"
        )
