"""What root keeps of its privileges when it is contained: those over its own files."""

KEPT = {
    "CAP_CHOWN": 0,
    "CAP_DAC_OVERRIDE": 1,
    "CAP_FOWNER": 3,
    "CAP_FSETID": 4,
    "CAP_KILL": 5,
    "CAP_SETGID": 6,
    "CAP_SETUID": 7,
}
"""Names and numbers, as of capabilities(7): what unpacking, installing and becoming
another user take."""
