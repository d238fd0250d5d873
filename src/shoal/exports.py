"""What leaves a workspace: labels in the forms people use, and the picture of the map."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from shoal.formats import EXPORTS, Export, LabelRow, form_of
from shoal.reading import item_reader
from shoal.types import UNLABELLED, ShoalError
from shoal.workspace import LabelledItem, Workspace

Say = Callable[[str], None]


def label_rows(workspace: Workspace) -> list[LabelRow]:
    """Return one row per labelled item, by id, with the event that decided its label."""
    items = workspace.labelled()
    confidence = _confidences(workspace, items)
    return [
        LabelRow(
            name=item.name,
            source=item.source,
            class_name=item.class_name,
            user=item.user,
            how=item.how,
            time=item.time,
            seq=item.seq,
            key=item.key,
            round=item.round_id,
            confidence=confidence.get(item.id),
        )
        for item in items
    ]


def _confidences(workspace: Workspace, items: Sequence[LabelledItem]) -> dict[int, float]:
    """Return by item id how sure the round was whose prediction was accepted; a lost round says nothing."""
    accepted: dict[int, list[int]] = {}
    for item in items:
        if item.round_id is not None:
            accepted.setdefault(item.round_id, []).append(item.id)
    found: dict[int, float] = {}
    known = {row.id for row in workspace.rounds.rows()}
    for round_id in accepted.keys() & known:
        guesses = workspace.rounds.predictions(round_id)
        ids = np.intersect1d(accepted[round_id], guesses.ids)
        sure = guesses.confidence[np.searchsorted(guesses.ids, ids)]
        found.update(zip(ids.tolist(), sure.tolist(), strict=True))
    return found


def export_labels(workspace: Workspace, target: str, say: Say) -> tuple[str, int]:
    """Write the labels in the form that `target` asks for; return the form and how many were written.

    `say` hears of images that could not be copied. Raises `ShoalError` when nothing is labelled, or when
    the target cannot be written.
    """
    form = form_of(target)
    rows = label_rows(workspace)
    if not rows:
        raise ShoalError(f"{workspace.path} has no labels yet: lasso a group on the map and press a key.")
    export: Export = EXPORTS.load(form)()
    return form, export.write(rows, Path(target), read=_reader(workspace), say=say)


def exporters() -> Mapping[str, Callable[[Workspace], bytes]]:
    """Return what the page can download: for each one-file form, the labels as bytes."""
    forms: dict[str, Export] = {name: EXPORTS.load(name)() for name in EXPORTS.names()}
    return {name: partial(_dump, export) for name, export in forms.items() if export.media_type}


def _dump(export: Export, workspace: Workspace) -> bytes:
    return export.dump(label_rows(workspace))


def _reader(workspace: Workspace) -> Callable[[LabelRow], bytes]:
    """Return a function that reads an item's bytes."""
    read = item_reader(workspace)
    return lambda row: read(row.source, row.key)


def save_picture(workspace: Workspace, target: Path) -> tuple[int, int]:
    """Draw the newest map with its thumbnails into a PNG; return its width and height in px.

    Raises `ShoalError` when there is no map or the file cannot be written.
    """
    from shoal.formats.picture import draw_picture

    drawn = workspace.map()
    if drawn is None:
        raise ShoalError(f"{workspace.path} has no map to draw: `shoal map {workspace.path}` makes one.")
    names = {row.id: row.name for row in workspace.log.classes()}
    image = draw_picture(
        drawn.xy,
        drawn.ids,
        workspace.thumbnails,
        labels=np.maximum(workspace.log.current()[drawn.ids], UNLABELLED),
        classes=[names.get(id, "") for id in range(max(names, default=-1) + 1)],
    )
    try:
        image.save(target, format="PNG")
    except OSError as error:
        raise ShoalError(f"cannot write the picture {target}: {error}") from None
    return image.width, image.height
