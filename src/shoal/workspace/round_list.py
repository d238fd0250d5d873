"""The rounds of a workspace as a person counts them: new images placed on a round's map make no round."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shoal.types import ShoalError
from shoal.workspace.rounds import RoundRow

if TYPE_CHECKING:
    from shoal.workspace.workspace import Workspace

PLACED = "placed"
"""What the report of a round says where it only took in new images."""


@dataclass(frozen=True, slots=True)
class RoundLine:
    """A round that was learned, the newest row that shows it, and whether it is the current one."""

    row: RoundRow
    newest: RoundRow
    current: bool


def round_lines(workspace: "Workspace") -> list[RoundLine]:
    """List the rounds that were learned, oldest first."""
    current = workspace.rounds.current()
    rows = workspace.rounds.rows()  # after it, so that a round saved meanwhile is among them
    learned = _numbers(rows)
    shown = learned[current.id] if current else None
    newest = {learned[row.id]: row for row in rows}
    return [RoundLine(row, newest[row.id], row.id == shown) for row in rows if learned[row.id] == row.id]


def learned_numbers(workspace: "Workspace") -> dict[int, int]:
    """Return for the number of every row that of the round which it shows."""
    return _numbers(workspace.rounds.rows())


def choose_round(workspace: "Workspace", number: int) -> RoundRow:
    """Show the map of a round again, the newest that was made of it; return its row.

    Raises `ShoalError` naming the rounds there are for another number.
    """
    lines = round_lines(workspace)
    for line in lines:
        if line.row.id == number:
            workspace.choose_map(line.newest.map_id)
            return line.row
    known = ", ".join(str(line.row.id) for line in lines)
    raise ShoalError(f"there is no round {number} that was learned. There are: {known or 'none'}.")


def _numbers(rows: Sequence[RoundRow]) -> dict[int, int]:
    by_id = {row.id: row for row in rows}
    return {row.id: _learned(row, by_id) for row in rows}


def _learned(row: RoundRow, by_id: Mapping[int, RoundRow]) -> int:
    """Return the number of the round that a row shows: where it only took in images, that of a parent."""
    while PLACED in row.report and row.parent is not None and row.parent in by_id:
        row = by_id[row.parent]
    return row.id
