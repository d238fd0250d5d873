"""What a unit sees: hand-built units whose preferred image is known, and nothing left behind."""

import numpy as np
import pytest
import torch
from torch import nn

from shoal.backbones import torch_network
from shoal.backbones.efficientnet_lite import DESCRIPTIONS, probe_pictures
from shoal.introspection import Climb, IntrospectionError, activations, preferred_image, preferred_images
from shoal.networks import NetworkError
from shoal.types import ShoalError

torch.set_num_threads(1)
SMALL = Climb(shape=(3, 16, 16), steps=60, jitter=2)


def seeing(kernels: np.ndarray) -> nn.Sequential:
    """A convolution with these kernels (O, I, K, K), without padding, cut at 0."""
    conv = nn.Conv2d(kernels.shape[1], len(kernels), kernels.shape[2], bias=False)
    with torch.no_grad():
        conv.weight.copy_(torch.from_numpy(kernels))
    return nn.Sequential(conv, nn.ReLU())


def colours() -> nn.Sequential:
    return seeing(np.array([[1, -1, -1], [-1, -1, 2]], np.float32)[:, :, None, None])


def test_a_colour_is_seen_everywhere():
    found = preferred_images(colours(), "0", [0, 1], SMALL)
    assert found.images.shape == (2, 16, 16, 3)
    assert np.abs(found.images[0] - [1, 0, 0]).max() < 0.05
    assert np.abs(found.images[1] - [0, 0, 1]).max() < 0.05
    assert found.after == pytest.approx([1, 2], abs=0.15)
    assert found.before == pytest.approx([-0.5, 0], abs=0.1)


def test_a_unit_that_is_silent_at_first_is_woken():
    found = preferred_images(colours(), "1", [0], SMALL)
    assert found.before == 0
    assert found.after > 0.3


def test_a_pattern_is_seen_where_it_lies():
    """The best image of a linear unit is white where its weights are positive, black where negative."""
    kernel = np.sign(np.random.default_rng(0).normal(size=(1, 1, 5, 5))).astype(np.float32)
    climb = Climb(shape=(1, 13, 13), where="centre", jitter=0, smooth=0.0, steps=100)
    image = preferred_image(seeing(kernel)[:1], "0", 0, climb)[..., 0]
    assert np.abs(image[4:9, 4:9] - (kernel[0, 0] > 0)).max() < 0.05


def test_stripes_lie_as_the_unit_wants_them():
    wave = np.cos(np.arange(8) * np.pi / 2).astype(np.float32)  # a period of 4 px, to the right
    upright = np.tile(wave, (8, 1))
    found = preferred_images(
        seeing(np.stack([upright, upright.T])[:, None]),
        "1",
        [0, 1],
        Climb(shape=(1, 32, 32), steps=60, jitter=4),
    ).images[..., 0]
    across, down = np.abs(np.diff(found, axis=2)).mean((1, 2)), np.abs(np.diff(found, axis=1)).mean((1, 2))
    assert across[0] > 2 * down[0]
    assert down[1] > 2 * across[1]


def test_rows_have_units_too():
    network = nn.Sequential(colours()[:1], nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 1, bias=False))
    with torch.no_grad():
        network[3].weight.copy_(torch.tensor([[0.0, 1.0]]))
    assert np.abs(preferred_image(network, "3", 0, SMALL) - [0, 0, 1]).max() < 0.05


def test_smoothness_and_the_seed_decide():
    kernel = np.random.default_rng(0).normal(size=(1, 3, 3, 3)).astype(np.float32)
    calm, wild = (
        preferred_image(seeing(kernel), "1", 0, Climb(shape=(3, 16, 16), steps=30, smooth=smooth))
        for smooth in (2.0, 0.0)
    )
    assert np.abs(np.diff(calm, axis=0)).mean() < 0.7 * np.abs(np.diff(wild, axis=0)).mean()
    one, two, other = (
        preferred_image(seeing(kernel), "1", 0, Climb(shape=(3, 16, 16), steps=10, seed=seed))
        for seed in (0, 0, 1)
    )
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_units_asked_for_together_see_what_they_see_alone():
    together = preferred_images(colours(), "1", [1, 0], SMALL).images
    assert np.allclose(together[1], preferred_image(colours(), "1", 0, SMALL), atol=1e-5)


def test_nothing_of_the_network_changes():
    network = nn.Sequential(colours(), nn.BatchNorm2d(2), nn.Dropout(0.5)).train()
    network[0][0].weight.requires_grad_(False)
    network[1].weight.grad = torch.full((2,), 7.0)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    torch.manual_seed(3)
    wanted = torch.rand(2)
    torch.manual_seed(3)
    preferred_image(network, "1", 0, SMALL)
    assert torch.equal(torch.rand(2), wanted)
    with pytest.raises(IntrospectionError, match=r"does not take pictures of shape \(1, 2, 8, 8\)"):
        preferred_image(network, "1", 0, Climb(shape=(2, 8, 8)))
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert [one.requires_grad for one in network.parameters()] == [False, True, True]
    assert network[1].weight.grad.tolist() == [7, 7]
    assert all(module.training for module in network.modules())
    assert not any(module._forward_hooks for module in network.modules())


def test_it_can_be_cancelled():
    def cancel(progress):
        if progress.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        preferred_images(colours(), "1", [0], SMALL, watch=cancel)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: preferred_image(colours(), "relu", 0), "There are: 0, 1"),
        (lambda: preferred_image(colours(), "1", 2, SMALL), "units 0 to 1"),
        (lambda: preferred_images(colours(), "1", [], SMALL), "units"),
        (lambda: Climb(where="middle"), "centre"),
        (lambda: Climb(shape=(3, 8)), "shape"),
        (lambda: Climb(smooth=-1), "at least 0"),
    ],
)
def test_what_it_refuses(call, message):
    with pytest.raises(ShoalError, match=message) as caught:
        call()
    assert isinstance(caught.value, NetworkError | IntrospectionError)


def test_the_shipped_network_is_a_chain_of_its_layers():
    network = torch_network("efficientnet_lite0")
    description = DESCRIPTIONS["efficientnet_lite0"]
    names = ["stem", *(f"stage{k}" for k in range(1, 8)), "head"]
    pooled = activations(network, probe_pictures(64)[:1], names, pooled=True)
    assert tuple(pooled[name].shape[1] for name in names) == description.widths
    found = preferred_images(network, "stage3", [1], Climb(shape=(3, 48, 48), steps=16))
    assert found.after[0] > found.before[0] + 10


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float64])
def test_a_unit_of_any_precision_shows_what_it_sees(precision):
    found = preferred_images(colours().to(precision), "0", [0], SMALL)
    assert np.abs(found.images[0] - [1, 0, 0]).max() < 0.05
