"""The workspace's refusals."""

from shoal.types import ShoalError


class WorkspaceError(ShoalError):
    """A workspace refuses: it is absent, damaged, busy, full, or was asked for something it does not hold."""


class SupersededError(WorkspaceError):
    """A map is not saved: the one that it was to go on from is not shown any more."""
