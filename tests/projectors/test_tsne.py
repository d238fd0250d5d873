"""The default projector: neighbours stay neighbours, a start is honoured, no item flies away."""

import numpy as np
import pytest
from numpy.typing import NDArray

from shoal.projectors.checked import Floats, ProjectorError
from shoal.projectors.neighbours import nearest
from shoal.projectors.pca import PCA
from shoal.projectors.registration import register
from shoal.projectors.tsne import TSNE

Blobs = tuple[Floats, NDArray[np.int64]]


def _accuracy(points: Floats, groups: NDArray[np.int64], k: int = 10) -> float:
    votes = groups[nearest(np.ascontiguousarray(points), k).ids]
    guess = [np.bincount(row).argmax() for row in votes]
    return float(np.mean(guess == groups))


def _in_square(xy: Floats) -> Floats:
    low = xy.min(axis=0)
    square: Floats = np.divide(xy - low, (xy - low).max(), dtype=np.float32)
    return square


def _kept(vectors: Floats, xy: Floats, k: int = 10) -> float:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = zip(nearest(unit, k).ids, nearest(xy, k).ids, strict=True)
    return float(np.mean([len(set(a) & set(b)) for a, b in pairs])) / k


def test_groups_become_islands(blobs: Blobs) -> None:
    vectors, groups = blobs
    xy = TSNE().fit(vectors)
    assert _accuracy(xy, groups) > 0.98
    assert _accuracy(PCA().fit(vectors), groups) < 0.9
    assert _kept(vectors, xy) > 2 * _kept(vectors, PCA().fit(vectors))


def test_a_sheet_is_unrolled_without_tearing() -> None:
    # A quarter of a sphere's surface is two-dimensional: its map must keep most neighbours.
    random = np.random.default_rng(0)
    around, up = random.random(900) * 1.5, random.random(900)
    vectors = np.stack([np.cos(around), np.sin(around), up], axis=1).astype(np.float32)
    assert _kept(vectors, TSNE().fit(vectors)) > 0.7


def test_no_item_is_so_far_out_that_it_shrinks_the_map(blobs: Blobs) -> None:
    vectors = np.concatenate([blobs[0], np.random.default_rng(0).standard_normal((20, 32)) * 50])
    xy = _in_square(TSNE().fit(vectors))
    low, high = np.percentile(xy, [1, 99], axis=0)
    assert (high - low).min() > 0.6


def test_a_warm_fit_moves_items_far_less_than_a_cold_one(blobs: Blobs) -> None:
    vectors, groups = blobs
    before = _in_square(TSNE(seed=0).fit(vectors[:450]))
    start = np.full((600, 2), np.nan, np.float32)
    start[:450] = before
    warm = TSNE(seed=1).fit(vectors, start=start)
    cold = register(TSNE(seed=1).fit(vectors), start)
    moved = [float(np.median(np.linalg.norm(xy[:450] - before, axis=1))) for xy in (warm, cold)]
    assert moved[0] < 0.05
    assert moved[0] < 0.5 * moved[1]
    assert _accuracy(warm, groups) > 0.98


def test_a_finished_map_stays_where_it_is(blobs: Blobs) -> None:
    before = _in_square(TSNE().fit(blobs[0]))
    again = TSNE().fit(blobs[0], start=before)
    assert np.median(np.linalg.norm(again - before, axis=1)) < 0.02


def test_the_frame_of_the_start_is_kept_whatever_its_units(blobs: Blobs) -> None:
    before = TSNE().fit(blobs[0])
    for scale, shift in ((1e-3, 5.0), (1e4, -3e4)):
        start = (before * scale + shift).astype(np.float32)
        again = TSNE().fit(blobs[0], start=start)
        assert np.median(np.linalg.norm(again - start, axis=1)) < 0.05 * np.ptp(start)


def test_a_map_of_a_tenth_grows_into_a_good_map_of_all(blobs: Blobs) -> None:
    vectors, groups = blobs
    start = np.full((600, 2), np.nan, np.float32)
    start[:60] = _in_square(TSNE().fit(vectors[:60]))
    assert _accuracy(TSNE().fit(vectors, start=start), groups) > 0.95


def test_placed_items_lie_in_their_group(blobs: Blobs) -> None:
    vectors, groups = blobs
    xy = _in_square(TSNE().fit(vectors[:500]))
    found = TSNE().place(vectors[500:], vectors[:500], xy)
    assert _accuracy(np.concatenate([xy, found]), groups) > 0.97


def test_more_exaggeration_makes_tighter_islands(blobs: Blobs) -> None:
    vectors, groups = blobs

    def tightness(exaggeration: float) -> float:
        xy = TSNE(exaggeration=exaggeration).fit(vectors)
        inside = np.mean([xy[groups == g].std(axis=0).mean() for g in range(12)])
        return float(inside / xy.std())

    assert tightness(3.0) < 0.8 * tightness(1.0)


def test_a_parameter_out_of_range_is_refused() -> None:
    for wrong in ({"exaggeration": 0.5}, {"iterations": 0}, {"neighbours": float("nan")}):
        with pytest.raises(ProjectorError, match=next(iter(wrong))):
            TSNE(**wrong)
