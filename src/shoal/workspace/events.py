"""Rows of the label log: how an event is read and how one is added."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, Select, func, insert, select

from shoal.types import UNLABELLED
from shoal.workspace.replay import LabelState, encode_classes, encode_ids
from shoal.workspace.tables import events

IMPORT = "import"
"""How labels came that a file brought."""


@dataclass(frozen=True, slots=True)
class Written:
    """What an event says: its number, how many items it names, its class (None: no class, or several)."""

    seq: int
    count: int
    class_id: int | None


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the log; `time` is in s since 1970.

    `kind` is label, clear, none, skip, reject (about items), class, rename, merge, delete, colour, key
    (about a class), undo, redo or revert (about the gesture `target`). `active` is False for a gesture that
    is taken back now. `detail` holds what else the kind says, as the new name. `round_id` is the round whose
    predictions were accepted or rejected.
    """

    seq: int
    time: float
    user: str
    how: str
    kind: str
    class_id: int | None
    class_name: str | None
    count: int
    active: bool
    map_id: int | None
    target: int | None
    round_id: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


def event_query() -> Select[Any]:
    """Select everything of events but their items."""
    e = events.c
    return select(
        e.seq,
        e.time,
        e.user,
        e.how,
        e.kind,
        e.class_id,
        e.item_count,
        e.map_id,
        e.target,
        e.round_id,
        e.payload,
    )


def as_event(row: Row[Any], state: LabelState) -> Event:
    """Read one row of `event_query`; what depends on later events is as of `state`."""
    names = state.classes.names
    return Event(
        row.seq,
        row.time,
        row.user,
        row.how,
        row.kind,
        row.class_id,
        None if row.class_id is None or row.class_id >= len(names) else names[row.class_id],
        row.item_count,
        row.seq not in state.off,
        row.map_id,
        row.target,
        row.round_id,
        json.loads(row.payload) if row.payload else {},
    )


def earlier(connection: Connection, request_id: str | None) -> Written | None:
    """Return what this request has written already."""
    if request_id is None:
        return None
    row = connection.execute(select(events).where(events.c.request_id == request_id)).one_or_none()
    return None if row is None else Written(row.seq, row.item_count, row.class_id)


def append(connection: Connection, *, payload: Mapping[str, Any] | None = None, **values: Any) -> Written:
    """Add one event to the end of the log."""
    stored = values | {"payload": None if payload is None else json.dumps(dict(payload))}
    statement = insert(events).values(time=time.time(), **stored).returning(events.c.seq)
    seq = connection.execute(statement).scalar_one()
    return Written(seq, values["item_count"], values.get("class_id"))


def append_each(
    connection: Connection,
    chosen: NDArray[np.int64],
    class_ids: NDArray[np.int32],
    *,
    user: str,
    how: str,
    request_id: str | None,
    map_id: int | None = None,
    round_id: int | None = None,
    kind: str = "label",
) -> Written:
    """Add the event that gives each item of `chosen` its own class, -1 for none; or denies it, by `kind`."""
    only = int(class_ids[0]) if (class_ids == class_ids[0]).all() and class_ids[0] >= UNLABELLED else None
    return append(
        connection,
        kind="clear" if only == UNLABELLED else kind,
        user=user,
        how=how,
        request_id=request_id,
        map_id=map_id,
        round_id=round_id,
        class_id=None if only == UNLABELLED else only,
        item_count=len(chosen),
        item_ids=encode_ids(chosen),
        item_classes=encode_classes(class_ids) if only is None else None,
    )


def newest(connection: Connection) -> int:
    """Return the number of the newest event, 0 when there is none."""
    return int(connection.scalar(select(func.max(events.c.seq))) or 0)


def rows_of(connection: Connection, seqs: Iterable[int]) -> list[Row[Any]]:
    """Return the rows of these events, by number."""
    wanted = sorted({int(seq) for seq in seqs})
    found: list[Row[Any]] = []
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        found += connection.execute(event_query().where(events.c.seq.in_(part)).order_by(events.c.seq))
    return found
