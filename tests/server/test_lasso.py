"""The lasso against a slow double loop in exact arithmetic, and against cases worked out by hand."""

from fractions import Fraction
from time import process_time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from shoal.server.lasso import brushed, inside

SQUARE = [(0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)]
# A pentagram: the middle is wound around twice, so even-odd would leave a hole.
STAR = [(0.5, 0.0), (0.79, 0.9), (0.02, 0.35), (0.98, 0.35), (0.21, 0.9)]


def slow(xy, polygon):
    """Wind around every point, one edge at a time, in rationals."""
    result = []
    for px, py in [(Fraction(float(x)), Fraction(float(y))) for x, y in xy]:
        winding = 0
        for k in range(len(polygon)):
            ax, ay = map(Fraction, polygon[k])
            bx, by = map(Fraction, polygon[(k + 1) % len(polygon)])
            cross = (bx - ax) * (py - ay) - (px - ax) * (by - ay)
            if ay <= py < by and cross > 0:
                winding += 1
            if by <= py < ay and cross < 0:
                winding -= 1
        result.append(winding != 0)
    return np.array(result, dtype=bool)


def lasso(points, polygon):
    return inside(np.array(points, dtype=np.float32).reshape(-1, 2), np.array(polygon, dtype=np.float64))


def test_a_square_holds_its_middle_and_not_its_surroundings():
    assert lasso([(0.5, 0.5), (0.1, 0.5), (0.9, 0.5), (0.5, 0.1), (0.5, 0.9)], SQUARE).tolist() == [
        True,
        False,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize("polygon", [STAR, STAR[::-1]])
def test_a_lasso_that_crosses_itself_has_no_hole(polygon):
    assert lasso([(0.5, 0.5)], polygon).all()


def test_two_opposite_loops_that_cancel_leave_a_hole():
    inner = [(0.4, 0.4), (0.4, 0.6), (0.6, 0.6), (0.6, 0.4)]
    ring = [*SQUARE, SQUARE[0], *inner, inner[0]]
    assert lasso([(0.5, 0.5), (0.3, 0.5)], ring).tolist() == [False, True]


def test_neighbours_share_no_point_and_lose_none_on_a_horizontal_line():
    upper = [(0, 0), (1, 0), (1, 0.5), (0, 0.5)]
    lower = [(0, 0.5), (1, 0.5), (1, 1), (0, 1)]
    on_line = [(x, 0.5) for x in (0.1, 0.5, 0.9)]
    assert not lasso(on_line, upper).any()
    assert lasso(on_line, lower).all()


@pytest.mark.parametrize(
    "polygon", [[(0.5, 0.5)] * 3, [(0, 0), (1, 1), (0, 0)], [(0, 0.5), (1, 0.5), (0.5, 0.5)]]
)
def test_a_lasso_without_area_holds_nothing(polygon):
    assert not lasso([(0.5, 0.5), (0.25, 0.25), (0.7, 0.5)], polygon).any()


def test_no_points_and_far_points():
    assert lasso([], SQUARE).shape == (0,)
    assert not lasso([(5, 5), (np.nan, 0.5)], SQUARE).any()


# Multiples of 1/64 make points meet corners and edges often; every product is exact in float64.
grid = st.integers(0, 64).map(lambda k: k / 64)


@given(
    points=st.lists(st.tuples(grid, grid), min_size=1, max_size=30),
    polygon=st.lists(st.tuples(grid, grid), min_size=3, max_size=12),
)
def test_equals_the_slow_reference_on_edges_and_corners(points, polygon):
    assert lasso(points, polygon).tolist() == slow(points, polygon).tolist()


unit = st.floats(0, 1, allow_nan=False)


@given(
    points=arrays(np.float32, st.tuples(st.integers(1, 30), st.just(2)), elements=st.floats(0, 1, width=32)),
    polygon=st.lists(st.tuples(unit, unit), min_size=3, max_size=12),
)
def test_equals_the_slow_reference_within_rounding(points, polygon):
    got, expected = lasso(points, polygon), slow(points, polygon)
    for k in np.flatnonzero(got != expected):
        assert _distance(points[k].astype(float), polygon) < 1e-12


def _distance(point, polygon):
    best = np.inf
    for k in range(len(polygon)):
        a, b = np.array(polygon[k]), np.array(polygon[(k + 1) % len(polygon)])
        length = ((b - a) ** 2).sum()
        t = 0.0 if length == 0 else np.clip((point - a) @ (b - a) / length, 0, 1)
        best = min(best, np.linalg.norm(a + t * (b - a) - point))
    return best


def test_a_million_points_take_less_than_a_second():
    random = np.random.default_rng(0)
    xy = random.random((1_000_000, 2), dtype=np.float32)
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    radius = 0.4 + 0.05 * random.random(200)
    polygon = 0.5 + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    start = process_time()
    chosen = inside(xy, polygon)
    seconds = process_time() - start
    assert 0.5 < chosen.mean() < 0.64
    # Aim: 1 s. Processor time: others on the machine do not count, a slow one does.
    assert seconds < 5


def slow_brush(xy, path, radius):
    """The nearest place of every segment to every point, one pair at a time, in float64."""
    result = []
    for px, py in xy.astype(np.float64).tolist():
        hit = False
        for (ax, ay), (bx, by) in zip(path, path[1:] or path, strict=False):
            dx, dy = bx - ax, by - ay
            length = dx * dx + dy * dy
            t = ((px - ax) * dx + (py - ay) * dy) / length if length > 0 else 0.0
            t = min(1.0, max(0.0, t))
            ex, ey = px - (ax + t * dx), py - (ay + t * dy)
            hit |= ex * ex + ey * ey <= radius * radius
        result.append(hit)
    return result


def test_a_brush_is_a_union_of_capsules():
    path = np.array([(0.25, 0.25), (0.75, 0.25), (0.75, 0.75)])
    points = [(0.5, 0.25), (0.5, 0.5), (0.5, 0.375), (0.875, 0.5), (0.125, 0.25), (0.12, 0.25), (0.16, 0.16)]
    hit = brushed(np.array(points, dtype=np.float32), path, 0.125)
    assert hit.tolist() == [True, False, True, True, True, False, False]
    assert brushed(np.array(points, dtype=np.float32), path[:1], 0.125).tolist() == [False] * 4 + [
        True,
        False,
        False,
    ]


@given(
    arrays(np.float32, (40, 2), elements=st.floats(0, 1, width=32)),
    arrays(np.float64, st.tuples(st.integers(1, 6), st.just(2)), elements=st.floats(-0.5, 1.5)),
    st.floats(1e-6, 0.5),
)
def test_a_brush_is_what_a_double_loop_says(xy, path, radius):
    assert brushed(xy, path, radius).tolist() == slow_brush(xy, path.tolist(), radius)
