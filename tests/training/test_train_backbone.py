"""Training a whole backbone: it learns, keeps frozen what is frozen, stops, goes on to the same bits."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from shoal import miners
from shoal.losses import LOSSES, GaussianCORELLoss, SilhouetteLoss, TripletLoss
from shoal.losses.classes import ClassMemory
from shoal.training import Head, Plan, TrainingError, Tuning, load_trained, train_backbone
from shoal.training.judging import recall_at_1
from shoal.training.loop import Moment
from shoal.training.settings import settings_text
from shoal.types import UNLABELLED, ShoalError
from shoal.views import CropAndFlip

torch.set_num_threads(1)
SIDE, CLASSES = 12, 6
CCE = LOSSES.load("cce").build
PLAIN = Tuning(augment=None, slower=1.0, statistics=True)


def stripes(items: int = 10, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (N, 12, 12, 3) uint8 whose class is the direction of stripes; colour and phase are noise."""
    random = np.random.default_rng(seed)
    y = np.repeat(np.arange(CLASSES), items)
    down, right = np.mgrid[:SIDE, :SIDE]
    turn = (y * np.pi / CLASSES)[:, None, None]
    along = right * np.cos(turn) + down * np.sin(turn)
    wave = np.sin(1.6 * along + random.uniform(0, 2 * np.pi, (len(y), 1, 1)))
    colours = random.uniform(-1, 1, (len(y), 1, 1, 3))
    pixels = 0.5 + 0.3 * wave[..., None] * colours + 0.2 * random.uniform(-1, 1, (len(y), 1, 1, 3))
    return (pixels.clip(0, 1) * 255).astype(np.uint8), y


def network(*, dropout: float = 0.0) -> nn.Sequential:
    torch.manual_seed(7)
    early = nn.Sequential(nn.Conv2d(3, 12, 5), nn.BatchNorm2d(12), nn.ReLU())
    late = nn.Sequential(nn.Conv2d(12, 16, 3, stride=2), nn.BatchNorm2d(16), nn.ReLU(), nn.Dropout(dropout))
    net = nn.Sequential()
    net.add_module("early", early)
    net.add_module("late", late)
    return net


def state(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def same(one: nn.Module, other: nn.Module) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_it_learns_what_its_start_does_not_know():
    x, y = stripes(16)
    fresh, wanted = stripes(16, seed=5)
    begun = network()
    raw = begun.eval()(torch.from_numpy(fresh).permute(0, 3, 1, 2) / 255).mean(dim=(2, 3))
    before = recall_at_1(raw.detach().numpy(), wanted)
    kept = state(begun)
    plan = Plan(steps=60, lr=1e-2, classes=6)
    trained = train_backbone(begun, x, y, LOSSES.load("supcon").build, plan=plan, tuning=PLAIN)
    after = recall_at_1(trained.embed(fresh), wanted)
    assert before < 0.6
    assert after > before + 0.25
    assert trained.history[-1].loss < trained.history[0].loss
    # what was handed in stays as it was
    assert all(torch.equal(tensor, kept[name]) for name, tensor in begun.state_dict().items())
    assert not begun.training
    assert not any(module.training for module in trained.network.modules())


@pytest.mark.parametrize("row", LOSSES.names())
def test_every_loss_trains_a_backbone(row):
    x, y = stripes(4)
    begun = network()
    plan = Plan(steps=2, classes=4, items=4)
    trained = train_backbone(begun, x, y, LOSSES.load(row).build, plan=plan, tuning=PLAIN)
    assert len(trained.history) == 2
    assert not torch.equal(trained.network.early[0].weight, begun.early[0].weight)
    assert np.isfinite(trained.embed(x)).all()


def test_frozen_parts_keep_every_bit():
    x, y = stripes(4)
    begun = network()
    begun.late[0].bias.requires_grad_(False)
    tuning = replace(PLAIN, frozen=("early", "late.0"))
    trained = train_backbone(begun, x, y, CCE, plan=Plan(steps=4), tuning=tuning)
    assert same(trained.network.early, begun.early)
    assert same(trained.network.late[0], begun.late[0])
    assert not torch.equal(trained.network.late[1].running_mean, begun.late[1].running_mean)
    assert not torch.equal(trained.network.late[1].weight, begun.late[1].weight)
    wanted = [one.requires_grad for one in begun.parameters()]
    assert [one.requires_grad for one in trained.network.parameters()] == wanted


def test_statistics_of_norms_stay_unless_asked():
    x, y = stripes(4)
    begun = network()
    trained = train_backbone(begun, x, y, CCE, plan=Plan(steps=3), tuning=replace(PLAIN, statistics=False))
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        assert torch.equal(getattr(trained.network.early[1], name), getattr(begun.early[1], name))
    assert not torch.equal(trained.network.early[1].weight, begun.early[1].weight)


def test_going_on_after_a_kill_gives_the_bits_of_a_whole_run(tmp_path):
    x, y = stripes(6)
    plan = Plan(steps=9, every=2, classes=4, items=4, hold_out="items", patience=9)
    shape = Head(16, 5, hidden=8, dropout=0.3, unit=False)
    tuning = Tuning(slower=0.5, statistics=True)  # with augmentation, which is random

    def train(watch=lambda _: None, at=None):
        return train_backbone(
            network(dropout=0.2),
            x,
            y,
            CCE,
            head=shape,
            plan=plan,
            tuning=tuning,
            checkpoint_at=at,
            watch=watch,
        )

    def killed_after(step):
        def watch(progress):
            if progress.done == step:
                raise KeyboardInterrupt

        return watch

    whole = train()
    file = tmp_path / "run"
    for step in (5, 8):
        with pytest.raises(KeyboardInterrupt):
            train(killed_after(step), file)
    resumed = train(at=file)
    again = train(killed_after(9), at=file)  # done already: no step is taken
    for one in (resumed, again):
        assert same(one.network, whole.network)
        assert same(one.head, whole.head)
        assert same(one.loss, whole.loss)
        assert (one.best_step, one.best_score) == (whole.best_step, whole.best_score)
        assert [m.loss for m in one.history] == [m.loss for m in whole.history]
        assert np.array_equal(one.embed(x), whole.embed(x))


def test_patience_survives_a_kill(tmp_path, monkeypatch):
    x, y = stripes(4)
    plan = Plan(steps=40, every=2, patience=2, hold_out="items")
    scores = iter([0.5, 0.9, 0.1, 0.2])
    monkeypatch.setattr("shoal.training.judging.recall_among", lambda *_: next(scores))

    def stop(progress):
        if progress.done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_backbone(
            network(), x, y, CCE, plan=plan, tuning=PLAIN, checkpoint_at=tmp_path / "a", watch=stop
        )
    resumed = train_backbone(network(), x, y, CCE, plan=plan, tuning=PLAIN, checkpoint_at=tmp_path / "a")
    assert (len(resumed.history), resumed.best_step, resumed.best_score) == (8, 4, 0.9)
    # the judge has no more scores to give: nothing is trained again
    train_backbone(network(), x, y, CCE, plan=plan, tuning=PLAIN, checkpoint_at=tmp_path / "a")


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    x, y = stripes(4)
    file = tmp_path / "run"
    plan = Plan(steps=2, every=1)
    train_backbone(network(), x, y, CCE, plan=plan, tuning=PLAIN, checkpoint_at=file)
    other = np.where(np.arange(len(y)) == 0, UNLABELLED, y)
    for call in (
        lambda: train_backbone(network(), x, other, CCE, plan=plan, tuning=PLAIN, checkpoint_at=file),
        lambda: train_backbone(network(), x, y, CCE, plan=Plan(steps=3), tuning=PLAIN, checkpoint_at=file),
        lambda: train_backbone(network(), x, y, CCE, plan=plan, tuning=Tuning(), checkpoint_at=file),
        lambda: train_backbone(
            network(), x, y, SilhouetteLoss(), plan=plan, tuning=PLAIN, checkpoint_at=file
        ),
        lambda: train_backbone(
            network(),
            x,
            y,
            CCE,
            head=Head(16, depth=0, dropout=0.5),
            plan=plan,
            tuning=PLAIN,
            checkpoint_at=file,
        ),
    ):
        with pytest.raises(TrainingError, match="another training"):
            call()
    data = file.with_name("run.safetensors").read_bytes()
    file.with_name("run.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(TrainingError, match=r"run\.safetensors"):
        train_backbone(network(), x, y, CCE, plan=plan, tuning=PLAIN, checkpoint_at=file)


@pytest.mark.parametrize("fresh", [False, True])
def test_a_loss_handed_in_as_a_module_goes_on_too(fresh, tmp_path):
    x, y = stripes(4)
    plan = Plan(steps=6, every=1, seed=3)

    def loss():
        torch.manual_seed(1)
        return GaussianCORELLoss(6, 16)

    whole = train_backbone(network(), x, y, loss(), plan=plan, tuning=PLAIN)

    def stop(progress):
        if progress.done == 3:
            raise KeyboardInterrupt

    begun = loss()
    with pytest.raises(KeyboardInterrupt):
        train_backbone(
            network(), x, y, begun, plan=plan, tuning=PLAIN, checkpoint_at=tmp_path / "a", watch=stop
        )
    after = loss() if fresh else begun
    resumed = train_backbone(network(), x, y, after, plan=plan, tuning=PLAIN, checkpoint_at=tmp_path / "a")
    assert same(resumed.network, whole.network)
    assert same(resumed.loss, whole.loss)


def test_of_tokens_the_mean_is_a_row():
    x = torch.rand(12, 5, 8)
    encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    trained = train_backbone(
        encoder, x, np.arange(12) % 2, SilhouetteLoss(), plan=Plan(steps=1), tuning=Tuning(augment=None)
    )
    assert trained.head.width == 8


def darker(x):
    return 0.5 * x


def brighter(x):
    return 2.0 * x


def test_a_checkpoint_of_other_settings_of_the_same_loss_or_of_another_augmentation_is_refused(tmp_path):
    x, y = stripes(4)
    plan = Plan(steps=2, every=1)

    def train(loss, augment=darker):
        tuning = replace(PLAIN, augment=augment)
        train_backbone(network(), x, y, loss, plan=plan, tuning=tuning, checkpoint_at=tmp_path / "run")

    train(TripletLoss(margin=0.2))
    train(TripletLoss(margin=0.2))
    for call in (lambda: train(TripletLoss(margin=0.4)), lambda: train(TripletLoss(margin=0.2), brighter)):
        with pytest.raises(TrainingError, match=r"another training \(.*loss or augmentation\)"):
            call()


def settings_of_all_kinds():
    memory = ClassMemory(3, 2, momentum=0.5)
    return [
        TripletLoss(margin=0.2),
        TripletLoss(margin=0.3),
        TripletLoss(miner=miners.batch_hard),
        TripletLoss(miner=miners.semi_hard),
        TripletLoss(miner=partial(miners.semi_hard, margin=0.4)),
        SilhouetteLoss("squared"),
        SilhouetteLoss("squared", memory=memory),
        SilhouetteLoss("squared", memory=ClassMemory(3, 2, momentum=0.6)),
        darker,
        brighter,
        CropAndFlip(0.6),
        CropAndFlip(0.7),
        CropAndFlip(0.6).forward,
        nn.Sequential(CropAndFlip(0.6), CropAndFlip(0.7)),
        {"array": np.arange(3), "tensor": torch.ones(2, dtype=torch.bfloat16)},
        {"array": np.arange(4), "number": np.float32(2)},
        {"array": np.arange(4), "number": np.float32(3)},
        Moment(1, 2.0, None, 3.0),
        Moment(1, 2.5, None, 3.0),
        {1, 2},
        {1, 3},
        torch.float32,
        Path("a"),
        [None, True, float("nan")],
    ]


def test_settings_as_text_are_the_same_for_the_same_and_others_for_others():
    once, again = ([settings_text(one) for one in settings_of_all_kinds()] for _ in range(2))
    assert once == again
    assert len(set(once)) == len(once)
    assert not any("0x" in text for text in once)
    itself = Steps()
    assert settings_text(itself) == settings_text(Steps())


class Steps:
    """An object that knows itself."""

    def __init__(self):
        self.me = [self]


def test_held_out_classes_never_reach_the_loss_and_end_training():
    x, y = stripes(6)
    seen: set[int] = set()

    class Spy(SilhouetteLoss):
        def compute(self, z, labels):
            seen.update(labels.tolist())
            return super().compute(z, labels)

    plan = Plan(steps=40, every=1, patience=2, hold_out="classes", share=0.4, lr=1e-12, loss_lr=1e-12)
    trained = train_backbone(network(), x, y, Spy(), plan=plan, tuning=PLAIN)
    held = set(y[trained.held].tolist())
    assert len(held) == 2
    assert not held & seen
    assert held | seen == set(range(CLASSES))
    # at such a rate nothing gets better: the first judgement is the best one but for rounding
    assert len(trained.history) < 40
    assert trained.best_score == max(moment.score for moment in trained.history)


def test_a_network_in_bfloat16_comes_back(tmp_path):
    x, y = stripes(4)
    trained = train_backbone(network(), x, y, CCE, plan=Plan(steps=2), tuning=PLAIN)
    trained.network.bfloat16()
    trained.head.bfloat16()
    trained.save(tmp_path / "net")
    again = network().bfloat16()
    assert same(load_trained(tmp_path / "net", again), trained.head)
    assert same(again, trained.network)


def test_saved_and_loaded_it_is_the_same(tmp_path):
    x, y = stripes(4)
    trained = train_backbone(network(), x, y, CCE, plan=Plan(steps=2), tuning=PLAIN)
    trained.save(tmp_path / "net", backbone="mine", facts={"set": "stripes"})
    assert '"mine"' in (tmp_path / "net.json").read_text()
    again = network()
    head = load_trained(tmp_path / "net", again)
    assert same(again, trained.network)
    assert same(head, trained.head)
    with pytest.raises(TrainingError, match="does not fit"):
        load_trained(tmp_path / "net", network()[:1])
    with pytest.raises(TrainingError, match="cannot read"):
        load_trained(tmp_path / "none", again)


def test_pictures_may_be_floats_or_read_by_position():
    x, y = stripes(4)
    plan = Plan(steps=2)
    floats = torch.from_numpy(x).permute(0, 3, 1, 2) / 255
    asked: list[int] = []

    def read(at):
        asked.extend(at.tolist())
        return x[at]

    known = np.where(np.arange(len(y)) % 2 == 0, y, UNLABELLED)
    results = [
        train_backbone(network(), one, known, CCE, plan=plan, tuning=PLAIN) for one in (x, floats, read)
    ]
    assert same(results[0].network, results[1].network)
    assert same(results[0].network, results[2].network)
    # nobody reads what is not labelled
    assert set(asked) == set(np.flatnonzero(known >= 0).tolist())


@pytest.mark.parametrize("given", ["uint8", "float32"])
@pytest.mark.parametrize("amp", [False, True])
@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float64])
def test_a_network_learns_in_its_own_precision(precision, amp, given):
    x, y = stripes(6)
    x = x if given == "uint8" else x.transpose(0, 3, 1, 2).astype(np.float32) / 255
    begun = network().to(precision)
    plan = Plan(steps=20, lr=1e-2, amp=amp, hold_out="items")
    trained = train_backbone(begun, x, y, CCE, plan=plan, tuning=replace(PLAIN, augment=CropAndFlip(0.6)))
    assert {one.dtype for one in trained.network.parameters()} == {precision}
    assert trained.history[-1].loss < trained.history[0].loss
    assert trained.embed(x).dtype == np.float32
    assert not same(trained.network, begun)


def test_a_float16_network_under_amp_is_refused():
    x, y = stripes(4)
    with pytest.raises(TrainingError, match=r"float16 and Plan\(amp=True\).*network\.float\(\)"):
        train_backbone(network().half(), x, y, CCE, plan=Plan(steps=2, amp=True), tuning=PLAIN)


def test_in_bfloat16_the_numbers_stay_float32():
    x, y = stripes(6)
    plan = Plan(steps=20, lr=1e-2, amp=True)
    trained = train_backbone(network(), x, y, CCE, plan=plan, tuning=PLAIN)
    assert {one.dtype for one in trained.network.parameters()} == {torch.float32}
    assert trained.history[-1].loss < trained.history[0].loss


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("amp", [False, True])
def test_on_a_gpu_it_learns_and_goes_on(amp, tmp_path):
    x, y = stripes(16)
    fresh, wanted = stripes(16, seed=5)
    plan = Plan(steps=60, lr=1e-2, classes=6, device="cuda", amp=amp, hold_out="items")

    def stop(progress):
        if progress.done == 30:
            raise KeyboardInterrupt

    def train(watch=lambda _: None):
        file = tmp_path / "run"
        return train_backbone(network(), x, y, CCE, plan=plan, tuning=PLAIN, checkpoint_at=file, watch=watch)

    with pytest.raises(KeyboardInterrupt):
        train(stop)
    trained = train()
    assert len(trained.history) == 60
    assert recall_at_1(trained.embed(fresh), wanted) > 0.8
    trained.save(tmp_path / "net")
    load_trained(tmp_path / "net", network())


def test_other_items_than_images_need_another_augmentation():
    vectors, y = np.random.default_rng(0).normal(size=(24, 5)).astype(np.float32), np.arange(24) % 4
    net = nn.Linear(5, 6)
    with pytest.raises(ShoalError, match=r"CropAndFlip got the shape \(32, 5\).*None"):
        train_backbone(net, vectors, y, CCE, plan=Plan(steps=1))
    trained = train_backbone(net, vectors, y, CCE, plan=Plan(steps=1), tuning=PLAIN)
    assert trained.embed(vectors).shape == (24, 16)


def test_the_worlds_random_numbers_stay_and_the_seed_decides():
    x, y = stripes(4)
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    begun = network()
    torch.manual_seed(5)
    one, two, other = (
        train_backbone(begun, x, y, CCE, plan=Plan(steps=2, seed=seed), tuning=Tuning()) for seed in (0, 0, 1)
    )
    assert torch.equal(torch.rand(3), wanted)
    assert same(one.network, two.network)
    assert not same(one.network, other.network)


X, Y = stripes(3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: train_backbone(network(), X, np.full(len(X), -1), CCE), "no labelled item"),
        (lambda: train_backbone(network(), X, np.where(Y == 1, 1, -1), CCE), "labels of one class only"),
        (lambda: train_backbone(network(), X, Y[:-1], CCE), "18 pictures and 17 labels"),
        (lambda: train_backbone(network(), X, Y, CCE, tuning=Tuning(frozen=("stem",))), "There are: early, "),
        (
            lambda: train_backbone(network(), X, np.minimum(Y, 2), CCE, plan=Plan(hold_out="classes")),
            "3 classes",
        ),
        (lambda: train_backbone(nn.Flatten(0), X, Y, CCE), r"shape \(\d+,\)"),
        (
            lambda: train_backbone(network(), X, Y, CCE, plan=Plan(steps=3, lr=1e30), tuning=PLAIN),
            "learning rate",
        ),
        (lambda: train_backbone(network(), X.astype(np.int64), Y, CCE), "int64"),
        (lambda: Tuning(slower=0), "above 0"),
        (lambda: Tuning(slower=np.nan), "slower=nan"),
    ],
)
def test_what_it_refuses(call, message):
    with pytest.raises(ShoalError, match=message):
        call()
