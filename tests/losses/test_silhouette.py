"""The silhouette against hand sums, a plain double loop and scikit-learn; its options and its memory."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from tests.losses.made import with_two_close_classes

from shoal.losses.base import LossError
from shoal.losses.classes import Classes, ClassMemory
from shoal.losses.distance import class_sums, pairwise
from shoal.losses.silhouette import (
    DISTANCES,
    SilhouetteLoss,
    mean_silhouette,
    nearest_class,
    silhouette,
    silhouette_samples,
)

torch.set_num_threads(1)  # the batches are tiny

METRICS = {
    "euclidean": math.dist,
    "squared": lambda x, y: math.dist(x, y) ** 2,
    "cosine": lambda x, y: (
        1.0 - sum(a * b for a, b in zip(x, y, strict=True)) / (math.hypot(*x) * math.hypot(*y))
    ),
}


def rows(n: int, classes: int, width: int = 3, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    y = torch.cat([torch.arange(classes), torch.randint(classes, (n - classes,), generator=g)])
    return torch.randn(n, width, generator=g, dtype=torch.float64) + y[:, None] * 0.3, y


def by_loops(z: list[list[float]], y: list[int], distance: str) -> list[float]:
    """Rousseeuw's definition, item by item."""
    found = []
    for i, own in enumerate(y):
        mean = {}
        for k in set(y):
            others = [METRICS[distance](z[i], z[j]) for j in range(len(y)) if y[j] == k and j != i]
            mean[k] = sum(others) / len(others) if others else None
        a, b = mean[own], min(value for k, value in mean.items() if k != own)
        found.append(0.0 if a is None or max(a, b) == 0.0 else (b - a) / max(a, b))
    return found


def test_known_value_by_hand():
    # classes {0, 1} and {4, 6} on a line: a = 1, 1, 2, 2; b = mean(4, 6), mean(3, 5), mean(4, 3), mean(6, 5)
    z = torch.tensor([[0.0], [1.0], [4.0], [6.0]])
    y = torch.tensor([0, 0, 1, 1])
    wanted = torch.tensor([4 / 5, 3 / 4, 1.5 / 3.5, 3.5 / 5.5])
    assert torch.allclose(silhouette_samples(z, y), wanted)
    assert torch.allclose(SilhouetteLoss()(z, y), (1.0 - wanted.mean()) / 2.0)


def test_known_simplified_value_by_hand():
    # means 0.5 and 5; a = .5, .5, 1, 1; b = 5, 4, 3.5, 5.5
    z = torch.tensor([[0.0], [1.0], [4.0], [6.0]])
    wanted = torch.tensor([4.5 / 5, 3.5 / 4, 2.5 / 3.5, 4.5 / 5.5])
    assert torch.allclose(silhouette_samples(z, torch.tensor([0, 0, 1, 1]), "simplified"), wanted)


@pytest.mark.parametrize("distance", METRICS)
@pytest.mark.parametrize("seed", range(3))
def test_equals_a_double_loop_singletons_included(distance, seed):
    z, y = rows(25, 6, seed=seed)
    y[0] = 9
    wanted = torch.tensor(by_loops(z.tolist(), y.tolist(), distance), dtype=torch.float64)
    assert torch.allclose(silhouette_samples(z, y, distance), wanted, atol=1e-9)


@pytest.mark.parametrize(
    ("ours", "theirs"), [("euclidean", "euclidean"), ("squared", "sqeuclidean"), ("cosine",) * 2]
)
@pytest.mark.parametrize("width", [2, 20])
def test_equals_scikit_learn(ours, theirs, width):
    z, y = rows(300, 12, width)
    y[:2] = torch.tensor([50, 51])
    z[5] = z[6]
    wanted = torch.from_numpy(metrics.silhouette_samples(z.numpy(), y.numpy(), metric=theirs))
    assert torch.allclose(silhouette_samples(z, y, ours), wanted, atol=1e-6)
    shifted = z.float() + 100.0
    if ours != "cosine":
        assert torch.allclose(silhouette_samples(shifted, y, ours).double(), wanted, atol=1e-3)


def test_a_zero_row_is_at_cosine_distance_one_from_all_others_as_in_scikit_learn():
    # a = 1 (to [1, 0]), b = mean(1, 1) = 1: silhouette 0; [1, 0]: a = 1, b = mean(1 - 1, 1 - 0) = 0.5: -0.5
    z = torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [0.0, 3.0]])
    values = silhouette_samples(z, torch.tensor([0, 0, 1, 1]), "cosine")
    assert torch.allclose(values[:2], torch.tensor([0.0, -0.5]))


@pytest.mark.parametrize("width", [3, 16])
def test_squared_in_linear_time_equals_the_pairwise_squared(width):
    z, y = rows(400, 10, width)
    assert torch.allclose(
        silhouette_samples(z, y, "squared"),
        silhouette_samples(z, y, lambda a, b: torch.cdist(a, b).square()),
        atol=1e-9,
        rtol=0,
    )


@pytest.mark.parametrize("width", [3, 16])
def test_blockwise_class_sums_equal_the_matrix_forward_and_backward(width, monkeypatch):
    monkeypatch.setattr("shoal.losses.distance.CHUNK", 170)
    z, y = rows(50, 4, width)
    z[3] = z[4]
    members = torch.nn.functional.one_hot(y).double()
    weights = torch.randn(50, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    slopes = []
    for sums in (lambda z: class_sums(z, members), lambda z: pairwise(z) @ members):
        leaf = z.clone().requires_grad_()
        (sums(leaf) * weights).sum().backward()
        slopes.append(leaf.grad)
    assert torch.allclose(class_sums(z, members), pairwise(z) @ members)
    assert torch.allclose(*slopes)


def test_any_distance_may_be_passed():
    z, y = rows(20, 3)
    manhattan = silhouette_samples(z, y, lambda a, b: (a[:, None] - b).abs().sum(dim=2))
    assert torch.allclose(
        manhattan, torch.from_numpy(metrics.silhouette_samples(z.numpy(), y.numpy(), metric="manhattan"))
    )


def test_a_distance_that_is_not_zero_to_itself_does_no_harm():
    z, y = rows(20, 3)
    plain, odd = pairwise(z), pairwise(z) + 7.0 * torch.eye(20, dtype=torch.float64)
    assert torch.allclose(
        silhouette_samples(z, y, lambda *_: plain), silhouette_samples(z, y, lambda *_: odd)
    )


@pytest.mark.parametrize("distance", DISTANCES)
@settings(deadline=None, max_examples=25)
@given(scale=st.floats(1e-3, 1e3), shift=st.floats(-10, 10), softness=st.sampled_from([0.0, 0.1, 1.0]))
def test_scale_and_shift_do_not_matter(distance, scale, shift, softness):
    z, y = rows(20, 4)
    loss = SilhouetteLoss(distance, softness=softness)
    moved = z * scale if distance == "cosine" else z * scale + shift
    assert torch.allclose(loss(z, y), loss(moved, y), atol=1e-9)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-3, 3), st.integers(-3, 3)), max_size=12))
def test_any_small_batch_lies_in_the_unit_interval_with_a_finite_gradient(items):
    for distance in DISTANCES:
        z = torch.tensor([item[1:] for item in items], dtype=torch.float32).reshape(-1, 2).requires_grad_()
        y = torch.tensor([item[0] for item in items], dtype=torch.int64)
        value = SilhouetteLoss(distance, softness=0.1)(z, y)
        value.backward()
        assert 0.0 <= float(value.detach()) <= 1.0
        assert z.grad.isfinite().all()


def test_singletons_are_left_out_of_the_mean_but_still_repel():
    z = torch.tensor([[0.0], [1.0], [4.0], [6.0], [2.0]])
    y = torch.tensor([0, 0, 1, 1, 2])
    values = silhouette_samples(z, y)
    assert values[4] == 0.0
    assert torch.allclose(values[:2], torch.tensor([1 / 2, 0.0]))
    assert torch.allclose(SilhouetteLoss()(z, y), (1.0 - values[:4].mean()) / 2.0)


def test_macro_averages_classes_first():
    values, places = torch.tensor([1.0, 0.0, 0.5, 0.2]), torch.tensor([0, 0, 0, 1])
    counted = torch.tensor([True, True, True, True])
    assert torch.isclose(mean_silhouette(values, places, 2, counted, average="micro"), torch.tensor(1.7 / 4))
    assert torch.isclose(mean_silhouette(values, places, 2, counted, average="macro"), torch.tensor(0.35))
    assert torch.isclose(mean_silhouette(values, places, 2, places == 0, average="macro"), torch.tensor(0.5))


def test_the_soft_minimum_goes_to_the_hard_one_and_to_the_mean():
    foreign = torch.tensor([[9.0, 2.0, 4.0, 3.0]])
    own = torch.tensor([0])
    assert nearest_class(foreign, own) == 2.0
    assert torch.isclose(nearest_class(foreign, own, softness=1e-3), torch.tensor(2.0))
    assert torch.isclose(nearest_class(foreign, own, softness=1e4), torch.tensor(3.0), atol=1e-3)
    # weights e^(-2/3), e^(-4/3), e^(-1) at softness 1: the mean of 2, 4, 3 is 3
    e = [math.exp(-2 / 3), math.exp(-4 / 3), math.exp(-1)]
    wanted = (2 * e[0] + 4 * e[1] + 3 * e[2]) / sum(e)
    assert torch.isclose(nearest_class(foreign, own, softness=1.0), torch.tensor([wanted]))


def test_silhouette_of_zero_and_zero_is_zero():
    assert silhouette(torch.zeros(1), torch.zeros(1)) == 0.0


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("softness", [0.0, 0.3])
@pytest.mark.parametrize("average", ["micro", "macro"])
def test_gradient_of_every_setting(distance, softness, average):
    z, y = rows(12, 4)
    loss = SilhouetteLoss(distance, softness=softness, average=average)
    assert torch.autograd.gradcheck(lambda z: loss(z, y), (z.requires_grad_(),))


@pytest.mark.parametrize("distance", ["squared", "cosine"])
def test_memory_of_the_whole_set_makes_a_partial_batch_see_every_class(distance):
    z, y = rows(60, 5)
    loss = SilhouetteLoss(distance, memory=ClassMemory(5, 3).double())
    loss(z, y)
    loss.eval()
    few = (y < 2).nonzero().squeeze(1)
    whole = silhouette_samples(z, y, distance)[few]
    alone = silhouette_samples(z[few], y[few], distance)
    assert not torch.allclose(whole, alone)
    assert torch.allclose(loss(z[few], y[few]), (1.0 - whole.mean()) / 2.0)


def test_memory_moves_by_its_momentum_and_only_in_training():
    memory = ClassMemory(3, 1, momentum=0.75)
    loss = SilhouetteLoss("squared", memory=memory)
    y = torch.tensor([0, 0, 2, 2])
    loss(torch.tensor([[0.0], [2.0], [8.0], [8.0]]), y)
    assert memory.mean.squeeze(1).tolist() == [1.0, 0.0, 8.0]
    assert memory.seen.tolist() == [True, False, True]
    loss(torch.tensor([[4.0], [6.0], [8.0], [8.0]]), y)
    assert memory.mean.squeeze(1).tolist() == [0.75 * 1 + 0.25 * 5, 0.0, 8.0]
    # squared lengths 2 and 26: the mean by the momentum is 8, less the square of the mean
    assert memory.spread.tolist() == [0.75 * 2 + 0.25 * 26 - 2.0**2, 0.0, 0.0]
    loss.eval()(torch.tensor([[40.0], [60.0], [8.0], [8.0]]), y)
    assert memory.mean[0] == 2.0


@pytest.mark.parametrize("items", [1, 2, 8])
def test_memory_of_small_batches_finds_the_spread_of_the_whole_class(items):
    random = torch.Generator().manual_seed(0)
    memory = ClassMemory(1, 4).double()
    loss = SilhouetteLoss("squared", memory=memory)
    found = []
    for _ in range(600):
        loss(
            50 + torch.randn(items, 4, dtype=torch.float64, generator=random),
            torch.zeros(items, dtype=torch.long),
        )
        found.append(float(memory.spread))
    assert torch.tensor(found[100:]).mean() == pytest.approx(4.0, rel=0.12)


def test_with_memory_one_class_in_the_batch_is_enough():
    memory = ClassMemory(2, 1)
    loss = SilhouetteLoss("squared", memory=memory)
    loss(torch.tensor([[9.0], [11.0]]), torch.tensor([1, 1]))
    z = torch.tensor([[0.0], [2.0]], requires_grad=True)
    value = loss(z, torch.tensor([0, 0]))
    # a = 4; b = mean(81, 121), mean(49, 81)
    assert torch.isclose(value, (1.0 - torch.tensor([97 / 101, 61 / 65]).mean()) / 2.0)
    value.backward()
    assert z.grad.abs().sum() > 0


def test_classes_gather_counts_means_and_spreads():
    z = torch.tensor([[1.0, 0.0], [3.0, 0.0], [5.0, 5.0]])
    found = Classes.of(z, torch.tensor([0, 0, 1]), 2)
    assert found.counts.tolist() == [2.0, 1.0]
    assert found.means.tolist() == [[2.0, 0.0], [5.0, 5.0]]
    assert found.spreads.tolist() == [1.0, 0.0]


def test_training_on_it_separates_mixed_classes():
    z, y = rows(40, 4, 2)
    z = z.clone().requires_grad_()
    loss = SilhouetteLoss()
    before = float(loss(z, y).detach())
    optimiser = torch.optim.Adam([z], lr=0.1)
    for _ in range(60):
        optimiser.zero_grad()
        loss(z, y).backward()
        optimiser.step()
    assert before > 0.3
    assert float(loss(z, y).detach()) < 0.1


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: SilhouetteLoss("manhattan"), "no distance 'manhattan'"),
        (lambda: SilhouetteLoss(average="weighted"), "no average 'weighted'"),
        (lambda: SilhouetteLoss(softness=-1.0), "softness=-1"),
        (lambda: SilhouetteLoss(memory=ClassMemory(2, 2)), "squared, simplified, cosine"),
        (lambda: ClassMemory(2, 2, momentum=1.0), "momentum=1"),
        (lambda: silhouette_samples(torch.ones(2, 2), torch.tensor([1, 1])), "at least two"),
        (lambda: SilhouetteLoss("squared", memory=ClassMemory(2, 3))(*rows(9, 3)), "2 classes"),
        (lambda: SilhouetteLoss("squared", memory=ClassMemory(3, 2))(*rows(9, 3)), "width 2"),
    ],
)
def test_what_it_refuses(build, message):
    with pytest.raises(LossError, match=message):
        build()


@pytest.mark.parametrize("remembered", [False, True])
@pytest.mark.parametrize("distance", ["squared", "simplified", "cosine"])
def test_two_classes_close_to_each_other_keep_their_digits_in_float32(distance, remembered):
    g = torch.Generator().manual_seed(0)
    for gap in (1e-2, 1e-3, 1e-4):
        z, y = with_two_close_classes(gap, g)
        memory = ClassMemory(6, 6) if remembered else None
        loss = SilhouetteLoss(distance, memory=memory).eval()
        if memory is not None:
            far = torch.nn.functional.normalize(torch.ones(1, 6), dim=1)
            memory.remember(torch.tensor([5]), far, torch.zeros(1))
        one, two = z.clone().requires_grad_(), z.double().requires_grad_()
        value, exact = loss(one, y), loss(two, y)
        (value + exact).backward()
        # what rounding the rows themselves costs
        assert value.item() == pytest.approx(exact.item(), rel=1e-5 + 3e-7 / gap)
        assert (one.grad - two.grad).norm() < (1e-4 + 1e-6 / gap) * two.grad.norm()


@pytest.mark.parametrize("distance", ["squared", "simplified"])
def test_an_item_far_away_takes_no_digits_from_the_others(distance):
    near, y = rows(40, 4)
    z, y = torch.cat([near, torch.full((1, 3), 1e8, dtype=torch.float64)]), torch.cat([y, torch.tensor([4])])
    ours, theirs = z.clone().requires_grad_(), z.clone().requires_grad_()
    found = silhouette_samples(ours, y, distance)
    if distance == "squared":
        everybody = silhouette_samples(theirs, y, lambda a, b: (a[:, None] - b).square().sum(dim=2))
    else:
        means = torch.stack([theirs[y == k].mean(dim=0) for k in range(5)])
        away = torch.linalg.vector_norm(theirs[:, None] - means, dim=2)
        own = away.gather(1, y[:, None]).squeeze(1)
        everybody = silhouette(own, nearest_class(away, y)) * (y < 4)
    torch.testing.assert_close(found, everybody, rtol=1e-7, atol=1e-7)
    (found.sum() + everybody.sum()).backward()
    torch.testing.assert_close(ours.grad[:-1], theirs.grad[:-1], rtol=1e-6, atol=1e-6)
    (slope,) = torch.autograd.grad(silhouette_samples(ours, y, distance).sum(), ours, create_graph=True)
    with pytest.raises(LossError, match="second derivative"):
        slope.square().sum().backward()


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
@pytest.mark.parametrize("distance", ["squared", "simplified", "cosine"])
def test_compiled_it_gives_the_same(distance, precision):
    torch.compiler.reset()
    z, y = rows(24, 4, seed=2)
    one, two = z.to(precision).requires_grad_(), z.to(precision).requires_grad_()
    loss = SilhouetteLoss(distance)
    value, compiled = loss(one, y), torch.compile(loss, backend="aot_eager")(two, y)
    (value + compiled).backward()
    torch.testing.assert_close(compiled, value, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(two.grad, one.grad, rtol=1e-4, atol=1e-6)


def test_samples_take_unsigned_labels_and_refuse_what_cannot_be_looked_at():
    z, y = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 2
    for dtype in (torch.uint8, torch.uint16, torch.uint64):
        assert torch.equal(silhouette_samples(z, y.to(dtype)), silhouette_samples(z, y))
    for rows, labels in [
        (z.to_sparse(), y),
        (z.to("meta"), y),
        (z, y.to("meta")),
        (z.to(torch.float8_e5m2), y),
    ]:
        with pytest.raises(LossError, match=r"silhouette_samples\(\) got"):
            silhouette_samples(rows, labels)


def test_the_memory_and_the_samples_stand_beside_the_losses():
    from shoal import losses

    assert losses.ClassMemory is ClassMemory
    assert losses.silhouette_samples is silhouette_samples
    assert {"ClassMemory", "silhouette_samples"} <= set(losses.__all__)


@pytest.mark.parametrize(
    ("distance", "why"),
    [
        (lambda a, b: 3, "int"),
        (lambda a, b: (a @ b.T)[:, :2], r"\(4, 2\)"),
        (lambda a, b: torch.ones(len(a), len(b), dtype=torch.int64), "int64"),
        (lambda a, b: torch.cdist(a, b) * torch.nan, "NaN"),
        (lambda a, b: torch.cdist(a, b) / 0.0, "infinite"),
    ],
)
def test_a_distance_of_ones_own_that_gives_no_distances_is_refused(distance, why):
    z, y = torch.arange(8.0).view(4, 2), torch.tensor([0, 0, 1, 1])
    for call in (SilhouetteLoss(distance), lambda z, y: silhouette_samples(z, y, distance)):
        with pytest.raises(LossError, match=rf"distance.*{why}"):
            call(z, y)
