"""What every row of INDICES and AGREEMENTS keeps, found by its row: values, edges, documentation."""

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import shoal.indices
from shoal.indices import (
    AGREEMENTS,
    INDICES,
    Clusters,
    Index,
    ValidityError,
    continuity,
    knn_accuracy,
    map_at_r,
    neighbours_kept,
    r_precision,
    recall_at_k,
    trustworthiness,
)
from shoal.types import ShoalError

ROWS = INDICES.names()
every_row = pytest.mark.parametrize("row", ROWS)
every_agreement = pytest.mark.parametrize("row", AGREEMENTS.names())
PAGE = (Path(__file__).parents[2] / "docs" / "indices.md").read_text()

THIRTY = [
    "dunn",
    "calinski-harabasz",
    "gamma",
    "c-index",
    "davies-bouldin",
    "silhouette",
    "dunn-mst",
    "dunn-rng",
    "dunn-gg",
    "db-mst",
    "db-rng",
    "db-gg",
    "gd31",
    "gd41",
    "gd51",
    "gd33",
    "gd43",
    "gd53",
    "s-dbw",
    "cs",
    "db-star",
    "score-function",
    "sym",
    "sym-db",
    "sym-dunn",
    "sym-33",
    "cop",
    "negentropy-increment",
    "sv",
    "os",
]

SCALE_MATTERS = {
    "score-function": "it takes the exponential of a difference of distances",
    "os": "it divides ratios of distances by a distance",
}
SCALES = (1e-300, 1e-149, 1e-30, 7.0, 1e30, 1e149)
AS_SYMMETRIC = "two equal groups merged are as symmetric about their middle as each was"
NOT_WORSE = {(row, "merged"): AS_SYMMETRIC for row in ("sym", "sym-db", "sym-dunn", "sym-33")}


@cache
def make(row: str) -> Index:
    return INDICES.load(row)


def groups(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Four well-separated normal groups of different sizes, shuffled."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(4), [50, 60, 80, 100])
    means = 8.0 * np.array([[0, 0, 0], [1, 0, 0], [0, 1.1, 0], [0, 0, 1.2]])
    x = means[y] + rng.normal(size=(len(y), 3))
    order = rng.permutation(len(y))
    return x[order], y[order]


def overlapping(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(4, size=70)
    return rng.normal(size=(4, 3))[y] + rng.normal(size=(70, 3)), y


def test_the_thirty_are_there():
    assert len(THIRTY) == 30
    assert set(THIRTY) <= set(ROWS)


@every_row
def test_a_row_is_an_index_that_says_where_it_is_from(row):
    index = make(row)
    assert isinstance(index, Index)
    assert isinstance(index.higher_is_better, bool)
    assert index.source.count("(") >= 1
    assert index.cost
    assert len(index.__doc__) > 40
    assert getattr(shoal.indices, index.name) is index


@every_row
def test_a_partition_gives_a_finite_float(row):
    value = make(row)(*overlapping())
    assert type(value) is float
    assert np.isfinite(value)


@every_row
def test_the_order_of_items_does_not_matter(row):
    x, y = overlapping()
    order = np.random.default_rng(1).permutation(len(y))
    assert make(row)(x[order], y[order]) == pytest.approx(make(row)(x, y), rel=1e-9)


@every_row
def test_the_order_of_items_does_not_matter_among_duplicates_far_from_each_other(row):
    rng = np.random.default_rng(1)
    y = np.append(rng.integers(4, size=57), [9] * 3)
    x = rng.normal(size=(60, 7))
    x[10:18] = x[57] = x[5]
    x = x * np.array([1, 1, 1, 1e6, 1, 1, 1]) + 1e6
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(60)
        assert make(row)(x[order], y[order]) == pytest.approx(make(row)(x, y), rel=1e-6)


@every_row
def test_the_names_of_classes_do_not_matter(row):
    x, y = overlapping()
    assert make(row)(x, np.array([700, 3, 20, 0])[y]) == pytest.approx(make(row)(x, y), rel=1e-9)


@every_row
def test_where_the_origin_is_does_not_matter(row):
    x, y = overlapping()
    moved = make(row)(x + np.array([1e6, -1e6, 3e5]), y)
    assert moved == pytest.approx(make(row)(x, y), rel=1e-6)


@every_row
def test_turned_and_mirrored_vectors_give_the_same(row):
    x, y = overlapping()
    turn, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))
    if row == "s-dbw":
        pytest.skip("it takes norms of variances along the axes")
    assert make(row)(x @ turn, y) == pytest.approx(make(row)(x, y), rel=1e-9)


@pytest.mark.parametrize("row", [row for row in ROWS if row not in SCALE_MATTERS])
def test_the_scale_does_not_matter(row):
    x, y = overlapping()
    for scale in SCALES:
        assert make(row)(scale * x, y) == pytest.approx(make(row)(x, y), rel=1e-9), scale


def test_os_is_one_over_the_scale():
    x, y = overlapping()
    for scale in SCALES:
        assert make("os")(scale * x, y) == pytest.approx(make("os")(x, y) / scale, rel=1e-9), scale


def test_the_score_function_goes_to_its_ends_with_the_scale():
    x, y = overlapping()
    assert make("score-function")(1e149 * x, y) == 0.0
    # all distances nearly 0: 1 - 1 / e
    assert make("score-function")(1e-149 * x, y) == pytest.approx(1 - np.exp(-1), rel=1e-12)


@pytest.mark.parametrize("row", sorted(SCALE_MATTERS))
def test_where_the_scale_matters_the_page_says_so(row):
    x, y = overlapping()
    assert make(row)(7.0 * x, y) != pytest.approx(make(row)(x, y), rel=1e-3)
    assert "depends on the scale" in line_of(row)


@every_row
def test_unlabelled_items_take_no_part_even_when_they_are_nan(row):
    x, y = overlapping()
    more = np.concatenate([np.full((3, 3), np.nan), x])
    assert make(row)(more, np.concatenate([[-1, -1, -1], y])) == make(row)(x, y)


@every_row
def test_worse_when_well_separated_groups_are_taken_wrongly(row):
    for seed in range(2):
        x, y = groups(seed)
        half = (y == 3) & (x[:, 0] > np.median(x[y == 3, 0]))
        wrong = {
            "merged": np.where(y == 3, 2, y),
            "split": np.where(half, 4, y),
            "shuffled": np.random.default_rng(seed).permutation(y),
        }
        right = make(row)(x, y)
        for change, labels in wrong.items():
            assert (row, change) in NOT_WORSE or make(row).better(right, make(row)(x, labels)), change


@every_row
def test_four_groups_at_the_corners_of_a_square_are_better_than_any_three(row):
    means, y = 9.0 * np.array([[0, 0], [1, 0], [0, 1], [1, 1]]), np.arange(240) % 4
    x = means[y] + np.random.default_rng(0).normal(size=(240, 2))
    pairs = [(one, other) for one in range(4) for other in range(one)]
    right = make(row)(x, y)
    better = [make(row).better(right, make(row)(x, np.where(y == a, b, y))) for a, b in pairs]
    # a Gabriel graph has long edges at the rim of a group, here one as long as a gap
    assert all(better) == ((row, "merged") not in NOT_WORSE and row not in ("dunn-gg", "db-gg"))


def tie(one: float, other: float) -> bool:
    """Whether two values are one by their formula: then the machine's rounding decides which is better."""
    return one == pytest.approx(other, rel=1e-9)


def preferred_mergings(apart: float) -> dict[str, int]:
    """How many of 24 mergings of four groups on a line each row finds no worse, where there is one."""
    y, found = np.arange(240) % 4, dict.fromkeys(ROWS, 0)
    for seed in range(4):
        x = apart * np.eye(1, 2) * y[:, None] + np.random.default_rng(seed).normal(size=(240, 2))
        right = Clusters.of(x, y)
        merged = [Clusters.of(x, np.where(y == a, b, y)) for a in range(4) for b in range(a)]
        for row in ROWS:
            value, others = make(row).of(right), [make(row).of(wrong) for wrong in merged]
            found[row] += sum(not make(row).better(value, other) or tie(value, other) for other in others)
    return {row: count for row, count in found.items() if count}


def test_mergings_on_a_line_that_are_no_worse_are_those_that_the_page_names():
    symmetric = {row for row, _ in NOT_WORSE}
    bullet = next(part for part in PAGE.split("\n- ") if part.startswith("`sv`, `db-mst`"))
    near, rest = bullet.partition(":")[0], bullet.partition("at 6")[2]
    at_nine, at_six = preferred_mergings(9.0), preferred_mergings(6.0)
    assert {row: 1 for row in re.findall("`([^`]+)`", near)} == without(at_nine, symmetric)
    assert set(re.findall("`([^`]+)`", near + rest)) == set(without(at_six, symmetric))
    assert {1, 10} == {min(at_six.values()), max(without(at_six, symmetric).values())}
    assert set(preferred_mergings(12.0)) <= symmetric


def without(counts: dict[str, int], rows: set[str]) -> dict[str, int]:
    return {row: count for row, count in counts.items() if row not in rows}


@pytest.mark.parametrize(("row", "change"), sorted(NOT_WORSE))
def test_the_exceptions_are_on_the_page(row, change):
    assert f"`{row}`" in PAGE.partition("## Where they fail")[2]


WAVES = np.sin(np.arange(60.0).reshape(12, 5))
EDGES = {
    "singletons": (WAVES[:4], [0, 1, 2, 3]),
    "one singleton": (WAVES[:5], [0, 0, 1, 3, 3]),
    "all in one point": (np.full((6, 5), 0.1), [0, 0, 1, 1, 2, 2]),
    "each class a point": (0.1 * np.eye(5)[[0, 0, 1, 1, 2, 2]], [0, 0, 1, 1, 2, 2]),
    "one mean": (np.array([[-1.0, 0], [1, 0], [0, -2], [0, 2]]), [0, 0, 1, 1]),
    "duplicates across classes": (np.eye(5)[[0, 0, 0, 1, 1, 1]], [0, 0, 1, 1, 2, 2]),
    "one dimension": (np.array([[0.0], [1], [5], [7], [9]]), [0, 0, 1, 1, 1]),
    "more dimensions than items": (WAVES.reshape(4, 15), [0, 0, 1, 1]),
    "huge": (1e149 * WAVES, [0, 1, 2] * 4),
    "minute": (1e-149 * WAVES, [0, 1, 2] * 4),
    "hardly numbers": (1e-310 * WAVES, [0, 1, 2] * 4),
}
NO_PAIR_WITHIN = {"gamma", "c-index"}


@every_row
@pytest.mark.filterwarnings("error")
def test_edges_give_a_value_that_is_not_nan(row):
    for edge, (x, y) in EDGES.items():
        if edge == "singletons" and row in NO_PAIR_WITHIN:
            with pytest.raises(ValidityError, match="4 singletons"):
                make(row)(x, y)
        else:
            assert not np.isnan(make(row)(x, y)), edge


@every_row
def test_points_in_one_place_are_no_good_partition(row):
    best, worst = make(row)(*EDGES["each class a point"]), make(row)(*EDGES["all in one point"])
    assert make(row).better(best, worst)


REFUSED = {
    "empty": (np.zeros((0, 3)), np.zeros(0, dtype=int), "0 classes in 0"),
    "all unlabelled": (np.ones((3, 3)), [-1, -1, -1], "0 classes in 0"),
    "one class": (WAVES, [2] * 12, "1 classes in 12"),
    "NaN": (np.where(WAVES[3, 1] == WAVES, np.nan, WAVES), [0, 1, 2] * 4, "1 of 12 labelled vectors"),
    "infinite": (np.where(WAVES[3, 1] == WAVES, np.inf, WAVES), [0, 1, 2] * 4, "1 of 12 labelled vectors"),
    "NaN in the first": (np.where(WAVES[0, 0] == WAVES, np.nan, WAVES), [0, 1, 2] * 4, "1 of 12 labelled"),
    "immense": (np.where(WAVES[3, 1] == WAVES, 1e200, WAVES), [0, 1, 2] * 4, "1 of 12 labelled vectors"),
    "ragged": ([[0.0, 1.0], [2.0]], [0, 1], "no array"),
    "flat": (WAVES[0], [0, 1, 0, 1, 0], "shape"),
    "no width": (np.zeros((4, 0)), [0, 0, 1, 1], "shape"),
    "text": (np.array([["a"], ["b"]]), [0, 1], "numbers"),
    "short labels": (WAVES, [0, 1], "12 vectors"),
    "fractions": (WAVES, np.zeros(12), "integer"),
    "booleans": (WAVES, np.arange(12) > 5, "integer"),
    "negative": (WAVES, [0, 1, -2] * 4, "label -2"),
    "beyond int64": (WAVES, np.array([0, 1, 2**63 + 5] * 4, np.uint64), "label 9223372036854775813"),
    "the largest": (WAVES, np.array([0, 1, 2**64 - 1] * 4, np.uint64), "label 18446744073709551615"),
    "masked": (np.ma.masked_array(WAVES, WAVES > 0.5), [0, 1, 2] * 4, "masked"),
}


@every_row
@pytest.mark.filterwarnings("error")
def test_broken_input_is_refused_by_name(row):
    for x, y, why in REFUSED.values():
        with pytest.raises(ShoalError, match=why) as refusal:
            make(row)(x, y)
        assert str(refusal.value).startswith(make(row).name)
        assert isinstance(refusal.value, ValidityError)


@every_row
def test_other_dtypes_are_computed_in_float64(row):
    x, y = overlapping()
    whole = (8 * x).round()
    for dtype in ("float16", "float32", "int32"):
        assert make(row)(whole.astype(dtype), y.astype(np.int8)) == make(row)(whole, y)


def test_clusters_are_shared_and_nothing_else_is():
    x, y = overlapping()
    assert make("silhouette").of(Clusters.of(x, y)) == make("silhouette")(x, y)
    with pytest.raises(ValidityError, match=r"silhouette.of got a tuple"):
        make("silhouette").of((x, y))


@every_row
def test_the_input_is_left_as_it_was(row):
    x, y = overlapping()
    before = x.copy(), y.copy()
    make(row)(x, y)
    assert np.array_equal(x, before[0])
    assert np.array_equal(y, before[1])


def line_of(row: str) -> str:
    lines = [line for line in PAGE.splitlines() if line.startswith(f"| `{row}` |")]
    assert len(lines) == 1, f"docs/indices.md has {len(lines)} lines for {row!r}"
    return lines[0]


@every_row
def test_the_page_has_a_line_with_direction_cost_and_source(row):
    index, cells = make(row), [cell.strip() for cell in line_of(row).split("|")]
    assert cells[2] == f"`{index.name}`"
    assert cells[3] == ("higher" if index.higher_is_better else "lower")
    assert cells[4] == index.cost
    assert index.source.partition(")")[0] in line_of(row)


def test_the_page_has_no_line_without_a_row():
    named = {line.split("`")[1] for line in PAGE.splitlines() if line.startswith("| `")}
    functions = {"recall_at_k", "map_at_r", "r_precision"} | {
        name for name, module in shoal.indices._OTHERS.items() if module == "neighbourhood"
    }
    assert named == set(ROWS) | set(AGREEMENTS.names()) | functions


@every_agreement
def test_the_page_has_a_line_for_every_agreement(row):
    assert AGREEMENTS.load(row).__name__ in line_of(row)


@every_agreement
def test_agreement_is_one_with_itself_whatever_the_names(row):
    truth = np.array([0, 0, 1, 1, 2, 2, 2])
    assert AGREEMENTS.load(row)(truth, np.array([9, 4, 7])[truth]) == pytest.approx(1.0)


@every_agreement
def test_agreement_falls_with_every_wrong_item(row):
    truth = np.repeat(np.arange(4), 25)
    rng = np.random.default_rng(0)
    values = []
    for wrong in (0, 10, 30, 100):
        found = truth.copy()
        found[rng.permutation(100)[:wrong]] = rng.integers(4, size=wrong)
        values.append(AGREEMENTS.load(row)(truth, found))
    assert values == sorted(values, reverse=True)


@every_agreement
def test_agreement_leaves_out_what_either_does_not_label(row):
    truth, found = np.array([0, 0, 1, 1, 2]), np.array([1, 0, 0, 1, 1])
    more = AGREEMENTS.load(row)(np.append(truth, [-1, 0, -1]), np.append(found, [0, -1, -1]))
    assert more == AGREEMENTS.load(row)(truth, found)


@every_agreement
@pytest.mark.parametrize(
    ("truth", "found"),
    [
        ([], []),
        ([-1, 0], [0, -1]),
        ([0, 1], [0]),
        ([0.0, 1.0], [0, 1]),
        ([[0]], [[0]]),
        ([0, -2], [0, 1]),
        ([0, 1], [0, -2]),
        ([np.nan, 1], [0, 1]),
        (["a", "b"], [0, 1]),
        (np.array([0, 2**64 - 1], np.uint64), [0, 1]),
    ],
)
def test_agreement_refuses_what_it_cannot_compare(row, truth, found):
    with pytest.raises(ValidityError, match=AGREEMENTS.load(row).__name__):
        AGREEMENTS.load(row)(np.array(truth), np.array(found))


@every_agreement
def test_agreement_takes_lists_and_tensors(row):
    import torch

    truth, found = [0, 0, 1, 1, 2], [1, 0, 0, 1, 1]
    wanted = AGREEMENTS.load(row)(np.array(truth), np.array(found))
    assert AGREEMENTS.load(row)(truth, found) == wanted
    assert AGREEMENTS.load(row)(torch.tensor(truth), torch.tensor(found)) == wanted


OF_LABELS = {
    "recall_at_k": recall_at_k,
    "map_at_r": map_at_r,
    "r_precision": r_precision,
    "knn_accuracy": knn_accuracy,
}
OF_POSITIONS = {
    "neighbours_kept": neighbours_kept,
    "trustworthiness": trustworthiness,
    "continuity": continuity,
}
of_labels = pytest.mark.parametrize("name", OF_LABELS)
of_positions = pytest.mark.parametrize("name", OF_POSITIONS)


def test_every_function_of_the_namespace_is_under_contract():
    rooms = {"retrieval", "neighbourhood"}
    named = {name for name, module in shoal.indices._OTHERS.items() if module in rooms}
    assert named == {"nearest_neighbours", *OF_LABELS, *OF_POSITIONS}


@of_labels
@pytest.mark.filterwarnings("error")
def test_functions_of_labels_refuse_broken_input_by_name(name):
    for case, (x, y, why) in REFUSED.items():
        if name == "knn_accuracy" and case in {"empty", "all unlabelled", "one class"}:
            continue
        with pytest.raises(ValidityError, match=why) as refusal:
            OF_LABELS[name](x, y)
        assert str(refusal.value).startswith(name), case


@pytest.mark.parametrize("case", ["empty", "all unlabelled"])
def test_nothing_to_ask_is_refused(case):
    x, y, _ = REFUSED[case]
    with pytest.raises(ValidityError, match="knn_accuracy got 0 vectors, too few for any k"):
        knn_accuracy(x, y)


@of_positions
@pytest.mark.filterwarnings("error")
def test_functions_of_positions_refuse_broken_input_by_name(name):
    good = np.cos(WAVES[:, :2])
    for case in ("NaN", "infinite", "immense", "flat", "no width", "text", "ragged", "masked"):
        broken, _, why = REFUSED[case]
        why = why.replace("labelled ", "")
        for pair in ((broken, good), (good, broken)):
            with pytest.raises(ValidityError, match=f"{why}|positions") as refusal:
                OF_POSITIONS[name](*pair, k=2)
            assert str(refusal.value).startswith(name), case
    with pytest.raises(ValidityError, match=rf"^{name} got \d+ vectors and \d+ positions"):
        OF_POSITIONS[name](WAVES, good[:11], k=2)


@pytest.mark.parametrize("k", [0, -1, 12, 2.0, 1.5, True, "2", None])
def test_an_impossible_k_is_refused_by_name(k):
    calls = {name: (WAVES, np.arange(12) % 3) for name in ("recall_at_k", "knn_accuracy")}
    calls |= {name: (WAVES, WAVES) for name in OF_POSITIONS} | {"nearest_neighbours": (WAVES,)}
    for name, arguments in calls.items():
        with pytest.raises(ValidityError, match=rf"^{name} got k={k} for 12 ") as refusal:
            getattr(shoal.indices, name)(*arguments, k=k)
        assert "integer from 1 to" in str(refusal.value)


@of_labels
def test_functions_of_labels_ignore_origin_scale_and_kind_of_array(name):
    import torch

    x, y = overlapping()
    x = x.astype(np.float32).astype(np.float64)
    wanted = OF_LABELS[name](x, y)
    assert 0.0 < wanted < 1.0
    for scale in SCALES:
        assert OF_LABELS[name](scale * x, y) == wanted, scale
    assert OF_LABELS[name](x + 1e6, y) == pytest.approx(wanted, abs=0.02)
    assert OF_LABELS[name](x.tolist(), y.tolist()) == wanted
    assert OF_LABELS[name](torch.from_numpy(x), torch.from_numpy(y)) == wanted


@of_labels
def test_functions_of_labels_leave_out_the_unlabelled_even_when_they_are_nan(name):
    x, y = overlapping()
    more = np.concatenate([np.full((3, 3), np.nan), x])
    assert OF_LABELS[name](more, np.concatenate([[-1, -1, -1], y])) == OF_LABELS[name](x, y)


@of_positions
def test_functions_of_positions_ignore_scale_and_kind_of_array(name):
    import torch

    x, _ = overlapping()
    wanted = OF_POSITIONS[name](x, x[:, :2])
    assert 0.0 < wanted < 1.0
    for scale in SCALES:
        assert OF_POSITIONS[name](scale * x, x[:, :2]) == wanted, scale
        assert OF_POSITIONS[name](x, scale * x[:, :2]) == wanted, scale
    assert OF_POSITIONS[name](x.tolist(), x[:, :2].tolist()) == wanted
    assert OF_POSITIONS[name](torch.from_numpy(x), torch.from_numpy(x[:, :2])) == wanted
