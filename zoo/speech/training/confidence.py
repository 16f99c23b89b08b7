"""Confidences and doubts of speech recognisers, and what their cards say of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict

import numpy as np

from zoo.ctc.calibration import unfamiliarity
from zoo.ctc.search import NEVER
from zoo.ctc.training.calibration import calibrate, unfamiliarity_limit
from zoo.ctc.training.confidence import FACT, fit_confidences
from zoo.speech.processor import Utterance
from zoo.speech.recognition import SpeechRecognition

Others = Mapping[str, Sequence[np.ndarray]]


def fit_transcripts(
    model: SpeechRecognition,
    outputs: Sequence[np.ndarray],
    references: Sequence[str],
    others: Others | None = None,
) -> None:
    """Fit a recogniser's confidences and doubts to held-out speech, and note them on its card.

    Args:
        model: a speech recognition task.
        outputs: ``(outputs, labels)`` log-probabilities of utterances that it was not trained on.
        references: what they say.
        others: outputs for utterances of other speech, by what they are; the card says what share
            of them is doubted.
    """
    alphabet = model.processor.alphabet
    fitted = calibrate(model.searches.settings, alphabet, outputs, references)
    model.set_search({**model.decoder, **asdict(fitted)}, model.files)
    said = [fit_confidences(model, outputs, references, "transcript")]
    blank = alphabet.blank
    limit = unfamiliarity_limit(outputs, blank)
    model.set_search({**model.decoder, "doubtful_unfamiliarity": limit}, model.files)
    if limit < NEVER:
        said.append(
            "A transcript is doubted, and the command line prints a warning, above an "
            f"unfamiliarity of {limit:.3g} nats a letter: that of "
            f"{_share(outputs, blank, limit)} validation utterances"
        )
        for what, unknown in (others or {}).items():
            said[-1] += f", and of {_share(unknown, blank, limit)} {what}"
        said[-1] += "."
    model.card[FACT] = " ".join(filter(None, said))


def outputs_of(
    model: SpeechRecognition, utterances: Iterable[Utterance]
) -> tuple[list[np.ndarray], list[str]]:
    """What a recogniser gives for utterances, and what they say.

    Args:
        model: a speech recognition task.
        utterances: any number of them.

    Returns:
        ``(outputs, labels)`` log-probabilities, and texts.
    """
    rate = model.processor.log_mel.sample_rate
    outputs, references = [], []
    for utterance in utterances:
        outputs.append(model.log_probs(utterance.samples, rate))
        references.append(utterance.text)
    return outputs, references


def known_words(texts: Iterable[str]) -> set[str]:
    """The words of transcripts, in capitals."""
    return {word for text in texts for word in text.upper().split()}


def with_unknown_words(
    utterances: Iterable[Utterance], known: Collection[str]
) -> Iterator[Utterance]:
    """The utterances that say something that a model does not know.

    Args:
        utterances: of any corpus.
        known: the words that the model knows, in capitals.
    """
    for utterance in utterances:
        if not known_words([utterance.text]).issubset(known):
            yield utterance


def _share(outputs: Sequence[np.ndarray], blank: int, limit: float) -> str:
    above = [unfamiliarity(one, blank) > limit for one in outputs]
    return f"{100 * sum(above) / len(above):.1f} % of {len(above):,}"
