"""The Python API in one breath."""

import numpy as np
import pytest
from tests.pictures import paint_pile

import shoal
from shoal.types import UNLABELLED, ShoalError


def test_one_call_opens_a_pile_and_a_person_labels_it(tmp_path):
    pile = paint_pile(tmp_path / "photos", per_group=12)
    with shoal.open(pile, into=tmp_path / "photos.shoal", backbone="placeholder") as ws:
        assert len(ws.items) == 48
        embedding = ws.embedding()
        assert embedding.vectors.shape[0] == 48
        drawn = ws.map()
        assert drawn.xy.shape == (48, 2)
        assert drawn.xy.min() >= 0
        assert drawn.xy.max() <= 1
        red = [item.id for item in ws.items if item.name.startswith("red/")]
        ws.label(red, "warm")
        labels = ws.labels()
        assert sorted(labels) == sorted(red)
        assert set(labels.values()) == {"warm"}
        assert (ws.log.current() != UNLABELLED).sum() == 12
    with shoal.open(tmp_path / "photos.shoal") as again:
        assert again.labels() == labels
        assert np.array_equal(again.map().xy, drawn.xy)


def test_an_opened_pile_learns_accepts_and_hands_out_its_model(tmp_path):
    pile = paint_pile(tmp_path / "photos", per_group=12)
    with shoal.open(pile, into=tmp_path / "w.shoal", backbone="placeholder", layer="colour") as ws:
        for name in ("red", "green", "blue", "yellow"):
            ws.label([item.id for item in ws.items if item.name.startswith(name)][:4], name)
        row = ws.learn(loss="gaussian-corel", dim=4)
        assert (len(row.classes), row.loss) == (4, "gaussian-corel")
        written = ws.accept(0.5)
        assert written is not None
        assert len(ws.labels()) == 16 + written.count
        right = [ws.items.names[id].startswith(name) for id, name in ws.labels().items()]
        assert np.mean(right) > 0.95
        ws.save_model(tmp_path / "model")
        assert (tmp_path / "model" / "model.onnx").exists()
        assert isinstance(ws.suggestions(), list)


def test_every_layer_is_there(tmp_path):
    pile = paint_pile(tmp_path / "photos", per_group=3)
    with shoal.open(pile, into=tmp_path / "w.shoal", backbone="placeholder") as ws:
        for layer in ws.layers:
            assert ws.embedding(layer).vectors.shape[0] == 12
        with pytest.raises(ShoalError, match="no layer 'deep'"):
            ws.embedding("deep")


def test_a_pile_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ShoalError, match="nothing"):
        shoal.open(tmp_path / "nothing")
