"""What layers say: known numbers of hand-built networks, hooks that go, names that are explained."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import nn

from shoal.introspection import (
    IntrospectionError,
    activations,
    components,
    flatten,
    flattened,
    layers,
    most_exciting,
    watching,
)
from shoal.networks import NetworkError, as_input
from shoal.types import Embedding

torch.set_num_threads(1)


def tiny() -> nn.Sequential:
    """Red minus green and twice the blue at every pixel, negatives cut in place; then the mean, doubled."""
    network = nn.Sequential()
    colours = nn.Conv2d(3, 2, 1, bias=False)
    double = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        colours.weight.copy_(torch.tensor([[1.0, -1.0, 0.0], [0.0, 0.0, 2.0]])[:, :, None, None])
        double.weight.copy_(2 * torch.eye(2))
    network.add_module("colours", colours)
    network.add_module("cut", nn.ReLU(inplace=True))
    network.add_module("mean", nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    network.add_module("twice", double)
    return network


def pictures() -> np.ndarray:
    """One green picture, one whose left half is red and right half blue; (2, 2, 4, 3) uint8."""
    images = np.zeros((2, 2, 4, 3), np.uint8)
    images[0, ..., 1] = 255
    images[1, :, :2, 0] = 255
    images[1, :, 2:, 2] = 255
    return images


def hooks(network: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in network.modules())


def test_known_activations():
    found = activations(tiny(), pictures(), ["colours", "cut", "twice"], batch=1)
    assert found["colours"].shape == (2, 2, 2, 4)
    # before the cut, although the cut writes into its input
    assert found["colours"][0, 0].tolist() == [[-1] * 4] * 2
    assert found["cut"][0, 0].tolist() == [[0] * 4] * 2
    assert found["colours"][1, :, 0].tolist() == [[1, 1, 0, 0], [0, 0, 2, 2]]
    assert found["twice"].tolist() == [[0, 0], [1, 2]]
    pooled = activations(tiny(), pictures(), ["colours", "twice"], pooled=True)
    assert pooled["colours"].tolist() == [[-1, 0], [0.5, 1]]
    assert pooled["twice"].tolist() == [[0, 0], [1, 2]]


def test_of_tokens_the_mean_is_over_the_tokens_and_of_sequences_over_the_positions():
    torch.manual_seed(0)
    x = torch.rand(6, 5, 8)
    encoder = nn.Sequential(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), nn.GELU()).eval()
    found = activations(encoder, x, ["0"], pooled=True)["0"]
    with torch.no_grad():
        np.testing.assert_allclose(found, encoder[0](x).mean(dim=1), rtol=1e-4, atol=1e-6)
    wave = nn.Sequential(nn.Conv1d(5, 3, 2))
    found = activations(wave, x, ["0"], pooled=True)["0"]
    with torch.no_grad():
        np.testing.assert_allclose(found, wave(x).mean(dim=2), rtol=1e-4, atol=1e-6)


def test_floats_go_in_as_they_are():
    x = torch.rand(3, 3, 5, 5)
    wanted = tiny()[0](x).detach().numpy()
    assert np.array_equal(activations(tiny(), x, ["colours"])["colours"], wanted)
    assert np.array_equal(activations(tiny(), x.numpy(), ["colours"], batch=2)["colours"], wanted)
    assert as_input(pictures()).max() == 1
    with pytest.raises(NetworkError, match="int64"):
        as_input(np.zeros((2, 2, 4, 3), np.int64))


def test_hooks_are_removed_and_modes_kept_also_on_error():
    network = tiny().train()
    network.mean.eval()
    activations(network, pictures(), ["cut"])
    assert hooks(network) == 0
    with watching(network, ["cut", "mean.0"]):
        assert hooks(network) == 2
    assert hooks(network) == 0
    with pytest.raises(ZeroDivisionError), watching(network, ["cut", "mean.0"]):
        raise ZeroDivisionError
    assert hooks(network) == 0
    with pytest.raises(IntrospectionError, match="does not take pictures of shape"):
        activations(network, torch.rand(1, 5, 4, 4), ["cut"])
    assert hooks(network) == 0
    assert [module.training for module in network] == [True, True, False, True]


def test_names_that_there_are_not_are_explained():
    with pytest.raises(
        NetworkError, match=r"no layer 'colour'. Did you mean 'colours'\? There are: colours, cut"
    ):
        activations(tiny(), pictures(), ["cut", "colour"])
    with pytest.raises(NetworkError, match="Sequential has no layer ''"), watching(tiny(), [""]):
        pass

    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.pair, self.unused = nn.LSTM(3, 2), nn.ReLU()

        def forward(self, x):
            return self.pair(x)[0]

    with pytest.raises(NetworkError, match=r"'pair'.*gives a tuple"):
        activations(Odd(), torch.rand(4, 3), ["pair"])
    with pytest.raises(IntrospectionError, match="never runs its layer 'unused'"):
        activations(Odd(), torch.rand(4, 3), ["unused"])


def test_flattening_keeps_what_averaging_forgets():
    maps = np.zeros((40, 3, 4, 4), np.float32)
    left = np.arange(40) % 2 == 0
    maps[left, 0, :, :2] = 1
    maps[~left, 0, :, 2:] = 1
    assert np.ptp(maps.mean(axis=(2, 3)), axis=0).max() == 0
    assert flatten(maps).shape == (40, 48)
    line = flatten(maps, 1)
    # half the squared distance of 16 between the two pictures, either side of the middle
    assert np.allclose(np.abs(line), 2, atol=1e-4)
    assert (np.sign(line[left, 0]) == -np.sign(line[~left, 0])).all()


@pytest.mark.parametrize("held", [0, components.HELD], ids=["passing", "held"])
def test_flattening_in_batches_finds_the_same_components(held, monkeypatch):
    monkeypatch.setattr(layers, "HELD", held)
    random = np.random.default_rng(0)
    network = nn.Sequential(nn.Identity())
    # 4 strong directions among 48
    x = random.normal(size=(50, 4)) @ (random.normal(size=(4, 48)) * [[8], [4], [2], [1]])
    x = (x + 0.01 * random.normal(size=x.shape)).reshape(50, 3, 4, 4).astype(np.float32)
    found = flattened(network, x, ["0"], 4, batch=8)["0"]
    wanted = PCA(4).fit_transform(x.reshape(50, -1))
    assert found.shape == (50, 4)
    assert np.abs([np.corrcoef(a, b)[0, 1] for a, b in zip(found.T, wanted.T, strict=True)]).min() > 0.999
    small = flattened(network, x, ["0"], 3, side=1)["0"]
    assert small.shape == (50, 3)
    with pytest.raises(IntrospectionError, match="takes 1 to 3"):
        flattened(network, x, ["0"], 4, side=1)
    with pytest.raises(IntrospectionError, match="takes 1 to 50"):
        flattened(network, x, ["0"], 51)
    with pytest.raises(IntrospectionError, match="takes 1 to 48"):
        flatten(x, 49)


@pytest.mark.parametrize("shape", [(90, 5, 2, 2), (30, 4, 3, 3)], ids=["tall", "wide"])
def test_components_are_exact_where_variances_are_close(shape):
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    wanted = PCA(6, svd_solver="full").fit_transform(x.reshape(len(x), -1).astype(np.float64))
    found = {
        "flatten": flatten(x, 6),
        "flattened": flattened(nn.Sequential(nn.Identity()), x, ["0"], 6, batch=8)["0"],
    }
    for name, rows in found.items():
        assert rows.dtype == np.float32
        signs = np.sign((rows * wanted).sum(axis=0))
        assert np.allclose(rows * signs, wanted, atol=1e-4), name


def test_layers_too_large_together_pass_by_and_those_beside_them_are_held(monkeypatch):
    x = np.random.default_rng(0).normal(size=(60, 3, 4, 4)).astype(np.float32)
    network = nn.Sequential(nn.Identity(), nn.AvgPool2d(4))
    monkeypatch.setattr(layers, "HELD", 2 * 60 * 3)  # room for the three numbers of the second layer
    found = flattened(network, x, ["0", "1"], 2, batch=8)
    assert list(found) == ["0", "1"]
    wanted = [
        PCA(2, svd_solver="full").fit_transform(maps.reshape(60, -1)) for maps in (x, x.mean(axis=(2, 3)))
    ]
    apart = [np.abs(np.abs(found[name]) - np.abs(w)).max() for name, w in zip("01", wanted, strict=True)]
    assert apart[1] < 1e-5
    assert apart[0] > 1e-2


def test_the_most_exciting_items_by_hand():
    vectors = np.array([[1, 9], [3, 0], [3, 7], [np.nan, 99], [2, 8]], np.float32)
    found = most_exciting(vectors, count=2)
    assert found.units.tolist() == [0, 1]
    assert found.items.tolist() == [[1, 2], [0, 4]]
    assert found.activations.tolist() == [[3, 3], [9, 8]]
    layer = Embedding(vectors.astype(np.float16), np.array([10, 20, 30, 40, 50]), "net", "print", "layer")
    assert most_exciting(layer, 0, count=3).items.tolist() == [[20, 30, 50]]
    assert most_exciting(vectors, [1, 0], count=1).items.tolist() == [[0], [1]]


def test_the_most_exciting_items_against_a_plain_sort():
    random = np.random.default_rng(3)
    vectors = random.integers(0, 6, (200, 7)).astype(np.float32)
    found = most_exciting(vectors, count=30)
    for unit in range(7):
        wanted = sorted(range(200), key=lambda item: (-vectors[item, unit], item))[:30]
        assert found.items[unit].tolist() == wanted


def test_of_maps_the_highest_position_counts():
    maps = np.zeros((3, 1, 2, 2), np.float32)
    maps[1] = 0.5
    maps[2, 0, 1, 1] = 1
    assert most_exciting(maps, count=3).items.tolist() == [[2, 1, 0]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: most_exciting(np.zeros((4, 3)), 3), "units 0 to 2"),
        (lambda: most_exciting(np.zeros((4, 3)), [-1]), "units 0 to 2"),
        (lambda: most_exciting(np.zeros((4, 3)), count=5), "4 finite"),
        (lambda: most_exciting(np.zeros(4)), "shape"),
        (lambda: activations(tiny(), pictures()[:0], ["cut"]), "0 pictures"),
        (lambda: flatten(np.zeros((0, 3))), "flatten"),
    ],
)
def test_what_it_refuses(call, message):
    with pytest.raises(IntrospectionError, match=message):
        call()


def test_a_chain_runs_no_further_than_the_last_layer_asked_for():
    network = tiny()
    ran: list[str] = []
    for name, module in network.named_children():
        module.register_forward_hook(lambda *_, name=name: ran.append(name))
    activations(network, pictures(), ["cut", "colours"])
    assert ran == ["colours", "cut"]
    inner = activations(nn.Sequential(tiny(), nn.Linear(9, 9)), pictures(), ["0.mean.1"])
    assert inner["0.mean.1"].tolist() == [[0, 0], [0.5, 1]]


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float64])
def test_a_network_is_read_in_its_own_precision(precision):
    found = activations(tiny().to(precision), pictures(), ["colours", "twice"], pooled=True)
    assert found["colours"].dtype == np.float32
    assert found["colours"].tolist() == [[-1, 0], [0.5, 1]]
    assert found["twice"].tolist() == [[0, 0], [1, 2]]
