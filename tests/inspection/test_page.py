"""The page of a trace: as a file, and in a real browser where there is one.

The browser's tests need Chromium (Debian: ``apt-get install chromium``) and Playwright.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.inspection.networks import TEXT, character_network, subject
from tests.inspection.test_pictures import BACKDROPS, _over
from zoo.errors import UsageError
from zoo.inspection import page
from zoo.inspection.highway import highway_of
from zoo.inspection.page import MAX_BYTES, write_page
from zoo.inspection.traces import Trace, trace_network

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)


@pytest.fixture(scope="module")
def traced() -> Trace:
    return trace_network(character_network("lstm", units=12), subject())


def test_a_page_refers_to_nothing_outside_itself(traced: Trace, tmp_path: Path) -> None:
    made = write_page(traced, tmp_path / "a.html", title="</script><script>alert(1)")
    text = made.read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=|https?://|@import|url\(", text)
    assert text.count("<script") == text.count("</script>") == 2


def test_a_page_of_nothing_but_masked_steps_and_odd_characters_is_valid(
    traced: Trace, tmp_path: Path
) -> None:
    layer = traced.layer()
    masked = {name: np.full_like(array, np.nan) for name, array in layer.arrays.items()}
    made = replace(traced, layers={layer.name: replace(layer, arrays=masked)})
    page_file = write_page(made, tmp_path / "a.html", title="\udcff \u2028 é")
    (data,) = re.findall(r'id="data">(.*?)</script>', page_file.read_text("utf-8"))
    found = json.loads(data, parse_constant=lambda name: pytest.fail(name))
    assert found["title"] == "\udcff \u2028 é"


def test_a_page_that_would_be_too_large_has_fewer_units(
    traced: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = write_page(traced, tmp_path / "a.html")
    monkeypatch.setattr(page, "MAX_BYTES", whole.stat().st_size - 1000)
    found = traced.find("space", most=1)
    smaller = write_page(traced, tmp_path / "b.html", title="x", findings=[found])
    assert smaller.stat().st_size <= whole.stat().st_size - 1000 < MAX_BYTES
    text = smaller.read_text(encoding="utf-8")
    assert "units of each layer that move most" in text
    kept = re.findall(r'"units":(\[[0-9,]*\])', text)
    layer = list(traced.layers).index(found.units[0].layer)
    assert str(found.units[0].unit) in kept[layer]
    monkeypatch.setattr(page, "MAX_BYTES", 20_000)
    with pytest.raises(UsageError, match="too many for a page"):
        write_page(traced, tmp_path / "c.html")
    with pytest.raises(UsageError, match=r"must end in \.html"):
        write_page(traced, tmp_path / "c.png")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not BROWSER:
        pytest.skip("needs Chromium: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield opened
        opened.close()


def _open(browser: Any, path: Path, width: int, scheme: str = "light") -> tuple[Any, list[str]]:
    """A page in a browser without a network, and what went wrong in it."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
    )
    opened, wrong = context.new_page(), []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda message: wrong.append(message.text))
    opened.on(
        "request",
        lambda one: None if one.url.startswith(("file:", "data:")) else wrong.append(one.url),
    )
    opened.goto(path.as_uri())
    opened.wait_for_selector("html[data-ready=yes]")
    return opened, wrong


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_page_is_used_by_mouse_and_keyboard(
    browser: Any, traced: Trace, tmp_path: Path, width: int, scheme: str
) -> None:
    made = write_page(
        traced,
        tmp_path / "a.html",
        title="a model",
        highway=highway_of(character_network("lstm", units=12), subject()),
        findings=[traced.find("space", most=2)],
    )
    opened, wrong = _open(browser, made, width, scheme)
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    background = opened.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = max(map(int, re.findall(r"\d+", background))) < 60
    assert dark == (scheme == "dark")
    opened.keyboard.press("t")
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") != background

    opened.select_option("#layer", "0")
    opened.select_option("#array", "f")
    opened.keyboard.press("Escape")
    opened.evaluate("document.activeElement.blur()")
    before = int(opened.input_value("#unit"))
    opened.keyboard.press("ArrowDown" if before < 11 else "ArrowUp")
    assert abs(int(opened.input_value("#unit")) - before) == 1
    opened.keyboard.press("ArrowRight")
    assert opened.inner_text("#stepname").startswith(str(len(TEXT) // 2 + 1))
    opened.keyboard.press("g")
    assert opened.input_value("#array") == "g"
    opened.keyboard.press("l")
    assert opened.input_value("#layer") == "1"

    unit, step = 7, 20
    opened.select_option("#array", "f")
    box = opened.locator("#map").bounding_box()
    opened.locator("#map").hover(
        position={
            "x": (step + 0.5) / len(TEXT) * box["width"],
            "y": (unit + 0.5) / 12 * box["height"],
        }
    )
    said = opened.inner_text("#hover")
    assert said.startswith(f"unit {unit}, step {step} ")
    shown = float(said.rsplit("= ", 1)[1])
    assert shown == pytest.approx(traced.gate("f", 2)[step, unit], abs=1 / 254)
    assert opened.locator("#text span").count() == len(TEXT)
    assert opened.locator("#legend span").count() == 6  # c twice by two paths, h twice by one
    opened.locator("#found button").first.click()
    assert wrong == []
    opened.context.close()


@pytest.mark.parametrize("kind", BACKDROPS)
def test_a_page_shows_what_was_read(browser: Any, traced: Trace, tmp_path: Path, kind: str) -> None:
    made = _over(traced, BACKDROPS[kind])
    attention = {"a": np.full((1, len(TEXT), len(TEXT)), 0.5, np.float32)}
    made = replace(made, attention=attention, attended={"a": ("characters", "characters")})
    opened, wrong = _open(browser, write_page(made, tmp_path / "a.html"), 900)
    colours = opened.evaluate(
        "(() => {const c = document.getElementById('picture'), g = c.getContext('2d');"
        "return new Set(g.getImageData(0, 0, c.width, c.height).data).size})()"
    )
    assert colours > 5
    opened.locator("#attention").hover()
    assert opened.inner_text("#attentionnote").endswith("0.500")
    assert wrong == []
    opened.context.close()
