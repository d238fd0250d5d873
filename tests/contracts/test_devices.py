"""Every loss and every index on a GPU, where there is one, as on the CPU; none leaves its batch's device.

The tests named for a device run on the CPU too, so that they are known to hold where nobody has a GPU.
"""

from contextlib import nullcontext
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

import shoal.indices
from shoal import losses, miners
from shoal.indices import AGREEMENTS, INDICES
from shoal.losses import LOSSES, Loss
from shoal.losses.classes import ClassMemory
from shoal.losses.distance import pairwise, unit
from shoal.losses.triplet import FORMS
from shoal.training import Plan, train_head

CLASSES, WIDTH = 5, 6
GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU: torch finds none here")
every_device = pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=GPU)])
VARIANTS = {
    "silhouette, squared": lambda: losses.SilhouetteLoss("squared", memory=ClassMemory(CLASSES, WIDTH)),
    "silhouette, simplified": lambda: losses.SilhouetteLoss("simplified", softness=0.1),
    "silhouette, cosine": lambda: losses.SilhouetteLoss("cosine", average="macro"),
    "cosine-corel, released": lambda: losses.CosineCORELLoss(CLASSES, WIDTH, variant="released"),
    "gaussian-corel, released": lambda: losses.GaussianCORELLoss(CLASSES, WIDTH, variant="released"),
    "gaussian-corel, lam": lambda: losses.GaussianCORELLoss(CLASSES, WIDTH, lam=0.7),
    "contrastive, hinge": lambda: losses.ContrastiveLoss(form="hinge"),
    **{f"triplet, {form}": partial(losses.TripletLoss, form=form) for form in FORMS},
    "triplet, batch-hard": lambda: losses.TripletLoss(margin=3.0, miner=miners.batch_hard),
    "triplet, semi-hard": lambda: losses.TripletLoss(miner=miners.semi_hard),
    "n-pair, first": lambda: losses.NPairLoss(pairs="first"),
    "proxy-nca, softmax": lambda: losses.ProxyNCALoss(CLASSES, WIDTH, variant="softmax"),
    "prototypical, two shots": lambda: losses.PrototypicalLoss(shots=2),
    "relation, two shots": lambda: losses.RelationLoss(WIDTH, shots=2),
    "generalised-dunn, mean": lambda: losses.GeneralisedDunnLoss(separation="mean"),
}
every_loss = pytest.mark.parametrize("row", [*LOSSES.names(), *VARIANTS])

# relative to the largest: float32 has seven digits, and what is summed over 60 items keeps five of them
VALUE, SLOPE = 2e-5, 1e-3
# the gradient by embeddings in bfloat16 is handed back in bfloat16, which has 8 bits
ROUNDED = 2.0**-7


def made(row: str, device: str = "cpu", dtype: torch.dtype = torch.float64) -> Loss:
    torch.manual_seed(1)
    loss: Loss = VARIANTS[row]() if row in VARIANTS else LOSSES.load(row).build(CLASSES, WIDTH)
    return loss.to(device, dtype).train()


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    y = torch.arange(60) % CLASSES
    z = torch.randn(CLASSES, WIDTH, generator=g)[y] + 0.7 * torch.randn(60, WIDTH, generator=g)
    y[::11] = -1
    return z, y


def slopes(loss: nn.Module, z: torch.Tensor, y: torch.Tensor, *, amp: bool = False) -> list[torch.Tensor]:
    """Return the value, the slope by z, and those by the loss's own numbers, as float64 on the CPU."""
    z = z.detach().clone().requires_grad_()
    with torch.autocast(z.device.type, torch.bfloat16) if amp else nullcontext():
        value = loss(z, y)
    value.backward()
    found = [value, z.grad, *(one.grad for one in loss.parameters())]
    assert all(one is not None and one.device == z.device for one in found)
    return [one.detach().cpu().double() for one in found]


def near(found: list[torch.Tensor], wanted: list[torch.Tensor], tolerances: list[float]) -> None:
    assert len(found) == len(wanted)
    last = tolerances[-1]
    for one, other, share in zip(found, wanted, [*tolerances, *len(found) * [last]], strict=False):
        assert (one - other).abs().max() <= share * other.abs().max().clamp_min(1e-3)


@every_loss
@every_device
def test_in_float32_a_loss_is_what_it_is_in_float64_on_the_cpu(row, device):
    z, y = batch()
    found = slopes(made(row, device, torch.float32), z.to(device), y.to(device))
    near(found, slopes(made(row), z.double(), y), [VALUE, SLOPE])


@every_loss
@every_device
def test_under_autocast_a_loss_is_what_it_is_in_float64_of_the_same_embeddings(row, device):
    x, y = batch()
    torch.manual_seed(2)
    network = nn.Linear(WIDTH, WIDTH, bias=False).to(device)
    loss = made(row, device, torch.float32)
    with torch.autocast(device, torch.bfloat16):
        z = network(x.to(device)).detach()
    assert z.dtype == torch.bfloat16
    found = slopes(loss, z, y.to(device), amp=True)
    near(found, slopes(made(row), z.cpu().double(), y), [VALUE, ROUNDED, SLOPE])


@every_loss
@every_device
def test_labels_may_lie_on_the_cpu(row, device):
    z, y = batch()
    ours, theirs = (
        slopes(made(row, device), z.double().to(device), y.to(where)) for where in (device, "cpu")
    )
    near(ours, theirs, [1e-12])  # a GPU adds in no order


@every_loss
def test_a_loss_makes_its_tensors_where_its_batch_is(row):
    z, y = batch()
    loss, wanted = made(row), slopes(made(row), z.double(), y)
    # whatever is made without a device lies on "meta" here, and cannot meet the batch
    with torch.device("meta"):
        found = slopes(loss, z.double(), y)
    assert all(torch.equal(one, other) for one, other in zip(found, wanted, strict=True))


MINERS = {
    "batch_all": miners.batch_all,
    "batch_hard": miners.batch_hard,
    "semi_hard": miners.semi_hard,
    "hard": miners.hard,
}


@pytest.mark.parametrize("name", MINERS)
@every_device
def test_miners_find_the_same_triplets_where_the_batch_is(name, device):
    z, y = batch()
    distances = pairwise(z.double())
    wanted = MINERS[name](distances, y)
    with torch.device("meta"):
        found = MINERS[name](distances.to(device), y.to(device))
    assert len(wanted[0])
    for one, other in zip(found, wanted, strict=True):
        assert one.device.type == device
        assert torch.equal(one.cpu(), other)


@every_device
def test_drawn_and_local_triplets_are_where_the_batch_is(device):
    z, y = batch()
    distances = pairwise(unit(z.double()))
    local = miners.local_positives(distances, y)
    with torch.device("meta"):
        assert torch.equal(miners.local_positives(distances.to(device), y.to(device)).cpu(), local)
        drawn = miners.distance_weighted(distances.to(device), y.to(device), width=WIDTH)
        kept = miners.only_local(drawn, local.to(device))
    assert {one.device.type for one in (*drawn, *kept)} == {device}
    a, p, n = (y[one.cpu()] for one in drawn)
    assert (a == p).all()
    assert (a != n).all()
    assert 0 < len(kept[0]) <= len(drawn[0])


class Astray(Loss):
    """A loss that makes a tensor wherever torch does."""

    def compute(self, z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (z * torch.ones(z.shape[1])).sum()


def test_a_loss_that_makes_one_elsewhere_is_found():
    z, y = batch()
    assert Astray()(z, y).isfinite()
    with torch.device("meta"), pytest.raises(RuntimeError, match="meta"):
        float(Astray()(z, y))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("row", INDICES.names())
@every_device
def test_an_index_of_tensors_is_that_of_the_same_numbers_in_float64(row, device, dtype):
    z, y = (one[::2] for one in batch())  # one of them takes N^3
    index = INDICES.load(row)
    z = z.to(dtype)
    wanted = index(z.double().numpy(), y.numpy())
    with torch.autocast(device, torch.bfloat16):
        assert index(z.to(device), y.to(device)) == pytest.approx(wanted, rel=1e-12)


@every_device
def test_retrieval_neighbourhoods_and_agreement_take_tensors_of_any_device(device):
    z, y = batch()
    x, labels = z.numpy(), y.numpy()
    there, known = z.to(device), y.to(device)
    for name in ("recall_at_k", "map_at_r", "r_precision", "knn_accuracy"):
        measure = getattr(shoal.indices, name)
        assert measure(there, known) == measure(x, labels), name
    for name in ("neighbours_kept", "trustworthiness", "continuity"):
        measure = getattr(shoal.indices, name)
        assert measure(there, there[:, :2]) == measure(x, x[:, :2]), name
    assert np.array_equal(shoal.indices.nearest_neighbours(there, 3), shoal.indices.nearest_neighbours(x, 3))
    for row in AGREEMENTS.names():
        assert AGREEMENTS.load(row)(known, known.flip(0)) == AGREEMENTS.load(row)(labels, labels[::-1]), row


@every_device
@pytest.mark.parametrize("amp", [False, True])
def test_training_casts_only_where_it_is_asked_to(amp, device, monkeypatch):
    entered: list[bool] = []
    real = torch.autocast

    class Noted(real):
        def __enter__(self) -> None:
            entered.append(self._enabled)
            super().__enter__()

    monkeypatch.setattr(torch, "autocast", Noted)
    x, y = (one.numpy() for one in batch())
    plan = replace(Plan(steps=2, classes=4, items=4, device=device), amp=amp)
    train_head(x, y, LOSSES.load("cce").build, plan=plan)
    assert entered.count(True) == (2 if amp else 0)
    assert amp or not entered
