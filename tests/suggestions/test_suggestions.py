"""Suggestions on planted structure: clusters, strangers and wrong labels whose place is known."""

import numpy as np
import pytest

from shoal.suggestions import next_items, novelties, suggest_groups, suspected_mistakes, typical_first
from shoal.suggestions.space import SuggestionError, clusters, nearest, space, typicality

KINDS = 12
EACH = 40


@pytest.fixture(scope="module")
def planted() -> tuple[np.ndarray, np.ndarray]:
    """Twelve kinds of forty items in 200 dimensions; kind k is the tighter the smaller k is."""
    rng = np.random.default_rng(0)
    kinds = np.repeat(np.arange(KINDS), EACH)
    spread = np.linspace(0.02, 0.05, KINDS)[kinds][:, None]
    vectors = np.eye(200)[kinds] + spread * rng.normal(size=(KINDS * EACH, 200))
    return vectors.astype(np.float16), kinds


NOBODY = np.full(KINDS * EACH, -1)


def test_groups_are_pure_and_in_order(planted):
    vectors, kinds = planted
    groups = suggest_groups(vectors, NOBODY, count=8)
    assert len(groups) == 8
    assert all(np.unique(kinds[group.ids]).size == 1 for group in groups)
    scores = [group.score for group in groups]
    assert scores == sorted(scores, reverse=True)
    shown = np.concatenate([group.ids for group in groups])
    assert np.unique(shown).size == shown.size
    for group in groups:
        assert 1 <= len(group.exemplars) <= 9
        assert np.isin(group.exemplars, group.ids).all()
        assert group.exemplars[0] == group.ids[0]
        assert np.unique(group.exemplars).size == len(group.exemplars)
        assert "items alike" in group.reason


def test_what_is_labelled_is_not_proposed(planted):
    vectors, kinds = planted
    labels = np.where(kinds < 10, kinds, -1)
    groups = suggest_groups(vectors, labels)
    assert groups
    assert set(kinds[np.concatenate([group.ids for group in groups])]) == {10, 11}
    assert suggest_groups(vectors, kinds) == []


def test_sure_predictions_make_a_group_less_useful(planted):
    vectors, kinds = planted
    order = [int(kinds[group.ids[0]]) for group in suggest_groups(vectors, NOBODY)]
    unsure = next(kind for kind in order if kind != order[0])
    groups = suggest_groups(vectors, NOBODY, confidence=np.where(kinds == unsure, 0.0, 1.0))
    assert kinds[groups[0].ids[0]] == unsure
    assert "are 0 % sure" in groups[0].reason


def test_the_same_again(planted):
    vectors, _ = planted
    first, second = suggest_groups(vectors, NOBODY, seed=5), suggest_groups(vectors, NOBODY, seed=5)
    assert [group.ids.tolist() for group in first] == [group.ids.tolist() for group in second]


def test_novelties_are_the_kinds_without_a_label(planted):
    vectors, kinds = planted
    labels = np.where((kinds < 9) & (np.arange(len(kinds)) % 2 == 0), kinds, -1)
    groups = novelties(vectors, labels)
    found = np.concatenate([group.ids for group in groups])
    assert set(kinds[found]) == {9, 10, 11}
    assert found.size >= 0.9 * 3 * EACH
    assert "as far from any label" in groups[0].reason


def test_nothing_is_novel_before_or_after_all_is_labelled(planted):
    vectors, kinds = planted
    assert novelties(vectors, NOBODY) == []
    assert novelties(vectors, kinds) == []
    assert novelties(vectors, np.where(np.arange(len(kinds)) % 2 == 0, kinds, -1)) == []


def test_planted_mistakes_come_first(planted):
    vectors, kinds = planted
    wrong = np.random.default_rng(1).permutation(len(kinds))[:15]
    labels = kinds.copy()
    labels[wrong] = (kinds[wrong] + 5) % KINDS
    labels[np.setdiff1d(np.arange(0, len(kinds), 7), wrong)] = -1
    suspects = suspected_mistakes(vectors, labels)
    assert set(suspects.ids[:15]) == set(wrong)
    assert (suspects.likelier[:15] == kinds[suspects.ids[:15]]).all()
    assert (np.diff(suspects.score) <= 0).all()
    assert suspects.score.max() <= 1
    assert suspected_mistakes(vectors, labels, count=4).ids.size == 4
    clean = suspected_mistakes(vectors, kinds)
    assert clean.ids.size == 0


def test_a_model_that_disagrees_is_heard(planted):
    vectors, kinds = planted
    predictions, confidence = kinds.copy(), np.full(len(kinds), 0.9)
    labels = kinds.copy()
    labels[7] = 3
    agreeing = suspected_mistakes(vectors, labels, predictions=predictions, confidence=confidence)
    assert agreeing.ids.tolist() == [7]
    assert agreeing.likelier.tolist() == [0]
    assert agreeing.score[0] == pytest.approx((1.0 + 0.9) / 2)
    predictions[7] = 3
    assert suspected_mistakes(vectors, labels, predictions=predictions, confidence=confidence).score[
        0
    ] == pytest.approx((1.0 - 0.9) / 2)


def test_mistakes_by_hand():
    # on a line: the third is labelled 1 among zeros; its three nearest labelled neighbours are all 0
    vectors = np.array([[0.0], [1.0], [2.0], [3.5], [50.0], [51.0], [52.0], [53.0]])
    labels = np.array([0, 0, 1, 0, 2, 2, 2, 2])
    suspects = suspected_mistakes(vectors, labels, neighbours=3)
    assert suspects.ids.tolist() == [2]
    assert suspects.likelier.tolist() == [0]
    assert suspects.score.tolist() == [1.0]


def test_typical_items_cover_the_kinds(planted):
    vectors, kinds = planted
    chosen = next_items(vectors, NOBODY, count=KINDS)
    assert np.unique(chosen).size == KINDS
    # a random dozen meets about 7.8 of 12 kinds
    assert np.unique(kinds[chosen]).size >= 10
    labels = NOBODY.copy()
    labels[chosen] = kinds[chosen]
    more = typical_first(vectors)(labels, np.zeros(len(kinds)), 30)
    assert np.unique(more).size == 30
    assert not np.isin(more, chosen).any()


def test_a_typical_item_is_in_the_middle(planted):
    vectors, kinds = planted
    rows = space(vectors)
    first = rows[kinds == 0]
    middle = np.linalg.norm(first - first.mean(axis=0), axis=1)
    assert middle[typicality(first).argmax()] <= np.quantile(middle, 0.3)
    # on a line, two neighbours: mean distances 1.5, 1, 1.5 and the far one
    line = np.array([[0.0], [1.0], [2.0], [9.0]], np.float32)
    assert typicality(line, 2).tolist() == pytest.approx([1 / 1.5, 1.0, 1 / 1.5, 1 / 7.5])


def test_uncertain_items_are_asked_for_with_predictions(planted):
    vectors, kinds = planted
    confidence = np.where(np.isin(kinds, [2, 5]), 0.2, 0.95)
    chosen = next_items(vectors, NOBODY, confidence=confidence, count=6)
    assert np.isin(kinds[chosen], [2, 5]).mean() >= 0.5
    assert kinds[chosen[0]] in {2, 5}
    everything = next_items(vectors, kinds, confidence=confidence)
    assert everything.size == 0


def test_many_items_are_searched_in_cells():
    rng = np.random.default_rng(0)
    middles = rng.normal(size=(50, 16)) * 10
    rows = (middles[rng.integers(0, 50, 9000)] + rng.normal(size=(9000, 16))).astype(np.float32)
    away, which = nearest(rows, rows[:200], 5)
    exact = np.sort(np.linalg.norm(rows[:200, None] - rows[None], axis=2), axis=1)[:, :5]
    assert (which[:, 0] == np.arange(200)).all()
    assert np.isclose(away, exact, rtol=1e-3, atol=1e-2).mean() > 0.95


def test_a_few_items_are_no_trouble():
    assert suggest_groups(np.zeros((0, 4)), np.zeros(0, int)) == []
    one = np.ones((1, 4))
    assert suggest_groups(one, np.array([-1])) == []
    assert next_items(one, np.array([-1])).tolist() == [0]
    assert suspected_mistakes(one, np.array([2])).ids.size == 0
    assert novelties(one, np.array([2])) == []
    same = np.ones((30, 4))
    assert len(clusters(np.ones((30, 4), np.float32), 5)[1]) <= 5
    assert [group.ids.size for group in suggest_groups(same, np.full(30, -1))] in ([], [30])


def test_refusals_name_what_came():
    with pytest.raises(SuggestionError, match=r"\(3, 2\), \(4,\)"):
        suggest_groups(np.zeros((3, 2)), np.zeros(4, int))
    with pytest.raises(SuggestionError, match="not finite"):
        novelties(np.full((3, 2), np.nan), np.zeros(3, int))
    with pytest.raises(SuggestionError, match="together"):
        suspected_mistakes(np.zeros((3, 2)), np.zeros(3, int), predictions=np.zeros(3, int))


def test_vectors_reduced_already_make_the_same_suggestions(planted):
    vectors, _ = planted
    labels = np.where(np.arange(len(vectors)) % EACH < 3, np.arange(len(vectors)) // EACH % 5, -1)
    once = space(vectors)
    assert np.array_equal(space(once), once)
    for suggest in (suggest_groups, novelties):
        whole, reduced = suggest(vectors, labels), suggest(once, labels)
        assert [group.ids.tolist() for group in whole] == [group.ids.tolist() for group in reduced]
    assert np.array_equal(next_items(vectors, labels, count=9), next_items(once, labels, count=9))
