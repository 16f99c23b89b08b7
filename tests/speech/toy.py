"""Small recognisers and recordings that the speech tests share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile

RATE = 16_000
LABELS = ("", " ", *"ABCDEGNOT")
UNTRAINED = {"doubtful_entropy": 1e6, "hopeless_entropy": 1e6}
"""Settings of the decoder by which what an unsure network writes is its text."""


def make_recogniser(architecture: str, **values: Any) -> Any:
    """An untrained recogniser that writes a lot, the same for the same values."""
    import keras

    from zoo.catalogue import registry
    from zoo.ctc.alphabet import Alphabet
    from zoo.loading import make_task
    from zoo.speech.features import LogMel
    from zoo.speech.processor import Speech

    entry = registry().architecture(architecture)
    log_mel = LogMel(mel_bins=40)
    if architecture == "ctc_lstm":
        log_mel = log_mel.with_prior([log_mel.log_mel(speech_like(3.0, seed=9))])
    small: dict[str, Any] = {"channels": 4, "layers": 2, "units": 24} | values
    config = entry.load("config")(labels=len(LABELS), bins=40, **small)
    keras.utils.set_random_seed(4)
    network = entry.load("builder")(config)
    # Larger weights make the outputs differ from frame to frame.
    for variable in network.weights:
        variable.assign(2.5 * variable.numpy())
    card = {"name": f"{architecture}.tiny", "languages": ["en"], "license": "apache-2.0"}
    speech = Speech(log_mel, Alphabet(LABELS))
    return make_task(architecture, network, config, speech, card, UNTRAINED)


def speech_like(seconds: float, seed: int = 0) -> np.ndarray:
    """``(samples,)`` float32: noise in bands that change every tenth of a second, with pauses."""
    rng = np.random.default_rng(seed)
    parts, count = [], round(seconds * RATE)
    while sum(map(len, parts)) < count:
        length = RATE // 10
        time = np.arange(length) / RATE
        tones = sum(np.sin(2 * np.pi * f * time) for f in rng.uniform(150, 5000, 4))
        loudness = rng.choice([0.0, 0.02, 0.1])
        parts.append(loudness * tones + 1e-3 * rng.standard_normal(length))
    # 16 bits, so that every kind of file holds them exactly.
    return (np.round(np.concatenate(parts)[:count] * 32767) / 32768).astype(np.float32)


def write_wav(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    """Write a recording as 16-bit WAV."""
    soundfile.write(path, samples, rate, subtype="PCM_16")
    return path
