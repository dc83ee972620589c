"""The `copy` driver: no mount, but a host directory kept in step with a filesystem."""
