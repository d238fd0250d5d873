"""The workspace: a small transactional catalogue and immutable files. Nothing saved is ever lost."""

from shoal.workspace.backbone import BackboneRow
from shoal.workspace.classes import ClassRow
from shoal.workspace.columns import ColumnRow
from shoal.workspace.errors import SupersededError, WorkspaceError
from shoal.workspace.events import Event, Written
from shoal.workspace.items import Counts, FileFacts, ItemRow, Items
from shoal.workspace.jobs import JobRow, Jobs
from shoal.workspace.labelled import LabelledItem
from shoal.workspace.labels import LabelLog
from shoal.workspace.maps import MapRow
from shoal.workspace.reconcile import ScanReport
from shoal.workspace.rounds import Learned, Predictions, RoundRow
from shoal.workspace.workspace import Workspace

__all__ = [
    "BackboneRow",
    "ClassRow",
    "ColumnRow",
    "Counts",
    "Event",
    "FileFacts",
    "ItemRow",
    "Items",
    "JobRow",
    "Jobs",
    "LabelLog",
    "LabelledItem",
    "Learned",
    "MapRow",
    "Predictions",
    "RoundRow",
    "ScanReport",
    "SupersededError",
    "Workspace",
    "WorkspaceError",
    "Written",
]
