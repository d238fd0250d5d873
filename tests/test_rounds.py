"""A round: labels to head, predictions and map, over arrays."""

import numpy as np
import pytest
import torch

from shoal.indices import knn_accuracy, silhouette
from shoal.learning.checked import LearningError, checked_vectors
from shoal.losses import LOSSES
from shoal.projectors import neighbours
from shoal.round_report import head_recall
from shoal.rounds import STEPS, Guess, learn_round, prepare
from shoal.types import Progress, ShoalError


def planted(groups=8, items=50, width=64, noise=0.25):
    random = np.random.default_rng(0)
    truth = random.permutation(np.repeat(np.arange(groups), items))
    middles = random.standard_normal((groups, width))
    vectors = middles[truth] + noise * np.sqrt(width) * random.standard_normal((len(truth), width)) * 0.5
    return vectors.astype(np.float16), truth


def few(truth, classes, count=5):
    labels = np.full(len(truth), -1)
    for k in classes:
        labels[np.flatnonzero(truth == k)[:count]] = k
    return labels


@pytest.fixture(scope="module")
def learned():
    vectors, truth = planted()
    labels = few(truth, range(6), count=12)
    start = np.random.default_rng(1).random((len(truth), 2)).astype(np.float32)
    first = learn_round(vectors, labels, start=start)
    return vectors, truth, labels, first


def test_planted_classes_are_found_and_lie_together(learned):
    _, truth, labels, result = learned
    unlabelled = (labels < 0) & (truth < 6)
    assert (result.predictions == truth)[unlabelled].mean() > 0.95
    spread = np.mean([result.xy[truth == k].std(axis=0).mean() for k in range(8)])
    assert spread < 0.4 * result.xy.std(axis=0).mean()


def test_classes_without_a_name_are_none_of_these(learned):
    _, truth, _, result = learned
    assert (result.predictions == -1)[truth >= 6].mean() > 0.8
    assert (result.predictions == -1)[truth < 6].mean() < 0.1


def test_an_answer_none_of_these_is_learned_from():
    vectors, truth = planted(noise=0.5)
    labels = few(truth, range(6), count=12)
    other = np.flatnonzero(truth == 7)
    told = labels.copy()
    told[other[:10]] = -2
    ready = prepare(vectors)
    before, after = Guess.of(ready, labels), Guess.of(ready, told)
    assert (after.predictions[other[10:]] == -1).mean() > (before.predictions[other[10:]] == -1).mean() + 0.1
    assert (after.predictions[other] == -1).mean() > 0.85
    named = (truth < 6) & (labels < 0)
    assert (after.predictions == truth)[named].mean() > (before.predictions == truth)[named].mean() - 0.03
    assert not after.pull[other[:10]].any()


def test_labelled_items_keep_their_label_and_shapes_fit(learned):
    vectors, truth, labels, result = learned
    np.testing.assert_array_equal(result.predictions[labels >= 0], labels[labels >= 0])
    assert result.embedding.shape == (len(truth), 16)
    assert result.xy.dtype == np.float32
    assert 0 <= result.xy.min() <= result.xy.max() <= 1
    assert ((result.confidence > 0) & (result.confidence <= 1)).all()
    assert result.report.counts == dict.fromkeys(range(6), 12)
    np.testing.assert_allclose(result.head.embed(vectors), result.embedding, atol=1e-5)


def test_a_labelled_item_is_judged_by_a_probe_that_was_not_given_its_label():
    vectors, truth = planted()
    labels = few(truth, range(6), count=12)
    labels[np.flatnonzero(labels == 2)[0]] = 3  # a slip of the hand
    guess = Guess.of(prepare(vectors), labels)
    known = labels >= 0
    assert (guess.held_out >= 0).tolist() == known.tolist()
    assert (guess.held_out == truth)[known].mean() > 0.9
    slip = np.flatnonzero(known & (labels != truth))
    assert guess.predictions[slip].tolist() == [3]
    assert guess.held_out[slip].tolist() == [2]
    right = guess.probe.classes[guess.held.argmax(axis=1)] == labels[known]
    assert (guess.held_out == labels)[known].mean() == right.mean()


def test_the_first_head_begins_at_the_principal_components():
    vectors, _ = planted(items=10)
    ready = prepare(vectors)
    np.testing.assert_allclose(ready.head(16).embed(vectors), ready.inputs[:, :16], atol=1e-4)
    wide = ready.head(100).embed(vectors)
    np.testing.assert_allclose(wide[:, :64], ready.inputs, atol=1e-4)
    assert not wide[:, 64:].any()


def test_the_head_keeps_classes_without_a_label_apart():
    vectors, truth = planted(groups=16, noise=0.5)
    result = learn_round(vectors, few(truth, range(8), count=12))
    begun, trained = result.prepared.inputs[:, :16], result.embedding
    unseen, seen = truth >= 8, truth < 8
    # from random numbers, as `Head()` begins, a third of the neighbours were right
    assert knn_accuracy(trained[unseen], truth[unseen]) > 0.75
    assert silhouette(trained[seen], truth[seen]) > silhouette(begun[seen], truth[seen]) + 0.05


def test_a_second_round_moves_little_and_repeats_itself(learned):
    vectors, truth, _, first = learned
    labels = few(truth, range(6), count=20)
    rounds = [
        learn_round(vectors, labels, start=first.xy, prepared=first.prepared, previous=first.trained)
        for _ in range(2)
    ]
    np.testing.assert_array_equal(rounds[0].xy, rounds[1].xy)
    np.testing.assert_array_equal(rounds[0].predictions, rounds[1].predictions)
    assert rounds[0].report.moved is not None
    assert rounds[0].report.moved < 0.05


def test_it_can_be_cancelled_in_every_step(learned):
    vectors, _, labels, first = learned

    class Cancelled(Exception):
        pass

    for step in range(5):

        def watch(progress: Progress, step=step) -> None:
            if progress.message == STEPS[step]:
                raise Cancelled

        with pytest.raises(Cancelled):
            learn_round(vectors, labels, prepared=first.prepared if step else None, watch=watch)


def test_it_says_how_far_it_is_also_within_a_step(learned, monkeypatch):
    monkeypatch.setattr(neighbours, "EXACT_BELOW", 50)
    monkeypatch.setattr(neighbours, "BLOCK", 40)
    vectors, _, labels, _ = learned
    heard = []
    learn_round(vectors, labels, watch=heard.append)
    parts = [progress.done for progress in heard]
    assert parts == sorted(parts)
    assert {progress.total for progress in heard} == {100}
    for step, least in (("preparing", 5), ("training the head", 15), ("laying the map", 15)):
        within = {progress.done for progress in heard if progress.message == step}
        assert len(within) >= least
        assert min(within) == 20 * STEPS.index(step)
        assert max(within) <= 20 * (STEPS.index(step) + 1)


def test_all_labelled_and_two_items():
    vectors, truth = planted(groups=2, items=10)
    result = learn_round(vectors, truth)
    np.testing.assert_array_equal(result.predictions, truth)
    two = learn_round(vectors[:2], np.array([0, 1]))
    assert two.xy.shape == (2, 2)
    assert two.predictions.tolist() == [0, 1]


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_vectors_of_any_size_that_float32_holds_are_learned_alike(learned, size):
    vectors, truth, labels, first = learned
    result = learn_round(vectors.astype(np.float64) * size, labels)
    agreed = (result.predictions == first.predictions).mean()
    assert agreed > 0.99
    assert np.isfinite(result.xy).all()
    assert knn_accuracy(result.xy, truth, k=5) > 0.9


def test_the_largest_number_that_rounds_to_a_finite_float32_is_accepted():
    checked_vectors("it", np.array([[3.4028235e38, 0.0]]))


@pytest.mark.parametrize(
    ("dtype", "value"), [(np.float64, 1e60), (np.float16, np.inf), (np.float32, -np.inf)]
)
def test_vectors_beyond_float32_are_refused(learned, dtype, value):
    vectors, _, labels, _ = learned
    wide = vectors.astype(dtype)
    wide[3, 1] = value
    with pytest.raises(LearningError, match=r"1 vectors that are not finite in float32.*row 3"):
        learn_round(wide, labels)


@pytest.mark.parametrize("classes", [2, 8])
def test_nothing_is_said_of_labels_that_no_model_could_know_without_them(classes):
    vectors, truth = planted()
    report = learn_round(vectors, few(truth, range(classes), count=1)).report
    assert (report.accuracy, report.error_before, report.error_after) == (None, None, None)


def test_an_item_alone_in_its_class_is_no_mistake():
    vectors, truth = planted()
    labels = few(truth, range(6), count=12)
    for single in (6, 7):
        labels[np.flatnonzero(truth == single)[0]] = single
    report = learn_round(vectors, labels).report
    assert report.accuracy == 1.0
    assert report.error_after < 0.1


def test_a_head_is_judged_by_labels_that_it_was_not_given(learned):
    vectors, truth, labels, first = learned
    assert first.report.head_recall > 0.9
    assert learn_round(vectors, few(truth, range(6), count=3)).report.head_recall is None
    known = labels >= 0
    guessed = labels.copy()
    guessed[known] = np.random.default_rng(0).permutation(labels[known])  # nothing can be learned
    result = learn_round(vectors, guessed, prepared=first.prepared)
    assert knn_accuracy(result.embedding[known], guessed[known], k=1) > 0.5  # a head knows what it was told
    assert result.report.head_recall < 0.5


def test_judging_a_head_leaves_a_loss_that_was_handed_in_as_it_was(learned):
    vectors, _, labels, first = learned
    loss = LOSSES.load("proxy-anchor").build(6, 16)
    before = [value.clone() for value in loss.state_dict().values()]
    head_recall(vectors, labels, loss, first.prepared.head(16), seed=0, watch=lambda _: None)
    assert all(torch.equal(*pair) for pair in zip(before, loss.state_dict().values(), strict=True))


def find_one(told=12):
    """One class of eight, with twelve labels, and as many items of four other classes that are none of it."""
    vectors, truth = planted()
    labels = few(truth, [3], count=12)
    for other in (0, 1, 2, 4):
        labels[np.flatnonzero(truth == other)[: told // 4]] = -2
    return vectors, truth == 3, labels


def test_one_class_is_found_by_what_was_said_to_be_none_of_it():
    vectors, of_class, labels = find_one()
    result = learn_round(vectors, labels)
    left = labels == -1
    found = (result.predictions == 3) & (result.confidence >= 0.8)
    assert found[left & of_class].mean() > 0.9
    assert found[left & ~of_class].mean() < 0.02
    assert set(result.predictions.tolist()) == {-1, 3}
    assert (result.predictions[labels == -2] == -1).all()
    assert result.report.counts == {3: 12}
    assert result.report.accuracy > 0.9
    assert result.report.error_after < 0.2
    assert result.held_out[labels == 3].tolist().count(3) >= 11
    assert (result.held_out[labels != 3] == -1).all()
    assert np.isfinite(result.xy).all()


def test_the_probability_of_one_class_is_as_sure_as_it_is_right():
    vectors, truth = planted(noise=1.2)
    of_class, random = truth == 3, np.random.default_rng(3)
    labels = np.full(len(truth), -1)
    labels[random.permutation(np.flatnonzero(of_class))[:20]] = 3
    labels[random.permutation(np.flatnonzero(~of_class))[:20]] = -2
    guess = Guess.of(prepare(vectors), labels)
    left = labels == -1
    sure = np.maximum(guess.confidence, 1 - guess.confidence)[left]
    right = ((guess.confidence > 0.5) == of_class)[left]
    assert 0.5 < right.mean() < 0.95
    assert abs(float(sure.mean()) - right.mean()) < 0.1


def test_a_slip_in_one_class_is_seen():
    vectors, of_class, labels = find_one()
    slip = np.flatnonzero(~of_class & (labels == -1))[0]
    labels[slip] = 3
    guess = Guess.of(prepare(vectors), labels)
    assert guess.held_out[slip] == -1
    report = learn_round(vectors, labels).report
    assert report.accuracy < 1


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([-1] * 20, "no labelled item"),
        ([3] * 20, "labels of one class only"),
        ([0, 1], "whole numbers"),
        (np.full(20, 0.5), "whole numbers"),
        ([-3, 1] * 10, "whole numbers"),
        ([-2, -1] * 10, "no labelled item"),
        ([1, -1] * 10, "two classes, or of one class and some that are none of these"),
    ],
)
def test_labels_that_nothing_can_be_learned_from_are_refused(labels, message):
    vectors, _ = planted(groups=2, items=10)
    with pytest.raises(LearningError, match=message):
        learn_round(vectors, labels)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"start": np.zeros((3, 2))}, r"start of shape \(3, 2\).* for 20 items"),
        ({"start": [[0.0, 0.0]] * 20}, "a start as list"),
        ({"start": np.full((20, 2), "a")}, "start of shape .* type <U1"),
        ({"gestures": np.arange(5)}, r"gestures of shape \(5,\).* for 20 items"),
        ({"gestures": np.zeros(20)}, "gestures .* type float64"),
        (
            {"rejected": (np.array([0, 70]), np.array([0, 0]))},
            "rows from 0 to 70; it takes rows from 0 to 19",
        ),
        ({"rejected": (np.array([-1]), np.array([0]))}, "rows from -1 to -1"),
        ({"rejected": (np.array([1, 2]), np.array([0]))}, r"rejected of shapes \[\(2,\), \(1,\)\]"),
        ({"rejected": (np.array([1.5]), np.array([0]))}, "whole numbers"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(wrong, message):
    vectors, truth = planted(groups=2, items=10)
    with pytest.raises(LearningError, match=message):
        learn_round(vectors, truth, **wrong)


def test_vectors_that_nothing_can_be_learned_on_are_refused():
    vectors, truth = planted(groups=2, items=10)
    with pytest.raises(LearningError, match="vectors as list"):
        learn_round(vectors.tolist(), truth)
    with pytest.raises(LearningError, match="prepare these vectors"):
        learn_round(vectors, truth, prepared=prepare(vectors[:10]))
    vectors[4] = np.nan
    with pytest.raises(ShoalError, match="row 4"):
        learn_round(vectors, truth)
