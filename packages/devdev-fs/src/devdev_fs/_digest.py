"""Digests: `tree_digest` (the same tree?) and `image_digest` (the same state?)."""

from devdev_fs import _record, _treedigest
from devdev_fs._image import Image
from devdev_fs._namei import find


def image_digest(image: Image) -> str:
    """See `FsBase.image_digest`."""
    return _record.image_digest(image).hex()


def tree_digest(image: Image, path: str | bytes) -> str:
    """See `FsBase.tree_digest`."""
    return _treedigest.tree_digest(image, find(image, path)).hex()
