"""What the experiments compute themselves, by hand or against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

from experiments.other.sentences import LENGTH, sentence_vectors
from experiments.poster import losses, metrics
from experiments.running import NotHere
from experiments.silhouette.counting import count
from experiments.validity.groups import chain, draw


def test_the_posters_f1_is_the_micro_averaged_f1_and_the_purity():
    labels = np.array([0, 0, 0, 1, 1, 2])
    found = np.array([0, 0, 1, 1, 1, 1])
    named = metrics.majority(labels, found)
    assert named.tolist() == [0, 0, 1, 1, 1, 1]
    assert f1_score(labels, named, average="micro") == pytest.approx((named == labels).mean())


def test_the_poster_starts_from_true_images_and_so_never_does_worse_on_clean_groups():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(8), 20)
    z = (20 * rng.normal(size=(8, 4))[labels] + rng.normal(size=(160, 4))).astype(np.float32)
    assert metrics.poster(z, labels, per_class=1, seed=0) == {"f1": 1.0, "nmi": 1.0}
    assert metrics.poster(z, labels, per_class=3, seed=0)["f1"] == 1.0
    assert metrics.right(z, labels, per_class=3, seed=0)["pairwise-f1"] < 0.7


def test_positives_near_at_the_input_share_a_group_and_negatives_are_of_other_classes():
    groups = torch.tensor([0, 0, 1, 3, 4, 4])  # class 0: two groups; class 1: two groups
    anchors, positives, negatives = losses._near_at_input(torch.rand(6, 6), groups)
    assert {(int(a), int(p)) for a, p in zip(anchors, positives, strict=True)} == {
        (0, 1),
        (1, 0),
        (4, 5),
        (5, 4),
    }
    assert all(groups[a] // 3 != groups[n] // 3 for a, n in zip(anchors, negatives, strict=True))


def test_middles_are_exactly_apart_and_noise_has_no_group():
    middles = chain(8, 2, 4.0, np.random.default_rng(0))
    apart = np.linalg.norm(middles[:, None] - middles[None], axis=2) + 1e9 * np.eye(8)
    assert np.allclose(apart.min(axis=1), 4.0)
    values = {"classes": 4, "dimensions": 3, "separation": 8.0, "density": 4, "noise": 0.1}
    found = draw(values, per_group=10, seed=0)
    assert np.bincount(found.truth[found.truth >= 0]).tolist() == [40, 10, 10, 10]
    assert (found.truth == -1).sum() == 7


def test_pairs_that_reach_the_silhouette_are_counted_once():
    # two classes: every other class is the nearest one, so all pairs matter
    vectors = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    found = count(vectors, np.arange(40) % 2, 2, 4, 0)
    assert found["measured"] == 3.5
    assert set(found["gradient"]) == {3.5}


def test_sentences_that_mean_the_same_lie_near(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOAL_CACHE", str(tmp_path))
    texts = ["A dog runs in the park.", "A puppy plays outside.", "Stocks fell on Monday." + " word" * LENGTH]
    try:
        z = sentence_vectors("three", texts)
    except NotHere as reason:
        pytest.skip(str(reason))
    assert z.shape == (3, 384)
    assert np.allclose(np.linalg.norm(z, axis=1), 1, atol=1e-5)
    assert z[0] @ z[1] > 0.4 > z[0] @ z[2]
    alone = sentence_vectors("one", texts[:1])
    assert np.allclose(alone[0], z[0], atol=1e-5)  # padding changes nothing
