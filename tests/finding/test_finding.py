"""Planted things are found: copies, loners, strangers in a lasso, wrong labels; and nothing else is."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from shoal.finding import (
    Space,
    belonging,
    difference_hash,
    duplicate_groups,
    odd_labels,
    outliers,
    trustworthiness,
)
from shoal.finding.belonging import robust_z
from shoal.types import ShoalError

GROUPS, EACH, WIDTH = 4, 50, 24


@pytest.fixture
def vectors():
    random = np.random.default_rng(3)
    middles = random.normal(size=(GROUPS, WIDTH)) * 3
    return (np.repeat(middles, EACH, axis=0) + random.normal(size=(GROUPS * EACH, WIDTH))).astype(np.float16)


def space_of(vectors, **options) -> Space:
    return Space(vectors, np.arange(len(vectors)) * 2, **options)  # ids are no rows


def brute_cosines(vectors):
    centred = vectors.astype(np.float64) - vectors.astype(np.float64).mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    return cosines


def test_neighbours_are_those_of_a_plain_comparison(vectors):
    rows, cosines = space_of(vectors).graph()
    expected = brute_cosines(vectors)
    assert np.allclose(cosines, -np.sort(-expected, axis=1)[:, :15], atol=2e-3)
    assert np.allclose(expected[np.arange(len(rows))[:, None], rows], cosines, atol=2e-3)


def test_an_inverted_file_finds_nearly_the_same(vectors):
    exact, _ = space_of(vectors).graph()
    near, cosines = space_of(vectors, exact_below=10).graph()
    kept = (exact[:, :, None] == near[:, None, :]).any(axis=2).mean()
    assert kept > 0.9
    assert (near != np.arange(len(near))[:, None]).all() or (cosines >= -1).all()


def test_wide_vectors_of_many_items_are_brought_to_128_columns():
    random = np.random.default_rng(0)
    hidden = random.normal(size=(10_000, 20)) @ random.normal(size=(20, 160))
    space = space_of(hidden.astype(np.float16))
    assert space.unit.shape == (10_000, 128)
    cosines, _ = space.search(space.unit[:5], 4)
    centred = hidden - hidden.mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    assert np.allclose(cosines, -np.sort(-(unit[:5] @ unit.T), axis=1)[:, :4], atol=5e-3)


def test_similar_to_a_middle_and_to_each(vectors):
    space = space_of(vectors)
    found, cosines = space.similar(np.array([0, 1, 2]), EACH - 3)
    assert (found // EACH == 0).mean() > 0.95
    assert (np.diff(cosines) <= 0).all()
    assert not np.isin(found, [0, 1, 2]).any()
    mixed = np.array([0, 1, EACH, EACH + 1])
    found, _ = space.similar(mixed, 40, how="max")
    assert set(found // EACH) == {0, 1}
    assert not np.isin(found, mixed).any()


def test_what_a_lasso_missed_and_what_it_took(vectors):
    space = space_of(vectors)
    taken = np.r_[np.arange(5, EACH), 2 * EACH, 3 * EACH + 1]  # group 0 less five, and two strangers
    found = belonging(space, np.sort(taken))
    assert set(found.missed) == set(range(5))
    assert set(found.strangers) == {2 * EACH, 3 * EACH + 1}
    assert (np.diff(found.missed_share) <= 0).all()
    part = belonging(space, np.arange(6))  # a part of a group holds no stranger
    assert len(part.strangers) == 0


def test_trust_is_one_on_a_true_map_and_less_on_a_false_one(vectors):
    space = space_of(vectors)
    flat = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    true = space_of(flat - flat.mean(axis=0))
    angle = np.arctan2(true.unit[:, 1], true.unit[:, 0])
    on_circle = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    assert trustworthiness(true, np.arange(60), on_circle) == pytest.approx(1.0)
    random = np.random.default_rng(1).uniform(size=(len(vectors), 2)).astype(np.float32)
    assert trustworthiness(space, np.arange(50), random) < 0.7


def test_trust_by_a_plain_double_loop(vectors):
    space = space_of(vectors)
    xy = np.random.default_rng(1).uniform(size=(len(vectors), 2)).astype(np.float32)
    rows, k, n = np.arange(0, 60, 3), 10, len(vectors)
    cosines = brute_cosines(vectors)
    penalty = 0
    for i in rows:
        on_map = sorted((j for j in range(n) if j != i), key=lambda j: ((xy[i] - xy[j]) ** 2).sum())[:k]
        order = np.argsort(-cosines[i]).tolist()
        penalty += sum(max(0, order.index(j) + 1 - k) for j in on_map)
    expected = 1 - 2 * penalty / (len(rows) * k * (2 * n - 3 * k - 1))
    assert trustworthiness(space, rows, xy) == pytest.approx(expected, abs=2e-3)


def picture(seed: int, *, quality: int = 90, brighter: int = 0) -> bytes:
    random = np.random.default_rng(seed)
    small = Image.fromarray(random.integers(0, 200, (5, 6, 3), dtype=np.uint8))
    large = small.resize((64, 56), Image.Resampling.BICUBIC)
    out = BytesIO()
    Image.fromarray(np.asarray(large) + np.uint8(brighter)).save(out, "JPEG", quality=quality)
    return out.getvalue()


def test_a_hash_survives_saving_anew_and_a_little_light():
    apart = [
        (difference_hash(picture(seed)) ^ difference_hash(picture(seed, quality=40, brighter=20))).bit_count()
        for seed in range(8)
    ]
    assert max(apart) <= 6
    others = [
        (difference_hash(picture(seed)) ^ difference_hash(picture(seed + 1))).bit_count() for seed in range(8)
    ]
    assert min(others) > 10
    assert difference_hash(None) == difference_hash(b"no picture") == 0


def test_planted_copies_are_grouped_and_the_largest_is_kept(vectors):
    vectors = vectors.astype(np.float32)
    vectors[7] = vectors[3] + 0.05
    vectors[90] = vectors[3] - 0.05
    vectors[120] = vectors[121]
    vectors[30] = vectors[31] * 1.02 + 0.15  # alike by vector, another picture
    copies = {7: 3, 90: 3, 120: 121}
    hashes = {row: difference_hash(picture(copies.get(row, row))) for row in range(len(vectors))}
    weight = np.ones(len(vectors), dtype=np.int64)
    weight[90] = 5
    rows, groups, cosines = duplicate_groups(
        space_of(vectors), lambda asked: np.array([hashes[row] for row in asked], np.uint64), weight
    )
    found = [rows[groups == group].tolist() for group in np.unique(groups)]
    assert [90, 3, 7] in found
    assert [120, 121] in found
    assert found[0] == [90, 3, 7]  # larger groups first
    assert cosines[rows == 90] == pytest.approx(1.0, abs=1e-5)


def test_nothing_is_a_duplicate_of_nothing(vectors):
    rows, groups, cosines = duplicate_groups(
        space_of(vectors), lambda asked: np.zeros(len(asked), np.uint64), np.ones(len(vectors), np.int64)
    )
    assert len(rows) == len(groups) == len(cosines) == 0


def test_planted_loners_are_outliers(vectors):
    random = np.random.default_rng(9)
    vectors = vectors.astype(np.float32)
    vectors[[11, 60]] = random.normal(size=(2, WIDTH)) * 8
    rows, z = outliers(space_of(vectors))
    assert {11, 60} == set(rows[:2])
    assert len(rows) <= 12
    assert (np.diff(z) <= 0).all()
    assert z.min() > 1


def test_planted_mistakes_are_suspected_with_the_right_class(vectors):
    labels = np.repeat([7, 3, 9, 4], EACH)
    labels[::5] = -1
    truth = labels.copy()
    planted = {1: 3, 52: 9, 103: 4, 154: 7}
    for row, wrong in planted.items():
        labels[row] = wrong
    rows, classes, share = odd_labels(space_of(vectors), labels)
    assert set(rows) == set(planted)
    assert (classes == truth[rows]).all()
    assert (np.diff(share) <= 0).all()


def test_one_class_holds_nothing_odd(vectors):
    assert len(odd_labels(space_of(vectors), np.zeros(len(vectors), np.int64))[0]) == 0
    assert len(odd_labels(space_of(vectors), np.full(len(vectors), -1))[0]) == 0


def test_a_robust_z_by_hand():
    # median 3, absolute deviations 2 1 0 1 7: MAD 1
    assert robust_z(np.array([1.0, 2, 3, 4, 10])) == pytest.approx(np.array([-2, -1, 0, 1, 7]) / 1.4826)


def test_equal_vectors_and_too_few(vectors):
    space = space_of(np.ones((20, 4), dtype=np.float32))
    assert np.isfinite(space.graph()[1]).all()
    assert np.isfinite(outliers(space)[1]).all()
    with pytest.raises(ShoalError, match="two items"):
        Space(vectors[:1], np.arange(1))
