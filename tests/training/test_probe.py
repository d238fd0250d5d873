"""The linear probe: the right optimum, few labels, warm starts, files; and honest logits fold by fold."""

import numpy as np
import onnxruntime
import pytest
from sklearn.linear_model import LogisticRegression

from shoal.training import LinearProbe, TrainingError, out_of_fold, probe_fit
from shoal.training.folds import deal

RANDOM = np.random.default_rng(0)
MEANS = RANDOM.normal(size=(5, 20))
Y = np.repeat(np.arange(5), 30)
X = (MEANS[Y] + RANDOM.normal(size=(150, 20))).astype(np.float32)


def test_it_finds_the_optimum_that_scikit_learn_finds():
    standard = (X - X.mean(axis=0)) / X.std(axis=0)
    theirs = LogisticRegression(C=1 / (0.05 * len(X)), tol=1e-8, max_iter=1000).fit(standard, Y)
    ours = LinearProbe.fit(X, Y, strength=0.05, unit=False, iterations=1000, tolerance=1e-12)
    assert np.abs(ours.logits(X) - theirs.decision_function(standard)).max() < 0.02


def test_two_classes_are_no_special_case():
    two = np.where(Y < 2, Y * 5 + 3, -1)
    standard = (X[:60] - X[:60].mean(axis=0)) / X[:60].std(axis=0)
    theirs = LogisticRegression(C=2 / (0.05 * 60), tol=1e-8).fit(standard, Y[:60])
    ours = LinearProbe.fit(X, two, unit=False, iterations=1000, tolerance=1e-12)
    assert ours.classes.tolist() == [3, 8]
    logits = ours.logits(X[:60])
    # a pair of weights that shrink as squares halves the penalty on their difference
    assert np.abs(logits[:, 1] - logits[:, 0] - theirs.decision_function(standard)).max() < 0.02


@pytest.mark.parametrize("unit", [True, False])
def test_default_settings_predict(unit):
    labels = np.where(np.arange(150) % 3 == 0, Y, -1)
    probe = LinearProbe.fit(X.astype(np.float16), labels, unit=unit)
    assert (probe.predict(X.astype(np.float16)) == Y)[labels < 0].mean() > 0.9


def test_length_does_not_matter_to_unit_vectors():
    probe = LinearProbe.fit(X, Y)
    assert np.allclose(probe.logits(X), probe.logits(7 * X), atol=1e-4)
    assert np.isfinite(LinearProbe.fit(np.concatenate([X, 0 * X[:1]]), np.append(Y, 0)).logits(0 * X)).all()


def test_a_warm_start_begins_where_the_last_one_ended():
    first = LinearProbe.fit(X, np.where(Y < 4, Y, -1))
    labels = np.where(Y == 0, 9, Y)
    warm = LinearProbe.fit(X, labels, start=first, iterations=1, strength=1e-9, tolerance=1e9)
    assert warm.classes.tolist() == [1, 2, 3, 4, 9]
    cold = LinearProbe.fit(X, labels, iterations=1, strength=1e-9, tolerance=1e9)
    assert (warm.predict(X) == labels).mean() > (cold.predict(X) == labels).mean()
    again = LinearProbe.fit(X, np.where(Y < 4, Y, -1), start=first)
    assert np.abs(again.logits(X) - first.logits(X)).mean() < 0.5


@pytest.mark.parametrize("unit", [True, False])
def test_saved_loaded_and_as_onnx_it_says_the_same(tmp_path, unit):
    probe = LinearProbe.fit(X, 7 * Y, unit=unit)
    probe.save(tmp_path / "probe", {"layer": "head"})
    again = LinearProbe.load(tmp_path / "probe")
    assert np.array_equal(again.logits(X), probe.logits(X))
    assert again.classes.tolist() == probe.classes.tolist()
    assert LinearProbe.from_bytes(probe.to_bytes()).to_bytes() == probe.to_bytes()
    session = onnxruntime.InferenceSession(probe.to_onnx(), providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"vectors": X})
    assert np.abs(logits - probe.logits(X)).max() < 1e-5


def test_what_the_probe_refuses(tmp_path):
    broken = X.copy()
    broken[3] = np.inf
    for call, message in [
        (lambda: LinearProbe.fit(X, np.full(150, -1)), "no labelled item"),
        (lambda: LinearProbe.fit(X, np.zeros(150, int)), "one class only"),
        (lambda: LinearProbe.fit(broken, Y), "row 3"),
        (lambda: LinearProbe.fit(X, Y, strength=0), "above 0"),
        (lambda: LinearProbe.fit(X, Y).logits(X[:, 1:]), "20 wide and got 19"),
        (lambda: LinearProbe.load(tmp_path / "no"), "cannot read"),
    ]:
        with pytest.raises(TrainingError, match=message):
            call()


def test_no_class_is_away_as_a_whole_and_folds_are_even():
    labels = np.array([0, 0, 1, 1, 1, 2, -1, *([3] * 13)])
    fold = deal(labels, 5, seed=0)
    assert fold[5] == fold[6] == -1
    for k in (0, 1, 3):
        assert len(np.unique(fold[labels == k])) == min(5, (labels == k).sum())
    sizes = np.bincount(fold[fold >= 0])
    assert sizes.max() - sizes.min() <= 1


def test_each_item_is_judged_by_a_model_that_has_not_seen_it():
    labels = np.where(np.arange(150) % 2, Y, -1)
    labels[0] = 33
    asked_of: list[tuple[set[int], set[int]]] = []

    def fit(seen):
        inside = set(np.flatnonzero(seen >= 0).tolist())

        def model(asked):
            asked_of.append((inside, set(asked.tolist())))
            return np.full((len(asked), 2), 1.0, np.float32), np.array([1, 33])

        return model

    logits, classes = out_of_fold(labels, fit, folds=4)
    assert classes.tolist() == [0, 1, 2, 3, 4, 33]
    assert len(asked_of) == 4
    assert all(not inside & asked for inside, asked in asked_of)
    known = set(np.flatnonzero(labels >= 0).tolist())
    assert set().union(*(asked for _, asked in asked_of)) == known - {0}
    assert all(inside | asked == known for inside, asked in asked_of)
    assert (logits[1] == np.array([np.nan, 1, np.nan, np.nan, np.nan, 1])).tolist() == [False, True] + [
        False
    ] * 3 + [True]
    assert np.isnan(logits[[0, 2]]).all()


def test_out_of_fold_logits_are_honest():
    noise = np.random.default_rng(1).normal(size=(60, 100)).astype(np.float32)
    coin = np.arange(60) % 3
    logits, _ = out_of_fold(coin, probe_fit(noise))
    assert (LinearProbe.fit(noise, coin).predict(noise) == coin).all()
    assert (logits.argmax(axis=1) == coin).mean() < 0.6
    good, _ = out_of_fold(Y, probe_fit(X))
    assert (good.argmax(axis=1) == Y).mean() > 0.9


def test_what_out_of_fold_refuses():
    for labels, folds, message in [
        (np.full(4, -1), 5, "no labelled"),
        (np.array([0, 1, 2]), 5, "one item a class"),
        (np.array([0, 0, 1]), 1, "folds=1"),
    ]:
        with pytest.raises(TrainingError, match=message):
            out_of_fold(labels, probe_fit(X), folds=folds)


@pytest.mark.parametrize("size", [1e-30, 1e20, 1e30])
@pytest.mark.parametrize("unit", [True, False])
def test_vectors_of_any_size_give_the_same(size, unit):
    probe = LinearProbe.fit(X, Y, unit=unit)
    again = LinearProbe.fit(X * np.float32(size), Y, unit=unit)
    assert np.allclose(again.logits(X * np.float32(size)), probe.logits(X), atol=1e-2)
    if unit:
        assert np.allclose(probe.logits(X * np.float32(size)), probe.logits(X), atol=1e-4)
