"""Who mounts, in the tests of the winfsp driver."""

from devdev_mount._winfsp._security import Sid
from devdev_mount._winfsp._shown import Owners

ME = Owners(Sid(5, (21, 1, 2, 3, 1001)), Sid(5, (21, 1, 2, 3, 513)))
