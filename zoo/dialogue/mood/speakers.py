"""Speakers of a conversation by number, in plain Python: an exported model has this file."""

SPEAKERS = 4
"""Speakers that are told apart, by the order in which they begin; the last stands for all others,
and the first for one who is not known."""


def speaker_number(speaker: str, known: list[str]) -> tuple[int, list[str]]:
    """The number of a speaker in a conversation, and the speakers known after it.

    Args:
        speaker: the name; empty for one who is not known, who is number 0.
        known: the speakers so far, in the order in which they began.
    """
    if not speaker:
        return 0, known
    after = known if speaker in known or len(known) >= SPEAKERS else [*known, speaker]
    place = after.index(speaker) + 1 if speaker in after else SPEAKERS
    return min(place, SPEAKERS - 1), after
