"""The classes as of an event: a rename, merge, deletion, colour or key is an event, so each can be undone."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, insert, select

from shoal.types import UNLABELLED
from shoal.workspace.errors import WorkspaceError
from shoal.workspace.tables import classes

NAME_LENGTH = 200
NONE_NAME = "none of these"
"""How the answer that an item belongs to none of the classes is written where a class name stands."""
KEYS = range(1, 10)
_TWICE = "\n"
"""No class name holds a line break: what follows it in the table only keeps two equal births apart."""


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class; `count` is how many items have it now, removed ones left out.

    `key` is its digit 1 to 9, `colour` what somebody chose for it as `#rrggbb`; None where it has none.
    """

    id: int
    name: str
    count: int
    key: int | None = None
    colour: str | None = None


@dataclass(frozen=True, slots=True)
class ClassEvent:
    """One event about a class: rename, merge, delete, colour or key, and what it says."""

    seq: int
    kind: str
    class_id: int
    payload: Mapping[str, Any]


@dataclass(slots=True)
class ClassTable:
    """What the classes are called and what has become of them, by class id.

    `fate` is the id itself for a class that lives, the living class that it was merged into, or UNLABELLED
    where it was deleted; `into` is only the next step of that, for those that do not live. `dormant` are
    those that no event in force names: they came with a label, and wait for its redo.
    """

    names: list[str] = field(default_factory=list)
    fate: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    into: dict[int, int] = field(default_factory=dict)
    dormant: frozenset[int] = frozenset()
    colours: dict[int, str | None] = field(default_factory=dict)
    chosen_keys: dict[int, int | None] = field(default_factory=dict)

    def alive(self) -> list[int]:
        """List the ids of the classes that live."""
        return np.flatnonzero(self.fate == np.arange(len(self.fate))).tolist()

    def find(self, name: str) -> int | None:
        """Return the living class of this name."""
        return next((id for id in self.alive() if self.names[id] == name), None)

    def wake(self, name: str) -> int | None:
        """Return the class that would have this name again if an event named it."""
        return next((id for id in sorted(self.dormant) if self.names[id] == name), None)

    def shown(self, labels: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return labels (N,) as they read now: merged classes as what they became, deleted ones as none."""
        if (self.fate == np.arange(len(self.fate))).all():
            return labels
        table = np.append(self.fate, np.arange(labels.min(initial=UNLABELLED), 0, dtype=np.int32))
        # a negative label counts from the end of the table, where the negative labels stand in order
        result: NDArray[np.int32] = table[labels]
        return result

    def keys(self) -> dict[int, int]:
        """Return the digit of each class that has one.

        What was chosen comes first; then each class has the digit of its id, so that deleting a class moves
        no other; what is left goes to those without, in the order of their ids.
        """
        alive = self.alive()
        found = {id: digit for id, digit in self.chosen_keys.items() if digit is not None and id in alive}
        free = [digit for digit in KEYS if digit not in found.values()]
        open = [id for id in alive if id not in self.chosen_keys]
        for id in [id for id in open if id + 1 in free]:
            found[id] = id + 1
            free.remove(id + 1)
        return found | dict(zip([id for id in open if id not in found], free, strict=False))


def replay_classes(
    births: Sequence[str], happened: Iterable[ClassEvent], dormant: frozenset[int] = frozenset()
) -> ClassTable:
    """Return the classes born with these names after the events that are in force, oldest first.

    `dormant` are the classes that no event in force names.
    """
    table = ClassTable(list(births), dormant=dormant)
    into = table.into
    for event in happened:
        if event.kind == "rename":
            table.names[event.class_id] = event.payload["name"]
        elif event.kind == "merge":
            into[event.class_id] = event.payload["into"]
        elif event.kind == "delete":
            into[event.class_id] = UNLABELLED
        elif event.kind == "colour":
            table.colours[event.class_id] = event.payload["colour"]
        elif event.kind == "key":
            _choose(table.chosen_keys, event.class_id, event.payload["key"])
    ends = [UNLABELLED if id in dormant else _end(id, into) for id in range(len(births))]
    table.fate = np.array(ends, dtype=np.int32)
    return table


def problem_with(before: ClassTable, after: ClassTable) -> str | None:
    """Say why the classes must not come to stand like this; None where they may."""
    seen: set[str] = set()
    for id in after.alive():
        if after.names[id] in seen:
            return f"there is another class {after.names[id]!r} by now: rename or merge that one first"
        seen.add(after.names[id])
    for id in set(before.alive()) - set(after.alive()):
        if after.into.get(id, UNLABELLED) != UNLABELLED and int(after.fate[id]) not in before.alive():
            return f"the class that {before.names[id]!r} was merged into is gone by now"
    return None


def family(class_id: int, merges: Iterable[ClassEvent]) -> list[int]:
    """Return the class and every class that was ever merged into it, through any number of merges."""
    members = {class_id}
    pairs = [(event.class_id, event.payload["into"]) for event in merges if event.kind == "merge"]
    while more := {source for source, into in pairs if into in members} - members:
        members |= more
    return sorted(members)


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


def checked_colour(colour: str) -> str:
    """Return a colour as `#rrggbb` in lower case; raises `WorkspaceError` where it is none."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise WorkspaceError(f"a class colour is written #rrggbb, not {colour!a}.")
    return colour.lower()


def births(connection: Connection) -> list[str]:
    """Return the names that the classes were made with, by class id."""
    names = connection.scalars(select(classes.c.name).order_by(classes.c.id))
    return [name.partition(_TWICE)[0] for name in names]


def new_class(connection: Connection, name: str) -> int:
    """Make a class and return its id; an older class that once had this name stays what it is."""
    fresh = int(connection.scalar(select(func.count()).select_from(classes)) or 0)
    taken = connection.scalar(select(classes.c.id).where(classes.c.name == name))
    born = name if taken is None else f"{name}{_TWICE}{fresh}"
    connection.execute(insert(classes), [{"id": fresh, "name": born}])
    return fresh


def _choose(keys: dict[int, int | None], class_id: int, digit: int | None) -> None:
    for other in [id for id, taken in keys.items() if taken == digit and digit is not None]:
        del keys[other]
    keys[class_id] = digit


def _end(id: int, into: Mapping[int, int]) -> int:
    passed: set[int] = set()
    while id in into:
        if id in passed:
            return UNLABELLED
        passed.add(id)
        id = into[id]
    return id
