"""No label of a test class, and no test item at all, has any part in what is chosen or trained."""

from dataclasses import replace

import numpy as np
import pytest

from experiments import tuning
from experiments.corel import networks as corel_networks
from experiments.corel import run as corel
from experiments.corel import sets as corel_sets
from experiments.data.pictures import first_of_each
from experiments.other import run as other
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


@pytest.fixture
def heads(monkeypatch):
    """What every head that is trained makes of the same vectors."""
    found = []

    def spy(vectors, *arguments, **more):
        trained = train(vectors, *arguments, **more)
        found.append(trained.embed(vectors[:20]))
        return trained

    for module in (run, tuning):
        monkeypatch.setattr(module, "train", spy)
    return found


def test_scrambled_test_labels_change_the_judgement_and_nothing_before_it(case, heads, monkeypatch):
    case = {**case, "trials": 3}
    before, trained = run.measure(case), heads[:]
    heads.clear()
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
    assert after["tried"] == before["tried"]
    assert len(trained) == len(heads) == 4  # three trials, then the one that is judged
    assert all(np.array_equal(one, other) for one, other in zip(trained, heads, strict=True))
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


def test_the_judged_labels_of_news_and_sounds_train_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOAL_CACHE", str(tmp_path))
    case = next(c for c in other.cases("smoke", 1) if c["method"] == "silhouette head")
    embedded = []

    def spy(case, vectors, labels, known, seed):
        embedded.append(real(case, vectors, labels, known, seed))
        return embedded[-1]

    real, load = other._embed, other._load
    monkeypatch.setattr(other, "_embed", spy)
    before = other.measure(case)

    def scrambled(name, items):
        layers, labels = load(name, items)
        order = np.random.default_rng(case["seed"]).permutation(len(labels))
        known = order[first_of_each(labels[order], case["labels"])]
        asked = np.setdiff1d(np.arange(len(labels)), known)
        wrong = labels.copy()
        wrong[asked] = np.random.default_rng(1).permutation(labels[asked])
        return layers, wrong

    # the choice of the labelled items is not what is tried: it stays
    monkeypatch.setattr(other, "_load", scrambled)
    monkeypatch.setattr(other, "first_of_each", lambda labels, per_class: kept)
    order = np.random.default_rng(case["seed"]).permutation(case["items"])
    kept = first_of_each(load("stand-in", case["items"])[1][order], case["labels"])
    after = other.measure(case)
    assert np.array_equal(*embedded)
    assert after["knn"] != before["knn"]


def test_corel_chooses_its_epoch_without_the_test_labels(monkeypatch):
    import torch

    case = {**corel.cases("smoke", 1)[0], "epochs": 4}
    data = corel_sets.load("stand-in", 80, 40, 40)
    wrong = replace(data, test=(data.test[0], 3 - data.test[1]))
    trained = []

    found = []
    for of in (data, wrong):
        monkeypatch.setattr(corel_sets, "load", lambda *_, of=of: of)
        with monkeypatch.context() as patched:
            real = corel_networks.train
            patched.setattr(
                corel_networks, "train", lambda *a, real=real, **k: _kept(trained, data, real, *a, **k)
            )
            found.append(corel.measure(case))
    assert torch.equal(*trained)
    assert found[0]["validation_accuracy"] == found[1]["validation_accuracy"]
    assert found[0]["test_accuracy"] != found[1]["test_accuracy"]


def _kept(trained, data, train, body, loss, of, **more):
    best = train(body, loss, of, **more)
    trained.append(corel_networks.represent(body, data.train[0]))
    return best
