"""The parts of DeepCluster: edges, crops, whitening, matching, soft targets."""

import numpy as np
import pytest
import torch

from shoal.clustering.deepcluster import DeepCluster
from shoal.clustering.features import whitening
from shoal.clustering.groups import hard_groups, softened
from shoal.clustering.matching import changed, hungarian, nmi, overlap, soft_overlap
from shoal.views import CropAndFlip, Sobel

torch.set_num_threads(1)  # the networks are tiny


def test_sobel_of_a_step_by_hand():
    image = torch.zeros(1, 3, 5, 5)
    image[..., 3:] = 6.0
    across, down = Sobel()(image)[0]
    assert across[2].tolist() == [0.0, 0.0, -24.0, -24.0, 24.0]  # the last column sees the zeros outside
    assert down[2].tolist() == [0.0] * 5


def test_sobel_is_the_double_loop_over_the_grey_of_any_channels():
    image = torch.randn(2, 3, 6, 7, generator=torch.Generator().manual_seed(0))
    got = Sobel()(image)
    assert got.shape == (2, 2, 6, 7)
    grey = np.pad(image.mean(dim=1).numpy(), ((0, 0), (1, 1), (1, 1)))
    kernels = [[[1, 0, -1], [2, 0, -2], [1, 0, -1]], [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]]
    for k, kernel in enumerate(kernels):
        for row in range(6):
            for column in range(7):
                wanted = (grey[:, row : row + 3, column : column + 3] * np.array(kernel)).sum(axis=(1, 2))
                assert np.allclose(got[:, k, row, column].numpy(), wanted, atol=1e-5)


def test_sobel_does_not_learn_and_ignores_brightness_inside():
    assert list(Sobel().parameters()) == []
    image = torch.randn(1, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(Sobel()(image)[..., 1:-1, 1:-1], Sobel()(image + 9)[..., 1:-1, 1:-1], atol=1e-4)


def test_crops_are_parts_of_the_image_or_of_its_mirror_image():
    ramp = torch.arange(16.0).expand(200, 1, 16, 16).clone()
    torch.manual_seed(0)
    views = CropAndFlip(least=0.25)(ramp)
    assert views.shape == ramp.shape
    steps = views[:, 0, 8, 8] - views[:, 0, 8, 7]  # pixels of the image per pixel of the view
    assert 0.3 < (steps < 0).float().mean() < 0.7
    assert steps.abs().max() <= 1.001
    assert steps.abs().min() >= 0.5 * (3 / 4) ** 0.5 - 0.01
    assert views.min() >= 0
    assert views.max() <= 15


def test_a_crop_of_a_square_whole_is_the_image_or_its_mirror_image(monkeypatch):
    image = torch.randn(8, 2, 5, 5, generator=torch.Generator().manual_seed(0))
    half = torch.full((8,), 0.5)
    monkeypatch.setattr(torch, "rand", lambda n, device=None: half)  # an aspect ratio of 1
    torch.manual_seed(1)
    mirrored = []
    for view, original in zip(CropAndFlip(least=1.0)(image), image, strict=True):
        mirrored.append(torch.allclose(view, original.flip(-1), atol=1e-5))
        assert mirrored[-1] or torch.allclose(view, original, atol=1e-5)
    assert 0 < sum(mirrored) < 8


def test_whitened_components_have_variance_one_and_no_correlation():
    x = np.random.default_rng(0).standard_normal((400, 6)).astype(np.float32) @ np.diag([9, 5, 3, 2, 1, 0.5])
    white = whitening(x.astype(np.float32), 4)
    turned = (x - white.mean) @ white.axes
    assert np.allclose(turned.T @ turned / 400, np.eye(4), atol=1e-3)
    assert np.allclose(np.linalg.norm(white.apply(x.astype(np.float32)), axis=1), 1, atol=1e-5)


def test_dead_and_equal_features_are_not_blown_up():
    x = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32)
    dead = np.concatenate([x, np.zeros((50, 2), np.float32), x[:, :1]], axis=1)
    assert whitening(dead, 6).axes.shape == (6, 3)
    assert (whitening(np.ones((9, 4), np.float32), 3).apply(np.ones((9, 4), np.float32)) == 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_matching_recovers_a_known_permutation(seed):
    rng = np.random.default_rng(seed)
    before, permutation = rng.integers(6, size=300), rng.permutation(6)
    after = permutation[before]
    after[:30] = rng.integers(6, size=30)  # and a tenth has moved
    names = hungarian(overlap(before, after, 6))
    assert (names[permutation] == np.arange(6)).all()
    assert changed(before, names[after]) <= 0.1


def test_the_best_matching_by_trying_all():
    from itertools import permutations

    shared = np.random.default_rng(0).integers(20, size=(5, 5)).astype(float)
    names = hungarian(shared)
    kept = sum(shared[names[j], j] for j in range(5))
    assert kept == max(sum(shared[p[j], j] for j in range(5)) for p in permutations(range(5)))


def test_overlaps_hard_and_soft_agree_on_hard_shares():
    rng = np.random.default_rng(0)
    a, b = rng.integers(4, size=50), rng.integers(4, size=50)
    wanted = [[sum((a == i) & (b == j)) for j in range(4)] for i in range(4)]
    assert (overlap(a, b, 4) == wanted).all()
    assert np.allclose(soft_overlap(np.eye(4)[a], np.eye(4)[b]), wanted)


def test_nmi_leaves_the_unknown_out():
    assert nmi(np.array([0, 0, 1, 1, -1]), np.array([5, 5, 3, 3, 3])) == pytest.approx(1)
    assert nmi(np.array([-1, -1]), np.array([0, 1])) == 0


def features() -> np.ndarray:
    rng = np.random.default_rng(0)
    return (4 * np.eye(3, 5)[np.arange(3).repeat(40)] + rng.standard_normal((120, 5))).astype(np.float32)


def test_soft_targets_sum_to_one_and_agree_with_the_labels():
    x = features()
    hard = hard_groups(x, 3, components=3, iterations=20, seed=0)
    soft = softened(hard, x, floor=0.1, iterations=20, seed=0)
    assert soft.soft.shape == (120, 3)
    assert np.allclose(soft.soft.sum(axis=1), 1, atol=1e-5)
    assert (soft.soft.argmax(axis=1) == soft.labels).all()
    assert (soft.labels == hard.labels).mean() > 0.8
    assert (soft.assign(x) == soft.labels).all()
    assert (hard.assign(x) == hard.labels).all()


def test_a_larger_floor_makes_softer_targets():
    x = features()
    hard = hard_groups(x, 3, components=3, iterations=20, seed=0)
    sure = [
        softened(hard, x, floor=floor, iterations=20, seed=0).soft.max(axis=1).mean() for floor in (0.01, 3.0)
    ]
    assert sure[1] < sure[0]


@pytest.mark.parametrize("soften", [False, True])
def test_renaming_renames_everything(soften):
    x = features()
    groups = hard_groups(x, 3, components=3, iterations=20, seed=0)
    if soften:
        groups = softened(groups, x, floor=0.1, iterations=20, seed=0)
    names = np.array([2, 0, 1])
    renamed = groups.renamed(names)
    assert (renamed.labels == names[groups.labels]).all()
    assert (renamed.assign(x) == renamed.labels).all()
    assert np.array_equal(renamed.centres[names], groups.centres)
    assert (renamed.renamed(np.array([1, 0, 2])).assign(x) == np.array([1, 0, 2])[renamed.labels]).all()
    if soften:
        assert (renamed.soft.argmax(axis=1) == renamed.labels).all()
    assert (groups.names_after(renamed) == names).all()


def test_no_batch_of_one_is_trained_on():
    x = np.random.default_rng(0).normal(size=(33, 3)).astype(np.float32)
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))  # refuses a batch of one
    DeepCluster(1, network=network, epochs=1, batch=8).fit(x)
    assert network[1].num_batches_tracked == 4
