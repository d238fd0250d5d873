"""What the label log says: the labels now or at any earlier event, the classes, the history."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from shoal.workspace.catalogue import Catalogue
from shoal.workspace.classes import ClassRow, family
from shoal.workspace.errors import WorkspaceError
from shoal.workspace.events import IMPORT, Event, as_event, event_query, newest, rows_of
from shoal.workspace.items import REMOVED, ItemTable, id_count
from shoal.workspace.replay import (
    CLASS_GESTURES,
    ITEM_GESTURES,
    REJECT,
    LabelState,
    catch_up,
    gestures,
    rejections,
)
from shoal.workspace.tables import events, shown


class LogReader:
    """Answers what the labels are, now or at any earlier event; follows the events of other processes."""

    def __init__(self, catalogue: Catalogue, table: ItemTable) -> None:
        self._catalogue = catalogue
        self._items = table
        self._lock = threading.Lock()
        self._state = LabelState()
        self._rejected = -1, (np.empty(0, np.int64), np.empty(0, np.int32))

    def current(self) -> NDArray[np.int32]:
        """Return the class id by item id (N,), UNLABELLED elsewhere; the array is read-only."""
        return self.labels_and_provenance()[0]

    def provenance(self) -> NDArray[np.int64]:
        """Return by item id (N,) the event that gave or took its label last; -1 where none did."""
        return self.labels_and_provenance()[1]

    def items_of(self, seq: int) -> NDArray[np.int64]:
        """Return the ids (N,) that event `seq` is about: those it named, or those of its class now.

        Raises `WorkspaceError` when there is no such event.
        """
        with self._catalogue.read() as connection:
            found = rows_of(connection, [seq])
            if not found:
                raise WorkspaceError(f"there is no label event {seq}.")
            with self._following(connection) as state:
                return touched(connection, state, found)

    def changed_since(self, seq: int) -> tuple[int, NDArray[np.int64], NDArray[np.int32]]:
        """Return the newest event, and ids (N,) with their labels (N,) now that hold all changes since `seq`.

        Some of them may read as before. Raises `WorkspaceError` when the log does not reach `seq`.
        """
        with self._catalogue.read() as connection, self._following(connection) as state:
            if not 0 <= seq <= state.seq:
                raise WorkspaceError(f"there is no label event {seq}: the log has 1 to {state.seq}.")
            query = event_query().where(events.c.seq > seq).order_by(events.c.seq)
            ids = touched(connection, state, connection.execute(query).all())
            return state.seq, ids, state.labels[ids]

    def labels_and_provenance(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return `current()` and `provenance()` as of the same event."""
        with self._following() as state:
            return state.labels, state.deciders

    def rejected(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return which items (M,) were said not to be of which classes (M,); ids ascending."""
        with self._catalogue.read() as connection, self._following(connection) as state:
            if self._rejected[0] != state.seq:
                self._rejected = state.seq, rejections(connection, state)
            return self._rejected[1]

    def as_now(self, class_ids: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return class ids (N,) as they read now: merged ones as what they became, deleted ones as -1."""
        with self._following() as state:
            return state.classes.shown(class_ids)

    def at(self, seq: int) -> NDArray[np.int32]:
        """Return the labels (N,) as they were right after event `seq`; 0 is before the first.

        Raises `WorkspaceError` when the log does not reach so far.
        """
        if not 0 <= seq <= self.seq():
            raise WorkspaceError(f"there is no label event {seq}: the log has the events 1 to {self.seq()}.")
        state = LabelState()
        with self._catalogue.read() as connection:
            catch_up(connection, state, total=id_count(connection), upto=seq)
        return state.labels

    def seq(self) -> int:
        """Return the number of the newest event, 0 when there is none."""
        with self._catalogue.read() as connection:
            return newest(connection)

    def classes(self) -> list[ClassRow]:
        """List the classes in the order of their ids, with their counts."""
        with self._following() as state:
            labels, table = state.labels, state.classes
        there = self._items.columns().status != REMOVED
        counted = labels[: len(there)][there[: len(labels)]]
        counts = np.bincount(counted[counted >= 0], minlength=len(table.names)).tolist()
        keys = table.keys()
        return [
            ClassRow(id, table.names[id], counts[id], keys.get(id), table.colours.get(id))
            for id in table.alive()
        ]

    def next_class(self) -> int:
        """Return the id that the next new class gets: those of classes that are gone are not given again."""
        with self._following() as state:
            return len(state.births)

    def count(self, label: int) -> int:
        """Return how many items have this label or answer now, removed ones left out."""
        labels = self.current()
        there = self._items.columns().status != REMOVED
        return int((labels[: len(there)][there[: len(labels)]] == label).sum())

    def history(
        self,
        limit: int = 100,
        *,
        before: int | None = None,
        user: str | None = None,
        class_id: int | None = None,
    ) -> list[Event]:
        """List the newest `limit` events, newest first: those before an event, of a user, about a class."""
        query = event_query()
        if before is not None:
            query = query.where(events.c.seq < before)
        if user is not None:
            query = query.where(events.c.user == user)
        with self._catalogue.read() as connection, self._following(connection) as state:
            if class_id is not None:
                query = query.where(events.c.class_id.in_(family(class_id, state.class_events)))
            rows = connection.execute(query.order_by(events.c.seq.desc()).limit(limit)).all()
            return [as_event(row, state) for row in rows]

    def imported(self) -> NDArray[np.int64]:
        """Return the numbers (E,) of the events that brought labels from a file: nobody drew a lasso."""
        query = select(events.c.seq).where(events.c.how == IMPORT).order_by(events.c.seq)
        with self._catalogue.read() as connection:
            return np.array(connection.scalars(query).all(), dtype=np.int64)

    def users(self) -> list[str]:
        """List everybody who has written an event, in the order of their first."""
        query = select(events.c.user).group_by(events.c.user).order_by(func.min(events.c.seq))
        with self._catalogue.read() as connection:
            return list(connection.scalars(query))

    def events(self, seqs: Iterable[int]) -> dict[int, Event]:
        """Return these events by number; numbers that no event has are left out."""
        with self._catalogue.read() as connection, self._following(connection) as state:
            return {int(row.seq): as_event(row, state) for row in rows_of(connection, seqs)}

    def undoable(self, user: str) -> Event | None:
        """Return the gesture that `undo` would take back."""
        with self._following() as state:
            seq = state.next_undo(shown(user))
        return None if seq is None else self.events([seq])[seq]

    def redoable(self, user: str) -> Event | None:
        """Return the gesture that `redo` would give back."""
        with self._following() as state:
            seq = state.next_redo(shown(user))
        return None if seq is None else self.events([seq])[seq]

    @contextmanager
    def _following(self, connection: Connection | None = None) -> Iterator[LabelState]:
        """Give the state as of the newest committed event, locked; `connection` may be a writing one."""
        with self._lock, ExitStack() as stack:
            if connection is None:
                connection = stack.enter_context(self._catalogue.read())
            try:
                catch_up(connection, self._state, total=id_count(connection))
            except BaseException:
                self._state = LabelState()
                raise
            yield self._state


def touched(connection: Connection, state: LabelState, rows: Iterable[Any]) -> NDArray[np.int64]:
    """Return the ids (N,) that these events are about, through what they undo, redo or revert."""
    seen: dict[int, Any] = {}
    while rows := [row for row in rows if row.seq not in seen]:
        seen |= {row.seq: row for row in rows}
        rows = rows_of(connection, (row.target for row in rows if row.target is not None))
    chosen = np.zeros(len(state.labels), dtype=np.bool_)
    for row in seen.values():
        if row.kind in (*ITEM_GESTURES, REJECT):
            for gesture in gestures(connection, (row.seq - 1, row.seq), newest_first=False, kinds=[row.kind]):
                chosen[gesture.ids] = True
    about = {row.class_id for row in seen.values() if row.kind in CLASS_GESTURES}
    members = [one for class_id in about for one in family(class_id, state.class_events)]
    chosen |= np.isin(state.given, members)
    return np.flatnonzero(chosen)
