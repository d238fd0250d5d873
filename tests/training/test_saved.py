"""A trained head on disk and a training that goes on: the same bits, or a clear refusal."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from shoal import miners
from shoal.losses import LOSSES, CenterLoss, GaussianCORELLoss, SilhouetteLoss, TripletLoss
from shoal.losses.classes import ClassMemory
from shoal.training import Head, Plan, Trained, TrainingError, train_head
from shoal.training.storage import pack
from shoal.types import UNLABELLED

torch.set_num_threads(1)
WIDTH, CLASSES = 20, 5
RANDOM = np.random.default_rng(0)
Y = np.where(np.arange(70) < 60, np.arange(70) % CLASSES, UNLABELLED)
X = (RANDOM.normal(size=(CLASSES, WIDTH))[Y] + RANDOM.normal(size=(70, WIDTH))).astype(np.float32)
PLAN = Plan(steps=5, classes=4, items=4, every=2, hold_out="items", rank=6)


def head() -> Head:
    return Head(WIDTH, 4, hidden=8, dropout=0.2)


def trained(loss, **settings) -> Trained:
    return train_head(X, Y, loss, head=head(), plan=replace(PLAN, **settings))


def value(of: Trained) -> torch.Tensor:
    known = Y != UNLABELLED
    with torch.no_grad():
        return of.loss(torch.from_numpy(of.embed(X[known])), torch.from_numpy(Y[known]))


def same(one: Trained, other: Trained) -> None:
    for a, b in ((one.head, other.head), (one.loss, other.loss)):
        assert a.state_dict().keys() == b.state_dict().keys()
        assert all(torch.equal(a.state_dict()[name], b.state_dict()[name]) for name in a.state_dict())
    assert np.array_equal(one.embed(X), other.embed(X))
    assert torch.equal(value(one), value(other))
    assert (one.plan, one.best_step, one.best_score) == (other.plan, other.best_step, other.best_score)
    assert [(m.step, m.loss, m.score) for m in one.history] == [
        (m.step, m.loss, m.score) for m in other.history
    ]
    assert np.array_equal(one.classes, other.classes)
    assert np.array_equal(one.held, other.held)


@pytest.mark.parametrize("row", LOSSES.names())
def test_every_loss_comes_back_with_its_numbers(row, tmp_path):
    found = trained(LOSSES.load(row).build)
    found.save(tmp_path / "a.safetensors")
    torch.manual_seed(3)
    drawn = torch.random.get_rng_state()
    again = Trained.load(tmp_path / "a.safetensors")
    same(found, again)
    assert type(again.loss) is type(found.loss)
    assert not again.loss.training
    assert torch.equal(torch.random.get_rng_state(), drawn)  # the world's random numbers stay
    assert [one.name for one in tmp_path.iterdir()] == ["a.safetensors"]


@pytest.mark.parametrize(
    "loss",
    [
        partial(GaussianCORELLoss, lam=0.3, gamma=2.0, learn_gamma=False, variant="released"),
        partial(CenterLoss, lam=0.7, alpha=0.25),
        lambda classes, width: LOSSES.load("relation")(width, hidden=7),
        lambda classes, width: SilhouetteLoss("squared", softness=0.2, average="macro"),
    ],
)
def test_settings_of_the_loss_come_back(loss, tmp_path):
    found = trained(loss)
    found.save(tmp_path / "a.safetensors")
    again = Trained.load(tmp_path / "a.safetensors")
    same(found, again)
    assert again.loss.settings() == found.loss.settings()
    more = train_head(X, Y, loss, start=again, plan=PLAN)
    assert np.array_equal(more.embed(X), train_head(X, Y, loss, start=found, plan=PLAN).embed(X))


def test_numbers_of_numpy_are_plain_numbers(tmp_path):
    file, classes = tmp_path / "a.safetensors", Y.max() + 1
    plan = replace(PLAN, steps=np.int64(5), lr=np.float32(0.5), amp=np.False_, seed=RANDOM.integers(9))
    shape = Head(np.int64(WIDTH), np.int32(4), hidden=np.int64(8), dropout=np.float32(0.25), unit=np.True_)
    ours = partial(GaussianCORELLoss, classes, np.int64(4), lam=np.float32(0.5))
    found = train_head(X, Y, ours(), head=shape, plan=plan, checkpoint_at=tmp_path / "run")
    found.save(file)
    same(found, Trained.load(file))
    for loss in (ours(), GaussianCORELLoss(CLASSES, 4, lam=0.5)):
        same(found, Trained.load(file, loss))
    plain = replace(PLAN, lr=0.5, seed=int(plan.seed))
    assert repr(plan) == repr(plain)
    one = Head(WIDTH, 4, hidden=8, dropout=0.25)
    assert repr(shape.settings()) == repr(one.settings())
    # the checkpoint is of the same training, and it is done: no step is taken
    again = train_head(
        X,
        Y,
        GaussianCORELLoss(CLASSES, 4, lam=0.5),
        head=one,
        plan=plain,
        checkpoint_at=tmp_path / "run",
        watch=stopping(1),
    )
    same(again, found)


PRECISIONS = [torch.bfloat16, torch.float16, torch.float64]


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("row", ["center", "gaussian-corel"])
def test_a_loss_keeps_its_precision(row, precision, tmp_path):
    file = tmp_path / "a.safetensors"

    def build(classes: int, width: int) -> nn.Module:
        return LOSSES.load(row).build(classes, width).to(precision)

    found = trained(build)
    with torch.no_grad():  # numbers that float32 does not hold
        found.loss.weights += torch.rand(CLASSES, 4, dtype=torch.float64).to(precision) * 1e-9
    found.save(file)
    same(found, Trained.load(file))
    same(found, Trained.load(file, LOSSES.load(row).build(CLASSES, 4)))
    assert Trained.load(file).loss.weights.dtype == precision
    whole = train_head(X, Y, build, head=head(), plan=PLAN)
    for step in (3, 5):
        with pytest.raises(KeyboardInterrupt):
            train_head(
                X,
                Y,
                build,
                head=head(),
                plan=PLAN,
                checkpoint_at=tmp_path / "run",
                watch=stopping(step),
            )
    same(train_head(X, Y, build, head=head(), plan=PLAN, checkpoint_at=tmp_path / "run"), whole)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_head_keeps_its_precision(precision, tmp_path):
    found = trained(LOSSES.load("cce").build)
    before = found.embed(X)
    found.head.to(precision)
    found.save(tmp_path / "a.safetensors")
    same(found, Trained.load(tmp_path / "a.safetensors"))
    assert Head.from_bytes(found.head.to_bytes()).mean.dtype == precision
    np.testing.assert_allclose(found.embed(X), before, atol=0.05 * np.abs(before).max())
    assert len(found.head.to_onnx()) > 0


def test_facts_that_json_cannot_hold_are_refused(tmp_path):
    with pytest.raises(TrainingError, match=r"cannot hold \(a object\)"):
        head().save(tmp_path / "a", facts={"by": object()})
    head().save(tmp_path / "a", facts={"items": np.int64(3), "share": [np.float32(0.5)]})
    assert json.loads((tmp_path / "a.json").read_text())["facts"] == {"items": 3, "share": [0.5]}


class Strange(nn.Module):
    def __init__(self, pull: float = 1.0) -> None:
        super().__init__()
        self.pull = pull
        self.middle = nn.Parameter(torch.ones(4))

    def forward(self, z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.pull * (z - self.middle).square().mean()


def test_a_loss_that_a_file_cannot_rebuild_is_handed_in(tmp_path):
    remembering = partial(SilhouetteLoss, "squared", memory=ClassMemory(CLASSES, 4))
    for number, loss in enumerate(
        (Strange, partial(TripletLoss, miner=miners.batch_hard), remembering, lambda: Strange(2.0))
    ):
        file = tmp_path / f"{number}.safetensors"
        found = trained(loss())
        found.save(file)
        with pytest.raises(TrainingError, match="hand it in by loss="):
            Trained.load(file)
        same(found, Trained.load(file, loss()))
        for other in (CenterLoss(CLASSES, 4), Strange(3.0), TripletLoss(miner=miners.hard)):
            with pytest.raises(TrainingError, match="by another loss than is given"):
                Trained.load(file, other)


def test_what_is_not_such_a_file_is_refused(tmp_path):
    found = trained(LOSSES.load("cce").build)
    for path in ("a", "a.pt", "a.safetensors.zip"):
        with pytest.raises(TrainingError, match=r"ends in \.safetensors"):
            found.save(tmp_path / path)
        with pytest.raises(TrainingError, match=r"ends in \.safetensors"):
            Trained.load(tmp_path / path)
    file = tmp_path / "a.safetensors"
    with pytest.raises(TrainingError, match="cannot read"):
        Trained.load(file)
    with pytest.raises(TrainingError, match="cannot write"):
        found.save(tmp_path / "no" / "a.safetensors")
    found.save(file)
    whole = file.read_bytes()
    for length in (0, 5, 8, 100, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(TrainingError, match="no trained head"):
            Trained.load(file)
    for foreign in (b"PK\x03\x04 a zip", b"\x02" + 7 * b"\0" + b"{}", RANDOM.bytes(500)):
        file.write_bytes(foreign)
        with pytest.raises(TrainingError, match="no trained head"):
            Trained.load(file)
    found.head.save(tmp_path / "a")
    with pytest.raises(TrainingError, match="holds a 'head', not a 'trained head'"):
        Trained.load(file)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"head": {"width": 3}}, "do not fit"),
        ({"head": None}, "do not fit"),
        ({"record": {}}, "record is damaged"),
        ({"record": {"plan": {"steps": -1}, "history": [], "best_step": 0}}, "record is damaged"),
        ({"loss": {"class": "shoal.losses.cce:os", "arguments": {}}}, "no loss"),
        ({"loss": {"class": "shoal.losses.base:math", "arguments": {}}}, "no loss"),
        ({"loss": {"class": "os:system", "arguments": {"command": "true"}}}, "cannot be rebuilt"),
        ({"loss": {"class": "shoal.losses.cce:CategoricalCrossEntropyLoss", "arguments": {}}}, "do not fit"),
        ({"loss": {}}, "do not fit"),
    ],
)
def test_a_card_that_does_not_fit_is_refused_and_imports_nothing_else(change, message, tmp_path):
    from safetensors.numpy import load

    file = tmp_path / "a.safetensors"
    trained(LOSSES.load("cce").build).save(file)
    data = file.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    card = json.loads(header["__metadata__"]["card"])
    file.write_bytes(pack("trained head", load(data), card | change))
    with pytest.raises(TrainingError, match=message):
        Trained.load(file)


def test_a_disk_that_fails_leaves_the_earlier_file(tmp_path, monkeypatch):
    file = tmp_path / "a.safetensors"
    found = trained(LOSSES.load("cce").build)
    found.save(file)

    def fails(_: int) -> None:
        raise OSError("full")

    monkeypatch.setattr("os.fsync", fails)
    with pytest.raises(TrainingError, match="cannot write"):
        trained(LOSSES.load("silhouette").build).save(file)
    same(found, Trained.load(file))
    assert [one.name for one in tmp_path.iterdir()] == ["a.safetensors"]


def stopping(after: int):
    def watch(progress):
        if progress.done == after:
            raise KeyboardInterrupt

    return watch


@pytest.mark.parametrize("start", [False, True])
@pytest.mark.parametrize("row", ["cce", "center", "gaussian-corel", "silhouette"])
def test_going_on_after_a_kill_gives_the_bits_of_a_whole_run(row, start, tmp_path):
    build = LOSSES.load(row).build
    begun = trained(build) if start else None
    plan = replace(PLAN, steps=9, patience=9)

    def train(**where) -> Trained:
        shape = None if start else head()
        return train_head(X, Y, build, head=shape, start=begun, plan=plan, **where)

    whole = train()
    file = tmp_path / "run"
    for step in (5, 8):
        with pytest.raises(KeyboardInterrupt):
            train(checkpoint_at=file, watch=stopping(step))
    same(train(checkpoint_at=file), whole)
    same(train(checkpoint_at=file, watch=stopping(9)), whole)  # done already: no step is taken


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    file = tmp_path / "run"
    cce = LOSSES.load("cce").build
    train_head(X, Y, cce, head=head(), plan=PLAN, checkpoint_at=file)
    moved = X.copy()
    moved[3] += 1.0
    others = [
        (X, np.where(np.arange(70) == 0, UNLABELLED, Y), cce, head(), PLAN),
        (moved, Y, cce, head(), PLAN),
        (X, Y, cce, head(), replace(PLAN, steps=6)),
        (X, Y, cce, Head(WIDTH, 4, hidden=8), PLAN),
        (X, Y, LOSSES.load("silhouette").build, head(), PLAN),
    ]
    for x, y, loss, shape, plan in others:
        with pytest.raises(TrainingError, match="another training"):
            train_head(x, y, loss, head=shape, plan=plan, checkpoint_at=file)
    data = (tmp_path / "run.safetensors").read_bytes()
    (tmp_path / "run.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(TrainingError, match=r"run\.safetensors"):
        train_head(X, Y, cce, head=head(), plan=PLAN, checkpoint_at=file)
