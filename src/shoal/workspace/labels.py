"""The label log: every gesture is one event, appended and never changed; the labels are its replay."""

from collections.abc import Iterable, Mapping
from typing import Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

from shoal.types import UNLABELLED
from shoal.workspace.class_log import ClassLog
from shoal.workspace.classes import NONE_NAME, checked_name, problem_with
from shoal.workspace.errors import WorkspaceError
from shoal.workspace.events import (
    IMPORT,
    Written,
    append,
    append_each,
    earlier,
    rows_of,
)
from shoal.workspace.items import id_count
from shoal.workspace.replay import (
    ANSWERS,
    GESTURES,
    ITEM_GESTURES,
    REJECT,
    LabelState,
    among,
    distinct,
    encode_ids,
    rejections,
)
from shoal.workspace.tables import shown

Answer = Literal["clear", "none", "skip"]


class _Who(TypedDict):
    user: str
    request_id: str | None
    map_id: int | None
    round_id: int


class LabelLog(ClassLog):
    """Writes all events, those about items here, and answers what `LogReader` does.

    Every write is durable when it returns.
    """

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

        The name "none of these" is no class but that answer. The same `request_id` again returns the first
        result and changes nothing. Raises `WorkspaceError` for an empty selection, an id that is no item's,
        or a name that is no class name.
        """
        name = None if class_name is None else checked_name(class_name)
        if name is None or name == NONE_NAME:
            answer: Answer = "none" if name else "clear"
            return self.answer(ids, answer, user=user, how=how, request_id=request_id, map_id=map_id)
        with self._catalogue.write("labels") as connection:
            if before := earlier(connection, request_id):
                return before
            chosen = distinct(ids, id_count(connection))
            return append(
                connection,
                kind="label",
                user=user,
                how=how,
                request_id=request_id,
                map_id=map_id,
                class_id=self._class_id(connection, name),
                item_count=len(chosen),
                item_ids=encode_ids(chosen),
            )

    def answer(
        self,
        ids: Iterable[int] | NDArray[np.integer],
        answer: Answer,
        *,
        user: str,
        how: str,
        request_id: str | None = None,
        map_id: int | None = None,
    ) -> Written:
        """Give the items `ids` what is no class: clear (no label), none (of these), or skip (put aside).

        Retries and refusals are as with `label`.
        """
        if answer not in ANSWERS:
            raise WorkspaceError(f"an answer is one of {', '.join(ANSWERS)}, not {answer!r}.")
        with self._catalogue.write("labels") as connection:
            if before := earlier(connection, request_id):
                return before
            chosen = distinct(ids, id_count(connection))
            return append(
                connection,
                kind=answer,
                user=user,
                how=how,
                request_id=request_id,
                map_id=map_id,
                item_count=len(chosen),
                item_ids=encode_ids(chosen),
            )

    def import_labels(
        self,
        pairs: Mapping[int, str | None],
        *,
        user: str,
        how: str = IMPORT,
        request_id: str | None = None,
    ) -> Written:
        """Give each item of `pairs` its own class (None: no label), as one gesture that one undo takes back.

        Raises `WorkspaceError` as `label` does; then nothing is imported.
        """
        names = {name: None if name is None else checked_name(name) for name in set(pairs.values())}
        with self._catalogue.write("labels") as connection:
            if before := earlier(connection, request_id):
                return before
            chosen = distinct(pairs, id_count(connection))
            id_of = {
                given: _answer_of(name) if name in (None, NONE_NAME) else self._class_id(connection, name)
                for given, name in sorted(names.items(), key=lambda pair: pair[1] or "")
            }
            class_ids = np.array([id_of[pairs[id]] for id in chosen.tolist()], dtype=np.int32)
            return append_each(connection, chosen, class_ids, user=user, how=how, request_id=request_id)

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

        What was rejected stays out, and a class that is gone by now; one that was merged counts as what it
        became. One gesture, which one undo takes back; None when nothing is left to label. The same
        `request_id` again returns the first result. Raises `WorkspaceError` for an id that is no item's.
        """
        who: _Who = {"user": user, "request_id": request_id, "map_id": map_id, "round_id": round_id}
        return self._decide("label", ids, class_ids, who)

    def reject(
        self,
        ids: NDArray[np.int64],
        class_ids: NDArray[np.int32],
        *,
        round_id: int,
        user: str,
        request_id: str | None = None,
        map_id: int | None = None,
    ) -> Written | None:
        """Note that those of `ids` (N,) without a label are not of the class a round predicts (N,).

        They stay unlabelled, and no later round predicts that class for them. As with `accept`.
        """
        who: _Who = {"user": user, "request_id": request_id, "map_id": map_id, "round_id": round_id}
        return self._decide(REJECT, ids, class_ids, who)

    def _decide(
        self, kind: str, ids: NDArray[np.int64], class_ids: NDArray[np.int32], who: "_Who"
    ) -> Written | None:
        """Append what becomes of a round's predictions, where they still stand."""
        request_id = who["request_id"]
        with self._catalogue.write("labels") as connection:
            if before := earlier(connection, request_id):
                return before
            if len(ids):
                distinct(ids, id_count(connection))
            with self._following(connection) as state:
                class_ids = state.classes.shown(class_ids)
                denied = among(ids, class_ids, rejections(connection, state))
                free = (state.labels[ids] == UNLABELLED) & (class_ids >= 0) & ~denied
            if not free.any():
                return None
            how = "accept" if kind == "label" else kind
            return append_each(connection, ids[free], class_ids[free], kind=kind, how=how, **who)

    def revert(self, seq: int, *, user: str, request_id: str | None = None) -> Written:
        """Take back any one gesture, of any user, as a new gesture of this one.

        What later gestures have decided stays. Raises `WorkspaceError` when event `seq` is no gesture, is
        taken back already, decides nothing any more, or cannot be taken back as the classes are now.
        """
        with self._catalogue.write("labels") as connection:
            if before := earlier(connection, request_id):
                return before
            row = next(iter(rows_of(connection, [seq])), None)
            if row is None or row.kind not in GESTURES:
                raise WorkspaceError(f"label event {seq} is no gesture that could be taken back.")
            with self._following(connection) as state:
                if seq in state.off:
                    raise WorkspaceError(f"gesture {seq} is taken back already.")
                _check_turn(state, state.off_with(undone=state.undone, reverted=[seq]), "reverted")
                decided = int((state.deciders == seq).sum())
            if row.kind in ITEM_GESTURES and not decided:
                raise WorkspaceError(f"gesture {seq} decides no item any more: later ones have its items.")
            return append(
                connection,
                kind="revert",
                user=user,
                how="history",
                request_id=request_id,
                target=seq,
                class_id=row.class_id,
                item_count=decided if row.kind in ITEM_GESTURES else row.item_count,
                payload={"kind": row.kind, "user": row.user},
            )

    def undo(self, *, user: str, request_id: str | None = None, gesture: str | None = None) -> Written | None:
        """Take back this user's latest active gesture by a new event; None when there is nothing to undo.

        `gesture` is the request id of the gesture to take back instead. Raises `WorkspaceError` when that is
        not this user's or taken back already, or when the classes as they are now do not allow it.
        """
        return self._turn("undo", user, request_id, gesture)

    def redo(self, *, user: str, request_id: str | None = None) -> Written | None:
        """Give back what this user undid last; None when nothing is undone or a new gesture came after."""
        return self._turn("redo", user, request_id)

    def _turn(
        self, kind: str, user: str, request_id: str | None, gesture: str | None = None
    ) -> Written | None:
        with self._catalogue.write("labels") as connection:
            if before := earlier(connection, request_id):
                return before
            with self._following(connection) as state:
                if gesture is not None:
                    seq: int | None = _undoable(state, shown(user), earlier(connection, gesture))
                else:
                    seq = state.next_undo(shown(user)) if kind == "undo" else state.next_redo(shown(user))
                if seq is None:
                    return None
                undone = state.undone | {seq} if kind == "undo" else state.undone - {seq}
                _check_turn(state, state.off_with(undone=undone), f"{kind.removesuffix('o')}one")
            [row] = rows_of(connection, [seq])
            return append(
                connection,
                kind=kind,
                user=user,
                how=kind,
                request_id=request_id,
                target=seq,
                class_id=row.class_id,
                item_count=row.item_count,
                payload={"kind": row.kind},
            )


def _answer_of(name: str | None) -> int:
    return ANSWERS["none" if name else "clear"]


def _undoable(state: LabelState, user: str, gesture: Written | None) -> int:
    """Return the number of a gesture that this user can take back."""
    if gesture is None or gesture.seq not in state.undoable.get(user, ()) or gesture.seq in state.off:
        raise WorkspaceError("that gesture cannot be undone: it is taken back already, or not yours.")
    return gesture.seq


def _check_turn(state: LabelState, off: set[int], verb: str) -> None:
    if problem := problem_with(state.classes, state.classes_with(off)):
        raise WorkspaceError(f"this cannot be {verb}: {problem}.")
