"""More items than a tile: the searches that skip pairs, and the sums, against whole matrices."""

import itertools

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from shoal.indices import INDICES, Clusters, graphs, ranks, spanning
from shoal.indices import density as density_room
from shoal.indices import distances as tiles


def clusters(apart: float = 1.0, n: int = 1_700, k: int = 5, seed: int = 0) -> Clusters:
    rng = np.random.default_rng(seed)
    y = rng.choice(k, size=n, p=np.arange(1, k + 1) / np.arange(1, k + 1).sum())
    return Clusters.of(apart * rng.normal(size=(k, 4))[y] + rng.normal(size=(n, 4)), y)


@pytest.fixture(scope="module", params=[0.0, 1.0, 20.0], ids=lambda apart: f"apart-{apart:g}")
def both(request):
    c = clusters(request.param)
    return c, cdist(c.points, c.points), c.places[:, None] == c.places


def blocks(c: Clusters, matrix: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
    cut = [slice(c.starts[k], c.starts[k + 1]) for k in range(c.k)]
    return {(k, j): matrix[cut[k], cut[j]] for k in range(c.k) for j in range(c.k)}


def test_searches_equal_whole_matrices(both):
    c, distances, same = both
    parts = blocks(c, distances)
    assert tiles.widest(c) == pytest.approx(distances[same].max(), rel=1e-12)
    assert tiles.closest_strangers(c) == pytest.approx(distances[~same].min(), rel=1e-12)
    linkage = min(parts[pair].mean() for pair in itertools.combinations(range(c.k), 2))
    assert tiles.least_mean_linkage(c) == pytest.approx(linkage, rel=1e-12)
    found = tiles.farthest(c.points, c.members(2))
    wanted = distances[:, c.starts[2] : c.starts[3]].max(axis=1)
    assert np.allclose(found, wanted, rtol=1e-12)


@pytest.mark.parametrize("held", [0, tiles.HELD])
def test_sums_equal_whole_matrices(both, held, monkeypatch):
    monkeypatch.setattr(tiles, "HELD", held)
    c, distances, _ = both
    wanted = np.add.reduceat(distances, c.starts[:-1], axis=1)
    found = np.concatenate([sums.copy() for _, sums in tiles.sums_to_classes(c)])
    assert np.allclose(found, wanted, rtol=1e-10)


def test_farthest_items_equal_whole_matrices(both):
    c, distances, _ = both
    parts = blocks(c, distances)
    means = c.nearest_means
    wide = sum(parts[k, k].max(axis=1).mean() for k in range(c.k))
    assert INDICES.load("cs").of(c) == pytest.approx(wide / means.sum(), rel=1e-12)
    cop = 0.0
    for k in range(c.k):
        strangers = np.concatenate([parts[j, k] for j in range(c.k) if j != k])
        cop += c.counts[k] * c.radii[k] / strangers.max(axis=1).min()
    assert INDICES.load("cop").of(c) == pytest.approx(cop / len(c), rel=1e-12)


def test_ranks_equal_whole_matrices(both):
    c, distances, same = both
    upper = np.triu(np.ones_like(same), 1)
    within, between = distances[same & upper], distances[~same & upper]
    order = np.sort(between)
    plus = (len(between) - np.searchsorted(order, within, "right")).sum()
    minus = np.searchsorted(order, within, "left").sum()
    assert INDICES.load("gamma").of(c) == pytest.approx((plus - minus) / (plus + minus), abs=1e-7)
    every = np.sort(distances[upper])
    least, most = every[: len(within)].sum(), every[-len(within) :].sum()
    wanted = (within.sum() - least) / (most - least)
    assert INDICES.load("c-index").of(c) == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("width", [2, 5])
@pytest.mark.parametrize("graph", ["rng", "gg"])
def test_longest_edges_equal_whole_matrices(graph, width):
    members = np.random.default_rng(1).normal(size=(600, width)) ** 3
    squares = cdist(members, members, "sqeuclidean")
    longest = 0.0
    for i in range(len(members)):
        together = (np.maximum if graph == "rng" else np.add)(squares[i], squares)
        together[:, i] = together[np.arange(600), np.arange(600)] = np.inf
        edges = ~(together < squares[i][:, None]).any(axis=1)
        edges[i] = False
        longest = max(longest, squares[i][edges].max())
    assert graphs.longest_edge(members, graph) == pytest.approx(np.sqrt(longest), rel=1e-12)


def test_the_longest_edge_of_the_tree_equals_scipy():
    from scipy.sparse.csgraph import minimum_spanning_tree

    members = np.random.default_rng(1).normal(size=(700, 3))
    tree = minimum_spanning_tree(cdist(members, members))
    assert graphs.longest_edge(members, "mst") == pytest.approx(tree.max(), rel=1e-12)


def shapes() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    cloud = rng.normal(size=(400, 3))
    lumps = np.repeat(rng.normal(size=(40, 3)), 10, axis=0)
    return {
        "cloud": cloud,
        "one far item": np.concatenate([cloud, [[30.0, 0, 0]]]),
        "two far pairs": np.concatenate([cloud, [[30.0, 0, 0], [30.1, 0, 0], [0, 40.0, 0], [0, 40.1, 0]]]),
        "two clouds": np.concatenate([cloud, cloud[::-1] + 50.0]),
        "lumps of equal items": lumps,
        "lumps in a row": lumps * [1, 0, 0],
        "equal items": np.zeros((50, 3)),
        "lattice": np.array(list(itertools.product(range(8), range(8))), dtype=float),
        "far from the origin": 1e-3 * cloud + 1e3,
    }


@pytest.mark.parametrize("shape", shapes())
@pytest.mark.parametrize("swaps", [0, 1, spanning.SWAPS])
def test_the_longest_edge_from_near_neighbours_equals_prim(shape, swaps, monkeypatch):
    monkeypatch.setattr(spanning, "FEW", 10)
    monkeypatch.setattr(spanning, "SWAPS", swaps)
    members = shapes()[shape]
    wanted = spanning.longest_by_prim(members)
    assert spanning.longest_of_tree(members) == pytest.approx(wanted, rel=1e-9, abs=1e-12)


def test_near_neighbours_are_proof_enough_for_a_cloud(monkeypatch):
    monkeypatch.setattr(spanning, "longest_by_prim", None)
    members = np.random.default_rng(0).normal(size=(spanning.FEW + 1, 6))
    assert spanning.longest_of_tree(members) > 0


@pytest.mark.parametrize("kept", [0, ranks.KEPT])
@pytest.mark.parametrize("kind", ["normal", "ties", "duplicates", "unlucky sample"])
def test_the_c_index_survives_what_its_sample_cannot_tell(kind, kept, monkeypatch):
    monkeypatch.setattr(ranks, "KEPT", kept)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2))
    if kind == "ties":
        x = rng.integers(3, size=(300, 2)).astype(float)
    if kind == "duplicates":
        x[50:] = x[0]
    if kind == "unlucky sample":
        monkeypatch.setattr(ranks, "_sample", lambda clusters: np.full(1_000, 1e-9))
    y = rng.integers(3, size=300)
    distances, upper = cdist(x, x), np.triu(np.ones((300, 300), dtype=bool), 1)
    within, every = distances[upper & (y[:, None] == y)], np.sort(distances[upper])
    least, most = every[: len(within)].sum(), every[-len(within) :].sum()
    wanted = (within.sum() - least) / (most - least)
    assert INDICES.load("c-index")(x, y) == pytest.approx(wanted, abs=1e-6)


def test_the_c_index_counts_what_is_too_much_to_keep(monkeypatch):
    import tracemalloc

    rng = np.random.default_rng(0)
    y = rng.integers(2, size=4_000)
    x = rng.normal(size=(2, 8))[y] + rng.normal(size=(4_000, 8))
    monkeypatch.setattr(
        ranks, "_sample", lambda clusters: rng.chisquare(8, size=1_000) * 2.5
    )  # few: wide ends
    found, peaks = [], []
    for kept, steps in [(ranks.KEPT, ranks.STEPS), (1 << 16, 1 << 16)]:
        monkeypatch.setattr(ranks, "KEPT", kept)
        monkeypatch.setattr(ranks, "STEPS", steps)
        tracemalloc.start()
        found.append(INDICES.load("c-index")(x, y))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert found[1] == pytest.approx(found[0], abs=1e-9)
    assert peaks[1] < peaks[0] / 2


def test_least_between_names_its_rows():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(700, 3)), rng.normal(size=(1_100, 3))
    apart, i, j = tiles.least_between(a, b)
    distances = cdist(a, b)
    assert (i, j) == np.unravel_index(distances.argmin(), distances.shape)
    assert apart == pytest.approx(distances.min(), rel=1e-12)


@pytest.mark.parametrize("width", [1, 2, 3, 7, 16, 300])
def test_core_distances_are_the_mean_of_powers(width):
    members = np.random.default_rng(0).normal(size=(40, width))
    members[1] = members[0]
    distances = cdist(members, members)
    np.fill_diagonal(distances, np.inf)
    with np.errstate(divide="ignore"):
        wanted = np.exp(-logsumexp(-width * np.log(distances), axis=1, b=1 / 39) / width)
    found = density_room._core_distances(members)
    assert found[:2].tolist() == [0.0, 0.0]
    assert np.allclose(found, wanted, rtol=1e-12)


def test_a_square_lattice_has_its_diagonals_in_the_gabriel_graph_only():
    lattice = np.array(list(itertools.product(range(5), range(5))), dtype=float) / 3.0
    assert graphs.longest_edge(lattice, "mst") == pytest.approx(1 / 3)
    # the corners beside a diagonal are nearer to both its ends; they lie on its ball, not inside
    assert graphs.longest_edge(lattice, "rng") == pytest.approx(1 / 3)
    assert graphs.longest_edge(lattice, "gg") == pytest.approx(np.sqrt(2) / 3)


def test_small_blocks_change_nothing(both, monkeypatch):
    c, _, _ = both
    rows = ("os", "s-dbw", "dbcv", "silhouette-squared")
    small = Clusters.of(c.points[::5], c.places[::5])
    wanted = [INDICES.load(row).of(small) for row in rows]
    monkeypatch.setattr(density_room, "BLOCK", 700)
    monkeypatch.setattr(density_room, "CACHED", 700)
    monkeypatch.setattr("shoal.indices.clusters.HELD", 64)
    monkeypatch.setattr("shoal.indices.overlap.HELD", 700)
    again = Clusters.of(c.points[::5], c.places[::5])
    assert [INDICES.load(row).of(again) for row in rows] == pytest.approx(wanted, rel=1e-9)


ONE_COPY = sorted(row for row in INDICES.names() if INDICES.load(row).cost in {"N", "N K", "N D"})


@pytest.mark.parametrize(("row", "copies"), [*((row, 1.5) for row in ONE_COPY), ("gd33", 1.5), ("cop", 1.7)])
def test_little_is_held_beside_one_copy_of_the_vectors(row, copies):
    import tracemalloc

    rng = np.random.default_rng(0)
    y = rng.integers(10, size=10_000)
    x = (9.0 * rng.normal(size=(10, 256))[y] + rng.normal(size=(10_000, 256))).astype(np.float32)
    INDICES.load(row)(x[:100], y[:100])  # what is imported on use does not count
    tracemalloc.start()
    INDICES.load(row)(x, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < copies * 8 * x.size


def test_memory_stays_bounded():
    """Twenty thousand items have 3.2 GB of distances; what is held beside the vectors is a small part."""
    import tracemalloc

    rng = np.random.default_rng(0)
    y = rng.integers(20, size=20_000)
    x = 9.0 * rng.normal(size=(20, 8))[y] + rng.normal(size=(20_000, 8))
    for row in ("gd33", "cop", "s-dbw", "silhouette-squared", "dunn-mst"):
        tracemalloc.start()
        INDICES.load(row)(x, y)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 100e6, row


PAIRS_OF_CLASSES = (
    *("davies-bouldin", "db-star", "xie-beni", "cs", "sv", "os", "sym", "sym-db", "dunn-mst", "db-mst"),
    *("gd31", "gd41", "gd43", "gd51", "gd33", "gd53", "sym-33", "s-dbw"),
)
"""What looks at every pair of class means, or of classes."""


@pytest.mark.parametrize("row", PAIRS_OF_CLASSES)
def test_no_table_of_all_pairs_of_classes_is_held(row, monkeypatch):
    import tracemalloc

    monkeypatch.setattr("shoal.indices.clusters.HELD", 1 << 14)
    monkeypatch.setattr(tiles, "PAIRED", 1 << 14)
    monkeypatch.setattr("shoal.indices.overlap.HELD", 1 << 14)
    rng = np.random.default_rng(0)
    y = np.arange(2_400) % 1_200
    x = 99.0 * rng.normal(size=(1_200, 2))[y] + rng.normal(size=(2_400, 2))
    INDICES.load(row)(x[:300], y[:300] % 100)  # what is imported on use does not count
    tracemalloc.start()
    INDICES.load(row)(x, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 1_200**2 / 4  # a quarter of one table of float64


@pytest.mark.parametrize("held", [1, 7, 40])
@pytest.mark.parametrize("row", PAIRS_OF_CLASSES)
def test_blocks_of_classes_change_nothing(row, held, monkeypatch):
    c = clusters(4.0, n=300, k=9)
    wanted = INDICES.load(row).of(c)
    monkeypatch.setattr("shoal.indices.clusters.HELD", held)
    monkeypatch.setattr(tiles, "PAIRED", held)
    monkeypatch.setattr(density_room, "COUNTED", held)
    assert INDICES.load(row).of(Clusters.of(c.points, c.places)) == pytest.approx(wanted, rel=1e-12)


def test_clusters_stay_as_they_were_made():
    x, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 4
    clusters = Clusters.of(x, y)
    wanted = Clusters.of(x.copy(), y).means
    x[:] = np.nan
    assert np.array_equal(clusters.means, wanted)


@pytest.mark.parametrize("held", [1, 40, 1 << 18])
@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e140])
def test_means_and_squares_are_the_same_with_and_without_a_copy(monkeypatch, held, scale):
    monkeypatch.setattr("shoal.indices.clusters.HELD", held)
    monkeypatch.setattr("shoal.indices.checks.HELD", held)
    rng = np.random.default_rng(0)
    y = np.append(rng.integers(7, size=90), [-1, 50, -1])
    x = scale * (rng.normal(size=(len(y), 3)) + 30)
    x[y == 3] = x[np.argmax(y == 3)]  # a class that is one point
    passing, copied = Clusters.passing(x, y, asked_by="a test"), Clusters.of(x, y)
    assert np.array_equal(passing.means, copied.means)
    assert np.array_equal(passing.squares, copied.squares)
    assert "points" not in passing.__dict__
    known = y != -1
    assert passing.unit * np.ptp(copied.points) == pytest.approx(np.ptp(x[known] - x[known].mean(axis=0)))
    assert np.abs(copied.points.mean(axis=0)).max() <= 1e-14 * np.abs(copied.points).max()
    assert passing.squares[passing.places == sorted(set(y[known])).index(3)].max() == 0.0


def test_distances_to_means_keep_their_digits_among_tight_classes_far_from_the_others():
    rng = np.random.default_rng(0)
    y = np.arange(200) % 5
    centres = rng.normal(size=(5, 3)).round(2)
    centres[3:] = [1e7, 0, 0] + 1e-3 * centres[3:]
    x = np.longdouble(centres[y]) + 1e-4 * rng.normal(size=(200, 3)).round(3)
    means = np.array([x[y == k].mean(axis=0) for k in range(5)])
    distances = np.sqrt(np.square(x[:, None] - means).sum(axis=2))
    wanted = np.array([distances[y == k].sum(axis=0) for k in range(5)]).astype(np.float64)
    c = Clusters.of(x.astype(np.float64), y)
    # rounding the items to float64 has cost 1e-9 of a distance of about 1e-3
    [(_, sums, back)] = tiles.sums_to_means(c)
    assert np.allclose(sums * c.unit, wanted, rtol=1e-5)
    assert np.array_equal(back, sums.T)


def test_an_item_on_a_foreign_mean_is_0_from_it():
    x = np.array([[0.1, 0.2], [1.1, 0.7], [0.1, 0.2], [0.1, 0.2]])
    [(_, sums, _)] = tiles.sums_to_means(Clusters.of(x, [0, 0, 1, 1]))
    assert sums[0, 1] == pytest.approx(np.hypot(1.0, 0.5), rel=1e-15)


COINCIDING = {"davies-bouldin", "db-star", "xie-beni", "cs", "sym-db", "db-mst", "db-rng", "db-gg"}


@pytest.mark.parametrize("seed", range(20))
def test_means_that_coincide_do_so_however_sums_are_rounded(seed):
    rng = np.random.default_rng(seed)
    few, many = rng.integers(-50, 50, size=(7, 3)), rng.integers(-50, 50, size=(13, 3))
    many = np.concatenate([many, 2 * few.sum(axis=0, keepdims=True) - many.sum(axis=0)])
    x, y = np.concatenate([few, many]), np.repeat([4, 2], [7, 14])  # means are sevenths and fourteenths
    for row in COINCIDING | {"wb"}:
        assert INDICES.load(row)(x, y) == np.inf, row
        assert np.isfinite(INDICES.load(row)(x + 1e-9 * y[:, None], y)), row
    assert INDICES.load("calinski-harabasz")(x, y) == 0.0
    third = np.concatenate([x, 1_000 + rng.integers(-50, 50, size=(5, 3))]), np.append(y, [9] * 5)
    for row in COINCIDING - {"cs"}:
        assert INDICES.load(row)(*third) == np.inf, row


def test_tight_classes_far_from_each_other_keep_their_digits():
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=300)
    # what float64 can hold exactly at this distance; each class seen alone loses nothing
    near = (rng.normal(size=(300, 4)) * 128).round() / 2.0**32
    far = np.array([0.0, -1e6, 3e5])[y, None]
    clusters = Clusters.of(near + far, y)
    for k in range(3):
        alone = near[y == k]
        wanted = np.square(alone - alone.mean(axis=0)).sum(axis=1)
        found = clusters.squares[clusters.places == k] * clusters.unit**2
        assert np.allclose(found, wanted, rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    "row",
    ["calinski-harabasz", "davies-bouldin", "db-star", "score-function", "gd43", "xie-beni", "wb"],
)
def test_rows_of_means_and_spreads_copy_no_vectors(row):
    x, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 4
    passing = Clusters.passing(x, y, asked_by="a test")
    INDICES.load(row).of(passing)
    assert "points" not in passing.__dict__
