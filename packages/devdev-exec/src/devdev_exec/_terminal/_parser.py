"""Bytes to characters, controls and sequences: the state machine of a VT500.

After Paul Williams's description of DEC's parser, with UTF-8 in place of 8-bit
controls. What it does not know is swallowed to its end, never shown.
"""

import codecs
import re
from enum import Enum, auto
from typing import Protocol

# Colours, which are not kept, do not interrupt text.
_COLOUR = re.compile("\x1b\\[[0-9;:]*m")
_NO_COLOUR = re.compile(b"\x1b(?!\\[[0-9;:]*m)")
_TEXT = re.compile(f"(?:[^\x00-\x1f\x7f-\x9f]+|{_COLOUR.pattern})+")
_CSI = re.compile("\x1b\\[([<-?]?)([0-9;:]*)([ -/]*)([@-~])")
_CONTROL = re.compile("[\x00-\x17\x19\x1c-\x1f]+")
_STRING = re.compile("[^\x07\x18\x1a\x1b]+")

_SEQUENCE_MAX = 256  # characters; a longer one is swallowed
_STRING_MAX = 4096  # characters that are kept of a string
_NUMBER_DIGITS = 5  # more than any number that means something


class Handler(Protocol):
    """What is told of each."""

    def show(self, text: str) -> None:
        """Printable characters."""
        ...

    def control(self, code: str) -> None:
        """A control character of C0."""
        ...

    def escape(self, intermediates: str, final: str) -> None:
        """An escape sequence."""
        ...

    def csi(self, private: str, numbers: list[int], function: str) -> None:
        """A control sequence.

        Args:
            private: its first character if that is one of <=>?, or nothing.
            numbers: its parameters, 0 where one is left out; without sub-parameters.
            function: the rest: intermediates and final character.
        """
        ...

    def osc(self, text: str) -> None:
        """An operating system command."""
        ...


class _State(Enum):
    GROUND = auto()
    ESCAPE = auto()
    CSI = auto()
    OSC = auto()
    STRING = auto()
    """DCS, SOS, PM, APC, and screen's title: to be swallowed."""


class Parser:
    """Takes bytes in pieces of any size."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._state = _State.GROUND
        self._collected = ""

    @property
    def is_in_ground(self) -> bool:
        """Whether the next byte begins something."""
        return self._state is _State.GROUND

    def reset(self) -> None:
        """Forget the beginning of a character."""
        self._decoder.reset()

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        text = self._decoder.decode(data)
        position = 0
        while position < len(text):
            if self._state is _State.GROUND:
                position = self._take_ground(text, position)
            elif self._state in (_State.OSC, _State.STRING):
                position = self._take_string(text, position)
            else:
                self._take(text[position])
                position += 1

    def _take_ground(self, text: str, position: int) -> int:
        """Take text, a whole control sequence, controls, or one character."""
        match = _TEXT.match(text, position)
        if match is not None:
            shown = _COLOUR.sub("", match[0])
            if shown:
                self._handler.show(shown)
            return match.end()
        match = _CSI.match(text, position)
        if match is not None:
            self._dispatch_csi(match)
            return match.end()
        match = _CONTROL.match(text, position)
        if match is not None:
            for character in match[0]:
                self._handler.control(character)
            return match.end()
        self._take(text[position])
        return position + 1

    def _take_string(self, text: str, position: int) -> int:
        match = _STRING.match(text, position)
        if match is None:
            self._take(text[position])
            return position + 1
        room = _STRING_MAX - len(self._collected)
        self._collected += match[0][:room]
        return match.end()

    def _take(self, character: str) -> None:
        if character in "\x18\x1a":  # CAN, SUB
            self._enter(_State.GROUND)
        elif character == "\x1b":
            self._end_string()
            self._enter(_State.ESCAPE)
        elif self._state in (_State.OSC, _State.STRING):
            if character == "\x07" and self._state is _State.OSC:
                self._end_string()
                self._enter(_State.GROUND)
        elif character < "\x20":
            self._handler.control(character)
        elif self._state is _State.ESCAPE:
            self._take_escape(character)
        elif self._state is _State.CSI:
            self._take_csi(character)

    def _enter(self, state: _State) -> None:
        self._state = state
        self._collected = ""

    def _take_escape(self, character: str) -> None:
        if " " <= character <= "/":
            self._collected = (self._collected + character)[:_SEQUENCE_MAX]
        elif self._collected or character not in "[]PX^_k":
            collected = self._collected
            self._enter(_State.GROUND)
            if character <= "~":
                self._handler.escape(collected, character)
        elif character == "[":
            self._enter(_State.CSI)
        else:
            self._enter(_State.OSC if character == "]" else _State.STRING)

    def _take_csi(self, character: str) -> None:
        self._collected = (self._collected + character)[:_SEQUENCE_MAX]
        if "@" <= character <= "~":
            match = _CSI.fullmatch("\x1b[" + self._collected)
            self._enter(_State.GROUND)
            if match is not None:
                self._dispatch_csi(match)

    def _dispatch_csi(self, match: re.Match[str]) -> None:
        private, parameters, intermediates, final = match.groups()
        numbers = [_number(each) for each in parameters.split(";")]
        self._handler.csi(private, numbers, intermediates + final)

    def _end_string(self) -> None:
        if self._state is _State.OSC:
            self._handler.osc(self._collected)


def only_shows(data: bytes) -> bool:
    """Whether bytes do no more than to show text, to colour it, and to move on."""
    if b"\x0e" in data or b"\x0f" in data:
        return False
    return _NO_COLOUR.search(data) is None


def _number(parameter: str) -> int:
    """A parameter; what follows a colon refines it, which is for colours only."""
    digits = parameter.partition(":")[0].lstrip("0")
    return int(digits[:_NUMBER_DIGITS] or 0)
