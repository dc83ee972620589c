"""Keeps the state of a filesystem in a directory of the host (docs/durability.md).

A directory has a *base*, the whole state, and *changes*, each of which goes on from
the save before it. A save is written beside the others, synced, and gets its name
when it is complete; nothing that is there is ever changed.
"""

from devdev_mount._state._keeper import Keeper as Keeper
from devdev_mount._state._options import StateOptions as StateOptions
