"""A machine that makes the same calls to the store and to a tmpfs, and compares.

What a call returns or is refused with is the same, and so is the whole tree that it
leaves: names, which inodes they mean, attributes, which of the times moved, content
and extended attributes; of files that have no name any more too, while they are open.
"""

import sys

if sys.platform != "linux":
    raise ImportError("only Linux has a tmpfs")

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tests.posix import abi, observed
from tests.posix.abi import (
    FALLOC_FL_COLLAPSE_RANGE,
    FALLOC_FL_INSERT_RANGE,
    FALLOC_FL_KEEP_SIZE,
    FALLOC_FL_PUNCH_HOLE,
    FALLOC_FL_ZERO_RANGE,
    FILE_SIZE_MAX,
    O_CREAT,
    O_DIRECTORY,
    O_PATH,
    PAGE,
    S_IFDIR,
    S_IFREG,
    SEEK_CUR,
    SEEK_DATA,
    SEEK_HOLE,
    SEEK_SET,
)
from tests.posix.cases.acls import ACCESS, DEFAULT, acl
from tests.posix.checks import ALICE, BOB, CAROL, DEVICE, TYPE_BITS, user
from tests.posix.host import HostMount, HostPosix
from tests.posix.inmemory import InMemoryPosix
from tests.posix.observed import Observed
from tests.posix.protocol import ROOT, Attributes, Posix, Target, Time, User
from tests.posix.tmpfs import Tmpfs
