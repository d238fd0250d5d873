"""The backbone trained on a workspace's labels: killed, gone on with, mapped with."""

import numpy as np
import pytest
from tests.pictures import paint_pile

from shoal.cli import main
from shoal.losses import LOSSES
from shoal.sources import open_source
from shoal.training import Plan, train_backbone
from shoal.tuning import Course, PilePictures, tune
from shoal.types import Found, ImageInput, ShoalError
from shoal.workspace import Workspace

EACH = 3
FROZEN = ("stem", *(f"stage{k}" for k in range(1, 7)))


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    """Twelve painted pictures, embedded; all but the yellow ones are labelled."""
    root = tmp_path_factory.mktemp("tuning")
    pile = paint_pile(root / "pile", per_group=EACH)
    assert main(["map", str(pile), "--into", str(root / "w.shoal"), "--projector", "pca", "--no-serve"]) == 0
    with Workspace.open(root / "w.shoal") as ws:
        for name in ("red", "green", "blue"):
            ws.label([id for id, item in enumerate(ws.items.names) if item.startswith(name)], name)
    return root


def test_learn_killed_gone_on_with_and_mapped(mapped, capsys):
    file = mapped / "mine.safetensors"

    def stop(progress):
        if progress.done == 1:
            raise KeyboardInterrupt

    with Workspace.open(mapped / "w.shoal") as ws, pytest.raises(KeyboardInterrupt):
        tune(ws, file, Course(steps=2), watch=stop)
    assert not file.exists()
    assert (mapped / "mine.unfinished.safetensors").exists()
    # the same by the command line goes on
    assert main(["learn", str(mapped / "w.shoal"), "--backbone", str(file), "--steps", "2"]) == 0
    assert "3 classes, step 2 of 2 kept. Embed with it: shoal map PILE" in capsys.readouterr().out
    assert not list(mapped.glob("mine.unfinished*"))
    command = ["map", str(mapped / "pile"), "--backbone", str(file), "--into", str(mapped / "new.shoal")]
    assert main([*command, "--projector", "pca", "--no-serve"]) == 0
    with Workspace.open(mapped / "new.shoal") as ws, Workspace.open(mapped / "w.shoal") as old:
        assert ws.layers == old.layers
        for layer, frozen in [("stage4", True), ("head", False)]:
            mine, theirs = (
                {one.items.names[id]: row.tolist() for id, row in zip(found.ids, found.vectors, strict=True)}
                for one, found in ((ws, ws.embedding(layer)), (old, old.embedding(layer)))
            )
            assert (mine == theirs) == frozen


def test_pictures_come_by_position_and_what_cannot_be_read_is_named(mapped):
    source = open_source(str(mapped / "pile"))
    keys = [one.key for one in source.scan() if isinstance(one, Found)]
    keys.append(b"red/none.png")
    with PilePictures(source.read, keys, ImageInput(32, 32)) as pictures:
        got = pictures(np.array([4, 0, 4]))
        assert got.shape == (3, 32, 32, 3)
        assert np.array_equal(got[0], got[2])
        assert not np.array_equal(got[0], got[1])
        assert np.array_equal(pictures(np.array([0])), got[1:2])
        with pytest.raises(ShoalError, match=r"red/none\.png cannot be trained on"):
            pictures(np.array([len(keys) - 1]))


def test_a_source_trains_any_network(mapped):
    from torch import nn

    source = open_source(str(mapped / "pile"))
    keys = [one.key for one in source.scan() if isinstance(one, Found)]
    labels = np.unique([key.split(b"/")[0] for key in keys], return_inverse=True)[1]
    build = LOSSES.load("supcon").build
    with PilePictures(source.read, keys, ImageInput(16, 16)) as pictures:
        network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
        trained = train_backbone(network, pictures, labels, build, plan=Plan(steps=2, items=2))
    assert len(trained.history) == 2


def test_what_it_refuses(mapped, tmp_path):
    with Workspace.open(mapped / "w.shoal") as ws:
        with pytest.raises(ShoalError, match="no loss 'silhuette'"):
            tune(ws, tmp_path / "a.safetensors", Course(loss="silhuette"))
        with pytest.raises(ShoalError, match=r"\.safetensors file, not to 'net\.onnx'"):
            tune(ws, tmp_path / "net.onnx", Course())
        with pytest.raises(ShoalError, match="There are: pixels"):
            tune(ws, tmp_path / "a.safetensors", Course(frozen=("stage9",)))
    pile = str(mapped / "pile")
    into = [
        "--into",
        str(tmp_path / "p.shoal"),
        "--backbone",
        "placeholder",
        "--projector",
        "pca",
        "--no-serve",
    ]
    assert main(["map", pile, *into]) == 0
    with (
        Workspace.open(tmp_path / "p.shoal") as ws,
        pytest.raises(ShoalError, match="'placeholder' has no torch"),
    ):
        tune(ws, tmp_path / "a.safetensors", Course())
    assert not list(tmp_path.glob("a.*"))
