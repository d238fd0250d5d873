"""Rounds: what was learned from the labels at one moment: a map, predictions, a model, and what made them."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, insert, select

from shoal.types import UNLABELLED, Map
from shoal.workspace import arrow
from shoal.workspace.catalogue import Catalogue, counter
from shoal.workspace.errors import WorkspaceError
from shoal.workspace.files import Written, read_checked, unique_name, write_all
from shoal.workspace.items import id_count
from shoal.workspace.maps import MapStore
from shoal.workspace.tables import classes, files, rounds

FOLDER = "rounds"
PREDICTIONS = "predictions"
MODEL = "model"


@dataclass(frozen=True, slots=True)
class Predictions:
    """The head's guess for each of the items `ids` (N,) int64, ascending.

    `class_ids` (N,) int32 holds -1 where the answer is none of the classes; `confidence` (N,) float32 is the
    calibrated probability that the guess is right. `held_out` (N,) int32 is what a model that was not given
    the item's label calls a labelled item, -1 for items without a label and in rounds that kept none.
    """

    ids: NDArray[np.int64]
    class_ids: NDArray[np.int32]
    confidence: NDArray[np.float32]
    held_out: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Learned:
    """A round about to be saved: its map, its predictions, its model as bytes, and where it comes from.

    `label_seq` is the label event it learned up to, `parent` the round it went on from, `classes` the class
    ids that the model knows in the order of its outputs, `report` what was measured while it was made.
    """

    map: Map
    predictions: Predictions
    model: bytes
    label_seq: int
    parent: int | None
    layer: str
    loss: str
    seed: int
    classes: tuple[int, ...]
    report: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RoundRow:
    """One round without its arrays; `created` is in s since 1970."""

    id: int
    created: float
    map_id: int
    label_seq: int
    parent: int | None
    layer: str
    loss: str
    seed: int
    classes: tuple[int, ...]
    report: dict[str, Any]


class RoundStore:
    """Saves rounds, each with its map in one transaction, and reads them."""

    def __init__(self, catalogue: Catalogue, maps: MapStore, root: Path) -> None:
        self._catalogue = catalogue
        self._maps = maps
        self._root = root
        self._read: tuple[int, Predictions] | None = None

    def save(self, learned: Learned, *, instead_of: int | None = None) -> RoundRow:
        """Save a round and its map and return its row; both exist afterwards, or neither.

        Raises `WorkspaceError` when something in it is not of this workspace or the disk refuses, and
        `SupersededError` when `instead_of` is given and not the map that work goes on from.
        """
        with self._catalogue.read() as connection:
            _check(learned, connection)
        names = {PREDICTIONS: ".arrow", MODEL: ".safetensors"}
        contents = {PREDICTIONS: _encoded(learned.predictions), MODEL: learned.model}
        written = write_all(
            self._root, [(unique_name(f"{FOLDER}/{part}", names[part]), contents[part]) for part in names]
        )
        saved: list[int] = []

        def add_round(connection: Connection, map_id: int) -> None:
            id = connection.execute(insert(rounds).values(_values(learned, map_id)).returning(rounds.c.id))
            saved.append(int(id.scalar_one()))
            for part, file in zip(names, written, strict=True):
                connection.execute(
                    insert(files).values(kind=FOLDER, owner=saved[0], part=part, **asdict(file))
                )

        self._maps.save(learned.map, final=True, also=add_round, instead_of=instead_of)
        return self.get(saved[0])

    def rows(self) -> list[RoundRow]:
        """List the rounds, oldest first."""
        with self._catalogue.read() as connection:
            return [_row(row) for row in connection.execute(select(rounds).order_by(rounds.c.id))]

    def get(self, id: int) -> RoundRow:
        """Return one round; raises `WorkspaceError` naming those there are when it is none of them."""
        with self._catalogue.read() as connection:
            row = connection.execute(select(rounds).where(rounds.c.id == int(id))).one_or_none()
            if row is None:
                known = ", ".join(str(one) for one in connection.scalars(select(rounds.c.id)))
                raise WorkspaceError(f"there is no round {id}. There are: {known or 'none'}.")
        return _row(row)

    def current(self) -> RoundRow | None:
        """Return the round whose map is the current one, or None where that map is no round's.

        A map that lies aside, such as two groups pulled apart, is a look at the map it came from.
        """
        main = self._maps.main()
        return next((row for row in reversed(self.rows()) if main and row.map_id == main.id), None)

    def predictions(self, id: int) -> Predictions:
        """Return what round `id` predicts; raises `WorkspaceError` for no such round and a damaged file."""
        if self._read is None or self._read[0] != id:
            columns, _ = arrow.decode(self._file(id, PREDICTIONS), f"predictions of round {id}")
            class_ids = columns["class"].copy()
            held_out = columns.get("held_out", np.full_like(class_ids, UNLABELLED)).copy()
            found = Predictions(
                columns["id"].astype(np.int64), class_ids, columns["confidence"].copy(), held_out
            )
            self._read = (id, found)
        return self._read[1]

    def model(self, id: int) -> bytes:
        """Return the model of round `id` as it was saved; raises `WorkspaceError` as `predictions` does."""
        return self._file(id, MODEL)

    def revision(self) -> int:
        """Return a number that grows with every change to maps and rounds."""
        with self._catalogue.read() as connection:
            return counter(connection, "maps")

    def _file(self, id: int, part: str) -> bytes:
        self.get(id)
        with self._catalogue.read() as connection:
            query = select(files.c.name, files.c.bytes, files.c.crc32).where(
                files.c.kind == FOLDER, files.c.owner == int(id), files.c.part == part
            )
            row = connection.execute(query).one_or_none()
        if row is None:
            raise WorkspaceError(f"round {id} has lost its {part} to damage: learn again.")
        return read_checked(self._root, Written(row.name, row.bytes, row.crc32))


def _encoded(predictions: Predictions) -> bytes:
    columns = {
        "id": predictions.ids.astype(np.uint32),
        "class": predictions.class_ids.astype(np.int32),
        "confidence": predictions.confidence.astype(np.float32),
        "held_out": predictions.held_out.astype(np.int32),
    }
    return arrow.encode(columns, {})


def _values(learned: Learned, map_id: int) -> dict[str, Any]:
    return {
        "created": time.time(),
        "map_id": map_id,
        "label_seq": learned.label_seq,
        "parent": learned.parent,
        "layer": learned.layer,
        "loss": learned.loss,
        "seed": learned.seed,
        "classes": json.dumps(list(learned.classes)),
        "report": json.dumps(dict(learned.report)),
    }


def _row(row: Row[Any]) -> RoundRow:
    return RoundRow(
        row.id,
        row.created,
        row.map_id,
        row.label_seq,
        row.parent,
        row.layer,
        row.loss,
        row.seed,
        tuple(json.loads(row.classes)),
        json.loads(row.report),
    )


def _check(learned: Learned, connection: Connection) -> None:
    found = learned.predictions
    total = id_count(connection)
    known = set(connection.scalars(select(classes.c.id)))
    answers = np.concatenate([found.class_ids, found.held_out])
    named = {*np.unique(answers).tolist(), *learned.classes}
    problem = ""
    if not len(found.ids) == len(found.class_ids) == len(found.confidence) == len(found.held_out):
        problem = "its predictions have columns of different lengths"
    elif (np.diff(found.ids, prepend=-1, append=total) <= 0).any():
        problem = f"its item ids are not ascending within 0..{total - 1}"
    elif not ((found.confidence >= 0) & (found.confidence <= 1)).all():
        problem = "a confidence is not between 0 and 1"
    elif named - known - {UNLABELLED}:
        problem = f"there is no class {min(named - known - {UNLABELLED})}"
    if problem:
        raise WorkspaceError(f"this round cannot be saved: {problem}.")
