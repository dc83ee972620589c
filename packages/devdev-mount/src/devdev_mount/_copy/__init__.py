"""The `copy` driver: no mount, but a host directory kept in step with a filesystem."""

from devdev_mount._copy._session import CopyDriver as CopyDriver
