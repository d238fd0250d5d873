"""A network that was trained on serves its layers like the one that ships."""

import json
import shutil

import numpy as np
import pytest
import torch
from torch import nn

from shoal.backbones import BACKBONES, TorchBackbone, open_backbone, torch_network
from shoal.backbones.efficientnet_lite import probe_pictures
from shoal.introspection import activations
from shoal.losses import LOSSES
from shoal.networks import NetworkError
from shoal.training import Plan, Tuning, train_backbone
from shoal.types import Backbone, ShoalError

torch.set_num_threads(1)
LAYERS = ["stem", *(f"stage{k}" for k in range(1, 8)), "head"]
FROZEN = tuple(LAYERS[:-2])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """EfficientNet-Lite0 after two steps on a few small pictures, all but its last two layers frozen."""
    pictures = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8)
    pictures[:2, :, :, 0] = 255
    result = train_backbone(
        torch_network("efficientnet_lite0"),
        pictures,
        np.array([0, 0, 1, 1]),
        LOSSES.load("cce").build,
        plan=Plan(steps=2, items=2),
        tuning=Tuning(frozen=FROZEN, slower=1.0),
    )
    file = tmp_path_factory.mktemp("tuned") / "net"
    result.save(file, backbone="efficientnet_lite0")
    return result, file.with_name("net.safetensors")


def test_a_file_is_a_backbone_like_any_other(trained):
    result, file = trained
    ours, shipped = open_backbone(str(file)), BACKBONES.load("efficientnet_lite0")()
    assert isinstance(ours, Backbone)
    assert ours.name == str(file)
    assert ours.layers() == shipped.layers()
    assert ours.image_input == shipped.image_input
    assert ours.fingerprint != shipped.fingerprint
    pictures = probe_pictures(224)[2:3]
    vectors, before = ours.embed(pictures), shipped.embed(pictures)
    wanted = activations(result.network, pictures, LAYERS, pooled=True)
    for name in LAYERS:
        np.testing.assert_allclose(vectors[name], wanted[name], atol=1e-4 * np.abs(wanted[name]).max())
        assert np.array_equal(vectors[name], before[name]) == (name in FROZEN), name


def test_files_that_are_no_backbone_are_refused(trained, tmp_path):
    _, file = trained
    with pytest.raises(ShoalError, match="int8"):
        open_backbone(str(file), fast=True)
    with pytest.raises(ShoalError, match="no backbone that Shoal saved"):
        open_backbone(str(tmp_path / "none.safetensors"))
    half = tmp_path / "half.safetensors"
    half.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(ShoalError, match="no backbone that Shoal saved"):
        open_backbone(str(half))
    other = tmp_path / "other.safetensors"
    shutil.copy(file, other)
    data = other.read_bytes()
    assert json.loads(file.with_name("net.json").read_text())["backbone"] == "efficientnet_lite0"
    other.write_bytes(data.replace(b"efficientnet_lite0", b"efficientnet_lite7", 1))
    with pytest.raises(ShoalError, match="efficientnet_lite7"):
        open_backbone(str(other))
    other.write_bytes(data.replace(b"efficientnet_lite0", b"efficientnet_lite2", 1))
    with pytest.raises(ShoalError, match="does not fit"):
        open_backbone(str(other))
    with pytest.raises(ShoalError, match="There are: efficientnet_lite0"):
        open_backbone("efficientnet")


def tiny() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Conv2d(4, 6, 3))


def test_any_network_is_a_backbone():
    net = tiny()
    ours = TorchBackbone(net, ["0", "3"], size=10, name="tiny")
    assert isinstance(ours, Backbone)
    assert [(one.name, one.width) for one in ours.layers()] == [("0", 4), ("3", 6)]
    pictures = np.random.default_rng(0).integers(0, 256, (3, 10, 10, 3), dtype=np.uint8)
    vectors = ours.embed(pictures)
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        wanted = net.eval()(x).mean(dim=(2, 3)).numpy()
        first = net[0](x).mean(dim=(2, 3)).numpy()
    np.testing.assert_allclose(vectors["3"], wanted, atol=1e-6)
    np.testing.assert_allclose(vectors["0"], first, atol=1e-6)
    assert np.array_equal(ours.embed(pictures[1:2])["3"], vectors["3"][1:2])
    assert TorchBackbone(tiny(), ["0", "3"], size=10, name="other").fingerprint == ours.fingerprint
    with torch.no_grad():
        net[1].running_mean += 1
    assert TorchBackbone(net, ["0", "3"], size=10, name="tiny").fingerprint != ours.fingerprint


def test_what_a_torch_backbone_refuses():
    with pytest.raises(NetworkError, match="There are: 0, 1, 2, 3"):
        TorchBackbone(tiny(), ["9"], size=10, name="tiny")
    with pytest.raises(ShoalError, match="no layers"):
        TorchBackbone(tiny(), [], size=10, name="tiny")
    with pytest.raises(ShoalError, match=r"\(N, 10, 10, 3\)"):
        TorchBackbone(tiny(), ["0"], size=10, name="tiny").embed(np.zeros((1, 8, 8, 3), np.uint8))


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float64])
def test_a_network_of_ones_own_may_have_another_precision(precision):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU())
    pictures = np.random.default_rng(0).integers(256, size=(2, 10, 10, 3), dtype=np.uint8)
    wanted = TorchBackbone(net, ["1"], size=10, name="tiny").embed(pictures)["1"]
    found = TorchBackbone(net.to(precision), ["1"], size=10, name="tiny").embed(pictures)["1"]
    assert found.dtype == np.float32
    assert np.allclose(found, wanted, rtol=2e-2, atol=1e-2)
