"""From the events to the labels: the state after any event, and how it goes on from there.

A gesture is in force unless its user has undone it or a revert in force names it. The label of an item is
that of the gesture in force with the highest number that names the item, read with the classes as they are
by then: a merged class as what it became, a deleted one as none. A class lives while an event in force
names it: one that a label brought goes when that is taken back, one that was made on its own stays.
"""

import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from shoal.types import NONE_OF_THESE, PUT_ASIDE, UNLABELLED
from shoal.workspace.classes import ClassEvent, ClassTable, births, replay_classes
from shoal.workspace.errors import WorkspaceError
from shoal.workspace.tables import events

ANSWERS = {"clear": UNLABELLED, "none": NONE_OF_THESE, "skip": PUT_ASIDE}
"""What items are given by a gesture that names no class."""
ITEM_GESTURES = ("label", *ANSWERS)
REJECT = "reject"
"""Items are not of the class that a round predicts; their labels stay as they are."""
MAKE = "class"
"""A class is made on its own, by its name; nothing takes that back."""
CLASS_GESTURES = ("rename", "merge", "delete", "colour", "key")
GESTURES = (*ITEM_GESTURES, REJECT, *CLASS_GESTURES, "revert")
"""What can be undone."""

Ids = NDArray[np.int64]
ClassIds = NDArray[np.int32]


@dataclass(slots=True)
class LabelState:
    """Labels (N,) int32 and the deciding event (N,) int64 by item id, as of event `seq`; -1 is none.

    The arrays are replaced, never written to, so that whoever got them may keep them. `given` are the labels
    as the gestures gave them, before classes were merged or deleted. `off` are the gestures not in force,
    `undone` those their own users took back, `reverts` who else names a gesture; `undoable` and `redoable`
    are each user's own gestures, the next one last. `named_by` are the events that name a class, by its id;
    `made` are the classes that were made on their own.
    """

    labels: ClassIds = field(default_factory=lambda: np.empty(0, np.int32))
    given: ClassIds = field(default_factory=lambda: np.empty(0, np.int32))
    deciders: Ids = field(default_factory=lambda: np.empty(0, np.int64))
    classes: ClassTable = field(default_factory=ClassTable)
    seq: int = 0
    off: set[int] = field(default_factory=set)
    undone: set[int] = field(default_factory=set)
    reverts: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    undoable: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    redoable: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    class_events: list[ClassEvent] = field(default_factory=list)
    births: list[str] = field(default_factory=list)
    named_by: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    made: set[int] = field(default_factory=set)

    def next_undo(self, user: str) -> int | None:
        """Return the gesture that this user's undo takes back: the newest in force."""
        return next((seq for seq in reversed(self.undoable.get(user, ())) if seq not in self.off), None)

    def next_redo(self, user: str) -> int | None:
        """Return the gesture that this user's redo gives back."""
        mine = self.redoable.get(user)
        return mine[-1] if mine else None

    def off_with(self, *, undone: Iterable[int] = (), reverted: Iterable[int] = ()) -> set[int]:
        """Return which gestures are not in force if these are what users have undone and reverted."""
        gone, reverted = set(undone), set(reverted)
        for target in sorted({*self.reverts, *reverted}, reverse=True):  # a revert is newer than its target
            if target in reverted or any(revert not in gone for revert in self.reverts.get(target, ())):
                gone.add(target)
        return gone

    def classes_with(self, off: set[int]) -> ClassTable:
        """Return the classes if these gestures were not in force."""
        dormant = frozenset(
            id for id in range(len(self.births)) if all(seq in off for seq in self.named_by.get(id, ()))
        )
        in_force = (event for event in self.class_events if event.seq not in off)
        return replay_classes(self.births, in_force, dormant)


@dataclass(frozen=True, slots=True)
class _Gesture:
    seq: int
    kind: str
    ids: Ids
    class_ids: ClassIds


def catch_up(connection: Connection, state: LabelState, *, total: int, upto: int | None = None) -> None:
    """Bring `state` to event `upto`, or the newest, for `total` item ids; costs only what is new."""
    e = events.c
    query = select(e.seq, e.kind, e.user, e.target, e.class_id, e.payload).where(e.seq > state.seq)
    if upto is not None:
        query = query.where(e.seq <= upto)
    rows = connection.execute(query.order_by(e.seq)).all()
    if not rows and total == len(state.given):
        return
    old, before = state.seq, state.off
    given, deciders = _grown(state.given, total), _grown(state.deciders, total)
    for row in rows:
        _note(state, row)
    if rows:
        state.off = state.off_with(undone=state.undone)
    flipped = {seq for seq in before ^ state.off if seq <= old}
    if flipped:
        _recompute(connection, state, given, deciders, flipped)
    for gesture in gestures(connection, (old, state.seq), newest_first=False, kinds=(*ITEM_GESTURES, REJECT)):
        _note_classes(state, gesture)
        if gesture.kind != REJECT and gesture.seq not in state.off:
            given[gesture.ids] = gesture.class_ids
            deciders[gesture.ids] = gesture.seq
    if rows:
        state.births = births(connection)
        state.classes = state.classes_with(state.off)
    labels = state.classes.shown(given)
    given.flags.writeable = labels.flags.writeable = deciders.flags.writeable = False
    state.given, state.labels, state.deciders = given, labels, deciders


def _note(state: LabelState, row: Any) -> None:
    """Take one event into the stacks. An undo or redo belongs to the user of the gesture that it names."""
    seq, kind, target = int(row.seq), row.kind, row.target
    state.seq = seq
    undoable, redoable = state.undoable[row.user], state.redoable[row.user]
    if kind in GESTURES:
        undoable.append(seq)
        redoable.clear()
    elif kind == "undo" and target is not None:
        undoable.remove(target)
        redoable.append(target)
        state.undone.add(target)
    elif kind == "redo" and target is not None:
        redoable.remove(target)
        undoable.append(target)
        state.undone.discard(target)
    if kind == "revert":
        state.reverts[target].append(seq)
    elif kind in CLASS_GESTURES:
        event = ClassEvent(seq, kind, row.class_id, json.loads(row.payload or "{}"))
        state.class_events.append(event)
        for class_id in {event.class_id, event.payload.get("into", event.class_id)}:
            state.named_by[class_id].append(seq)
    elif kind == MAKE:
        state.named_by[row.class_id].append(seq)
        state.made.add(row.class_id)


def _note_classes(state: LabelState, gesture: _Gesture) -> None:
    """Take in which classes a gesture names."""
    named = gesture.class_ids[gesture.class_ids >= 0]
    for class_id in np.flatnonzero(np.bincount(named)).tolist():
        state.named_by[class_id].append(gesture.seq)


def _recompute(
    connection: Connection, state: LabelState, labels: ClassIds, deciders: Ids, flipped: set[int]
) -> None:
    """Decide anew the items of gestures that were undone or redone, from the newest active gesture down."""
    open = np.zeros(len(labels), dtype=np.bool_)
    highest = max(flipped)
    for gesture in gestures(connection, (min(flipped) - 1, highest), newest_first=True):
        if gesture.seq in flipped:
            decided = deciders[gesture.ids]
            open[
                gesture.ids[decided == gesture.seq if gesture.seq in state.off else decided < gesture.seq]
            ] = True
    labels[open], deciders[open] = UNLABELLED, -1
    rest = int(open.sum())
    for gesture in gestures(connection, (0, highest), newest_first=True):
        if not rest:
            return
        if gesture.seq in state.off:
            continue
        hit = open[gesture.ids]
        ids = gesture.ids[hit]
        labels[ids], deciders[ids], open[ids] = gesture.class_ids[hit], gesture.seq, False
        rest -= len(ids)


def gestures(
    connection: Connection,
    span: tuple[int, int],
    *,
    newest_first: bool,
    kinds: Sequence[str] = ITEM_GESTURES,
) -> Iterator[_Gesture]:
    """Yield the gestures of some kinds after event `span[0]` up to `span[1]`, decoded one at a time."""
    after, last = span
    query = (
        select(events.c.seq, events.c.kind, events.c.class_id, events.c.item_ids, events.c.item_classes)
        .where(events.c.kind.in_(kinds), events.c.seq > after, events.c.seq <= last)
        .order_by(events.c.seq.desc() if newest_first else events.c.seq)
        .execution_options(yield_per=16)
    )
    with connection.execute(query) as rows:
        for seq, kind, class_id, packed, packed_classes in rows:
            ids = decode_ids(packed, seq)
            if packed_classes is None:
                class_ids = np.full(len(ids), ANSWERS.get(kind, class_id), dtype=np.int32)
            else:
                class_ids = decode_classes(packed_classes, seq)
            yield _Gesture(seq, kind, ids, class_ids)


def rejections(connection: Connection, state: LabelState) -> tuple[Ids, ClassIds]:
    """Return which items (M,) are not of which classes (M,) by the rejections in force, classes as now."""
    ids, class_ids = [np.empty(0, np.int64)], [np.empty(0, np.int32)]
    for gesture in gestures(connection, (0, state.seq), newest_first=False, kinds=(REJECT,)):
        if gesture.seq not in state.off:
            ids.append(gesture.ids)
            class_ids.append(gesture.class_ids)
    now = state.classes.shown(np.concatenate(class_ids))
    pairs = np.unique(np.stack([np.concatenate(ids), now.astype(np.int64)])[:, now >= 0], axis=1)
    return pairs[0], pairs[1].astype(np.int32)


def among(ids: Ids, class_ids: ClassIds, pairs: tuple[Ids, ClassIds]) -> NDArray[np.bool_]:
    """Return which of the items with their classes (N,) are among such pairs."""
    width = 1 + max((int(one.max()) for one in (class_ids, pairs[1]) if len(one)), default=0)
    return np.isin(ids * width + class_ids, pairs[0] * width + pairs[1])


def encode_ids(ids: Ids) -> bytes:
    """Pack ascending ids: the gaps between them as u32, split into four byte planes, deflated."""
    return _pack(np.diff(ids, prepend=0).astype("<u4"))


def decode_ids(packed: bytes, seq: int) -> Ids:
    """Unpack what `encode_ids` packed; raises `WorkspaceError` naming event `seq` when it is damaged."""
    return np.cumsum(_unpack(packed, seq), dtype=np.int64)


def encode_classes(class_ids: ClassIds) -> bytes:
    """Pack one class id (-1: none) per item of an import."""
    return _pack(class_ids.astype("<i4").view("<u4"))


def decode_classes(packed: bytes, seq: int) -> ClassIds:
    """Unpack what `encode_classes` packed; raises `WorkspaceError` naming event `seq` when it is damaged."""
    return _unpack(packed, seq).view("<i4").astype(np.int32)


def _pack(words: NDArray[np.uint32]) -> bytes:
    # sorted ids have small gaps: three of the four planes are zeros and cost nothing
    return zlib.compress(words.view(np.uint8).reshape(-1, 4).T.tobytes(), 1)


def _unpack(packed: bytes, seq: int) -> NDArray[np.uint32]:
    try:
        planes = np.frombuffer(zlib.decompress(packed), dtype=np.uint8).reshape(4, -1)
    except (zlib.error, ValueError) as error:
        raise WorkspaceError(
            f"label event {seq} is damaged: {error}. Restore the catalogue from a backup."
        ) from error
    return np.ascontiguousarray(planes.T).view("<u4").reshape(-1)


def _grown(old: NDArray[Any], total: int) -> NDArray[Any]:
    new = np.full(max(total, len(old)), -1, dtype=old.dtype)
    new[: len(old)] = old
    return new


def distinct(ids: Iterable[int] | NDArray[np.integer], total: int) -> Ids:
    """Return ids sorted, each once; raises `WorkspaceError` when there are none or some are no item's."""
    given = np.asarray(ids if isinstance(ids, np.ndarray) else list(ids))
    if given.size == 0:
        raise WorkspaceError("the selection is empty: nothing was labelled. Select at least one item.")
    if given.ndim != 1 or given.dtype.kind not in "iu":
        raise WorkspaceError(
            f"item ids are whole numbers in one row, not {given.dtype} of shape {given.shape}."
        )
    low, high = int(given.min()), int(given.max())
    if low < 0 or high >= total:
        wrong = low if low < 0 else high
        raise WorkspaceError(f"there is no item {wrong}: this workspace has the items 0 to {total - 1}.")
    chosen = np.zeros(total, dtype=np.bool_)
    chosen[given] = True
    return np.flatnonzero(chosen)
