"""The backbone trained on a workspace's labels: killed, gone on with, mapped with."""

import shutil

import numpy as np
import pytest
import torch
from tests.pictures import paint_pile

from shoal.cli import main
from shoal.losses import LOSSES
from shoal.refining import Lesson, model_of, refine
from shoal.sources import open_source
from shoal.training import Plan, train_backbone
from shoal.tuning import Course, PilePictures, adopt, tune
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
    assert "3 classes, step 2 of 2 kept. New layers: mine.stem, mine.stage1" in capsys.readouterr().out
    assert not list(mapped.glob("mine.unfinished*"))
    command = ["map", str(mapped / "pile"), "--backbone", str(file), "--into", str(mapped / "new.shoal")]
    assert main([*command, "--projector", "pca", "--no-serve"]) == 0
    with Workspace.open(mapped / "new.shoal") as ws:
        for name in ("red", "green"):
            ws.label([id for id, item in enumerate(ws.items.names) if item.startswith(name)], name)
        refine(ws, Lesson())
        assert model_of(ws)[1].network == file
    with Workspace.open(mapped / "new.shoal") as ws, Workspace.open(mapped / "w.shoal") as old:
        assert ws.layers == tuple(layer for layer in old.layers if "." not in layer)
        for layer, frozen in [("stage4", True), ("head", False)]:
            mine, theirs, added = (
                {one.items.names[id]: row.tolist() for id, row in zip(found.ids, found.vectors, strict=True)}
                for one, found in (
                    (ws, ws.embedding(layer)),
                    (old, old.embedding(layer)),
                    (old, old.embedding(f"mine.{layer}")),
                )
            )
            assert (mine == theirs) == frozen
            assert added == mine


def test_new_layers_are_layers_like_any_others(mapped, tmp_path, capsys):
    """Killed while they are filled, gone on with, mapped, learned on, taken along by new images."""
    root = tmp_path / "pile"
    shutil.copytree(mapped / "pile", root)
    workspace = str(tmp_path / "w.shoal")
    plain = ["--projector", "pca", "--no-serve"]
    assert main(["map", str(root), "--into", workspace, *plain]) == 0
    file = tuned_by_chance(tmp_path / "my.net.safetensors")

    def stop(progress):
        if progress.done:
            raise KeyboardInterrupt

    with Workspace.open(workspace) as ws:
        for name in ("red", "green", "blue"):
            ws.label([id for id, item in enumerate(ws.items.names) if item.startswith(name)], name)
        with pytest.raises(KeyboardInterrupt):
            adopt(ws, file, watch=stop)
        assert ws.lacking_shards()
        with pytest.raises(ShoalError, match=r"names no vectors of layer 'my-net\.head'"):
            ws.embedding("my-net.head")
        assert adopt(ws, file)[-1] == adopt(ws, file)[-1] == "my-net.head"
        assert not ws.lacking_shards()
        assert len(ws.backbones()) == 2
        head = ws.embedding("my-net.head")
        assert head.vectors.shape == (len(ws.items.ids), 1280)
        assert not np.array_equal(head.vectors, ws.embedding("head").vectors)
    file.unlink()  # the workspace has its own copy
    (root / "blue" / "new.png").write_bytes((root / "blue" / "blue0000.png").read_bytes())
    assert main(["map", workspace, "--layer", "my-net.stage7", *plain]) == 0
    assert main(["learn", workspace]) == 0
    assert main(["verify", workspace]) == 0
    with Workspace.open(workspace) as ws:
        assert len(ws.embedding("my-net.head").ids) == len(head.ids) + 1
        assert ws.map().origin.layer == "my-net.stage7"
        assert ws.map().origin.fingerprint == ws.backbones()[1].fingerprint
    assert main(["model", workspace, "--to", str(tmp_path / "model")]) == 0
    target = tmp_path / "answers.csv"
    (tmp_path / "w.shoal").rename(tmp_path / "away.shoal")
    (tmp_path / "model").rename(tmp_path / "elsewhere")  # the folder is whole wherever it goes
    for text in (tmp_path / "elsewhere").iterdir():
        assert str(tmp_path).encode() not in text.read_bytes()
    assert main(["predict", str(tmp_path / "elsewhere"), str(root), "--to", str(target)]) == 0
    lines = target.read_text().splitlines()[1:]
    assert sum(line.split("/")[0] == line.split(",")[1] for line in lines) >= 3 * EACH


def tuned_by_chance(file):
    """Write a backbone as training leaves it, with one weight changed."""
    from shoal.backbones.tuned import torch_network

    network = torch_network("efficientnet_lite0")
    with torch.no_grad():
        next(network.stage7.parameters()).mul_(1.1)
    trained = train_backbone(
        network,
        lambda at: np.zeros((len(at), 32, 32, 3), np.uint8),
        np.array([0, 0, 1, 1]),
        LOSSES.load("supcon").build,
        plan=Plan(steps=1, classes=2, items=2, lr=1e-9),
    )
    trained.save(file.with_name(file.name.removesuffix(".safetensors")), backbone="efficientnet_lite0")
    return file


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


def test_a_source_trains_any_network(tmp_path):
    from torch import nn

    pile = paint_pile(tmp_path / "pile", per_group=6, size=20)
    (pile / "red" / "notes.txt").write_text("no picture")
    source, build = open_source(str(pile)), LOSSES.load("supcon").build
    with PilePictures.of(source, ImageInput(16, 16)) as pictures:
        assert len(pictures) == 24
        folders = [name.split("/")[0] for name in pictures.names]
        labels = np.unique(folders, return_inverse=True)[1]
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
        plan = Plan(steps=15, classes=4, items=3, lr=1e-2)
        trained = train_backbone(network, pictures, labels, build, plan=plan)
        with pytest.raises(ShoalError, match="got 24 pictures and 23 labels"):
            train_backbone(network, pictures, labels[1:], build, plan=plan)
        again = trained.embed(pictures)
    assert again.shape == (24, 16)
    assert trained.history[-1].loss < trained.history[0].loss
    nearest = np.linalg.norm(again[:, None] - again, axis=2) + np.diag(np.full(24, np.inf))
    assert (labels[nearest.argmin(axis=1)] == labels).mean() > 0.9


def test_a_source_without_a_picture_is_refused(tmp_path):
    with pytest.raises(ShoalError, match="holds no picture to train on"):
        PilePictures.of(open_source(str(tmp_path)), ImageInput(16, 16))


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
