"""Train a head on cached vectors with any loss: a second or two for a few hundred steps on one thread."""

from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from shoal.training import checkpoint, judging, loop, saved
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
from shoal.training.loop import Moment, Plan, seeded
from shoal.training.narrow import Narrow, principal_basis
from shoal.training.targets import Earlier, LossBuilder, Targets, loss_for
from shoal.types import Watch


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

    def save(self, path: Path | str) -> None:
        """Write all of it to one .safetensors file: the numbers of head and loss, and what rebuilds them.

        Raises `TrainingError` for another suffix, and where the disk refuses.
        """
        record = {
            "plan": asdict(self.plan),
            "history": [asdict(moment) for moment in self.history],
            "best_step": self.best_step,
            "best_score": self.best_score,
        }
        labels = {"classes": self.classes, "held": self.held}
        saved.write(saved.checked_path("Trained.save()", path), self.head, self.loss, labels, record)

    @classmethod
    def load(cls, path: Path | str, loss: nn.Module | LossBuilder | None = None) -> Self:
        """Return what `save` wrote, on the CPU; a module handed in as `loss` is changed in place.

        loss: needed where it is none of `shoal.losses`, or holds a function such as a miner. Raises
        `TrainingError` for any other file, and for a loss that the file was not trained by.
        """
        file = saved.checked_path("Trained.load()", path)
        head, built, labels, record = saved.read(file, loss)
        try:
            plan = Plan(**record["plan"])
            history = [Moment(**moment) for moment in record["history"]]
            best = record["best_step"], record["best_score"]
            return cls(head, built, labels["classes"], labels["held"], plan, history, *best)
        except (KeyError, TypeError, TrainingError) as error:
            raise TrainingError(f"{file}: its record is damaged ({error}); train it again.") from error


def train_head(
    vectors: Vectors,
    labels: ArrayLike,
    loss: nn.Module | LossBuilder,
    *,
    head: Head | None = None,
    start: Trained | Head | None = None,
    plan: Plan | None = None,
    checkpoint_at: Path | str | None = None,
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
    checkpoint_at: PATH.safetensors is written every `plan.every` steps; where it is there already, training
    goes on from it, and on the CPU ends with the same bits as one that was never stopped.

    The same arguments give the same result. Raises `TrainingError` without two classes, on vectors that are
    not finite in a labelled row, on shapes that do not fit, where nothing can be held out, and for a
    checkpoint of another training.
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
        chosen = finite_rows("train_head()", rows, training)
        x = torch.from_numpy(chosen).to(plan.device)
        basis = principal_basis(begun, rows, plan.rank)
        narrow = Narrow(begun, begun.before(x), basis, fresh=start is None)
        optimiser = loop.optimiser_for(list(narrow.parameters()), list(built.parameters()), plan)
        file = None if checkpoint_at is None else Path(checkpoint_at)
        mark = _mark(begun, built, targets, chosen, plan) if file else ""
        kept = checkpoint.Checkpoint(file, [narrow, built], optimiser, mark)
        record = _run(begun, narrow, kept, targets, vectors=rows, plan=plan, watch=watch)
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
    narrow: Narrow,
    kept: checkpoint.Checkpoint,
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

    begun = kept.load()
    record = loop.run(
        loop.step_for(narrow, kept.modules[-1], targets.seen, plan),
        loop.batches_for(targets.seen, plan, done=begun.done if begun else 0),
        kept.modules,
        kept.optimiser,
        plan,
        judge=None if judge is None else judged,
        watch=watch,
        begun=begun,
        keep=kept.save,
    )
    narrow.fold(head)
    return record


def _mark(head: Head, loss: nn.Module, targets: Targets, chosen: Floats, plan: Plan) -> str:
    """Return what tells this training from any other: the rows that train, labels, head, all settings."""
    settings = {"head": head.settings()}
    return checkpoint.mark_of(plan, settings, loss, head.state_dict(), [targets.whole, chosen])


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
