"""Which clips of the public originals are in the English corpus, and in which split.

No speaker is in two splits. What follows from a rule is a rule here; what does not is a list.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


TRAIN_CLEAN_5 = _names(
    "1088-134315 1088-134318 118-47824 163-122947 1737-146161 1867-154075 1898-145715 19-198 "
    "1970-28415 2136-5147 226-122538 2416-152139 32-21631 3242-8112 332-128985 3526-176653 "
    "3664-178355 3947-13262 460-172359 4640-19188 4680-16042 5789-70653 6272-70171 669-129074 "
    "6848-252323 7312-92432 7367-86737 7859-102519 8629-261139"
)
"""The chapters of Mini LibriSpeech's train-clean-5, which are chapters of train-clean-100."""

TEST_OTHER = _names(
    "1688-142285 1998-15444 2033-164914 2414-128291 2609-156975 3005-163389 3080-5032 "
    "3331-159605 367-130732 533-1066"
)
"""The chapters of test-other whose first ten utterances are a test part, a chapter a speaker."""

LIBRISPEECH_VALIDATION = _names(
    "103 1183 1447 1737 196 200 229 233 2391 289 2911 302 32 3259 3699 3857 4441 481 5022 5561 "
    "6367 669 8324"
)
"""Speakers of LibriSpeech's train-clean-100."""

SPEECHOCEAN_VALIDATION = _names("0053 0054 1044 2799 3023 5195 5218 5408 6121 6401")
"""Speakers of speechocean762's training part."""

SPEECHOCEAN_LEFT_OUT = _names(
    "000010168 000010173 000700065 001310148 001450142 001450173 060100124 070010006 070010007 "
    "070010008 070010009 070010011 070010014 070010015 070010016 070010017 070010018 070010019 "
    "070010020 080020004 080020011 080020016 096090003 096160001 096160002"
)
"""Utterances of speechocean762's training part that the prepared set does not have."""

_OTHER_UTTERANCES = 10
_TENTH = 10

Place = tuple[str, str]
"""A set of the corpus, such as ``ls_train5``, and ``train``, ``dev`` or ``test``."""


def place_train_clean(utterances: Iterable[str]) -> dict[str, Place]:
    """Where utterances of train-clean-100 are: train-clean-5, and the first of each speaker.

    Args:
        utterances: all of train-clean-100, ``SPEAKER-CHAPTER-NUMBER``.
    """
    places: dict[str, Place] = {}
    speakers: set[str] = set()
    for name in sorted(utterances):
        chapter, _, _ = name.rpartition("-")
        speaker = name.partition("-")[0]
        split = "dev" if speaker in LIBRISPEECH_VALIDATION else "train"
        if chapter in TRAIN_CLEAN_5:
            places[name] = ("ls_train5", split)
        elif speaker not in speakers:
            places[name] = ("ls_tc100_one", split)
        speakers.add(speaker)
    return places


def place_test_clean(utterances: Iterable[str]) -> dict[str, Place]:
    """Where utterances of test-clean are: every tenth is in a test part.

    Args:
        utterances: all of test-clean.
    """
    return dict.fromkeys(sorted(utterances)[::_TENTH], ("ls_test_clean_tenth", "test"))


def place_test_other(utterances: Iterable[str]) -> dict[str, Place]:
    """Where utterances of test-other are: ten of each of ten speakers are a test part.

    Args:
        utterances: of test-other.
    """
    return {
        name: ("ls_test_other100", "test")
        for name in utterances
        if name.rpartition("-")[0] in TEST_OTHER
        and int(name.rpartition("-")[2]) < _OTHER_UTTERANCES
    }


def place_speechocean(utterance: str, speaker: str) -> Place | None:
    """Where an utterance of speechocean762's training part is, or ``None`` if it is left out."""
    if utterance in SPEECHOCEAN_LEFT_OUT:
        return None
    return "so762_train", "dev" if speaker in SPEECHOCEAN_VALIDATION else "train"


def common_voice_clips() -> dict[int, tuple[str, str]]:
    """Speaker and split of each clip of Common Voice, by its number.

    They come from a table in this package: Common Voice's tables identify speakers by long keys,
    and some of the public copies leave even these out.
    """
    table = Path(__file__).with_name("common_voice_clips.tsv").read_text(encoding="utf-8")
    places: dict[int, tuple[str, str]] = {}
    for line in table.splitlines()[1:]:
        speaker, split, clips = line.split("\t")
        places |= dict.fromkeys(map(int, clips.split()), (speaker, split))
    return places
