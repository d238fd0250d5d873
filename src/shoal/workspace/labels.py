"""The label log: every gesture is one event, appended and never changed; the labels are its replay."""

import threading
import time
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, func, insert, select

from shoal.types import UNLABELLED
from shoal.workspace.catalogue import Catalogue, classes, events, shown
from shoal.workspace.errors import WorkspaceError
from shoal.workspace.items import REMOVED, ItemTable, id_count
from shoal.workspace.replay import LabelState, catch_up, distinct, encode_classes, encode_ids

NAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Written:
    """What an event says: its number, how many items it names, its class (None: no class, or several)."""

    seq: int
    count: int
    class_id: int | None


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class; `count` is how many items have it now, removed ones left out."""

    id: int
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the log. `kind` is label, clear, undo, redo or class; `time` is in s since 1970.

    `active` is False for a gesture that is undone now. `target` is the gesture that an undo or redo names,
    `round_id` the round whose predictions were accepted.
    """

    seq: int
    time: float
    user: str
    how: str
    kind: str
    class_name: str | None
    count: int
    active: bool
    map_id: int | None
    target: int | None
    round_id: int | None = None


class LabelLog:
    """Writes events and answers what the labels are, now or at any earlier event.

    Every write is durable when it returns. Every read follows the events of other processes.
    """

    def __init__(self, catalogue: Catalogue, table: ItemTable) -> None:
        self._catalogue = catalogue
        self._items = table
        self._lock = threading.Lock()
        self._state = LabelState()

    def label(
        self,
        ids: Iterable[int] | NDArray[np.integer],
        class_name: str | None,
        *,
        user: str,
        how: str,
        request_id: str | None = None,
        map_id: int | None = None,
    ) -> Written:
        """Give the items `ids` a class, made when there is none of this name; None takes their label away.

        The same `request_id` again returns the first result and changes nothing. Raises `WorkspaceError`
        for an empty selection, an id that is no item's, or a name that is no class name.
        """
        name = None if class_name is None else checked_name(class_name)
        with self._catalogue.write("labels") as connection:
            if earlier := _earlier(connection, request_id):
                return earlier
            chosen = distinct(ids, id_count(connection))
            class_id = None if name is None else _class_id(connection, name)
            return _append(
                connection,
                kind="clear" if name is None else "label",
                user=user,
                how=how,
                request_id=request_id,
                map_id=map_id,
                class_id=class_id,
                item_count=len(chosen),
                item_ids=encode_ids(chosen),
            )

    def import_labels(
        self,
        pairs: Mapping[int, str | None],
        *,
        user: str,
        how: str = "import",
        request_id: str | None = None,
    ) -> Written:
        """Give each item of `pairs` its own class (None: no label), as one gesture that one undo takes back.

        Raises `WorkspaceError` as `label` does; then nothing is imported.
        """
        names = {name: None if name is None else checked_name(name) for name in set(pairs.values())}
        with self._catalogue.write("labels") as connection:
            if earlier := _earlier(connection, request_id):
                return earlier
            chosen = distinct(pairs, id_count(connection))
            id_of = {
                given: UNLABELLED if name is None else _class_id(connection, name)
                for given, name in sorted(names.items(), key=lambda pair: pair[1] or "")
            }
            class_ids = np.array([id_of[pairs[id]] for id in chosen.tolist()], dtype=np.int32)
            return _append_each(connection, chosen, class_ids, user=user, how=how, request_id=request_id)

    def accept(
        self,
        ids: NDArray[np.int64],
        class_ids: NDArray[np.int32],
        *,
        round_id: int,
        user: str,
        request_id: str | None = None,
        map_id: int | None = None,
    ) -> Written | None:
        """Label those of `ids` (N,), ascending, that have no label now with the class a round predicts (N,).

        One gesture, which one undo takes back; None when every one of them is labelled already. The same
        `request_id` again returns the first result. Raises `WorkspaceError` for an id that is no item's.
        """
        with self._catalogue.write("labels") as connection:
            if earlier := _earlier(connection, request_id):
                return earlier
            if len(ids):
                distinct(ids, id_count(connection))
            with self._following(connection) as state:
                free = state.labels[ids] == UNLABELLED
            if not free.any():
                return None
            return _append_each(
                connection,
                ids[free],
                class_ids[free],
                user=user,
                how="accept",
                request_id=request_id,
                map_id=map_id,
                round_id=round_id,
            )

    def create_class(self, name: str, *, user: str, request_id: str | None = None) -> Written:
        """Make a class without items; a class that exists already is returned as it is.

        Raises `WorkspaceError` when `name` is no class name.
        """
        name = checked_name(name)
        with self._catalogue.write("labels") as connection:
            if earlier := _earlier(connection, request_id):
                return earlier
            known = connection.scalar(select(classes.c.id).where(classes.c.name == name))
            if known is not None:
                return Written(_newest(connection), 0, known)
            return _append(
                connection,
                kind="class",
                user=user,
                how="class",
                request_id=request_id,
                class_id=_class_id(connection, name),
                item_count=0,
            )

    def undo(self, *, user: str, request_id: str | None = None) -> Written | None:
        """Take back this user's latest active gesture by a new event; None when there is nothing to undo."""
        return self._turn("undo", user, request_id)

    def redo(self, *, user: str, request_id: str | None = None) -> Written | None:
        """Give back what this user undid last; None when nothing is undone or a new gesture came after."""
        return self._turn("redo", user, request_id)

    def current(self) -> NDArray[np.int32]:
        """Return the class id by item id (N,), UNLABELLED elsewhere; the array is read-only."""
        return self.labels_and_provenance()[0]

    def provenance(self) -> NDArray[np.int64]:
        """Return by item id (N,) the event that gave or took its label last; -1 where none did."""
        return self.labels_and_provenance()[1]

    def labels_and_provenance(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return `current()` and `provenance()` as of the same event."""
        with self._following() as state:
            return state.labels, state.deciders

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
            return _newest(connection)

    def classes(self) -> list[ClassRow]:
        """List the classes in the order of their ids, with their counts."""
        labels = self.current()
        with self._catalogue.read() as connection:
            rows = connection.execute(select(classes).order_by(classes.c.id)).all()
        there = self._items.columns().status != REMOVED
        counted = labels[: len(there)][there[: len(labels)]]
        counts = np.bincount(counted[counted >= 0], minlength=len(rows)).tolist()
        return [ClassRow(row.id, row.name, counts[row.id]) for row in rows]

    def history(self, limit: int = 100) -> list[Event]:
        """List the newest `limit` events, newest first."""
        query = _event_query().order_by(events.c.seq.desc()).limit(limit)
        return self._events(query)

    def events(self, seqs: Iterable[int]) -> dict[int, Event]:
        """Return these events by number; numbers that no event has are left out."""
        wanted = sorted({int(seq) for seq in seqs})
        found: list[Event] = []
        for start in range(0, len(wanted), 500):
            found += self._events(_event_query().where(events.c.seq.in_(wanted[start : start + 500])))
        return {event.seq: event for event in found}

    def undoable(self, user: str) -> Event | None:
        """Return the gesture that `undo` would take back."""
        with self._following() as state:
            return self._last(state.undoable, user)

    def redoable(self, user: str) -> Event | None:
        """Return the gesture that `redo` would give back."""
        with self._following() as state:
            return self._last(state.redoable, user)

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

    def _turn(self, kind: str, user: str, request_id: str | None) -> Written | None:
        with self._catalogue.write("labels") as connection:
            if earlier := _earlier(connection, request_id):
                return earlier
            with self._following(connection) as state:
                mine = (state.undoable if kind == "undo" else state.redoable).get(shown(user))
            if not mine:
                return None
            gesture = connection.execute(select(events).where(events.c.seq == mine[-1])).one()
            return _append(
                connection,
                kind=kind,
                user=user,
                how=kind,
                request_id=request_id,
                target=gesture.seq,
                class_id=gesture.class_id,
                item_count=gesture.item_count,
            )

    def _last(self, stacks: Mapping[str, list[int]], user: str) -> Event | None:
        mine = stacks.get(shown(user))
        return self.events([mine[-1]])[mine[-1]] if mine else None

    def _events(self, query: Select[Any]) -> list[Event]:
        with self._catalogue.read() as connection:
            rows = connection.execute(query).all()
            undone = _undone(connection, [row.seq for row in rows])
        return [
            Event(
                row.seq,
                row.time,
                row.user,
                row.how,
                row.kind,
                row.name,
                row.item_count,
                row.seq not in undone,
                row.map_id,
                row.target,
                row.round_id,
            )
            for row in rows
        ]


def checked_name(name: str) -> str:
    """Return a class name without outer blanks, in Unicode's composed form.

    Raises `WorkspaceError` when nothing is left, when it is longer than 200 characters, or when it holds
    control characters or line breaks.
    """
    stripped = unicodedata.normalize("NFC", name).strip()
    if not stripped:
        raise WorkspaceError("a class needs a name: what came is empty.")
    if len(stripped) > NAME_LENGTH:
        raise WorkspaceError(
            f"a class name has at most {NAME_LENGTH} characters; what came has {len(stripped)}."
        )
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in stripped):
        raise WorkspaceError(f"a class name is one line without control characters, not {stripped!a}.")
    return stripped


def _class_id(connection: Connection, name: str) -> int:
    """Return the class of this name, made when there is none."""
    known = connection.scalar(select(classes.c.id).where(classes.c.name == name))
    if known is not None:
        return int(known)
    fresh = int(connection.scalar(select(func.count()).select_from(classes)) or 0)
    connection.execute(insert(classes), [{"id": fresh, "name": name}])
    return fresh


def _earlier(connection: Connection, request_id: str | None) -> Written | None:
    if request_id is None:
        return None
    row = connection.execute(select(events).where(events.c.request_id == request_id)).one_or_none()
    return None if row is None else Written(row.seq, row.item_count, row.class_id)


def _append(connection: Connection, **values: Any) -> Written:
    statement = insert(events).values(time=time.time(), **values).returning(events.c.seq)
    seq = connection.execute(statement).scalar_one()
    return Written(seq, values["item_count"], values["class_id"])


def _append_each(
    connection: Connection,
    ids: NDArray[np.int64],
    class_ids: NDArray[np.int32],
    *,
    user: str,
    how: str,
    request_id: str | None,
    map_id: int | None = None,
    round_id: int | None = None,
) -> Written:
    """Append a gesture that gives each of `ids` (N,), ascending, its own class of `class_ids` (N,)."""
    only = int(class_ids[0]) if (class_ids == class_ids[0]).all() else None
    return _append(
        connection,
        kind="clear" if only == UNLABELLED else "label",
        user=user,
        how=how,
        request_id=request_id,
        map_id=map_id,
        round_id=round_id,
        class_id=None if only == UNLABELLED else only,
        item_count=len(ids),
        item_ids=encode_ids(ids),
        item_classes=encode_classes(class_ids) if only is None else None,
    )


def _newest(connection: Connection) -> int:
    return int(connection.scalar(select(func.max(events.c.seq))) or 0)


def _event_query() -> Select[Any]:
    e = events.c
    columns = (
        e.seq,
        e.time,
        e.user,
        e.how,
        e.kind,
        e.item_count,
        e.map_id,
        e.target,
        e.round_id,
        classes.c.name,
    )
    return select(*columns).join(classes, e.class_id == classes.c.id, isouter=True)


def _undone(connection: Connection, seqs: Iterable[int]) -> set[int]:
    """Return which of these gestures are inactive: the last event that names them is an undo."""
    latest = (
        select(func.max(events.c.seq))
        .where(events.c.target.in_(list(seqs)))
        .group_by(events.c.target)
        .scalar_subquery()
    )
    query = select(events.c.target).where(events.c.seq.in_(latest), events.c.kind == "undo")
    return {int(target) for target in connection.scalars(query)}
