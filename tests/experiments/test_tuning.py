"""No label of a test class, and no test item at all, has any part in what is chosen or trained."""

import numpy as np
import pytest

from experiments.silhouette import run, sets
from experiments.splits import Known
from experiments.tuning import METHODS, Budget, draw, train, tune

BUDGET = Budget(trials=2, steps=8, classes=4, items=4)


def known():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(8), 10)
    vectors = rng.normal(size=(8, 24))[labels] + 0.7 * rng.normal(size=(80, 24))
    return Known(vectors.astype(np.float32), labels, np.array([6, 7]))


@pytest.fixture
def case(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOAL_CACHE", str(tmp_path))
    sets.parts.cache_clear()
    yield run.cases("smoke", 1)[0]
    sets.parts.cache_clear()


def test_scrambled_test_labels_change_the_judgement_and_nothing_before_it(case, monkeypatch):
    before = run.measure(case)
    split = sets.split_of(case)
    rng = np.random.default_rng(1)

    def scrambled(*sizes, smoke):
        learned, asked, names = sets.parts(*sizes, smoke=smoke)
        labels = learned.labels.copy()
        foreign = np.isin(labels, split.unseen)
        labels[foreign] = rng.permutation(labels[foreign])
        wrong = rng.permutation(asked.labels)
        return sets.Part(learned.layers, labels), sets.Part(asked.layers, wrong), names

    monkeypatch.setattr(run, "parts", scrambled)
    after = run.measure(case)
    assert after["settings"] == before["settings"]
    assert after["trials"] == before["trials"]
    assert after["unseen"] != before["unseen"]


def test_what_is_held_out_does_not_train_while_settings_are_chosen(monkeypatch):
    seen = []
    real = train

    def spy(vectors, labels, *arguments, **more):
        seen.append(set(labels.tolist()))
        return real(vectors, labels, *arguments, **more)

    monkeypatch.setattr("experiments.tuning.train", spy)
    tune(known(), METHODS["triplet"], 4, BUDGET, 0)
    assert seen == [{0, 1, 2, 3, 4, 5}] * 2


@pytest.mark.parametrize("name", METHODS)
def test_every_loss_has_as_many_trials_and_the_same_rates(name):
    choice = tune(known(), METHODS[name], 4, BUDGET, 0)
    assert len(choice.trials) == BUDGET.trials
    assert choice.settings in [settings for settings, _ in choice.trials]
    assert choice.settings["lr"] == draw(METHODS["silhouette"], (0, _best(choice)))["lr"]


def _best(choice):
    return max(range(len(choice.trials)), key=lambda k: choice.trials[k][1])
