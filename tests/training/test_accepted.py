"""What training takes and what it refuses: tensors, lists and embeddings; settings that are none."""

import re

import numpy as np
import pytest
import torch
from torch import nn

from shoal.losses import LOSSES, SilhouetteLoss
from shoal.training import (
    Head,
    LinearProbe,
    Plan,
    Rejector,
    TrainingError,
    Tuning,
    fit_platt,
    fit_temperature,
    probe_accuracy,
    reliability_curve,
    softmax,
    train_backbone,
    train_head,
)
from shoal.types import Embedding, ShoalError

torch.set_num_threads(1)
RANDOM = np.random.default_rng(0)
Y = np.repeat(np.arange(4), 8)
X = (3.0 * RANDOM.normal(size=(4, 6))[Y] + RANDOM.normal(size=(32, 6))).astype(np.float16).astype(np.float32)
IMAGES = RANDOM.integers(0, 256, (32, 8, 8, 3), dtype=np.uint8)
PLAN = Plan(steps=3, classes=4, items=4)
CCE = LOSSES.load("cce").build


def trained_head(vectors, labels=Y):
    return train_head(vectors, labels, CCE, plan=PLAN).embed(vectors)


def trained_backbone(pictures, labels=Y):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3))
    return train_backbone(network, pictures, labels, CCE, plan=PLAN, tuning=Tuning(augment=None)).embed(
        IMAGES
    )


FORMS = {
    "tensor": torch.from_numpy,
    "tensor that requires grad": lambda x: torch.from_numpy(x).clone().requires_grad_() * 1.0,
    "transposed tensor": lambda x: torch.from_numpy(x.T.copy()).T,
    "float64": lambda x: x.astype(np.float64),
    "float16 tensor": lambda x: torch.from_numpy(x).half(),
    "lists": lambda x: x.tolist(),
    "embedding": lambda x: Embedding(x, np.arange(len(x)), "b", "f", "l"),
}


@pytest.mark.parametrize("form", FORMS)
def test_vectors_in_any_form_give_the_same(form):
    given = FORMS[form](X)
    assert np.array_equal(trained_head(given), trained_head(X))
    assert probe_accuracy(given, Y) == probe_accuracy(X, Y)
    assert np.array_equal(LinearProbe.fit(given, Y).logits(given), LinearProbe.fit(X, Y).logits(X))
    assert np.array_equal(Rejector.fit(given, Y).belonging(given), Rejector.fit(X, Y).belonging(X))


def test_bfloat16_vectors_are_read_as_float32():
    half = torch.from_numpy(X).bfloat16()
    assert np.array_equal(trained_head(half), trained_head(half.float().numpy()))


@pytest.mark.parametrize("form", ["tensor", "tensor that requires grad", "lists"])
def test_logits_and_confidences_in_any_form_give_the_same(form):
    logits, given = X[:, :4], FORMS[form](X[:, :4])
    assert np.array_equal(softmax(given), softmax(logits))
    assert fit_temperature(given, torch.from_numpy(Y)) == fit_temperature(logits, Y)
    sure, right = softmax(logits).max(axis=1), logits.argmax(axis=1) == Y
    assert fit_platt(FORMS[form](sure), torch.from_numpy(right)) == fit_platt(sure, right)


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        (lambda: softmax(X[0]), "softmax() got logits of shape"),
        (lambda: softmax("x"), "softmax() got logits of"),
        (lambda: softmax(X, 0.0), "softmax() got temperature=0.0"),
        (
            lambda: fit_temperature([[1.0], [1.0, 2.0]], [0, 1]),
            "fit_temperature() got logits that are no array",
        ),
        (lambda: fit_temperature(X, Y + 7), "fit_temperature() got the label"),
        (lambda: fit_platt(["high"], [True]), "fit_platt() got confidences of"),
        (lambda: reliability_curve([0.5], [True], bins=2.5), "reliability_curve() got bins=2.5"),
    ],
)
def test_logits_and_confidences_that_are_none_are_refused(call, wanted):
    with pytest.raises(TrainingError, match=re.escape(wanted)):
        call()


@pytest.mark.parametrize("form", [torch.from_numpy, list, lambda y: torch.from_numpy(y).int()])
def test_labels_in_any_form_give_the_same(form):
    assert np.array_equal(trained_head(X, form(Y)), trained_head(X))
    assert np.array_equal(trained_backbone(IMAGES, form(Y)), trained_backbone(IMAGES))
    assert probe_accuracy(X, form(Y)) == probe_accuracy(X, Y)


def test_pictures_in_any_form_give_the_same():
    wanted = trained_backbone(IMAGES)
    floats = torch.from_numpy(IMAGES).permute(0, 3, 1, 2).float() / 255
    for given in (torch.from_numpy(IMAGES), floats, floats.clone().requires_grad_() * 1.0, list(IMAGES)):
        assert np.allclose(trained_backbone(given), wanted, atol=1e-5)


@pytest.mark.parametrize(
    "bad",
    [
        X[0],
        X.astype(object),
        X.astype(int),
        X[:, :0],
        [[1.0, 2.0], [3.0]],
        "vectors",
        None,
        torch.from_numpy(X) > 0,
    ],
    ids=str,
)
def test_vectors_that_are_none_are_refused(bad):
    for call, who in (
        (lambda: train_head(bad, Y, CCE), "train_head()"),
        (lambda: probe_accuracy(bad, Y), "probe_accuracy()"),
        (lambda: LinearProbe.fit(bad, Y), "LinearProbe.fit()"),
        (lambda: Rejector.fit(bad, Y), "Rejector.fit()"),
        (lambda: Head(6).embed(bad), "Head.embed()"),
    ):
        with pytest.raises(TrainingError, match=re.escape(f"{who} got vectors")):
            call()


@pytest.mark.parametrize(
    "bad", [Y[:-1], Y.astype(float), Y - 2, Y[:, None], [[0], [1, 2]], Y.astype(str), None]
)
def test_labels_that_are_none_are_refused(bad):
    for call, who in (
        (lambda: train_head(X, bad, CCE), "train_head()"),
        (lambda: train_backbone(nn.Conv2d(3, 4, 3), IMAGES, bad, CCE), "train_backbone()"),
        (lambda: probe_accuracy(X, bad), "probe_accuracy()"),
    ):
        with pytest.raises(TrainingError, match=re.escape(f"{who} got ")):
            call()


@pytest.mark.parametrize("bad", ["pictures", [1, [2]], IMAGES.astype(object), IMAGES[:, 0], IMAGES[:5], None])
def test_pictures_that_are_none_are_refused(bad):
    with pytest.raises(ShoalError):
        trained_backbone(bad)


@pytest.mark.parametrize("device", ["cuda:99", "tpu", "", "meta-physics", 2.5])
def test_a_device_that_is_not_there_is_refused(device):
    plan = Plan(steps=3, device=device)
    for call, who in (
        (lambda: train_head(X, Y, CCE, plan=plan), "train_head()"),
        (lambda: train_backbone(nn.Conv2d(3, 4, 3), IMAGES, Y, CCE, plan=plan), "train_backbone()"),
    ):
        with pytest.raises(
            TrainingError, match=re.escape(f"{who} got device={device!r}, which cannot be used here")
        ):
            call()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_cuda_is_refused():
    with pytest.raises(TrainingError, match="got device='cuda', which cannot be used here"):
        train_head(X, Y, CCE, plan=Plan(device="cuda"))


COUNTS = ("steps", "classes", "items", "every", "patience")


@pytest.mark.parametrize("name", [*COUNTS, "rank", "seed"])
@pytest.mark.parametrize("bad", [-1, 2.5, 3.0, "3", None, True, np.nan, 2**63])
def test_a_plan_takes_whole_numbers(name, bad):
    with pytest.raises(TrainingError, match=rf"Plan got {name}={bad!r}; it takes a whole number"):
        Plan(**{name: bad})


@pytest.mark.parametrize("name", COUNTS)
def test_a_plan_of_nothing_is_refused(name):
    with pytest.raises(TrainingError, match=f"Plan got {name}=0"):
        Plan(**{name: 0})
    Plan(**{name: np.int64(3)})


@pytest.mark.parametrize("name", ["lr", "loss_lr", "weight_decay", "warmup", "share"])
@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf, "3", True])
def test_a_plan_takes_finite_rates(name, bad):
    with pytest.raises(TrainingError, match="is no plan"):
        Plan(**{name: bad})


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        (lambda: Head(2.5), "Head got width=2.5"),
        (lambda: Head(4, 0), "Head got dimensions=0"),
        (lambda: Head(4, hidden="3"), "Head got hidden='3'"),
        (lambda: Head(4, depth=-1), "Head got depth=-1"),
        (lambda: Head(4, dropout="much"), "Head got dropout='much'"),
        (lambda: Head(4, dropout=1.0), "Head got dropout=1.0"),
        (lambda: Tuning(batch=2.5), "Tuning got batch=2.5"),
        (lambda: Tuning(slower=0.0), "Tuning got slower=0.0"),
        (lambda: Tuning(slower="x"), "Tuning got slower='x'"),
        (lambda: probe_accuracy(X, Y, folds=2.5), "got folds=2.5"),
        (lambda: probe_accuracy(X, Y, folds=1), "got folds=1"),
        (lambda: probe_accuracy(X, Y, seed=-1), "got seed=-1"),
        (lambda: LinearProbe.fit(X, Y, iterations=0), "got iterations=0"),
        (lambda: LinearProbe.fit(X, Y, strength=-1.0), "got strength=-1.0"),
    ],
)
def test_other_settings_that_are_none_are_refused(call, wanted):
    with pytest.raises(TrainingError, match=re.escape(wanted)):
        call()


def test_a_loss_over_the_batch_sees_labels_of_any_size():
    for large in (Y * 10**12, 2**63 - 1 - Y):
        trained = train_head(X, large, SilhouetteLoss(), plan=PLAN)
        assert np.array_equal(trained.classes, np.unique(large))
    with pytest.raises(TrainingError, match="below 2"):
        train_head(X, Y.astype(np.uint64) + np.uint64(2**63), SilhouetteLoss(), plan=PLAN)
