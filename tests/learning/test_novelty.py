"""None of these: kinship by plain loop, the two kinds on values whose mixture is known, and a whole pile."""

import numpy as np
import pytest

from shoal.learning.novelty import (
    BINS,
    STRANGE_BELOW,
    Mixture,
    Steps,
    Strangers,
    Surroundings,
    alike_around,
    named_by_score,
    named_probability,
)
from shoal.learning.probe import Probe
from shoal.projectors.neighbours import nearest


def cosine(a, b):
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.mark.parametrize("none", [0, 4])
def test_kinship_is_what_a_plain_loop_says(none):
    random = np.random.default_rng(0)
    inputs = random.standard_normal((30, 5)).astype(np.float32)
    neighbours = nearest(inputs, 4).ids.astype(np.int64)
    labels = np.where(np.arange(30) % 2, -1, np.arange(30) % 3)
    labels[1 : 1 + 2 * none : 2] = -2
    kinds = random.integers(0, 3, 30)
    near = Surroundings(inputs, neighbours, alike_around(inputs, neighbours), labels)
    found = near.kinship(np.arange(30), kinds)
    for item in range(30):
        members = [m for m in np.flatnonzero(labels == kinds[item]) if m != item]
        outside = [m for m in members if m not in neighbours[item]] or members
        beside = [np.mean([cosine(inputs[item], inputs[n]) for n in neighbours[item]])]
        beside += [cosine(inputs[item], inputs[n]) for n in np.flatnonzero(labels == -2) if n != item]
        expected = max(cosine(inputs[item], inputs[m]) for m in outside) - max(beside)
        assert found[item] == pytest.approx(expected, abs=1e-5)


def test_what_was_labelled_with_an_item_says_nothing_of_it():
    random = np.random.default_rng(0)
    inputs = random.standard_normal((20, 4)).astype(np.float32)
    neighbours = nearest(inputs, 3).ids.astype(np.int64)
    kinds, gestures = np.arange(20) % 2, np.arange(20) // 5
    labels = np.where(np.arange(20) < 15, kinds, -1)
    around = alike_around(inputs, neighbours)
    found = Surroundings(inputs, neighbours, around, labels, gestures).kinship(np.arange(20), kinds)
    for item in range(20):
        mine = [m for m in range(15) if m % 2 == item % 2 and m != item]
        apart = [m for m in mine if gestures[m] != gestures[item] or item >= 15]
        expected = max(cosine(inputs[item], inputs[m]) for m in apart) - around[item]
        assert found[item] == pytest.approx(expected, abs=1e-5)
    one = Surroundings(inputs, neighbours, around, labels, np.zeros(20, np.int64))
    plain = Surroundings(inputs, neighbours, around, labels)
    rows = np.arange(15)
    np.testing.assert_array_equal(one.kinship(rows, kinds[:15]), plain.kinship(rows, kinds[:15]))


def test_kinship_is_not_known_where_only_the_item_itself_has_the_label():
    around = np.zeros(3, np.float32)
    labels = np.array([0, -1, 1])
    near = Surroundings(np.eye(3, dtype=np.float32), np.array([[1], [2], [0]]), around, labels)
    assert np.isnan(near.kinship(np.arange(3), np.array([0, 0, 1]))).tolist() == [True, False, True]


def test_a_mixture_of_known_kinds_is_told_apart():
    random = np.random.default_rng(0)
    named, strange = random.normal(2, 1, 4000), random.normal(0, 1, 4000)
    for share in (0.0, 0.2, 0.5, 0.9, 1.0):
        count = round(10_000 * share)
        asked = np.concatenate([random.normal(2, 1, count), random.normal(0, 1, 10_000 - count)])
        mixture = Mixture.of(named, strange, asked)
        assert mixture.share(asked, 4000) == pytest.approx(share, abs=0.03)
        chances = mixture.steps(share).at(asked)
        middle = (chances > 0.3) & (chances < 0.7)
        if middle.any():  # among those that are half likely to be named, half are
            assert (np.arange(10_000) < count)[middle].mean() == pytest.approx(0.5, abs=0.1)


def test_kinds_that_look_alike_are_half_and_half():
    random = np.random.default_rng(0)
    for _ in range(10):
        parts = [random.standard_normal(count).astype(np.float32) for count in (30, 30, 3000)]
        assert 0.2 < Mixture.of(*parts).share(parts[2], 30) < 0.8


def test_chances_rise_with_the_value_and_stay_chances():
    random = np.random.default_rng(1)
    for named, strange, asked in ((3, 2, 5), (2, 200, 3), (50, 50, 1)):
        parts = [random.standard_normal(count).astype(np.float32) for count in (named, strange, asked)]
        mixture = Mixture.of(*parts)
        steps = mixture.steps(mixture.share(parts[2], named))
        assert (np.diff(steps.heights) >= -1e-7).all()
        assert (steps.heights > 0).all()
        assert (steps.heights < 1).all()
        assert len(steps.heights) == len(steps.edges) + 1 <= BINS


def test_steps_are_what_a_plain_loop_says():
    steps = Steps(np.array([0.0, 1.0], np.float32), np.array([0.1, 0.5, 0.9], np.float32))
    values = np.array([-1, 0, 0.5, 1, 1.5], np.float32)
    assert steps.at(values).tolist() == pytest.approx([0.1, 0.1, 0.5, 0.5, 0.9])


def _pile(named=6, unnamed=6, each=60, labels_each=15, spread=0.9):
    random = np.random.default_rng(3)
    truth = np.repeat(np.arange(named + unnamed), each)
    middles = random.standard_normal((named + unnamed, 24))
    inputs = (middles[truth] + spread * random.standard_normal((len(truth), 24))).astype(np.float32)
    labels = np.full(len(truth), -1)
    for k in range(named):
        labels[np.flatnonzero(truth == k)[:labels_each]] = k
    return inputs, truth, labels


def _chances(inputs, labels, gestures=None):
    answered = np.flatnonzero(labels != -1)
    probe, held_out = Probe.fit(inputs[answered], labels[answered])
    scores = probe.scores(inputs)
    scores[answered] = held_out
    strangers = Strangers.of(inputs, labels, probe.classes)
    neighbours = nearest(inputs, 10).ids.astype(np.int64)
    near = Surroundings(inputs, neighbours, alike_around(inputs, neighbours), labels, gestures)
    chances = named_probability(near, probe.classes, scores, strangers)
    return chances, named_by_score(near, scores, strangers).at(scores.max(axis=1)), strangers


@pytest.mark.parametrize("unnamed", [0, 2, 6, 12])
def test_how_many_are_of_classes_without_a_name_is_told_without_asking(unnamed):
    inputs, truth, labels = _pile(unnamed=unnamed)
    chances, lone, _ = _chances(inputs, labels)
    left = labels < 0
    assert chances[left].mean() == pytest.approx((truth < 6)[left].mean(), abs=0.12)
    assert lone.mean() == pytest.approx((truth < 6).mean(), abs=0.15)
    if unnamed:
        gap = chances[left & (truth < 6)].mean() - chances[left & (truth >= 6)].mean()
        assert gap > 0.3


def test_strangers_are_the_classes_left_out_and_those_said_to_be_none_of_these():
    inputs, truth, labels = _pile()
    labels[truth == 7] = -2
    _, _, strangers = _chances(inputs, labels)
    assert sorted(strangers.items) == np.flatnonzero(labels != -1).tolist()
    assert strangers.kinds.max() < 6
    own = labels[strangers.items] == strangers.kinds
    assert not own.any()


def _surroundings(labels, gestures):
    nothing = np.zeros((len(labels), 1))
    return Surroundings(nothing.astype(np.float32), nothing.astype(np.int64), nothing[:, 0], labels, gestures)


def test_three_items_of_a_gesture_count_and_every_gesture_does():
    labels = np.array([0] * 10 + [1] * 2 + [-1] * 5 + [1, 0])
    gestures = np.array([4] * 10 + [7] * 2 + [-1] * 5 + [1, 9])
    found = _surroundings(labels, gestures).examples()
    assert gestures[found].tolist() == [4, 4, 4, 7, 7, 1, 9]
    assert (labels[found] >= 0).all()
    assert _surroundings(labels, None).examples().tolist() == np.flatnonzero(labels >= 0).tolist()


def test_of_a_class_of_one_lasso_a_single_item_is_an_example():
    labels, gestures = np.array([0] * 9 + [1] * 6 + [2]), np.array([4] * 9 + [7] * 5 + [8] + [9])
    assert labels[_surroundings(labels, gestures).examples()].tolist() == [0, 1, 1, 1, 1, 2]
    one_by_one = np.arange(16)
    assert len(_surroundings(labels, one_by_one).examples()) == 16


def test_how_often_recent_gestures_named_a_class_first_bounds_how_many_can_be_strange():
    # twenty gestures of four items: two name a class first, one says none of these; ten of them are recent
    gestures = np.repeat(np.arange(20), 4)
    labels = np.repeat([0, 1] * 10, 4)
    assert _surroundings(labels, gestures).bounds() == (0.5, 1)  # 1 - 5 / 15 is more than one half
    labels[gestures >= 10] = np.repeat(np.arange(2, 12), 4)
    assert _surroundings(labels, gestures).bounds() == pytest.approx((0, 1 - 10 / 12))
    labels[gestures >= 10] = np.repeat([2, 3, 2, -2, -2, 2, 3, 2, -2, -2], 4)
    assert _surroundings(labels, gestures).bounds() == pytest.approx((1 - (2 + 4 + 5) / 15, 1 - 6 / 12))
    assert _surroundings(labels, np.arange(80)).bounds() == (0, 1)  # one by one
    assert _surroundings(labels, None).bounds() == (0, 1)


def test_where_every_lasso_named_a_new_class_next_to_nothing_else_is_said_to_have_a_name():
    inputs, truth, _ = _pile()
    labels, gestures = np.full(len(truth), -1), np.full(len(truth), -1)
    for k in range(6):
        mine = np.flatnonzero(truth == k)
        labels[mine], gestures[mine] = k, k
    found, _, _ = _chances(inputs, labels, gestures)
    assert found[labels < 0].mean() <= 0.25  # 1 - 6 / 8
    assert found[labels < 0].max() < 0.5


def test_lassos_of_the_easy_items_of_every_class_do_not_make_the_others_strange():
    inputs, truth, _ = _pile(unnamed=0, spread=1.6)
    labels, gestures = np.full(len(truth), -1), np.full(len(truth), -1)
    for k in range(6):
        mine = np.flatnonzero(truth == k)
        middle = inputs[mine].mean(axis=0)
        near = mine[np.argsort(np.linalg.norm(inputs[mine] - middle, axis=1))]
        labels[near[:30]], gestures[near[:30]] = k, k
        labels[near[-4:]], gestures[near[-4:]] = k, 6 + 4 * k + np.arange(4)
    left = labels < 0
    plain, _, _ = _chances(inputs, labels)
    found, _, _ = _chances(inputs, labels, gestures)
    assert found[left].mean() >= 0.5
    assert found[left].mean() > plain[left].mean() - 0.1
    assert (found[left] < STRANGE_BELOW).mean() < 0.1


@pytest.mark.parametrize("each", [1, 2])
def test_next_to_no_labels_say_next_to_nothing(each):
    inputs, _, labels = _pile(named=2, unnamed=2, labels_each=each)
    chances, _, _ = _chances(inputs, labels)
    assert np.isfinite(chances).all()
    assert 0.2 < chances.mean() < 0.8
