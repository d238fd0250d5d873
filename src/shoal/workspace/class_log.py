"""What is done to classes: made, renamed, merged, deleted, given a colour or a key, each by one event."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from shoal.workspace.classes import KEYS, NONE_NAME, ClassTable, checked_colour, checked_name, new_class
from shoal.workspace.errors import WorkspaceError
from shoal.workspace.events import Written, append, earlier, newest
from shoal.workspace.reading import LogReader
from shoal.workspace.replay import MAKE


class ClassLog(LogReader):
    """Writes the events about classes, and answers what `LogReader` does."""

    def create_class(self, name: str, *, user: str, request_id: str | None = None) -> Written:
        """Make a class without items; a class that was made like this already is returned as it is.

        One that came with a label stays from now on, whoever takes that label back. Raises `WorkspaceError`
        when `name` is no class name.
        """
        name = checked_name(name)
        with self._catalogue.write("labels") as connection:
            if before := earlier(connection, request_id):
                return before
            class_id = self._class_id(connection, name)
            with self._following(connection) as state:
                made = class_id in state.made
            if made:
                return Written(newest(connection), 0, class_id)
            return append(
                connection,
                kind=MAKE,
                user=user,
                how="class",
                request_id=request_id,
                class_id=class_id,
                item_count=0,
            )

    def rename_class(self, class_id: int, name: str, *, user: str, request_id: str | None = None) -> Written:
        """Give a class another name; raises `WorkspaceError` when another class has it (merge the two)."""
        name = checked_name(name)

        def payload(table: ClassTable) -> dict[str, Any]:
            other = table.find(name)
            if name == NONE_NAME or other not in (None, class_id):
                raise WorkspaceError(
                    f"there is a class {name!r} already: merge the two, or choose another name."
                )
            return {"name": name, "before": table.names[class_id]}

        return self._about_class("rename", class_id, payload, user, request_id)

    def merge_classes(self, class_id: int, into: int, *, user: str, request_id: str | None = None) -> Written:
        """Make one class of two: every item of `class_id`, labelled before or redone later, counts to `into`.

        One undo parts them again. Raises `WorkspaceError` for a class that is not there, or the same twice.
        """

        def payload(table: ClassTable) -> dict[str, Any]:
            _living(table, into)
            if into == class_id:
                raise WorkspaceError(f"class {table.names[into]!r} cannot be merged into itself.")
            return {"into": into, "name": table.names[class_id], "into_name": table.names[into]}

        return self._about_class("merge", class_id, payload, user, request_id)

    def delete_class(self, class_id: int, *, user: str, request_id: str | None = None) -> Written:
        """Take a class away, and its items' labels with it; one undo brings both back."""
        return self._about_class(
            "delete", class_id, lambda table: {"name": table.names[class_id]}, user, request_id
        )

    def colour_class(
        self, class_id: int, colour: str | None, *, user: str, request_id: str | None = None
    ) -> Written:
        """Choose a class's colour, `#rrggbb`; None gives back its own. Raises `WorkspaceError` otherwise."""
        chosen = None if colour is None else checked_colour(colour)
        return self._about_class("colour", class_id, lambda _: {"colour": chosen}, user, request_id)

    def key_class(
        self, class_id: int, key: int | None, *, user: str, request_id: str | None = None
    ) -> Written:
        """Give a class a digit 1 to 9, taken from whichever has it, or none."""
        if key is not None and key not in KEYS:
            raise WorkspaceError(f"a class's key is a digit 1 to 9 or none, not {key!r}.")
        return self._about_class("key", class_id, lambda _: {"key": key}, user, request_id)

    def _about_class(
        self,
        kind: str,
        class_id: int,
        payload: Callable[[ClassTable], dict[str, Any]],
        user: str,
        request_id: str | None,
    ) -> Written:
        """Append a gesture about a class that lives; `payload` may refuse."""
        with self._catalogue.write("labels") as connection:
            if before := earlier(connection, request_id):
                return before
            with self._following(connection) as state:
                _living(state.classes, class_id)
                said = payload(state.classes)
                count = int((state.labels == class_id).sum()) if kind in ("merge", "delete") else 0
            return append(
                connection,
                kind=kind,
                user=user,
                how="class",
                request_id=request_id,
                class_id=class_id,
                item_count=count,
                payload=said,
            )

    def _class_id(self, connection: Connection, name: str) -> int:
        """Return the class of this name: the living one, one that waits for a redo, or a new one."""
        with self._following(connection) as state:
            known = state.classes.find(name)
            known = state.classes.wake(name) if known is None else known
        return new_class(connection, name) if known is None else known


def _living(table: ClassTable, class_id: int) -> None:
    if class_id not in table.alive():
        raise WorkspaceError(f"there is no class {class_id} (any more): take one that is on the list.")
