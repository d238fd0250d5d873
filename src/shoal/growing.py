"""The map from its first draft to its final form: fitted on a thousand, the others placed as they come."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from shoal.projectors import PROJECTORS
from shoal.projectors.registration import into_unit_square, register
from shoal.types import Embedding, Map, MapOrigin, Projector, Watch
from shoal.workspace import Workspace

FIRST_FIT = 1_000
"""Items from which a neighbour-preserving map is worth its time; below that, PCA."""
LANDMARKS = 8_192
"""New items are placed among so many of the first: ids are a shuffled order, so these are a fair sample."""
REFIT_FACTOR = 4.0
"""A draft is fitted again when it has grown so much since the last fit."""
REFIT_LIMIT = 20_000
"""Beyond so many items a draft is not worth refitting; the final map is."""
PUBLISH_FACTOR = 1.15
"""A draft is saved when it has grown so much: a million items make some fifty drafts, not a thousand."""
PLACE_ONLY = 0.05
"""When fewer than this share of the items are new to a final map, they are placed and nothing else moves."""

Positions = NDArray[np.float32]
Vectors = NDArray[np.float32]


class GrowingMap:
    """Positions of everything embedded so far, saved as drafts; goes on from the workspace's newest map."""

    def __init__(self, workspace: Workspace, projector: Projector, *, layer: str) -> None:
        self.layer = layer
        self._workspace = workspace
        self._projector = projector
        self._ids: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._xy: Positions = np.empty((0, 2), dtype=np.float32)
        self._landmarks: Vectors | None = None
        self._fitted = self._published = 0
        if workspace.counts().embedded:
            self._resume(workspace.embedding(layer))

    def add(self, ids: NDArray[np.int64], vectors: NDArray[np.floating]) -> None:
        """Place newly embedded items, vectors (M, D); fit again and save a draft when enough have come."""
        if len(ids):
            self._place(ids, np.asarray(vectors, dtype=np.float32))
            self._refit_when_due()
            if len(self._ids) >= self._published * PUBLISH_FACTOR:
                self._publish()

    def _resume(self, embedding: Embedding) -> None:
        main = self._workspace.main_map()
        last = self._workspace.map(main.id) if main else None
        if last is None or last.origin.layer != self.layer:
            self.add(embedding.ids, embedding.vectors)
            return
        start, new = aligned(self._workspace, last, embedding.ids)
        if new.all():
            self.add(embedding.ids, embedding.vectors)
            return
        self._landmarks = embedding.vectors[~new][:LANDMARKS].astype(np.float32)
        self._ids, self._xy = embedding.ids[~new], start[~new]
        self._fitted = self._published = len(self._ids)
        self.add(embedding.ids[new], embedding.vectors[new])

    def _place(self, ids: NDArray[np.int64], vectors: Vectors) -> None:
        before = self._landmarks
        room = LANDMARKS - (0 if before is None else len(before))
        if before is None:
            self._landmarks = vectors[:room]
            xy = into_unit_square(PROJECTORS.load("pca")().fit(vectors))
        else:
            xy = self._projector.place(vectors, before, self._xy[: len(before)])
            self._landmarks = np.concatenate([before, vectors[:room]])
        self._ids = np.concatenate([self._ids, ids])
        self._xy = np.concatenate([self._xy, xy])

    def _refit_when_due(self) -> None:
        total = len(self._ids)
        if total < FIRST_FIT or total > REFIT_LIMIT or total < self._fitted * REFIT_FACTOR:
            return
        start = self._xy
        order = np.argsort(self._ids)
        vectors = self._workspace.embedding(self.layer, self._ids[order]).vectors
        fitted = fit_from(self._projector, vectors, start[order])
        self._xy[order] = fitted
        self._fitted = total

    def _publish(self) -> None:
        order = np.argsort(self._ids)
        ids = self._ids[order]
        origin = origin_of(self._workspace, self._projector, ids, layer=self.layer, fitted=self._fitted)
        self._workspace.save_map(Map(self._xy[order], ids, origin), final=False)
        self._published = len(ids)


def draw_final(
    workspace: Workspace, projector: Projector, *, layer: str, watch: Watch = lambda _: None
) -> int:
    """Fit the map of everything embedded from where the items are now, save it, and return its id.

    When nothing has changed since the last final map, that one is returned; when few items have come or
    changed since the last fit, only those are placed, so that the user's sense of place survives. `watch`
    hears how far a fit is.
    """
    embedding = workspace.embedding(layer)
    ids, vectors = embedding.ids, embedding.vectors
    row = workspace.main_map()
    last = workspace.map(row.id) if row else None
    if row is None or last is None:
        return _save(workspace, projector, layer, ids, fit_from(projector, vectors, None, watch))
    start, new = aligned(workspace, last, ids)
    if last.origin.layer != layer:
        xy = into_unit_square(register(projector.fit(vectors, watch=watch), onto=start))
        return _save(workspace, projector, layer, ids, xy)
    same = last.origin.projector == projector.name and last.origin.parameters == projector.parameters()
    if not (row.final and same and _few(last, ids, new)):
        return _save(workspace, projector, layer, ids, fit_from(projector, vectors, start, watch))
    if new.any():
        start[new] = projector.place(vectors[new], vectors[~new], start[~new])
    elif len(last.ids) == len(ids):
        return row.id
    return _save(workspace, projector, layer, ids, start, fitted=last.origin.fitted)


def _few(last: Map, ids: NDArray[np.int64], new: NDArray[np.bool_]) -> bool:
    """Return whether so little is new, and was merely placed before, that a fit would not be worth it."""
    placed_before = len(last.ids) - last.origin.fitted
    return not new.any() or placed_before + int(new.sum()) < PLACE_ONLY * len(ids)


def _save(
    workspace: Workspace,
    projector: Projector,
    layer: str,
    ids: NDArray[np.int64],
    xy: Positions,
    *,
    fitted: int | None = None,
) -> int:
    count = len(ids) if fitted is None else fitted
    origin = origin_of(workspace, projector, ids, layer=layer, fitted=count)
    return workspace.save_map(Map(xy, ids, origin), final=True)


def aligned(workspace: Workspace, last: Map, ids: NDArray[np.int64]) -> tuple[Positions, NDArray[np.bool_]]:
    """Return the last map's positions by `ids` (N, 2), NaN for the new ones, and which are new.

    An item is new to a map that does not show it, and to one that was drawn before its vectors were made:
    its file has changed since.
    """
    start = np.full((len(ids), 2), np.nan, dtype=np.float32)
    old = np.isin(ids, last.ids) & (workspace.shards_of(ids) <= last.origin.shard)
    start[old] = last.xy[np.searchsorted(last.ids, ids[old])]
    return start, ~old


def fit_from(
    projector: Projector,
    vectors: NDArray[np.floating],
    start: Positions | None,
    watch: Watch = lambda _: None,
) -> Positions:
    """Fit vectors (N, D) from `start` (N, 2) in the unit square and return positions there.

    A projector leaves the map in the frame of its start; only where it grew out of the square it is shrunk.
    """
    xy = projector.fit(vectors, start=start, watch=watch)
    if start is not None and xy.min() >= 0 and xy.max() <= 1:
        return xy
    return into_unit_square(xy)


def within(what: str, watch: Watch) -> Watch:
    """Return a watch that hears of the steps of `what` and passes them on under its name."""
    return lambda step: watch(replace(step, message=f"{what}: {step.message}"))


def origin_of(
    workspace: Workspace, projector: Projector, ids: NDArray[np.int64], *, layer: str, fitted: int
) -> MapOrigin:
    """Describe a map of `ids` that is about to be saved: who draws it, of what, after which map and label."""
    backbone = next((row for row in workspace.backbones() if layer in row.layers), None)
    parent = workspace.main_map()
    return MapOrigin(
        projector=projector.name,
        parameters=projector.parameters(),
        seed=projector.seed,
        backbone=backbone.name if backbone else "",
        fingerprint=backbone.fingerprint if backbone else "",
        layer=layer,
        parent=parent.id if parent else None,
        label_seq=workspace.log.seq(),
        shard=int(workspace.shards_of(ids).max()),
        fitted=fitted,
    )
