"""Training a head: it learns, it stops, it keeps aside what it must not see, it repeats itself."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from shoal.losses import LOSSES, CategoricalCrossEntropyLoss, LossError, SilhouetteLoss
from shoal.training import Head, Plan, TrainingError, train_head
from shoal.training.judging import nmi, recall_among, recall_at_1
from shoal.training.split import split
from shoal.types import UNLABELLED, Progress

torch.set_num_threads(1)
CLASSES, WIDTH = 8, 40


def toy(items: int = 20, *, noise: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Classes that differ in 6 of 40 directions, the others being louder noise: raw neighbours fail."""
    random = np.random.default_rng(seed)
    y = np.repeat(np.arange(CLASSES), items)
    means = np.random.default_rng(99).normal(size=(CLASSES, 6))
    x = np.concatenate(
        [means[y] + 0.3 * random.normal(size=(len(y), 6)), noise * random.normal(size=(len(y), WIDTH - 6))],
        axis=1,
    )
    order = random.permutation(len(y))
    return x[order].astype(np.float16), y[order]


def head(dimensions: int = 4) -> Head:
    return Head(WIDTH, dimensions, hidden=32, unit=False)


@pytest.mark.parametrize("row", ["silhouette", "cce", "supcon"])
def test_learning_separates_what_raw_vectors_do_not(row):
    x, y = toy(80)
    fresh, wanted = toy(seed=7)
    assert recall_at_1(fresh.astype(np.float32), wanted) < 0.6
    result = train_head(x, y, LOSSES.load(row).build, head=head(), plan=Plan(steps=120, lr=1e-2))
    assert recall_at_1(result.embed(fresh), wanted) > 0.8
    assert result.history[-1].loss < 0.5 * result.history[0].loss


@pytest.mark.parametrize("row", LOSSES.names())
def test_every_loss_trains(row):
    x, y = toy(6)
    built: list[nn.Module] = []

    def build(classes: int, width: int) -> nn.Module:
        built.append(LOSSES.load(row).build(classes, width))
        built.append(LOSSES.load(row).build(classes, width))
        built[1].load_state_dict(built[0].state_dict())
        return built[0]

    begun = head()
    result = train_head(x, y, build, head=begun, plan=Plan(steps=3, classes=4, items=4))
    assert len(result.history) == 3
    assert not np.array_equal(result.head.to_bytes(), begun.to_bytes())
    for now, before in zip(built[0].parameters(), built[1].parameters(), strict=True):
        assert not torch.equal(now, before)


def test_the_same_seed_gives_the_same_bits_and_the_worlds_random_numbers_stay():
    x, y = toy(8)
    plan = Plan(steps=10, seed=3, hold_out="items", every=5)
    shape = Head(WIDTH, 4, dropout=0.3)
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    results = [train_head(x, y, LOSSES.load("cce").build, head=shape, plan=plan) for _ in "ab"]
    assert torch.equal(torch.rand(3), wanted)
    a, b = (result.head.state_dict() for result in results)
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert [m.loss for m in results[0].history] == [m.loss for m in results[1].history]


def test_a_head_that_is_handed_in_stays_as_it_was():
    x, y = toy(8)
    begun = head()
    before = begun.to_bytes()
    train_head(x, y, SilhouetteLoss(), head=begun, plan=Plan(steps=3))
    train_head(x, y, SilhouetteLoss(), start=begun, plan=Plan(steps=3))
    assert begun.to_bytes() == before


def test_held_out_classes_never_reach_the_loss():
    x, y = toy(10)
    y = np.where(y == 2, 70, y)
    y[::9] = UNLABELLED
    seen: set[int] = set()

    class Spy(SilhouetteLoss):
        def compute(self, z, labels):
            seen.update(labels.tolist())
            return super().compute(z, labels)

    result = train_head(x, y, Spy(), head=head(), plan=Plan(steps=30, hold_out="classes", share=0.3))
    held = set(y[result.held].tolist())
    assert len(held) == 2
    assert not held & seen
    assert held | seen == set(range(CLASSES)) - {2} | {70}
    assert (y[result.held] != UNLABELLED).all()


@pytest.mark.parametrize("seed", range(12))
def test_holding_classes_out_leaves_a_pair_to_train_on(seed):
    # five classes of two, four of one: a share of 0.7 would take six, i.e. all that have two
    labels = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8])
    parts = split(labels, "classes", 0.7, seed)
    counts = np.unique(labels[parts.training], return_counts=True)[1]
    assert counts.max() == 2
    assert len(counts) == 5
    assert np.unique(labels[parts.held], return_counts=True)[1].tolist() == [2, 2, 2, 2]


def test_holding_classes_out_of_two_with_two_items_is_refused():
    with pytest.raises(TrainingError, match=r"three of them with two items.*5 classes, 2 with two items"):
        split(np.array([0, 0, 1, 1, 2, 3, 4]), "classes", 0.3, 0)


class Steep(nn.Module):
    """A loss that is finite; from the third batch on its slope is not."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope, self.batches = slope, 0

    def forward(self, z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        self.batches += 1
        value = z.square().mean()
        value.register_hook(lambda gradient: gradient * (self.slope if self.batches > 2 else 1.0))
        return value


@pytest.mark.parametrize(("slope", "length"), [(np.nan, "nan"), (1e37, "inf")])
def test_a_slope_that_is_not_finite_ends_training_before_it_spoils_anything(slope, length):
    x, y = toy(4)
    loss = Steep(slope)
    with pytest.raises(
        TrainingError, match=f"step 3: under Steep the length of its gradient became {length}"
    ):
        train_head(x, y, loss, head=head(), plan=Plan(steps=9))
    assert loss.batches == 3


def test_a_loss_that_is_not_finite_ends_training_by_name():
    class Broken(nn.Module):
        def forward(self, z, y):
            return z.sum() * torch.inf

    x, y = toy(4)
    with pytest.raises(
        TrainingError, match=r"step 1: under Broken the loss became -?(inf|nan).*learning rate"
    ):
        train_head(x, y, Broken(), head=head(), plan=Plan(steps=9))


def test_held_out_labels_decide_nothing_but_the_score():
    """With other labels among the held-out classes the trained numbers are the same."""
    x, y = toy(10)
    plan = Plan(steps=10, every=20, hold_out="classes", share=0.3)
    one = train_head(x, y, LOSSES.load("cce").build, head=head(), plan=plan)
    swapped = y.copy()
    swapped[one.held] = np.random.default_rng(0).permutation(y[one.held])
    two = train_head(x, swapped, LOSSES.load("cce").build, head=head(), plan=plan)
    assert set(y[one.held]) == set(swapped[two.held])
    assert one.head.to_bytes() == two.head.to_bytes()
    assert one.best_score != two.best_score


def test_it_stops_early_and_keeps_the_best():
    x, y = toy(10)
    scores = iter([0.1, 0.5, 0.4, 0.3, 0.2, 0.9])
    states: list[bytes] = []
    plan = Plan(steps=100, every=5, patience=3, hold_out="items")

    def judged(*_):
        states.append(b"")
        return next(scores)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shoal.training.judging.recall_among", judged)
        result = train_head(x, y, SilhouetteLoss(), head=head(), plan=plan)
    assert len(states) == 5
    assert (result.best_step, result.best_score) == (10, 0.5)
    assert len(result.history) == 25
    scores = iter([0.5, 0.4, 0.3, 0.2])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shoal.training.judging.recall_among", judged)
        same = train_head(x, y, SilhouetteLoss(), head=head(), plan=replace(plan, every=10, patience=1))
    assert len(same.history) == 20
    assert same.head.to_bytes() == result.head.to_bytes()


@pytest.mark.parametrize("metric", ["recall", "nmi"])
@pytest.mark.parametrize("hold_out", ["classes", "items"])
def test_every_judge_sees_progress(hold_out, metric):
    x, y = toy(16)
    plan = Plan(steps=60, every=20, hold_out=hold_out, metric=metric, patience=9)
    result = train_head(x, y, LOSSES.load("supcon").build, head=head(), plan=plan)
    scores = [moment.score for moment in result.history if moment.score is not None]
    assert len(scores) == 3
    assert result.best_score == max(scores) > 0.05


def test_an_earlier_result_is_where_the_next_begins():
    x, y = toy(20)
    few = np.where(y < 5, y, UNLABELLED)
    first = train_head(x, few, LOSSES.load("cce").build, head=head(), plan=Plan(steps=60))
    assert first.classes.tolist() == [0, 1, 2, 3, 4]
    renamed = np.where(y == 0, 11, y)
    none = Plan(steps=1, lr=1e-12, loss_lr=1e-12, weight_decay=0)
    second = train_head(x, renamed, LOSSES.load("cce").build, start=first, plan=none)
    assert second.classes.tolist() == [1, 2, 3, 4, 5, 6, 7, 11]
    assert np.allclose(second.embed(x), first.embed(x), atol=1e-5)
    assert torch.allclose(second.loss.weights[:4], first.loss.weights[1:5], atol=1e-6)
    assert torch.allclose(second.loss.bias[:4], first.loss.bias[1:5], atol=1e-6)


def test_a_wide_head_that_learns_in_few_directions_is_whole_afterwards():
    x, y = toy(20)
    wide = np.concatenate([x, 0.01 * np.random.default_rng(1).normal(size=(len(x), 300))], 1).astype(
        np.float32
    )
    narrow = train_head(wide, y, LOSSES.load("cce").build, plan=Plan(steps=60, rank=40))
    again = train_head(
        wide,
        y,
        LOSSES.load("cce").build,
        start=narrow,
        plan=Plan(steps=1, rank=20, lr=1e-12, loss_lr=1e-12, weight_decay=0),
    )
    assert recall_at_1(narrow.embed(wide), y) > 0.9
    assert np.allclose(again.embed(wide), narrow.embed(wide), atol=1e-4)


def test_a_ready_loss_sees_the_labels_as_they_are():
    x, y = toy(8)
    loss = CategoricalCrossEntropyLoss(12, 4)
    result = train_head(x, np.where(y == 0, 9, y), loss, head=head(), plan=Plan(steps=80, lr=1e-2))
    assert result.loss is loss
    assert result.classes.tolist() == list(range(10))
    predicted = loss.scores(torch.from_numpy(result.embed(x))).argmax(dim=1).numpy()
    assert (predicted == np.where(y == 0, 9, y)).mean() > 0.9


def test_a_builder_sees_dense_labels():
    x, y = toy(8)
    sparse = y * 100 + 3
    result = train_head(x, sparse, LOSSES.load("cce").build, head=head(), plan=Plan(steps=80, lr=1e-2))
    predicted = result.loss.scores(torch.from_numpy(result.embed(x))).argmax(dim=1).numpy()
    assert (result.classes[predicted] == sparse).mean() > 0.9


def test_classes_of_one_item_take_part():
    x, y = toy(10)
    lonely = np.where(y < 6, y, UNLABELLED)
    lonely[np.flatnonzero(y == 6)[0]] = 6
    result = train_head(x, lonely, LOSSES.load("cce").build, head=head(), plan=Plan(steps=60))
    predicted = result.loss.scores(torch.from_numpy(result.embed(x))).argmax(dim=1).numpy()
    assert (predicted[lonely == 6] == 6).all()
    only = np.where(np.arange(len(y)) < 3, np.arange(len(y)), UNLABELLED)
    train_head(x, only, LOSSES.load("cce").build, head=head(), plan=Plan(steps=2))


def test_watch_hears_of_every_step_and_may_cancel():
    x, y = toy(8)
    heard: list[Progress] = []
    train_head(x, y, SilhouetteLoss(), head=head(), watch=heard.append, plan=Plan(steps=5))
    assert [(one.done, one.total) for one in heard] == [(k, 5) for k in range(1, 6)]
    assert heard[-1].seconds_left == 0

    def cancel(progress: Progress) -> None:
        if progress.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_head(x, y, SilhouetteLoss(), head=head(), watch=cancel)


def test_the_judges_know_their_values():
    z = np.array([[0.0], [1.0], [10.0], [11.5], [12.0], [100.0]], np.float32)
    y = np.array([0, 0, 1, 0, 1, 2])
    # asked: all but the last, which is alone; 0 and 1 find each other, 10 finds 11.5, 11.5 and 12 each other
    assert recall_at_1(z, y) == pytest.approx(2 / 5)
    assert recall_at_1(z[[0, 2]], y[[0, 2]]) == 0
    assert recall_among(z[:2], y[:2], z[2:], np.array([0, 1, 1, 1])) == 1.0
    assert nmi(z[:4], np.array([0, 0, 1, 1]), seed=0) == pytest.approx(1.0)


@pytest.mark.parametrize("away", [0.0, 100.0, 1000.0])
def test_the_judges_see_neighbours_far_from_the_origin(away):
    random = np.random.default_rng(0)
    y = np.repeat(np.arange(30), 10)
    z = random.normal(size=(30, 16))[y] / 10 + random.normal(size=(300, 16)) / 1000 + away
    z = z.astype(np.float32)
    assert recall_at_1(z, y) == 1.0
    assert recall_among(z[::2], y[::2], z[1::2], y[1::2]) == 1.0


X, Y = toy(4)
BROKEN = X.copy()
BROKEN[5] = np.nan


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: train_head(X, np.full(len(X), -1), SilhouetteLoss()), "no labelled item"),
        (lambda: train_head(X, np.where(Y == 1, 1, -1), SilhouetteLoss()), "labels of one class only"),
        (lambda: train_head(BROKEN, Y, SilhouetteLoss()), r"1 labelled vectors with NaN.*row 5"),
        (lambda: train_head(X, Y[:-1], SilhouetteLoss()), "for 32 items"),
        (lambda: train_head(X, Y * 0.5, SilhouetteLoss()), "float64"),
        (lambda: train_head(X, Y - 2, SilhouetteLoss()), "the label -2"),
        (lambda: train_head(X[0], Y, SilhouetteLoss()), "floating-point rows"),
        (lambda: train_head(X[:, :9], Y, SilhouetteLoss(), head=head()), "40 wide and got 9"),
        (
            lambda: train_head(X, np.minimum(Y, 2), SilhouetteLoss(), plan=Plan(hold_out="classes")),
            "3 classes",
        ),
        (lambda: train_head(X[::4], np.arange(8), SilhouetteLoss(), plan=Plan(hold_out="items")), "none"),
        (lambda: train_head(X, Y, SilhouetteLoss(), plan=Plan(lr=1e30)), "learning rate"),
        (lambda: Plan(steps=0), "a whole number, 1 or more"),
        (lambda: Plan(hold_out="class"), "hold_out"),
        (lambda: Plan(lr=np.nan), "a finite number as lr"),
        (lambda: Plan(loss_lr=np.inf), "a finite number as loss_lr"),
        (lambda: Plan(weight_decay=np.nan), "weight_decay"),
        (lambda: Plan(metric="f1"), "metric"),
    ],
)
def test_what_it_refuses(call, message):
    from shoal.types import ShoalError

    with pytest.raises(ShoalError, match=message):
        call()


@pytest.mark.parametrize("loss", ["silhouette", SilhouetteLoss, None])
def test_a_loss_that_cannot_be_built_is_refused(loss):
    with pytest.raises(TrainingError, match=r"training got the loss .*build"):
        train_head(X, Y, loss, plan=Plan(steps=1))


@pytest.mark.parametrize(
    "loss",
    [
        lambda z, y: z.square().mean(),
        nn.functional.cross_entropy,
        lambda z, y: z[y].sum(),
        lambda z, y: z / 0,
        lambda z, y: 0.1 * z,
    ],
)
def test_a_function_of_embeddings_is_refused_saying_what_a_loss_may_be(loss):
    with pytest.raises(TrainingError, match=r"training got the loss .*A function \(embeddings, labels\)"):
        train_head(X, Y, loss, plan=Plan(steps=1))


def test_what_a_builder_refuses_is_said_in_its_own_words():
    with pytest.raises(LossError, match="classes=0"):
        train_head(X, Y, lambda classes, width: CategoricalCrossEntropyLoss(0, width), plan=Plan(steps=1))


@pytest.mark.parametrize("given", [lambda z: z[:, 0], lambda z: 1.0])
def test_a_loss_that_gives_no_scalar_is_refused(given):
    class Strange(nn.Module):
        def forward(self, z, y):
            return given(z)

    with pytest.raises(
        TrainingError, match=r"(shape \(64,\)|type float) under Strange; a loss returns one number"
    ):
        train_head(X, Y, Strange(), plan=Plan(steps=1))


def test_unlabelled_items_may_be_broken():
    train_head(BROKEN, np.where(np.arange(len(X)) == 5, -1, Y), SilhouetteLoss(), plan=Plan(steps=1))


def test_refusals_are_training_errors():
    with pytest.raises(TrainingError):
        train_head(X, np.full(len(X), -1), SilhouetteLoss())


@pytest.mark.parametrize("size", [1e-30, 1e20, 1e30])
def test_it_learns_from_vectors_of_any_size(size):
    x, built = X.astype(np.float32), LOSSES.load("supcon").build
    wanted = train_head(x, Y, built, plan=Plan(steps=20)).embed(x)
    found = train_head(x * size, Y, built, plan=Plan(steps=20)).embed(x * size)
    assert np.ptp(found) > 0.1
    assert recall_at_1(found, Y) == pytest.approx(recall_at_1(wanted, Y), abs=0.05)
