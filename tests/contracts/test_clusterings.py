"""One contract over every row of CLUSTERINGS: what a method takes, gives and refuses."""

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from shoal.clustering import CLUSTERINGS
from shoal.clustering.base import ClusteringError

ROWS = CLUSTERINGS.names()
K = 3
QUICK: dict[str, dict[str, Any]] = {
    "dec": {"hidden": "16", "width": 3, "pretraining": 10, "batch": 16, "updates": 2, "every": 4},
    "deepcluster": {"hidden": "16", "width": 8, "epochs": 2, "batch": 16, "components": 2},
    "evoc": {"smallest": 10},  # by default it finds groups within a group of twenty
    "idec": {"hidden": "16", "width": 3, "pretraining": 10, "batch": 16, "updates": 2, "every": 4},
}
"""Settings under which a row that trains is done in a moment, or that fit so few items."""


def missing(row: str) -> str | None:
    package = getattr(CLUSTERINGS.load(row), "package", None)
    return package if package and find_spec(package) is None else None


every_row = pytest.mark.parametrize("row", ROWS)


def make(row: str, clusters: int = K, **settings: Any) -> Any:
    kind = CLUSTERINGS.load(row)
    if missing(row):
        pytest.skip(f"{missing(row)} is not installed")
    given = QUICK.get(row, {}) | settings
    return kind(**given) if kind.finds_clusters else kind(**{"clusters": clusters} | given)


def groups(items: int = 20, *, width: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """K well separated groups of `items` vectors, shuffled, and the group of each."""
    rng = np.random.default_rng(seed)
    y = np.arange(K).repeat(items)
    x = 8 * np.eye(K, width)[y] + 0.5 * rng.standard_normal((len(y), width))
    order = rng.permutation(len(y))
    return x[order].astype(np.float32), y[order]


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two labellings differ by the names of their clusters only."""
    pairs = {*zip(a.tolist(), b.tolist(), strict=True)}
    return len(pairs) == len({*a.tolist()}) == len({*b.tolist()})


@every_row
def test_the_row_is_the_name_and_the_parameters_make_the_same_again(row):
    method = make(row)
    assert method.name == row
    assert CLUSTERINGS.load(row)(**method.parameters()).parameters() == method.parameters()


@every_row
def test_separate_groups_are_found(row):
    x, y = groups()
    got = make(row).fit(x, seed=1)
    assert got.clusters == K
    assert same(got.labels, y)


@every_row
def test_shapes_and_types(row):
    x, _ = groups()
    got = make(row).fit(x, seed=1)
    assert got.labels.shape == (len(x),)
    assert got.labels.dtype == np.int64
    assert got.labels.min() >= -1
    assert got.labels.max() < got.clusters
    if got.soft is not None:
        assert got.soft.shape == (len(x), got.clusters)
        assert got.soft.dtype == np.float32
        assert (got.soft >= 0).all()
        assert np.allclose(got.soft.sum(axis=1), 1, atol=1e-5)
        assert (got.soft.argmax(axis=1) == got.labels).all()
    if got.centres is not None:
        assert len(got.centres) == got.clusters
        assert got.centres.dtype == np.float32
        assert np.isfinite(got.centres).all()
    assert all(isinstance(value, str | int | float | bool) for value in got.facts.values())


@every_row
def test_the_seed_decides(row):
    x, _ = groups()
    x = x + np.random.default_rng(9).standard_normal(x.shape).astype(np.float32) * 2
    first, second = make(row).fit(x, seed=4), make(row).fit(x, seed=4)
    assert (first.labels == second.labels).all()
    assert first.facts == second.facts
    assert first.history == second.history
    for a, b in [(first.soft, second.soft), (first.centres, second.centres)]:
        assert (a is None and b is None) or np.array_equal(a, b)


@every_row
def test_the_number_of_clusters_is_kept(row):
    kind = CLUSTERINGS.load(row)
    if kind.finds_clusters:
        pytest.skip("it finds the number itself")
    x = np.random.default_rng(0).standard_normal((40, 4))
    for clusters in (1, 2, 7):
        got = make(row, clusters).fit(x)
        assert got.clusters == clusters
        assert set(got.labels.tolist()) <= set(range(clusters))
    with pytest.raises(ClusteringError, match="clusters=0"):
        make(row, 0)


@every_row
def test_fitted_items_are_assigned_to_their_own_clusters_and_newcomers_to_the_nearest(row):
    x, _ = groups()
    method = make(row)
    got = method.fit(x, seed=1)
    assert (method.assign(x) == got.labels).all()
    fresh = x[:10] + np.float32(1e-3)
    assigned = method.assign(fresh)
    assert assigned.dtype == np.int64
    assert (assigned == got.labels[:10]).all()


@every_row
def test_assign_wants_a_fit_and_the_same_width(row):
    method = make(row)
    with pytest.raises(ClusteringError, match=r"call fit first"):
        method.assign(groups()[0])
    method.fit(groups()[0])
    with pytest.raises(ClusteringError, match="wide"):
        method.assign(groups(width=9)[0])


@every_row
def test_equal_items_share_a_cluster(row):
    x, _ = groups(8)
    twice = np.concatenate([x, x])
    got = make(row).fit(twice, seed=1)
    assert (got.labels[: len(x)] == got.labels[len(x) :]).all()


@every_row
def test_all_items_in_one_point(row):
    x = np.full((30, 5), 3.5, np.float32)
    got = make(row).fit(x)
    assert len(set(got.labels.tolist())) == 1
    assert got.soft is None or np.isfinite(got.soft).all()
    assert got.centres is None or np.isfinite(got.centres).all()


@every_row
def test_fewer_items_than_clusters(row):
    kind = CLUSTERINGS.load(row)
    x = groups()[0][:2]
    if kind.finds_clusters:
        _noise_or_refusal(make(row), x)
        return
    with pytest.raises(ClusteringError, match=rf"{row} got 2 items for {K} clusters"):
        make(row).fit(x)


@every_row
def test_one_item(row):
    _noise_or_refusal(make(row, 1), np.ones((1, 4), np.float32))


def _noise_or_refusal(method: Any, x: np.ndarray) -> None:
    try:
        got = method.fit(x)
    except ClusteringError:
        return
    assert got.labels.shape == (len(x),)
    assert got.labels.max() <= 0


@every_row
def test_as_many_items_as_clusters(row):
    x = groups(1)[0]
    if CLUSTERINGS.load(row).finds_clusters:
        _noise_or_refusal(make(row), x)
        return
    assert make(row).fit(x).labels.shape == (K,)


@every_row
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused_by_row(row, bad):
    x, _ = groups()
    x[5, 1] = bad
    with pytest.raises(ClusteringError, match=rf"{row} got 1 .*not finite.*row 5"):
        make(row).fit(x)


@every_row
@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (4,), (2, 2, 2)])
def test_other_shapes_are_refused(row, shape):
    with pytest.raises(ClusteringError, match=row):
        make(row).fit(np.zeros(shape, np.float32))


@every_row
def test_text_is_refused(row):
    with pytest.raises(ClusteringError, match=row):
        make(row).fit(np.full((4, 4), "a"))


@every_row
@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int32])
def test_other_numbers_give_the_same_clusters(row, dtype):
    x, y = groups()
    got = make(row).fit((x * 8).astype(dtype), seed=1)
    assert same(got.labels, y)


@every_row
def test_immense_values_have_finite_centres_or_are_refused(row):
    x, y = groups()
    largest = 3.4028e38 / float(np.abs(x).max())
    got = make(row).fit(largest * x.astype(np.float64), seed=1)
    assert same(got.labels, y)
    assert got.centres is None or np.isfinite(got.centres).all()
    assert all(np.isfinite(value) for value in got.facts.values() if isinstance(value, float))
    for immense in (1e40, 1e150, 1e300):
        with pytest.raises(ClusteringError, match=rf"{row} got values as large as .*Divide all vectors"):
            make(row).fit(immense * x.astype(np.float64))


@every_row
def test_newcomers_from_afar_get_a_cluster_or_are_noise(row):
    x, _ = groups()
    method = make(row)
    method.fit(x, seed=1)
    least = -1 if method.finds_clusters else 0
    for far in (1e4, 1e10, 1e20, 1e38):
        found = method.assign(np.float32(far) * np.sign(x[:5]))
        assert set(found.tolist()) <= set(range(least, K)), far


@every_row
@pytest.mark.parametrize("seed", [-1, 2.0, True, None, "1"])
def test_a_seed_is_a_whole_number(row, seed):
    with pytest.raises(
        ClusteringError, match=rf"{row} got seed={seed!r}; it takes a whole number, 0 or more"
    ):
        make(row).fit(groups()[0], seed=seed)


def settings_of(row: str) -> list[str]:
    return [name for name, value in CLUSTERINGS.load(row)().parameters().items() if name != "init"]


WRONG = [-1, 2.5, True, np.nan, np.inf, "2", [3]]


@every_row
def test_settings_that_make_no_sense_are_refused_by_name(row):
    for name in settings_of(row):
        usual = CLUSTERINGS.load(row)().parameters()[name]
        for wrong in WRONG:
            if isinstance(usual, str) and wrong == "2":
                continue  # one hidden layer of two
            if isinstance(usual, float) and wrong == 2.5:
                continue
            with pytest.raises(ClusteringError, match=name if name != "hidden" else "hidden="):
                CLUSTERINGS.load(row)(**{name: wrong})


@every_row
def test_numbers_of_numpy_are_numbers(row):
    x, y = groups()
    usual = make(row).parameters()
    given = {name: np.int64(value) for name, value in usual.items() if type(value) is int}
    assert same(make(row).fit(x, seed=1).labels, y)
    assert (make(row, **given).fit(x, seed=np.int64(1)).labels == make(row).fit(x, seed=1).labels).all()


@pytest.mark.parametrize("row", ["dec", "idec", "deepcluster"])
@pytest.mark.parametrize("device", ["cuda:77", "gpu", "meta", -1, None])
def test_a_device_that_is_not_there_is_refused(row, device):
    with pytest.raises(ClusteringError, match=rf"{row} got device={device!r}: .* take 'cpu'"):
        make(row, device=device)


@pytest.mark.parametrize(("row", "name"), [("dec", "encoder"), ("deepcluster", "network")])
def test_a_network_is_a_module_of_torch(row, name):
    with pytest.raises(ClusteringError, match=rf"{row} got a function for a network"):
        make(row, **{name: lambda x: x})


@pytest.mark.parametrize("row", ["dec", "idec", "deepcluster"])
@pytest.mark.parametrize(
    ("known", "why"),
    [
        ([0, 1], r"labels of shape \(2,\)"),
        ([0.5] * 60, "float64"),
        ([-2] * 60, "label -2"),
        (np.full(60, 2**64 - 1, np.uint64), "below 2\\^63"),
    ],
)
def test_known_labels_are_checked(row, known, why):
    with pytest.raises(ClusteringError, match=rf"{row} got as known .*{why}"):
        make(row).fit(groups()[0], known=known)


@every_row
def test_the_vectors_are_left_as_they_were(row):
    x, _ = groups()
    before = x.copy()
    make(row).fit(x)
    assert (x == before).all()


@every_row
def test_the_random_state_of_others_is_left_alone(row):
    import torch

    np.random.seed(3)
    torch.manual_seed(3)
    before = (np.random.get_state()[1].copy(), torch.get_rng_state())
    make(row).fit(groups()[0])
    assert (np.random.get_state()[1] == before[0]).all()
    assert torch.equal(torch.get_rng_state(), before[1])


@every_row
def test_progress_is_told_and_can_stop_the_work(row):
    told = []
    make(row).fit(groups()[0], watch=told.append)
    assert told
    assert all(0 <= each.done <= each.total and each.message for each in told)

    def stop(progress: Any) -> None:
        raise InterruptedError(progress.message)

    with pytest.raises(InterruptedError):
        make(row).fit(groups()[0], watch=stop)
