"""Keeping a program from the rest of the host: opt-in, on Linux.

`_policy` says what is wanted, `_probe` what the host offers, `_contained` what to start
for a program; `_stage` is what is started: it contains itself and becomes the program.
"""

from devdev_exec._containment._contained import UNCONTAINED as UNCONTAINED
from devdev_exec._containment._contained import Contained as Contained
from devdev_exec._containment._policy import Containment as Containment
from devdev_exec._containment._policy import Limits as Limits
from devdev_exec._containment._probe import Offer as Offer
from devdev_exec._containment._probe import probe_containment as probe_containment
