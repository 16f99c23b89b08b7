"""A picture of one recording: what the recogniser hears, what it thinks, what it writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.plots import check_format, plain, save_picture

if TYPE_CHECKING:
    from zoo.speech.results import Transcript

_INCHES_A_SECOND = 1.6
_GAP = 3.0  # outputs; where they are further apart, something was left out


def draw_recording(
    path: Path,
    log_mel: np.ndarray,
    frame_seconds: float,
    log_probs: np.ndarray,
    times: np.ndarray,
    output_seconds: float,
    labels: tuple[str, ...],
    transcript: Transcript,
) -> Path:
    """Draw features, posteriors and words over one time axis.

    Args:
        path: where to; its ending is one of :data:`~zoo.plots.FORMATS`.
        log_mel: ``(frames, bins)`` of the whole recording.
        frame_seconds: seconds from one frame to the next.
        log_probs: ``(outputs, labels)``.
        times: ``(outputs,)``, seconds at which each begins; between two that are further apart than
            ``output_seconds`` the network heard nothing.
        output_seconds: seconds from one output to the next.
        labels: text of each, ``""`` for the blank.
        transcript: the words.

    Returns:
        ``path``.

    Raises:
        UsageError: the ending is another.
        ZooError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    check_format(path)
    seconds = max(transcript.seconds, output_seconds)
    figure = Figure((min(40.0, max(6.0, _INCHES_A_SECOND * seconds)), 5.5), layout="constrained")
    top, middle, bottom = figure.subplots(
        3, 1, sharex=True, gridspec_kw={"height_ratios": (3, 3, 0.8)}
    )
    if len(log_mel):
        extent = (0.0, len(log_mel) * frame_seconds, 0.0, float(log_mel.shape[1]))
        top.imshow(log_mel.T, origin="lower", aspect="auto", extent=extent, cmap="magma")
    top.set_ylabel("mel bin")
    _draw_posteriors(middle, np.exp(log_probs), times, output_seconds, labels)
    for start, end in _left_out(times, output_seconds, transcript.seconds):
        middle.axvspan(start, end, facecolor="0.97", edgecolor="0.85", hatch="//", linewidth=0)
    for word in transcript.words:
        bottom.axvspan(word.start, word.end, color="0.88")
        place = (word.start + word.end) / 2
        bottom.text(place, 0.5, plain(word.text), ha="center", va="center", alpha=_shade(word))
    bottom.set(yticks=[], ylim=(0, 1), xlim=(0, seconds), xlabel="seconds")
    bottom.set_ylabel("words")
    figure.suptitle(plain(transcript.text) or "(nothing)", fontsize=11)
    return save_picture(figure, path)


def _left_out(times: np.ndarray, step: float, end: float) -> list[tuple[float, float]]:
    """From when to when the network heard nothing, for longer than a few outputs."""
    starts = np.append(0.0, times + step)
    ends = np.append(times, max(end, starts[-1]))
    gaps = zip(starts, ends, strict=True)
    return [(float(a), float(b)) for a, b in gaps if b - a > _GAP * step]


def _draw_posteriors(
    axes: Any, probs: np.ndarray, times: np.ndarray, step: float, labels: tuple[str, ...]
) -> None:
    """A curve for each label that is ever likely, with its name at its peaks."""
    time = times + step / 2
    breaks = np.flatnonzero(np.diff(times) > (1 + _GAP) * step) + 1
    gapped = np.insert(time, breaks, np.nan)
    for label, text in enumerate(labels):
        curve = probs[:, label]
        drawn = np.insert(curve, breaks, np.nan)
        if not text:
            axes.plot(gapped, drawn, color="0.75", linewidth=1, label="blank")
            continue
        if curve.max(initial=0.0) < 0.2:
            continue
        (line,) = axes.plot(gapped, drawn, linewidth=1.2)
        inside = np.pad(curve, 1)
        peaks = (curve >= 0.2) & (curve >= inside[:-2]) & (curve > inside[2:])
        for at in np.flatnonzero(peaks):
            shown = "␣" if text == " " else plain(text)
            axes.text(time[at], curve[at] + 0.02, shown, ha="center", color=line.get_color())
    axes.set(ylabel="posterior", ylim=(0, 1.15))


def _shade(word: Any) -> float:
    """Unsure words are pale."""
    return float(0.35 + 0.65 * word.confidence)
