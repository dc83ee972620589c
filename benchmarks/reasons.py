"""Why a contender does better than this project's store in a row, where it does.

What a row's name begins with, and the contender: the first that fits is the reason.
"""

_PLAIN_DICT = (
    "one dictionary of whole paths: nothing is walked, and there are no inodes, "
    "permissions, links, quotas, locks or times of access to be kept"
)
_ONE_BUFFER = (
    "a file is one buffer that is changed in place, and seek, read and write are those "
    "of BytesIO: here each call is an operation under the lock, checked and stamped, "
    "and replaces pages that versions may share"
)
_ONE_COPY = (
    "a file is one buffer: a read is one copy out of it, here it is put together from "
    "blocks of 256 KiB, or from pages where it was changed in part"
)
_NO_INODE = "a file has no owner, mode, number, link count or version"

REASONS = {
    ("mkdir", "fsspec"): _PLAIN_DICT,
    ("create", "fsspec"): _PLAIN_DICT,
    ("read", "fsspec"): _PLAIN_DICT,
    ("remove", "fsspec"): _PLAIN_DICT,
    ("copy", "fsspec"): _PLAIN_DICT,
    ("write_large", "fsspec"): "a buffer that grows in place, and no quota",
    ("read_large", "fsspec"): _ONE_COPY,
    ("read_at", "fsspec"): _ONE_BUFFER,
    ("write_at", "fsspec"): _ONE_BUFFER,
    ("memory", "fsspec"): _NO_INODE,
    ("create", "PyFilesystem2"): "no inode, and no quota",
    ("rename", "PyFilesystem2"): (
        "an entry is put from one dictionary into another: no links, no listings that "
        "go on while names change, no versions to keep apart"
    ),
    (
        "list",
        "PyFilesystem2",
    ): "the keys of a dictionary, which keeps no time of access",
    ("write_large", "PyFilesystem2"): "a buffer that grows in place, and no quota",
    ("read_large", "PyFilesystem2"): _ONE_COPY,
    ("read_at", "PyFilesystem2"): _ONE_BUFFER,
    ("write_at", "PyFilesystem2"): _ONE_BUFFER,
    ("read_large", "pyfakefs"): _ONE_COPY,
    ("memory", "pyfakefs"): "one object a file, without a version",
    ("load", "tar"): (
        "the content is taken as it is: a header of tar has a checksum, content none. "
        "`tar, checked` compares the SHA-256 of each file, as loading a snapshot does"
    ),
    ("load", "tar, checked"): (
        "no permissions, links and names of inodes are checked, and no directories made"
    ),
    ("dump", "pickle"): "one copy of each value: nothing is named by what it holds",
    ("load", "pickle"): (
        "one copy of each value, without a check, into a dictionary; it would also "
        "run what an image tells it to"
    ),
}


def reasons_for(row: str) -> dict[str, str]:
    """By contender, why it does better in a row."""
    fitting = [key for key in REASONS if row == key[0] or row.startswith(f"{key[0]}_")]
    # The longest name last: it is the one that stays.
    return {
        key[1]: REASONS[key] for key in sorted(fitting, key=lambda key: len(key[0]))
    }
