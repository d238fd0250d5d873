"""Frozen features are computed once, in the order of the pictures, whatever is killed in between."""

import numpy as np
import pytest

from experiments import features
from experiments.data import stand_in
from shoal.backbones import BACKBONES


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOAL_CACHE", str(tmp_path))
    monkeypatch.setattr(features, "EVERY", 10)


def test_every_layer_in_order_and_once(monkeypatch):
    pictures = stand_in(4, 6, size=32, colours=True)
    found = features.of_pictures("some", pictures, backbone="placeholder")
    network = BACKBONES.load("placeholder")()
    for layer, vectors in network.embed(pictures.pixels).items():
        assert found[layer].dtype == np.float16
        assert np.allclose(found[layer], vectors, atol=1e-2)
    monkeypatch.setattr(features, "_embed", lambda *_: pytest.fail("embedded again"))
    again = features.of_pictures("some", pictures, backbone="placeholder")
    assert all((again[layer] == found[layer]).all() for layer in found)


def test_a_killed_run_keeps_what_it_had(monkeypatch):
    pictures, real, blocks = stand_in(4, 6, size=32, colours=True), features._embed, []

    def once(network, encoded):
        blocks.append(len(encoded))
        if len(blocks) == 2:
            raise KeyboardInterrupt
        return real(network, encoded)

    monkeypatch.setattr(features, "_embed", once)
    with pytest.raises(KeyboardInterrupt):
        features.of_pictures("some", pictures, backbone="placeholder")
    features.of_pictures("some", pictures, backbone="placeholder")
    assert blocks == [10, 10, 10, 4]


def test_files_are_read_as_they_are(tmp_path):
    pictures = stand_in(2, 2, size=32, colours=True)
    files = []
    for k, data in enumerate(map(features._png, pictures.pixels)):
        files.append(tmp_path / f"{k}.png")
        files[-1].write_bytes(data)
    one = features.of_files("files", files, backbone="placeholder")
    two = features.of_pictures("pictures", pictures, backbone="placeholder")
    assert all((one[layer] == two[layer]).all() for layer in one)
