"""What tests of ink share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo import load_model
from zoo.handwriting.ink_files import read_ink

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "word.inkml"


@pytest.fixture(scope="module")
def pen() -> Any:
    return load_model("pen_bilstm.unipen")


@pytest.fixture(scope="module")
def word() -> list[np.ndarray]:
    """The strokes of the sample."""
    return read_ink(SAMPLE)
