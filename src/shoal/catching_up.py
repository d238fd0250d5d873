"""What is embedded but not on the map that is shown is put on it: after new images, and after going back."""

from contextlib import suppress
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from shoal.growing import aligned
from shoal.model import Model
from shoal.projectors import PROJECTORS
from shoal.projectors.placing import place_among
from shoal.projectors.registration import into_unit_square
from shoal.types import UNLABELLED, Embedding, Map, MapOrigin, Progress, Watch
from shoal.workspace import Learned, MapRow, Predictions, RoundRow, SupersededError, Workspace
from shoal.workspace.round_list import PLACED, choose_round


def go_back(workspace: Workspace, number: int, *, watch: Watch = lambda _: None) -> RoundRow:
    """Show the map of a round again, with the images that came since it was learned; return its row.

    Raises `ShoalError` naming the rounds there are for another number.
    """
    row = choose_round(workspace, number)
    catch_up(workspace, watch=watch)
    return row


def catch_up(workspace: Workspace, *, watch: Watch = lambda _: None) -> None:
    """Put on the map that is shown what it lacks of what is embedded; nothing else moves."""
    while True:
        row = workspace.current_map()
        if row is None or not workspace.is_behind(row):
            return
        learned = workspace.rounds.current()
        watch(Progress(0, 0, "placing the images that came since"))
        with suppress(SupersededError):
            if learned is None:
                _place_on(workspace, row)
            else:
                extend(workspace, learned)
            return


def extend(workspace: Workspace, row: RoundRow) -> int:
    """Put newly embedded items on the map of a round and predict them; return the id of the map to show.

    Nothing else moves, nothing is learned; where nothing is new, nothing is saved. Raises `SupersededError`
    when another map is shown by then.
    """
    shown = workspace.map(row.map_id)
    embedding = workspace.embedding(row.layer)
    assert shown is not None
    start, new = aligned(workspace, shown, embedding.ids)
    if not new.any() and len(shown.ids) == len(embedding.ids):
        return row.map_id
    data = workspace.rounds.model(row.id)
    model = Model.from_bytes(data)
    inside = model.embed(embedding.vectors)
    if new.any() and not new.all():
        _place(start, new, inside, seed=row.seed)
    xy = into_unit_square(PROJECTORS.load("pca")().fit(inside)) if new.all() else start
    saved = workspace.rounds.save(
        Learned(
            map=Map(xy, embedding.ids, _with_shard(workspace, shown.origin, embedding)),
            predictions=_with_newcomers(workspace, row, embedding, new, model),
            model=data,
            label_seq=row.label_seq,
            parent=row.id,
            layer=row.layer,
            loss=row.loss,
            seed=row.seed,
            classes=row.classes,
            report={**row.report, PLACED: int(new.sum())},
        ),
        instead_of=row.map_id,
    )
    return saved.map_id


def _place_on(workspace: Workspace, row: MapRow) -> None:
    """Save a map that no round made once more, with what is new placed by the vectors of its layer."""
    last, embedding = workspace.map(row.id), workspace.embedding(row.origin.layer)
    assert last is not None
    start, new = aligned(workspace, last, embedding.ids)
    if new.all():
        return  # nothing is left to place among: `shoal map` draws it anew
    _place(start, new, embedding.vectors.astype(np.float32), seed=row.origin.seed)
    drawn = Map(start, embedding.ids, _with_shard(workspace, row.origin, embedding))
    workspace.save_map(drawn, final=True, instead_of=row.id)


def _place(
    start: NDArray[np.float32], new: NDArray[np.bool_], vectors: NDArray[np.float32], *, seed: int
) -> None:
    # at the rim a newcomer is moved in: to shrink the map would move everything
    start[new] = place_among(vectors[new], vectors[~new], start[~new], seed=seed).clip(0, 1)


def _with_newcomers(
    workspace: Workspace, row: RoundRow, embedding: Embedding, new: NDArray[np.bool_], model: Model
) -> Predictions:
    before = workspace.rounds.predictions(row.id)
    class_ids = np.full(len(embedding.ids), UNLABELLED, dtype=np.int32)
    held_out = class_ids.copy()
    confidence = np.zeros(len(embedding.ids), dtype=np.float32)
    at = np.searchsorted(before.ids, embedding.ids[~new])
    class_ids[~new], confidence[~new] = before.class_ids[at], before.confidence[at]
    held_out[~new] = before.held_out[at]
    if new.any():
        places, confidence[new] = model.predict(embedding.vectors[new])
        class_ids[new] = np.where(places < 0, UNLABELLED, np.array(row.classes, np.int32)[places])
    return Predictions(embedding.ids, class_ids, confidence, held_out)


def _with_shard(workspace: Workspace, origin: MapOrigin, embedding: Embedding) -> MapOrigin:
    return replace(origin, shard=int(workspace.shards_of(embedding.ids).max()))
