"""Audio to mono samples: reading, mixing, resampling, cutting at silences."""

from zoo.speech.audio.channels import Channel
from zoo.speech.audio.opening import AudioSource, Peeked, name_of
from zoo.speech.audio.reading import (
    MAX_HOURS,
    audio_seconds,
    iter_audio_blocks,
    live_blocks,
    read_audio,
)
from zoo.speech.audio.samples import (
    MAX_CHANNELS,
    MAX_RATE,
    MIN_RATE,
    SAMPLE_RATE,
    PcmReader,
    check_number,
    pcm_to_float,
    to_float,
)
from zoo.speech.audio.silences import AudioPiece, split_at_silences

__all__ = [
    "MAX_CHANNELS",
    "MAX_HOURS",
    "MAX_RATE",
    "MIN_RATE",
    "SAMPLE_RATE",
    "AudioPiece",
    "AudioSource",
    "Channel",
    "PcmReader",
    "Peeked",
    "audio_seconds",
    "check_number",
    "iter_audio_blocks",
    "live_blocks",
    "name_of",
    "pcm_to_float",
    "read_audio",
    "split_at_silences",
    "to_float",
]
