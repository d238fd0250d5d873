"""Train a whole backbone on pictures with any loss: the same plan and the same loop as for a head."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from shoal.arrays import is_number
from shoal.networks import Pictures, as_input
from shoal.training import checkpoint, judging, loop, storage
from shoal.training.checked import Floats, Labels, TrainingError, checked_device, checked_whole
from shoal.training.head import Head
from shoal.training.loop import Moment, Plan, seeded
from shoal.training.targets import LossBuilder, Targets, loss_for
from shoal.training.tensors import as_arrays, as_tensors
from shoal.training.whole import CountedReader, Reader, Rows, Whole, reader_of, run_over
from shoal.types import Watch
from shoal.views import CropAndFlip

KIND = "backbone"
SAMPLE = 256
"""The head is standardised on the features of about so many training pictures."""
Augment = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Tuning:
    """What a plan does not say of a backbone.

    frozen: names of parts of the network (`network.named_modules()`) that stay as they are to the bit.
    slower: the network learns at so much of the plan's rate, which is the head's.
    statistics: whether batch norms go on gathering theirs; off, as batches of few classes are no fair sample.
    augment: pictures (B, C, H, W) to what is trained on; None: as they are. batch: pictures embedded at once.
    """

    frozen: tuple[str, ...] = ()
    slower: float = 0.1
    statistics: bool = False
    augment: Augment | None = field(default_factory=lambda: CropAndFlip(0.6))
    batch: int = 64

    def __post_init__(self) -> None:
        checked_whole("Tuning", batch=self.batch, at_least=1)
        if not (is_number(self.slower) and self.slower > 0):
            raise TrainingError(f"Tuning got slower={self.slower!r}; it must be above 0, and finite.")


@dataclass(frozen=True, slots=True)
class TrainedBackbone:
    """A trained network and the head on top of it, with what made them; the rest is as in `Trained`."""

    network: nn.Module
    head: Head
    loss: nn.Module
    classes: Labels
    held: Labels
    plan: Plan
    tuning: Tuning
    history: list[Moment]
    best_step: int
    best_score: float | None

    def embed(self, pictures: Pictures | CountedReader) -> Floats:
        """Map pictures (N, H, W, 3) uint8, or floats as the network takes them, to (N, d) float32.

        Or who reads them by position and knows how many there are.
        """
        whole = Whole(self.network, self.head)
        at = np.arange(len(pictures))
        read = reader_of(pictures, len(pictures))
        return run_over(whole, read, at, batch=self.tuning.batch, device=self.plan.device)

    def save(self, path: Path | str, *, backbone: str = "", facts: Mapping[str, Any] | None = None) -> None:
        """Write PATH.safetensors and the card PATH.json: network and head, no code.

        `backbone` names the one that the network began as, so that `shoal.backbones.open_backbone` can
        serve the file like any other; `facts` (JSON) say where it comes from.
        """
        # whoever opens the file as a backbone looks for plain names; float32 holds all of bfloat16
        numbers = self.network.state_dict().items()
        exact = {name: one.float() if one.dtype == torch.bfloat16 else one for name, one in numbers}
        arrays = as_arrays(exact, "network.")
        arrays |= as_arrays(self.head.state_dict(), "head.")
        card = {"backbone": backbone, "head": self.head.settings(), "facts": dict(facts or {})}
        storage.write(Path(path), KIND, arrays, card)


def load_trained(path: Path | str, network: nn.Module) -> Head:
    """Put what `TrainedBackbone.save` wrote into a network of the same shape, and return the head.

    Raises `TrainingError` where there is no such file, or where it does not fit.
    """
    arrays, card = storage.read(Path(path), KIND)
    try:
        network.load_state_dict(as_tensors(arrays, "network."))
    except RuntimeError as error:
        raise TrainingError(f"{path}.safetensors does not fit this network ({error}).") from error
    network.eval()
    of_head = {key.removeprefix("head."): one for key, one in arrays.items() if key.startswith("head.")}
    return Head.of(of_head, {"settings": card["head"]})


def train_backbone(
    network: nn.Module,
    pictures: Pictures | Reader,
    labels: ArrayLike,
    loss: nn.Module | LossBuilder,
    *,
    head: Head | None = None,
    plan: Plan | None = None,
    tuning: Tuning | None = None,
    checkpoint_at: Path | str | None = None,
    watch: Watch = lambda _: None,
) -> TrainedBackbone:
    """Train a network and a head on it so that pictures with labels (N,) int, -1 = unlabelled, obey a loss.

    network: any module from pictures to (B, D) or maps (B, D, h, w), which are averaged; it is copied, the
    one handed in stays as it is. pictures: (N, H, W, 3) uint8, which the network sees as (B, 3, H, W) in
    [0, 1], or floats (N, ...) as it takes them, or who reads them by position, such as an image source
    through `shoal.tuning.PilePictures.of`; a float64 or bfloat16 network gets them in its own precision.
    loss, head, plan and watch: as in `train_head`; by default the head maps D to 16 without a hidden layer.
    tuning: what stays frozen, how fast the network learns, augmentation.
    checkpoint_at: PATH.safetensors is written every `plan.every` steps; where it is there already, training
    goes on from it, and on the CPU ends with the same bits as one that was never stopped.

    Raises `TrainingError` without two classes, where nothing can be held out, where a loss or its gradient is
    not finite, and for a checkpoint of another training.
    """
    plan, tuning = plan or Plan(), tuning or Tuning()
    checked_device("train_backbone()", plan.device)
    targets = Targets.of("train_backbone()", labels, None, loss, plan)
    read = reader_of(pictures, len(targets.whole))
    with seeded(plan.seed, plan.device):
        whole = _begin(network, read, targets, head, plan=plan, tuning=tuning)
        built = loss_for(loss, targets.classes, whole.head.dimensions).to(plan.device)
        file = None if checkpoint_at is None else Path(checkpoint_at)
        record = _run(whole, built, read, targets, plan=plan, tuning=tuning, file=file, watch=watch)
    whole.eval()
    for one, before in zip(whole.network.parameters(), network.parameters(), strict=True):
        one.requires_grad_(before.requires_grad)
    return TrainedBackbone(
        whole.network,
        whole.head,
        built.eval(),
        targets.rows,
        targets.parts.held,
        plan,
        tuning,
        record.history,
        record.best_step,
        record.best_score,
    )


def _begin(
    network: nn.Module, read: Reader, targets: Targets, shape: Head | None, *, plan: Plan, tuning: Tuning
) -> Whole:
    """Return a copy of the network with a fresh head, standardised on what the network says now."""
    if plan.amp and any(one.dtype == torch.float16 for one in network.parameters()):
        raise TrainingError(
            "train_backbone() got a network in float16 and Plan(amp=True), which runs float32 in bfloat16; "
            "take amp=False, or network.float()."
        )
    copied = deepcopy(network).to(plan.device)
    training = targets.parts.training
    some = training[:: max(1, len(training) // SAMPLE)]
    features = run_over(Rows(copied), read, some, batch=tuning.batch, device=plan.device)
    head = Head(features.shape[1], depth=0) if shape is None else Head(**shape.settings())
    head.standardise(features)
    whole = Whole(copied, head, frozen=tuning.frozen, statistics=tuning.statistics)
    return whole.to(plan.device)


def _run(
    whole: Whole,
    loss: nn.Module,
    read: Reader,
    targets: Targets,
    *,
    plan: Plan,
    tuning: Tuning,
    file: Path | None,
    watch: Watch,
) -> loop.Run:
    training, modules = targets.parts.training, [whole, loss]
    optimiser = loop.optimiser_for(
        list(whole.head.parameters()),
        list(loss.parameters()),
        plan,
        slow=whole.slow(),
        slower=tuning.slower,
    )
    mark = _mark(whole, loss, targets, plan, tuning) if file else ""
    kept = checkpoint.Checkpoint(file, modules, optimiser, mark)
    begun = kept.load()

    def embed(at: Tensor) -> Tensor:
        x = as_input(read(training[at.cpu().numpy()]), plan.device)
        z: Tensor = whole(x if tuning.augment is None else tuning.augment(x))
        return z

    def embed_now(at: Labels) -> Floats:
        return run_over(whole, read, at, batch=tuning.batch, device=plan.device)

    return loop.run(
        loop.step_for(embed, loss, targets.seen, plan),
        loop.batches_for(targets.seen, plan, done=begun.done if begun else 0),
        modules,
        optimiser,
        plan,
        judge=judging.judge_for(embed_now, targets, plan),
        watch=watch,
        begun=begun,
        keep=kept.save,
    )


def _mark(whole: Whole, loss: nn.Module, targets: Targets, plan: Plan, tuning: Tuning) -> str:
    settings = {
        "tuning": {**asdict(replace(tuning, augment=None)), "batch": 0},
        "augment": tuning.augment,
        "head": whole.head.settings(),
    }
    return checkpoint.mark_of(plan, settings, loss, whole.state_dict(), [targets.whole])
