"""The largest pure discs: by hand on a line, and against a plain triple loop while items leave."""

import numpy as np
import pytest

from shoal.effort.discs import Discs


def line(*places: float) -> np.ndarray:
    return np.array([[place, 0.0] for place in places])


def everything(xy: np.ndarray) -> np.ndarray:
    return np.ones(len(xy), dtype=bool)


def slow_best(xy, classes, there, purity) -> tuple[int, int]:
    """The most right and then the fewest wrong of any disc, as the definition says it."""
    best = (0, 0)
    for centre in np.flatnonzero(there):
        away = np.sqrt(((xy - xy[centre]) ** 2).sum(axis=1))
        for radius in np.unique(away[there]):
            inside = classes[there & (away <= radius)]
            right = np.bincount(inside).max()
            if right >= purity * len(inside) - 1e-9:
                best = max(best, (right, right - len(inside)))
    return best[0] - best[1], -best[1]


def test_a_disc_ends_before_the_stranger():
    xy = line(0, 1, 2, 3, 10, 11)
    disc = Discs(xy, np.array([0, 0, 0, 0, 1, 1]), everything(xy), 0.95).best()
    assert disc.members.tolist() == [0, 1, 2, 3]
    assert disc.wrong == 0


def test_one_stranger_in_twenty_may_be_inside_but_not_one_in_nineteen():
    xy = line(*range(20))
    classes = np.zeros(20, int)
    classes[10] = 1
    disc = Discs(xy, classes, everything(xy), 0.95).best()
    assert (len(disc.members), disc.wrong) == (20, 1)
    short = Discs(xy[1:], classes[1:], everything(xy[1:]), 0.95).best()
    assert (len(short.members), short.wrong) == (9, 0)


def test_items_at_one_place_are_not_divided():
    xy = line(0, 0, 0, 5, 6)
    disc = Discs(xy, np.array([0, 0, 1, 2, 2]), everything(xy), 0.95).best()
    assert disc.members.tolist() == [3, 4]


def test_nothing_on_the_map_gives_no_disc():
    xy = line(0, 0)
    discs = Discs(xy, np.array([0, 1]), everything(xy), 0.95)
    assert discs.best() is None
    discs.remove(np.array([0, 1]))
    assert discs.best() is None


@pytest.mark.parametrize("purity", [0.75, 0.95, 1.0])
def test_equals_the_definition_while_items_leave(purity):
    rng = np.random.default_rng(3)
    classes = rng.integers(0, 4, 80)
    # a coarse grid makes many equal distances and several items at one place
    xy = np.round(rng.normal(size=(80, 2)) + 2 * np.array([[0, 0], [1, 0], [0, 1], [1, 1]])[classes], 1)
    there = everything(xy)
    discs = Discs(xy, classes, there, purity)
    while (disc := discs.best()) is not None and len(disc.members) > 1:
        assert (len(disc.members), disc.wrong) == slow_best(xy, classes, there, purity)
        commonest = np.bincount(classes[disc.members]).max()
        assert disc.wrong == len(disc.members) - commonest
        there[disc.members] = False
        discs.remove(disc.members)
    assert slow_best(xy, classes, there, purity)[0] <= 1


def test_scans_beyond_the_first_neighbours():
    rng = np.random.default_rng(0)
    xy = rng.normal(size=(700, 2)) + np.where(np.arange(700)[:, None] < 500, 0, 20)
    disc = Discs(xy, (np.arange(700) >= 500).astype(int), everything(xy), 0.95).best()
    assert (len(disc.members), disc.wrong) == (500, 0)
