"""The rules of POSIX.1-2017 and Linux, one case each, by topic and name.

A case's name says what holds; where the rule is not obvious, its docstring says from
where it is. The values are those of the standard and the manual pages, where these
leave a choice, Linux's.
"""

from tests.posix.cases import (
    access,
    acls,
    content,
    endpoints,
    linking,
    listing,
    locks,
    making,
    mapping,
    modes,
    names,
    opening,
    owners,
    programs,
    removing,
    renaming,
    sizes,
    space,
    sticky,
    times,
    xattrs,
)
from tests.posix.table import Case

TOPICS = (
    names,
    making,
    linking,
    removing,
    renaming,
    sticky,
    modes,
    owners,
    times,
    access,
    opening,
    content,
    sizes,
    listing,
    xattrs,
    acls,
    space,
    endpoints,
    mapping,
    locks,
    programs,
)

CASES: dict[str, Case] = {}
for topic in TOPICS:
    CASES |= topic.cases
