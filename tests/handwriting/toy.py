"""A small script of strokes, readers of it, and pages, that the handwriting tests share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

LABELS = ("", " ", *"loizv")
_TURN = np.linspace(0, 2 * np.pi, 24)
GLYPHS: dict[str, list[np.ndarray]] = {
    # Unit: the height of a small letter; y downwards, 0 is the line that letters stand on.
    "l": [np.stack([np.full(20, 0.1), np.linspace(-2.0, 0.0, 20)], axis=1)],
    "o": [np.stack([0.45 + 0.45 * np.sin(_TURN), -0.5 - 0.5 * np.cos(_TURN)], axis=1)],
    "i": [
        np.stack([np.full(12, 0.1), np.linspace(-1.0, 0.0, 12)], axis=1),
        np.array([[0.1, -1.5], [0.12, -1.45]]),
    ],
    "z": [np.array([[0.0, -1.0], [0.4, -1.0], [0.8, -1.0], [0.4, -0.5], [0.0, 0.0], [0.8, 0.0]])],
    "v": [np.array([[0.0, -1.0], [0.2, -0.5], [0.4, 0.0], [0.6, -0.5], [0.8, -1.0]])],
}
_WIDTHS = {"l": 0.2, "o": 0.9, "i": 0.2, "z": 0.8, "v": 0.8, " ": 0.8}


def write(
    text: str, rng: np.random.Generator | None = None, scale: float = 20.0
) -> list[np.ndarray]:
    """A text of the script as strokes, with a hand's irregularity if there is a generator."""
    strokes, x = [], 0.0
    for character in text:
        for stroke in GLYPHS.get(character, ()):
            own = stroke + np.array([x, 0.0])
            if rng is not None:
                own = own + 0.05 * rng.standard_normal(2) + 0.01 * rng.standard_normal(own.shape)
            strokes.append(scale * own)
        x += _WIDTHS[character] + (0.35 if rng is None else rng.uniform(0.25, 0.45))
    return strokes


def draw(text: str, rng: np.random.Generator | None = None) -> np.ndarray:
    """A text of the script as an image, black on white."""
    from zoo.handwriting.training.ink_rendering import plain_image

    return plain_image(write(text, rng))


def some_text(rng: np.random.Generator, words: int = 2) -> str:
    """A text of a few words."""
    return " ".join("".join(rng.choice(list("loizv"), rng.integers(2, 5))) for _ in range(words))


def make_reader(
    architecture: str, labels: tuple[str, ...] = LABELS, loud: float = 2.0, **values: Any
) -> Any:
    """An untrained reader that writes a lot, the same for the same values.

    Args:
        architecture: its registered name.
        labels: of its alphabet.
        loud: what the weights are multiplied by, so that outputs differ from place to place.
        **values: of the builder.
    """
    import keras

    from zoo.catalogue import registry
    from zoo.ctc.alphabet import Alphabet
    from zoo.handwriting.ink import InkNormaliser
    from zoo.handwriting.line_image import LineNormaliser
    from zoo.handwriting.processor import Lines, Pen
    from zoo.loading import make_task

    entry = registry().architecture(architecture)
    alphabet = Alphabet(labels)
    small: dict[str, Any] = {"units": 24, "channels": 4, "layers": 1} | values
    if architecture == "crnn":
        processor: Any = Lines(LineNormaliser(), alphabet)
        small = {"projection": 24} | small
    else:
        processor = Pen(InkNormaliser(), alphabet)
    config = entry.load("config")(labels=len(labels), **small)
    keras.utils.set_random_seed(5)
    network = entry.load("builder")(config)
    for variable in network.weights:
        variable.assign(loud * variable.numpy())
    card = {"name": f"{architecture}.tiny", "languages": ["en"], "license": "apache-2.0"}
    return make_task(architecture, network, config, processor, card)


def save_ink(path: Path, text: str, rng: np.random.Generator | None = None) -> Path:
    """A text of the script as an InkML file."""
    traces = "".join(
        "<trace>" + ", ".join(f"{x:.3f} {y:.3f}" for x, y in stroke) + "</trace>"
        for stroke in write(text, rng or np.random.default_rng(0))
    )
    path.write_text(f"<ink>{traces}</ink>")
    return path


_ALTO = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Description>'
    "<MeasurementUnit>pixel</MeasurementUnit><sourceImageInformation><fileName>{name}.png"
    "</fileName></sourceImageInformation></Description><Layout>"
    '<Page WIDTH="{width}" HEIGHT="{height}" ID="p"><PrintSpace><TextBlock ID="b">{lines}'
    "</TextBlock></PrintSpace></Page></Layout></alto>\n"
)
_ALTO_LINE = (
    '<TextLine ID="line_{number}" BASELINE="{left} {base} {right} {base}" HPOS="{left}" '
    'VPOS="{top}" WIDTH="{width}" HEIGHT="{height}"><Shape><Polygon '
    'POINTS="{left} {top} {right} {top} {right} {bottom} {left} {bottom}"/></Shape>'
    '<String CONTENT="{text}"/></TextLine>'
)
_PAGE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">'
    '<Page imageFilename="{name}.png" imageWidth="{width}" imageHeight="{height}">'
    '<TextRegion id="b">{lines}</TextRegion></Page></PcGts>\n'
)
_PAGE_LINE = (
    '<TextLine id="line_{number}">'
    '<Coords points="{left},{top} {right},{top} {right},{bottom} {left},{bottom}"/>'
    '<Baseline points="{left},{base} {right},{base}"/>'
    "<TextEquiv><Unicode>{text}</Unicode></TextEquiv></TextLine>"
)


def write_page(
    folder: Path, texts: list[str], name: str = "page", kind: str = "alto"
) -> tuple[Path, np.ndarray]:
    """A page of lines with its ALTO or PAGE file; gives the file and the page."""
    from PIL import Image

    lines = [draw(text, np.random.default_rng(number)) for number, text in enumerate(texts)]
    step = max(len(line) for line in lines) + 20
    page = np.full(
        (step * len(lines) + 40, max(line.shape[1] for line in lines) + 80), 255, np.uint8
    )
    entries = []
    for number, (line, text) in enumerate(zip(lines, texts, strict=True)):
        top, (height, width) = 20 + number * step, line.shape
        page[top : top + height, 40 : 40 + width] = line
        entries.append(
            (_ALTO_LINE if kind == "alto" else _PAGE_LINE).format(
                number=number,
                text=text,
                left=40,
                right=40 + width,
                top=top,
                bottom=top + height,
                base=top + height - 10,
                width=width,
                height=height,
            )
        )
    Image.fromarray(page).save(folder / f"{name}.png")
    path = folder / f"{name}.xml"
    whole = _ALTO if kind == "alto" else _PAGE
    path.write_text(
        whole.format(name=name, width=page.shape[1], height=page.shape[0], lines="".join(entries)),
        encoding="utf-8",
    )
    return path, page


def write_folder(folder: Path, count: int, header: bool = False, pen: bool = False) -> Path:
    """Lines of the script with their table."""
    folder.mkdir()
    from PIL import Image

    rows = ["file\ttext\tsplit"] if header else []
    for number in range(count):
        rng = np.random.default_rng(number)
        text = some_text(rng, 1)
        name = f"{number:03d}.{'inkml' if pen else 'png'}"
        if pen:
            save_ink(folder / name, text, rng)
        else:
            Image.fromarray(draw(text, rng)).save(folder / name)
        split = ("train", "val", "test")[number % 3] if header else ""
        rows.append(f"{name}\t{text}\t{split}" if header else f"{name}\t{text}")
    (folder / "lines.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder
