"""Train a head on cached vectors with any loss: about a second for a few hundred steps on one thread."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from shoal.samplers import ClassBatches
from shoal.training import judging, loop
from shoal.training.checked import (
    Floats,
    Labels,
    TrainingError,
    checked_labels,
    checked_vectors,
    finite_rows,
    need_two_classes,
)
from shoal.training.head import Head
from shoal.training.loop import Judge, Moment, Plan, Watch, seeded
from shoal.training.narrow import Narrow, principal_basis
from shoal.training.split import Split, split

LossBuilder = Callable[[int, int], nn.Module]
"""The number of classes K and the width d to a loss: the `build` of every row of `shoal.losses.LOSSES`."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained head with what made it.

    classes (K,) int64: the label behind each row of the loss's weights, where it has any. held (M,) int64:
    the positions that were kept aside. best_step, best_score: the judgement that was kept, if any was asked.
    """

    head: Head
    loss: nn.Module
    classes: Labels
    held: Labels
    plan: Plan
    history: list[Moment]
    best_step: int
    best_score: float | None

    def embed(self, vectors: NDArray[np.floating]) -> Floats:
        """Map vectors (N, D) to (N, d) float32."""
        return self.head.embed(vectors)


def train_head(
    vectors: NDArray[np.floating],
    labels: ArrayLike,
    loss: nn.Module | LossBuilder,
    *,
    head: Head | None = None,
    start: Trained | Head | None = None,
    plan: Plan | None = None,
    watch: Watch = lambda _: None,
) -> Trained:
    """Train a head so that vectors (N, D) with labels (N,) int, -1 = unlabelled, obey a loss.

    loss: a module (embeddings (B, d), labels (B,)) -> scalar, which sees the labels as they are; or the
    `build` of one, called with the number of classes, which sees them dense from 0 (`Trained.classes` says
    which is which). Its parameters are trained too. The loss handed in is changed in place.
    head: a head of the wanted shape (default: D -> 256 -> 16). Only its shape counts: its numbers are drawn
    anew, and it standardises by all finite rows of `vectors`. start: an earlier result, with whose head, and
    with whose loss's rows of the classes that are still there, training begins; or an earlier head.
    plan: how to train. watch: hears of every step and may raise to cancel.

    The same arguments give the same result. Raises `TrainingError` without two classes, on vectors that are
    not finite in a labelled row, on shapes that do not fit, and where nothing can be held out.
    """
    plan = plan or Plan()
    checked_vectors("train_head()", vectors)
    whole = checked_labels("train_head()", labels, len(vectors))
    need_two_classes("train_head()", whole)
    parts = split(whole, plan.hold_out, plan.share, plan.seed)
    classes = need_two_classes("train_head()", whole[parts.training])
    with seeded(plan.seed, plan.device):
        begun = _begin(vectors, head, start)
        built = _loss(loss, classes, begun.dimensions, start)
        ready = isinstance(loss, nn.Module)
        seen = whole[parts.training] if ready else np.searchsorted(classes, whole[parts.training])
        begun, built = begun.to(plan.device), built.to(plan.device)
        rows = torch.from_numpy(finite_rows("train_head()", vectors, parts.training)).to(plan.device)
        basis = principal_basis(begun, vectors, plan.rank)
        narrow = Narrow(begun, begun.before(rows), basis, fresh=start is None)
        judge = _judge(begun, vectors, whole, parts, plan)
        record = _run(begun, built, narrow, seen, plan, judge=judge, watch=watch)
    known = np.arange(int(classes.max()) + 1) if ready else classes
    return Trained(
        begun.eval(),
        built.eval(),
        known,
        parts.held,
        plan,
        record.history,
        record.best_step,
        record.best_score,
    )


def _run(
    head: Head,
    loss: nn.Module,
    narrow: Narrow,
    labels: Labels,
    plan: Plan,
    *,
    judge: Judge | None,
    watch: Watch,
) -> loop.Run:
    y = torch.from_numpy(labels).to(plan.device)
    batches = ClassBatches(
        labels,
        classes=min(plan.classes, len(np.unique(labels))),
        items=plan.items,
        batches=plan.steps,
        singletons=True,
        seed=plan.seed,
    )

    def step(batch: list[int]) -> Tensor:
        at = torch.tensor(batch, device=plan.device)
        with torch.autocast(torch.device(plan.device).type, torch.bfloat16, enabled=plan.amp):
            z = narrow(at)
        value: Tensor = loss(z, y[at])
        return value

    def judged() -> float:
        narrow.fold(head)
        return 0.0 if judge is None else judge()

    optimiser = loop.optimiser_for(list(narrow.parameters()), list(loss.parameters()), plan)
    record = loop.run(
        step,
        batches,
        [narrow, loss],
        optimiser,
        plan,
        judge=None if judge is None else judged,
        watch=watch,
    )
    narrow.fold(head)
    return record


def _begin(vectors: NDArray[np.floating], shape: Head | None, start: Trained | Head | None) -> Head:
    if shape is not None and start is not None:
        raise TrainingError("train_head() got both head and start; a start brings its own head.")
    if start is not None:
        begun = deepcopy(start.head if isinstance(start, Trained) else start)
        checked_vectors("train_head()", vectors, begun.width)
        return begun
    begun = Head(vectors.shape[1]) if shape is None else Head(**shape.settings())
    begun.standardise(vectors)
    return begun


def _loss(
    loss: nn.Module | LossBuilder, classes: Labels, width: int, start: Trained | Head | None
) -> nn.Module:
    if isinstance(loss, nn.Module):
        return loss
    built = loss(len(classes), width)
    if isinstance(start, Trained) and type(start.loss) is type(built):
        _take_over(built, classes, start)
    return built


@torch.no_grad()
def _take_over(loss: nn.Module, classes: Labels, start: Trained) -> None:
    """Give a new loss the numbers of an earlier one: row by row for classes both know, whole otherwise."""
    _, new, old = np.intersect1d(classes, start.classes, return_indices=True)
    earlier = start.loss.state_dict()
    for name, tensor in loss.state_dict().items():
        before = earlier.get(name)
        if before is None or before.shape[1:] != tensor.shape[1:]:
            continue
        if tensor.ndim and len(tensor) == len(classes) and len(before) == len(start.classes):
            tensor[torch.from_numpy(new)] = before[torch.from_numpy(old)].to(tensor.device)
        elif before.shape == tensor.shape:
            tensor.copy_(before)


def _judge(
    head: Head, vectors: NDArray[np.floating], labels: Labels, parts: Split, plan: Plan
) -> Judge | None:
    if plan.hold_out is None:
        return None
    held, wanted = finite_rows("train_head()", vectors, parts.held), labels[parts.held]
    if plan.metric == "nmi":
        return lambda: judging.nmi(head.embed(held), wanted, plan.seed)
    if plan.hold_out == "classes":
        return lambda: judging.recall_at_1(head.embed(held), wanted)
    known, of = finite_rows("train_head()", vectors, parts.training), labels[parts.training]
    return lambda: judging.recall_among(head.embed(held), wanted, head.embed(known), of)
