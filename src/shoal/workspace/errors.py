"""The workspace's refusals."""

from shoal.types import ShoalError


class WorkspaceError(ShoalError):
    """A workspace refuses: it is absent, damaged, busy, full, or was asked for something it does not hold."""
