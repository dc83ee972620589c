"""What is refused, and with which status."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from devdev_mount._winfsp._ntstatus import NtStatus

from tests.windows.nt import NtFailure


@contextmanager
def refused(status: NtStatus) -> Iterator[None]:
    with pytest.raises(NtFailure) as failure:
        yield
    assert failure.value.status is status
