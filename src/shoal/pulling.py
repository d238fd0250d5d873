"""Two groups pulled apart: the map whose one axis is what tells them from each other."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from shoal.arrays import unit_vectors
from shoal.growing import origin_of
from shoal.projectors import PROJECTORS
from shoal.projectors.reduction import REDUCED, principal
from shoal.types import APART, Map, ShoalError
from shoal.workspace import Workspace

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
SHRINKAGE = 0.3
"""How far the covariance within the groups is drawn to a multiple of the identity: groups are small."""
STEEPNESS = 1.5
"""Standard deviations from the middle at which an axis begins to be squeezed, so that no outlier rules it."""
MARGIN = 0.04


def pull_apart(vectors: NDArray[np.floating], a: NDArray[np.integer], b: NDArray[np.integer]) -> Floats:
    """Return a map (N, 2) in the unit square on which rows `a` lie left, rows `b` right, others between.

    vectors is (N, D). The axis is Fisher's linear discriminant (1936) of the two groups, with a shrunken
    covariance, among the principal components; upwards lies the widest direction that it leaves. Raises
    `ShoalError` where a group is empty or the groups share an item.
    """
    if not len(a) or not len(b) or np.intersect1d(a, b).size:
        raise ShoalError(
            f"pull_apart() got groups of {len(a)} and {len(b)} items, {np.intersect1d(a, b).size} of them in "
            "both; it takes two groups without a common item."
        )
    unit = unit_vectors(np.asarray(vectors, np.float32))
    inputs = principal(unit, REDUCED).apply(unit)
    axis = _discriminant(inputs[a], inputs[b])
    along = inputs @ axis
    middle = (along[a].mean() + along[b].mean()) / 2
    rest = inputs - np.outer(along, axis)
    up = principal(rest, 1).apply(rest)[:, 0]
    return np.stack([_squeezed(along - middle), _squeezed(up)], axis=1)


def draw_apart(workspace: Workspace, a: Ids, b: Ids) -> int:
    """Draw the map that tells items `a` from items `b`, save it aside, show it, and return its id.

    Raises `ShoalError` without a map, and as `pull_apart` does; `Workspace.choose_map` leads back. Until
    then learning, and adding images, go on from the map that this one came from.
    """
    shown = workspace.map()
    if shown is None:
        raise ShoalError(f"{workspace.path} has no map yet: `shoal map` makes it.")
    embedding = workspace.embedding(shown.origin.layer if shown.origin.layer in workspace.layers else None)
    rows = [np.flatnonzero(np.isin(embedding.ids, ids)) for ids in (a, b)]
    xy = pull_apart(embedding.vectors, *rows)
    origin = origin_of(
        workspace, PROJECTORS.load("pca")(), embedding.ids, layer=embedding.layer, fitted=len(embedding.ids)
    )
    drawn = replace(origin, projector=APART, parameters={"a": len(a), "b": len(b)}, aside=True)
    id = workspace.save_map(Map(xy, embedding.ids, drawn), final=True)
    workspace.choose_map(id)
    return id


def _discriminant(a: Floats, b: Floats) -> Floats:
    within = np.concatenate([a - a.mean(axis=0), b - b.mean(axis=0)])
    covariance = (within.T @ within).astype(np.float64) / max(len(within) - 2, 1)
    width = len(covariance)
    spread = max(float(np.trace(covariance)) / width, 1e-9)
    shrunken = (1 - SHRINKAGE) * covariance + SHRINKAGE * spread * np.eye(width)
    axis = np.linalg.solve(shrunken, (b.mean(axis=0) - a.mean(axis=0)).astype(np.float64))
    return np.asarray(axis / max(float(np.linalg.norm(axis)), 1e-12), np.float32)


def _squeezed(values: Floats) -> Floats:
    scale = max(float(np.sqrt(np.mean(values**2))), 1e-12) * STEEPNESS
    squeezed: Floats = (0.5 + (0.5 - MARGIN) * np.tanh(values / scale)).astype(np.float32)
    return squeezed
