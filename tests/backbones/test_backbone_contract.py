"""What every row of the registry must keep, plug-ins included."""

import subprocess
import sys

import numpy as np
import pytest

from shoal.backbones import BACKBONES
from shoal.types import Backbone, ImageInput, Layer, ShoalError


@pytest.fixture(scope="module", params=BACKBONES.names())
def backbone(request: pytest.FixtureRequest) -> Backbone:
    return BACKBONES.load(request.param)()


def pictures(backbone: Backbone, count: int) -> np.ndarray:
    side = backbone.image_input.size
    return np.random.default_rng(count).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def test_it_is_a_backbone_under_its_own_name(backbone: Backbone) -> None:
    assert isinstance(backbone, Backbone)
    assert backbone.name in BACKBONES.names()
    assert isinstance(backbone.image_input, ImageInput)
    assert 0 < backbone.image_input.size <= backbone.image_input.resize


def test_embed_returns_the_layers_it_lists(backbone: Backbone) -> None:
    vectors = backbone.embed(pictures(backbone, 3))
    layers = backbone.layers()
    assert [layer.name for layer in layers] == list(vectors)
    for layer in layers:
        assert isinstance(layer, Layer)
        assert layer.sees
        assert vectors[layer.name].shape == (3, layer.width)
        assert vectors[layer.name].dtype == np.float32
        assert np.isfinite(vectors[layer.name]).all()
        assert vectors[layer.name].std() > 0
        assert np.abs(vectors[layer.name]).max() < np.finfo(np.float16).max


def test_a_vector_depends_on_its_picture_only(backbone: Backbone) -> None:
    images = pictures(backbone, 7)
    together = backbone.embed(images)
    again = backbone.embed(images)
    order = np.array([6, 2, 0, 5, 1, 3, 4])
    shuffled = backbone.embed(images[order])
    parts = [backbone.embed(images[:1]), backbone.embed(images[1:3]), backbone.embed(images[3:])]
    for name, vectors in together.items():
        np.testing.assert_array_equal(again[name], vectors)
        np.testing.assert_array_equal(shuffled[name], vectors[order])
        np.testing.assert_array_equal(np.concatenate([part[name] for part in parts]), vectors)


def test_the_number_of_threads_changes_nothing(backbone: Backbone) -> None:
    images = pictures(backbone, 5)
    load = BACKBONES.load(backbone.name)
    one, three = load(threads=1).embed(images), load(threads=3).embed(images)
    for name in one:
        np.testing.assert_array_equal(one[name], three[name])


def test_the_images_are_not_changed_and_need_not_be_contiguous(backbone: Backbone) -> None:
    images = pictures(backbone, 2)
    images.setflags(write=False)
    mirrored = images[:, :, ::-1]
    straight = backbone.embed(np.ascontiguousarray(mirrored))
    for name, vectors in backbone.embed(mirrored).items():
        np.testing.assert_array_equal(vectors, straight[name])


def test_no_images_give_no_vectors(backbone: Backbone) -> None:
    vectors = backbone.embed(pictures(backbone, 2)[:0])
    assert {name: rows.shape for name, rows in vectors.items()} == {
        layer.name: (0, layer.width) for layer in backbone.layers()
    }


@pytest.mark.parametrize("fault", ["float", "one pixel less", "channels first", "one image", "alpha"])
def test_images_of_another_form_are_refused(backbone: Backbone, fault: str) -> None:
    images = pictures(backbone, 2)
    wrong = {
        "float": images.astype(np.float32),
        "one pixel less": images[:, 1:],
        "channels first": np.moveaxis(images, 3, 1),
        "one image": images[0],
        "alpha": np.concatenate([images, images[..., :1]], axis=3),
    }[fault]
    with pytest.raises(ShoalError, match="takes uint8 pictures") as refused:
        backbone.embed(wrong)
    assert str(wrong.shape) in str(refused.value)


def test_the_fingerprint_is_stable(backbone: Backbone) -> None:
    assert BACKBONES.load(backbone.name)(threads=1).fingerprint == backbone.fingerprint


def test_fingerprints_tell_everything_apart() -> None:
    prints = {}
    for name in BACKBONES.names():
        for fast in (False, True):
            prints[name, fast] = BACKBONES.load(name)(fast=fast).fingerprint
    assert prints.pop(("placeholder", True)) == prints["placeholder", False]
    assert len(set(prints.values())) == len(prints)


def test_an_unknown_name_gets_the_choices() -> None:
    with pytest.raises(ShoalError, match="Did you mean 'efficientnet_lite2'"):
        BACKBONES.load("efficientnet-lite2")


def test_the_table_is_read_without_numpy_heavyweights() -> None:
    code = """
import sys
from shoal.backbones import BACKBONES
BACKBONES.names()
heavy = {"torch", "onnx", "onnxruntime", "efficientnet_lite_pytorch"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True)
