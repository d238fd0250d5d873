"""Train a head on cached vectors with any loss: a second or two for a few hundred steps on one thread."""

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from shoal.training import judging, loop
from shoal.training.checked import (
    Floats,
    Labels,
    TrainingError,
    Vectors,
    checked_device,
    checked_vectors,
    finite_rows,
)
from shoal.training.head import Head
from shoal.training.loop import Moment, Plan, Watch, seeded
from shoal.training.narrow import Narrow, principal_basis
from shoal.training.targets import Earlier, LossBuilder, Targets, loss_for


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

    def embed(self, vectors: Vectors) -> Floats:
        """Map vectors (N, D) to (N, d) float32."""
        return self.head.embed(vectors)


def train_head(
    vectors: Vectors,
    labels: ArrayLike,
    loss: nn.Module | LossBuilder,
    *,
    head: Head | None = None,
    start: Trained | Head | None = None,
    plan: Plan | None = None,
    watch: Watch = lambda _: None,
) -> Trained:
    """Train a head so that vectors (N, D) with labels (N,) int, -1 = unlabelled, obey a loss.

    vectors: an `Embedding`, an array or a tensor; a tensor's gradient is not followed.
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
    checked_device("train_head()", plan.device)
    rows = checked_vectors("train_head()", vectors)
    targets = Targets.of("train_head()", labels, len(rows), loss, plan)
    training = targets.parts.training
    earlier = Earlier(start.loss, start.classes) if isinstance(start, Trained) else None
    with seeded(plan.seed, plan.device):
        begun = _begin(rows, head, start)
        built = loss_for(loss, targets.classes, begun.dimensions, earlier)
        begun, built = begun.to(plan.device), built.to(plan.device)
        x = torch.from_numpy(finite_rows("train_head()", rows, training)).to(plan.device)
        basis = principal_basis(begun, rows, plan.rank)
        narrow = Narrow(begun, begun.before(x), basis, fresh=start is None)
        record = _run(begun, built, narrow, targets, vectors=rows, plan=plan, watch=watch)
    return Trained(
        begun.eval(),
        built.eval(),
        targets.rows,
        targets.parts.held,
        plan,
        record.history,
        record.best_step,
        record.best_score,
    )


def _run(
    head: Head,
    loss: nn.Module,
    narrow: Narrow,
    targets: Targets,
    *,
    vectors: NDArray[np.floating],
    plan: Plan,
    watch: Watch,
) -> loop.Run:
    if plan.hold_out is not None:
        finite_rows("train_head()", vectors, targets.parts.held)
    judge = judging.judge_for(lambda at: head.embed(vectors[at]), targets, plan)

    def judged() -> float:
        narrow.fold(head)
        return 0.0 if judge is None else judge()

    record = loop.run(
        loop.step_for(narrow, loss, targets.seen, plan),
        loop.batches_for(targets.seen, plan),
        [narrow, loss],
        loop.optimiser_for(list(narrow.parameters()), list(loss.parameters()), plan),
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
