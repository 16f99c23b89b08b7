"""What comes from elsewhere must not send commands to the terminal.

Vocabularies, names of tensors and of files, answers of servers: all of these end up in results and
in messages. An escape sequence in one of them could rename the window, rewrite what was printed or
type into the shell.
"""

from __future__ import annotations

import io
import re
import sys
from typing import Any

_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"
_HARMFUL = re.compile(f"[{_CONTROLS}]")
# Colours and bold type are Click's; the carriage return and the step upwards are a progress bar's.
_OUTPUT = re.compile(rf"(\x1b\[[0-9;]{{0,20}}m)|[{_CONTROLS}]")
_MESSAGES = re.compile(rf"(\x1b\[[0-9;]{{0,20}}m|\x1b\[A|\r)|[{_CONTROLS}]")


def printable(text: object) -> str:
    """A text without control characters but tab and line break, and without marks that turn its
    direction; each becomes U+FFFD."""
    return _HARMFUL.sub("\ufffd", str(text))


def protect_terminals() -> None:
    """Let through standard output and error, where they are terminals, no escape sequence but the
    command line's own."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.isatty():
        sys.stdout = _Terminal(sys.stdout, _OUTPUT)
    if isinstance(sys.stderr, io.TextIOWrapper) and sys.stderr.isatty():
        sys.stderr = _Terminal(sys.stderr, _MESSAGES)


class _Terminal(io.TextIOWrapper):
    """A text stream to a terminal that replaces what a pattern matches outside its first group."""

    def __init__(self, stream: io.TextIOWrapper, pattern: re.Pattern[str]) -> None:
        super().__init__(stream.buffer, stream.encoding, "backslashreplace", line_buffering=True)
        self._pattern = pattern

    def write(self, text: str, /) -> int:
        super().write(self._pattern.sub(_keep, text))
        return len(text)

    def __del__(self) -> None:
        pass  # the buffer is that of the stream before, which outlives this one


def _keep(match: re.Match[str]) -> Any:
    return match[1] or "\ufffd"
