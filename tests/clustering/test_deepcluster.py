"""DeepCluster on tiny pictures: it learns, its four switches do what they say, its record is true."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from shoal.clustering.base import ClusteringError
from shoal.clustering.deepcluster import HEADS, TARGETS, DeepCluster
from shoal.clustering.matching import nmi
from shoal.views import Sobel

torch.set_num_threads(1)  # the networks are tiny

every_switch = pytest.mark.parametrize(("head", "targets"), [(h, t) for h in HEADS for t in TARGETS])


def gratings(items: int = 240, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Waves in four directions, 12 px wide, of any phase, length and contrast, under noise."""
    rng = np.random.default_rng(seed)
    y = rng.integers(4, size=items)
    angle = (np.pi * y / 4)[:, None, None]
    place = np.cos(angle) * np.arange(12)[:, None] + np.sin(angle) * np.arange(12)
    length, phase, contrast = (
        rng.uniform(low, high, (items, 1, 1)) for low, high in [(3.5, 6), (0, 2 * np.pi), (0.4, 1.6)]
    )
    waves = contrast * np.sin(2 * np.pi * place / length + phase)
    return (waves + 0.3 * rng.standard_normal(waves.shape))[:, None].astype(np.float32), y


def jitter(x: torch.Tensor) -> torch.Tensor:
    return x * (0.4 + 1.2 * torch.rand(len(x), 1, 1, 1)) + 0.3 * torch.randn_like(x)


def network(seed: int = 0, channels: int = 1) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(channels, 16, 5),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


def method(seed: int = 0, **settings) -> DeepCluster:
    given = {"network": network(seed), "components": 8, "batch": 32, "epochs": 3} | settings
    return DeepCluster(8, **given)


@every_switch
def test_clusters_come_nearer_to_the_classes_than_those_of_the_untrained_network(head, targets):
    gains = []
    for seed in range(3):
        x, y = gratings(seed=seed)
        training = method(seed, head=head, targets=targets, epochs=10, augment=jitter)
        history = training.fit(x, seed=seed, known=y).history
        gains.append(np.mean([epoch.nmi_labels for epoch in history[-3:]]) - history[0].nmi_labels)
    assert np.mean(gains) > 0.05  # measured: 0.10 to 0.12 for each of the four


@every_switch
def test_the_record_is_true(head, targets):
    x, y = gratings(80)
    got = method(head=head, targets=targets).fit(x, known=y)
    assert [epoch.number for epoch in got.history] == [0, 1, 2, 3]
    assert [epoch.loss is None for epoch in got.history] == [False, False, False, True]
    first, *rest = got.history
    assert first.changed is first.nmi_before is None
    assert all(0 <= epoch.changed <= 1 and 0 <= epoch.nmi_before <= 1 for epoch in rest)
    assert got.history[-1].nmi_labels == pytest.approx(nmi(y, got.labels))
    assert got.facts["empty"] == got.history[-1].empty == 8 - len(set(got.labels.tolist()))
    assert got.facts["splits"] == sum(epoch.splits for epoch in got.history)
    assert (got.soft is None) == (targets == "hard")


def labels_of_every_clustering(monkeypatch: pytest.MonkeyPatch, training: DeepCluster) -> list[np.ndarray]:
    """The labels that each epoch was trained on."""
    seen: list[np.ndarray] = []
    train = DeepCluster._train

    def spy(self, items, groups, body, head, rng):
        seen.append(groups.labels)
        return train(self, items, groups, body, head, rng)

    monkeypatch.setattr(DeepCluster, "_train", spy)
    seen.append(training.fit(gratings(120)[0]).labels)
    return seen


@pytest.mark.parametrize("targets", TARGETS)
def test_hungarian_keeps_the_ids_and_reset_does_not(monkeypatch, targets):
    moved = {}
    for head in HEADS:
        training = method(head=head, targets=targets, epochs=4)
        seen = labels_of_every_clustering(monkeypatch, training)
        moved[head] = np.mean([(a != b).mean() for a, b in pairwise(seen)])
        monkeypatch.undo()
    assert moved["hungarian"] < 0.65 < moved["reset"]


def test_what_hungarian_changes_is_what_the_record_says(monkeypatch):
    training = method(head="hungarian", epochs=3)
    seen = labels_of_every_clustering(monkeypatch, training)
    monkeypatch.undo()
    history = method(head="hungarian", epochs=3).fit(gratings(120)[0]).history
    wanted = [float((a != b).mean()) for a, b in pairwise(seen)]
    assert [epoch.changed for epoch in history[1:]] == wanted


@pytest.mark.parametrize(("head", "every", "heads"), [("reset", 1, 5), ("reset", 2, 3), ("hungarian", 1, 1)])
def test_the_head_is_new_after_each_clustering_or_never(monkeypatch, head, every, heads):
    made = []
    new = DeepCluster._new_head

    def spy(self, width):
        made.append(new(self, width))
        return made[-1]

    monkeypatch.setattr(DeepCluster, "_new_head", spy)
    got = method(head=head, every=every, epochs=4).fit(gratings(60)[0])
    assert len(got.history) == 1 + 4 // every
    assert len(made) == heads


def test_a_new_head_is_small_and_unbiased():
    head = DeepCluster(50)._new_head(400).layer
    assert float(head.weight.detach().std()) == pytest.approx(0.01, rel=0.05)
    assert not head.bias.any()


def test_augmentation_is_for_training_alone():
    seen = []

    def spy(x: torch.Tensor) -> torch.Tensor:
        seen.append(len(x))
        return x

    training = method(augment=spy, epochs=0)
    training.fit(gratings(60)[0])
    assert seen == []
    training = method(augment=spy, epochs=1)
    training.fit(gratings(60)[0])
    assert 60 <= sum(seen) < 60 + 8
    before = len(seen)
    training.assign(gratings(60)[0])
    assert len(seen) == before


def test_known_labels_change_nothing_but_the_record():
    x, y = gratings(60)
    with_them, without = (method().fit(x, known=known) for known in (y, None))
    assert (with_them.labels == without.labels).all()
    assert without.history[0].nmi_labels is None


def test_the_network_is_trained_in_place_behind_sobel_too():
    inner = network(channels=2)
    before = [parameter.clone() for parameter in inner.parameters()]
    training = method(network=nn.Sequential(Sobel(), inner))
    x = gratings(80)[0]
    got = training.fit(x)
    assert any(not torch.equal(a, b) for a, b in zip(before, inner.parameters(), strict=True))
    assert (training.assign(torch.as_tensor(x)) == got.labels).all()


def test_clusters_that_equal_pictures_cannot_fill_are_counted_and_never_drawn():
    x = np.repeat(gratings(3)[0], 20, axis=0)
    got = method(epochs=2).fit(x)
    assert got.facts["empty"] >= 5
    assert got.facts["splits"] == 0, "three pictures are three clusters: there is nothing to split"
    assert len(np.unique(got.labels)) == 3
    assert all(np.isfinite(epoch.loss) for epoch in got.history[:-1])


def test_divergence_is_refused_by_name():
    with pytest.raises(ClusteringError, match=r"deepcluster: .*lower the learning rate"):
        method(network=nn.Sequential(nn.Flatten(), nn.Linear(144, 32)), rate=1e12).fit(gratings(60)[0])


@pytest.mark.parametrize("made", [nn.Flatten(), nn.Sequential(nn.Flatten(), nn.Linear(144, 8))])
def test_a_network_that_cannot_learn_is_refused_by_name(made):
    made.requires_grad_(False)
    with pytest.raises(ClusteringError, match=r"deepcluster got a network .*without a parameter that learns"):
        method(network=made).fit(gratings(60)[0])


def test_the_advised_network_learns():
    made = nn.Sequential(nn.Flatten(), nn.LazyLinear(64))
    assert method(network=made, epochs=1).fit(gratings(60)[0]).labels.shape == (60,)


def test_switches_are_checked_by_name():
    with pytest.raises(ClusteringError, match="no head 'warm'; there are reset, hungarian"):
        DeepCluster(3, head="warm")
    with pytest.raises(ClusteringError, match="no targets 'soft'; there are hard, gmm"):
        DeepCluster(3, targets="soft")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@every_switch
def test_on_a_gpu(head, targets):
    got = method(head=head, targets=targets, device="cuda").fit(gratings(60)[0])
    assert got.labels.shape == (60,)


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float64])
def test_a_network_is_trained_in_its_own_precision(precision):
    x, _ = gratings(64)
    found = method(network=network().to(precision), epochs=2)
    labels = found.fit(x).labels
    assert len(labels) == 64
    assert {one.dtype for one in found.network.parameters()} == {precision}
