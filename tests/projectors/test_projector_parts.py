"""The parts of the projectors against plain double loops and values known by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from shoal.arrays import unit_vectors
from shoal.projectors import neighbours as neighbours_module
from shoal.projectors import repulsion
from shoal.projectors.affinities import Graph, affinities
from shoal.projectors.checked import Floats, ProjectorError
from shoal.projectors.descent import attraction, natural_scale
from shoal.projectors.neighbours import Neighbours, nearest, nearest_among
from shoal.projectors.placing import place_among, typical_gap
from shoal.projectors.reduction import principal, reduced_unit
from shoal.projectors.registration import register
from shoal.projectors.repulsion import LARGEST, Mesh
from shoal.types import Progress


def _points(count: int, spread: float, seed: int = 0) -> Floats:
    return (np.random.default_rng(seed).standard_normal((count, 2)) * spread).astype(np.float32)


def _field_by_loops(xy: Floats) -> tuple[Floats, Floats]:
    apart = xy[:, None].astype(np.float64) - xy[None]
    kernel = 1 / (1 + (apart**2).sum(axis=2))
    return kernel.sum(axis=1), (kernel[..., None] ** 2 * apart).sum(axis=1)


# repulsion


@pytest.mark.parametrize("block", [300, 16_384])
@pytest.mark.parametrize(("spread", "within"), [(0.01, 0.15), (0.1, 0.15), (1.0, 0.01), (10.0, 0.06)])
def test_the_mesh_gives_the_field_of_all_pairs(
    spread: float, within: float, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repulsion, "BLOCK", block)
    xy = _points(800, spread)
    field = Mesh().field(xy)
    potential, force = _field_by_loops(xy)
    assert np.abs(field.potential / potential - 1).max() < 0.02
    # What all items feel alike only shifts the map, which is centred after every step.
    error = field.force - force
    error -= error.mean(axis=0)
    assert np.sqrt((error**2).sum() / (force**2).sum()) < within


def test_two_points_at_distance_three() -> None:
    field = Mesh().field(np.array([[0, 0], [3, 0]], np.float32))
    np.testing.assert_allclose(field.potential, 1 + 1 / 10, rtol=0.01)
    np.testing.assert_allclose(field.force, [[-0.03, 0], [0.03, 0]], atol=0.003)


def test_the_field_does_not_wrap_around_the_mesh() -> None:
    xy = np.array([[0, 0], [200, 0], [200, 100]], np.float32)
    np.testing.assert_allclose(Mesh().field(xy).potential, 1, atol=0.02)


def test_a_map_wider_than_the_mesh_still_has_a_field() -> None:
    xy = np.concatenate([_points(300, 3.0), [[5.0 * LARGEST, 0]]]).astype(np.float32)
    field = Mesh().field(xy)
    assert np.isfinite(field.force).all()
    assert np.isfinite(field.potential).all()


def test_a_kept_kernel_is_not_used_for_another_mesh() -> None:
    mesh, small, wide = Mesh(), _points(50, 1.0), _points(50, 40.0)
    mesh.field(small)
    np.testing.assert_array_equal(mesh.field(wide).potential, Mesh().field(wide).potential)


# attraction and the loss


def _graph(items: int = 60) -> Graph:
    vectors = np.random.default_rng(3).standard_normal((items, 5)).astype(np.float32)
    return affinities(nearest(vectors, 8), 4)


def test_attraction_is_the_sum_over_the_edges() -> None:
    graph, xy = _graph(), _points(60, 2.0)
    full = graph.upper.toarray() + graph.upper.toarray().T
    expected = np.zeros((60, 2))
    for i in range(60):
        for j in range(60):
            apart = xy[i].astype(np.float64) - xy[j]
            expected[i] += full[i, j] / (1 + apart @ apart) * apart
    np.testing.assert_allclose(attraction(graph, xy), expected, atol=1e-6)


def _loss(graph: Graph, xy: Floats) -> float:
    apart = xy[:, None].astype(np.float64) - xy[None]
    kernel = 1 / (1 + (apart**2).sum(axis=2))
    attracted = 2 * (graph.upper.toarray() * -np.log(kernel)).sum()
    return float(attracted + np.log(kernel.sum() - len(xy)))


def test_the_forces_are_the_gradient_of_the_loss() -> None:
    graph, xy = _graph(), _points(60, 2.0)
    field = Mesh().field(xy)
    gradient = 4 * (attraction(graph, xy) - field.force / (field.potential.sum() - 60))
    direction, step = _points(60, 1.0, seed=9), np.float32(0.01)
    difference = _loss(graph, xy + step * direction) - _loss(graph, xy - step * direction)
    assert difference / (2 * step) == pytest.approx(float((gradient * direction).sum()), rel=0.05)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e4])
def test_the_natural_scale_has_the_least_loss_whatever_the_size_before(size: float) -> None:
    xy = _points(60, 1.0)
    xy -= xy.mean(axis=0)
    graph = affinities(nearest(xy, 8), 4)
    scale = np.float32(natural_scale(graph, xy * np.float32(size), 1, seed=0) * size)
    best = _loss(graph, xy * scale)
    assert best < _loss(graph, xy * scale * np.float32(1.4))
    assert best < _loss(graph, xy * scale / np.float32(1.4))


# affinities


def test_affinities_sum_to_one_and_reach_the_perplexity() -> None:
    vectors = np.random.default_rng(0).standard_normal((200, 6)).astype(np.float32)
    found = nearest(vectors, 20)
    graph = affinities(found, 10)
    assert graph.upper.sum() == pytest.approx(0.5)
    assert (graph.upper.data >= 0).all()
    rows = np.repeat(np.arange(200), graph.degrees)
    assert (rows < graph.columns).all()
    np.testing.assert_array_equal(graph.columns, graph.upper.indices)


def test_affinities_of_three_items_on_a_line() -> None:
    # 0 and 1 are each other's nearest, 2's nearest is 1: with k = 1 every share is 1.
    line = Neighbours(np.array([[1], [0], [1]], np.int32), np.array([[1], [1], [9]], np.float32))
    expected = np.zeros((3, 3))
    expected[0, 1], expected[1, 2] = 2 / 6, 1 / 6
    np.testing.assert_allclose(affinities(line, 5).upper.toarray(), expected, atol=1e-7)


def test_nearer_neighbours_attract_more() -> None:
    found = Neighbours(
        np.array([[1, 2], [0, 2], [1, 0]], np.int32), np.array([[1, 4], [1, 9], [4, 9]], np.float32)
    )
    weights = affinities(found, 1.5).upper.toarray()
    assert weights[0, 1] > weights[0, 2]


# neighbours


def _nearest_by_sorting(vectors: Floats, k: int) -> NDArray[np.intp]:
    squared = ((vectors[:, None].astype(np.float64) - vectors[None]) ** 2).sum(axis=2)
    np.fill_diagonal(squared, np.inf)
    order: NDArray[np.intp] = squared.argsort(axis=1, kind="stable")
    return order[:, :k]


def test_nearest_is_exact_and_leaves_out_the_item_itself() -> None:
    vectors = np.random.default_rng(0).standard_normal((300, 7)).astype(np.float32)
    np.testing.assert_array_equal(nearest(vectors, 6).ids, _nearest_by_sorting(vectors, 6))


def test_inverted_lists_find_nearly_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours_module, "EXACT_BELOW", 1000)
    monkeypatch.setattr(neighbours_module, "BLOCK", 400)
    vectors = np.random.default_rng(0).standard_normal((1500, 8)).astype(np.float32)
    heard: list[Progress] = []
    found, exact = nearest(vectors, 10, watch=heard.append), _nearest_by_sorting(vectors, 10)
    recall = np.mean([len(set(a) & set(b)) for a, b in zip(found.ids, exact, strict=True)]) / 10
    assert recall > 0.9
    own = ((vectors[found.ids] - vectors[:, None]) ** 2).sum(axis=2)
    np.testing.assert_allclose(found.squared, own, rtol=1e-5, atol=1e-5)
    assert heard == [Progress(start, 1500, "finding neighbours") for start in (0, 400, 800, 1200)]


def test_equal_vectors_are_neighbours_of_each_other_never_of_themselves() -> None:
    vectors = np.ones((50, 4), np.float32)
    ids = nearest(vectors, 5).ids
    assert ids.shape == (50, 5)
    assert not (ids == np.arange(50)[:, None]).any()


@pytest.mark.parametrize(("items", "width"), [(0, 0), (1, 0), (2, 1), (4, 3)])
def test_fewer_items_than_neighbours(items: int, width: int) -> None:
    vectors = np.random.default_rng(0).standard_normal((items, 3)).astype(np.float32)
    assert nearest(vectors, 10).ids.shape == (items, width)


def test_nearest_among_another_set() -> None:
    base = np.array([[0], [10], [20]], np.float32)
    found = nearest_among(np.array([[11], [-5]], np.float32), base, 2)
    np.testing.assert_array_equal(found.ids, [[1, 2], [0, 1]])
    np.testing.assert_allclose(found.squared, [[1, 81], [25, 225]])


# reduction


def test_principal_axes_hold_the_variance_of_the_full_decomposition() -> None:
    random = np.random.default_rng(0)
    vectors = (random.standard_normal((900, 200)) * 0.97 ** np.arange(200)).astype(np.float32)
    exact = np.linalg.svd(vectors - vectors.mean(axis=0), compute_uv=False)[:20]
    found = np.linalg.norm(principal(vectors, 20).apply(vectors), axis=0)
    np.testing.assert_allclose(found, exact, rtol=0.01)


def test_reduction_keeps_distances_when_nothing_is_dropped() -> None:
    vectors = unit_vectors(np.random.default_rng(0).standard_normal((40, 6)).astype(np.float32))
    reduced = reduced_unit(vectors)
    assert reduced.shape == (40, 6)
    np.testing.assert_allclose(reduced @ reduced.T, (v := vectors - vectors.mean(axis=0)) @ v.T, atol=1e-5)


def test_the_sign_of_a_component_does_not_hang_on_one_item() -> None:
    vectors = np.random.default_rng(0).standard_normal((100, 12)).astype(np.float32) * np.arange(12, 0, -1)
    one, other = (principal(v.astype(np.float32), 2).axes for v in (vectors, vectors[:-1]))
    assert ((one * other).sum(axis=0) > 0.9).all()


# registration


@settings(max_examples=60, deadline=None)
@given(
    angle=st.floats(-3.2, 3.2),
    scale=st.floats(0.01, 100),
    mirror=st.booleans(),
    shift=st.tuples(st.floats(-50, 50), st.floats(-50, 50)),
    missing=st.integers(0, 30),
)
def test_register_undoes_any_similarity(
    angle: float, scale: float, mirror: bool, shift: tuple[float, float], missing: int
) -> None:
    onto = np.random.default_rng(0).standard_normal((40, 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (onto * [1, -1 if mirror else 1]) @ turn * scale + np.array(shift)
    shared = onto.copy()
    shared[40 - missing :] = np.nan
    np.testing.assert_allclose(register(moved, shared), onto, atol=1e-3)


def test_register_without_anything_shared_changes_nothing() -> None:
    xy = _points(5, 1.0)
    np.testing.assert_array_equal(register(xy, np.full((5, 2), np.nan)), xy)


def test_register_with_one_shared_item_only_shifts() -> None:
    xy = np.array([[0, 0], [1, 2]], np.float32)
    onto = np.array([[5, 5], [np.nan, np.nan]], np.float32)
    np.testing.assert_allclose(register(xy, onto), [[5, 5], [6, 7]])


def test_register_onto_one_point_keeps_the_size() -> None:
    xy = _points(6, 1.0)
    laid = register(xy, np.full((6, 2), 3.0))
    np.testing.assert_allclose(laid - laid.mean(axis=0), xy - xy.mean(axis=0), atol=1e-6)


def test_register_refuses_different_maps() -> None:
    with pytest.raises(ProjectorError, match=r"\(3, 2\).*\(4, 2\)"):
        register(np.zeros((3, 2)), np.zeros((4, 2)))


# placing


def test_an_equal_vector_lands_beside_its_equal() -> None:
    random = np.random.default_rng(0)
    placed, xy = (
        random.standard_normal((400, 16)).astype(np.float32),
        random.random((400, 2)).astype(np.float32),
    )
    found = place_among(placed[:50], placed, xy)
    assert np.median(np.linalg.norm(found - xy[:50], axis=1)) < 3 * typical_gap(xy)


def test_an_item_between_two_islands_goes_to_the_larger_share() -> None:
    placed = np.array([[1, 0]] * 7 + [[0, 1]] * 3, np.float32) + np.float32(0.01)
    xy = np.array([[0, 0]] * 7 + [[1, 1]] * 3, np.float32)
    found = place_among(np.array([[0.75, 0.6]], np.float32), placed, xy)
    assert np.linalg.norm(found[0]) < 0.2


def test_equal_new_items_do_not_lie_on_each_other() -> None:
    placed, xy = np.eye(20, dtype=np.float32), _points(20, 1.0)
    found = place_among(np.tile(placed[:1], (9, 1)), placed, xy)
    assert len(np.unique(found, axis=0)) == 9


@pytest.mark.parametrize("items", [1, 2, 5])
def test_few_or_coinciding_placed_items_still_scatter(items: int) -> None:
    found = place_among(
        np.ones((4, 3), np.float32), np.ones((items, 3), np.float32), np.full((items, 2), 0.5, np.float32)
    )
    assert np.isfinite(found).all()
    assert len(np.unique(found, axis=0)) == 4
    assert np.abs(found - 0.5).max() < 0.1
