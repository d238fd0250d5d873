"""The one loop that trains everything: a plan, batches, a loss, and a judge who says when to stop."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from dataclasses import dataclass, field, fields
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from shoal.arrays import is_number, plain_number
from shoal.samplers import ClassBatches
from shoal.training.checked import Labels, TrainingError, checked_whole
from shoal.types import Progress, Watch

Step = Callable[[list[int]], Tensor]
"""The positions of one batch to its loss, a scalar."""
Judge = Callable[[], float]
"""Says how good the network is now; higher is better."""

HOLD_OUTS = ("classes", "items")
METRICS = ("recall", "nmi")


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train. Everything besides data, head and loss that decides the result.

    steps: how many batches, of `classes` classes x `items` items each (fewer classes where there are fewer).
    lr: the highest learning rate of AdamW; it rises over the first `warmup` (a share of the steps) and falls
    to 0 along a cosine. loss_lr: that of the loss's own parameters (None: ten times `lr`, without decay).
    hold_out: None trains on every label. "classes" keeps a `share` of the classes aside, all their labels
    unseen; "items" keeps a share of every class's items aside. Then every `every` steps the kept ones are
    judged by `metric` ("recall": the nearest other item is of the same class; "nmi": k-means against the
    classes), training stops after `patience` judgements without a better one, and the best is returned.
    rank: how many principal components of the vectors the head's first layer learns in (0: all). It is a
    wide layer's cost that falls, and the directions left out are mostly noise.
    amp: run the network in bfloat16 where the device can. seed: of everything random.
    """

    steps: int = 200
    classes: int = 16
    items: int = 8
    lr: float = 3e-3
    loss_lr: float | None = None
    weight_decay: float = 1e-2
    warmup: float = 0.1
    hold_out: str | None = None
    share: float = 0.25
    metric: str = "recall"
    every: int = 20
    patience: int = 5
    rank: int = 128
    device: str = "cpu"
    amp: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        counts = {name: getattr(self, name) for name in ("steps", "classes", "items", "every", "patience")}
        checked_whole("Plan", **counts, at_least=1)
        checked_whole("Plan", rank=self.rank, seed=self.seed, at_least=0)
        rates = {"lr": self.lr, "loss_lr": self.lr if self.loss_lr is None else self.loss_lr}
        fractions = {"weight_decay": self.weight_decay, "warmup": self.warmup, "share": self.share}
        for name, value in {**rates, **fractions}.items():
            self._check(is_number(value), f"a finite number as {name}")
        self._check(min(rates.values()) > 0, "learning rates above 0")
        self._check(self.weight_decay >= 0, "a weight_decay >= 0")
        self._check(0 <= self.warmup < 1, "warmup in [0, 1)")
        self._check(0 < self.share < 1, "share between 0 and 1")
        self._check(self.hold_out is None or self.hold_out in HOLD_OUTS, f"hold_out None or in {HOLD_OUTS}")
        self._check(self.metric in METRICS, f"metric in {METRICS}")
        for one in fields(self):
            object.__setattr__(self, one.name, plain_number(getattr(self, one.name)))

    def _check(self, holds: bool, wanted: str) -> None:
        if not holds:
            raise TrainingError(f"{self} is no plan: it needs {wanted}.")


@dataclass(frozen=True, slots=True)
class Moment:
    """The state of training after `step` steps: the batch's loss, and the judge's score where asked."""

    step: int
    loss: float
    score: float | None
    seconds: float


States = list[dict[str, Tensor]]
"""The numbers of modules, one `state_dict` each."""


@dataclass(slots=True)
class Run:
    """How far a run of the loop has come: its moments, the best step, and the modules' numbers at it."""

    history: list[Moment] = field(default_factory=list)
    best_step: int = 0
    best_score: float | None = None
    best: States | None = None

    @property
    def done(self) -> int:
        """How many steps were taken."""
        return len(self.history)

    def ended(self, plan: Plan) -> bool:
        """Return whether the judge's patience is at its end."""
        return self.best is not None and self.done - self.best_step >= plan.patience * plan.every


def optimiser_for(
    trained: Sequence[nn.Parameter],
    own: Sequence[nn.Parameter],
    plan: Plan,
    *,
    slow: Sequence[nn.Parameter] = (),
    slower: float = 1.0,
) -> torch.optim.AdamW:
    """Return AdamW over the network's parameters, and over the loss's `own` at their rate, without decay.

    The rate of the parameters `slow` is `slower` times the plan's.
    """
    loss_lr = 10 * plan.lr if plan.loss_lr is None else plan.loss_lr
    groups: list[dict[str, Any]] = [
        {"params": list(trained), "lr": plan.lr, "weight_decay": plan.weight_decay},
        {"params": list(slow), "lr": slower * plan.lr, "weight_decay": plan.weight_decay},
        {"params": list(own), "lr": loss_lr, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    for group in groups:
        group["highest"] = group["lr"]
    return torch.optim.AdamW(groups, fused=True)


def batches_for(labels: Labels, plan: Plan, *, done: int = 0) -> Iterable[list[int]]:
    """Return the batches of positions among labels (N,) that a plan draws, after the first `done`."""
    batches = ClassBatches(
        labels,
        classes=min(plan.classes, len(np.unique(labels))),
        items=plan.items,
        batches=plan.steps,
        singletons=True,
        seed=plan.seed,
    )
    return islice(batches, done, None)


def step_for(embed: Callable[[Tensor], Tensor], loss: nn.Module, labels: Labels, plan: Plan) -> Step:
    """Return the step in which `embed` turns positions (B,) into (B, d), and the loss sees their labels."""
    y, kind = torch.from_numpy(labels).to(plan.device), torch.device(plan.device).type

    def step(batch: list[int]) -> Tensor:
        at = torch.tensor(batch, device=plan.device)
        with torch.autocast(kind, torch.bfloat16) if plan.amp else nullcontext():
            z = embed(at)
        value: Tensor = loss(z, y[at])
        return value

    return step


def run(
    step: Step,
    batches: Iterable[list[int]],
    modules: Sequence[nn.Module],
    optimiser: torch.optim.Optimizer,
    plan: Plan,
    *,
    judge: Judge | None = None,
    watch: Watch = lambda _: None,
    begun: Run | None = None,
    keep: Callable[[Run], None] = lambda _: None,
) -> Run:
    """Train `modules` by `plan`, leave the best state in them, and return what happened.

    The last of `modules` is the loss. `watch` hears of every step and may raise to cancel. With `begun` the
    loop goes on from there, `batches` being those that are left; `keep` is called every `plan.every` steps,
    and at the end, with the run so far for a checkpoint. Raises `TrainingError` where the loss or its
    gradient is not finite.
    """
    result = begun or Run()
    clock = _Clock(plan.steps, result.done)
    for number, batch in enumerate(batches, start=result.done + 1):
        if result.ended(plan):
            break
        _set_rates(optimiser, plan, number)
        value = _descend(step, batch, modules, optimiser, seed=plan.seed + number, number=number)
        due = number % plan.every == 0 or number == plan.steps
        score = judge() if judge is not None and due else None
        result.history.append(Moment(number, value, score, clock.seconds()))
        if score is not None and (result.best_score is None or score > result.best_score):
            result.best_score, result.best_step = score, number
            result.best = [deepcopy(module.state_dict()) for module in modules]
        if due:
            keep(result)
        watch(clock.progress(number, value, score))
    if result.best is None:
        result.best_step = plan.steps
    for module, state in zip(modules, result.best or [], strict=False):
        module.load_state_dict(state)
    return result


@contextmanager
def seeded(seed: int, device: str) -> Iterator[None]:
    """Give torch's global random numbers this seed inside, and leave them as they were afterwards."""
    devices = [torch.device(device)] if torch.device(device).type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        yield


def _descend(
    step: Step,
    batch: list[int],
    modules: Sequence[nn.Module],
    optimiser: torch.optim.Optimizer,
    *,
    seed: int,
    number: int,
) -> float:
    # each step has a seed of its own, so that a run that goes on from a checkpoint repeats the whole one
    torch.manual_seed(seed)
    for module in modules:
        module.train()
    optimiser.zero_grad()
    loss = _one_number(step(batch), modules[-1])
    slope = torch.zeros_like(loss.detach())
    if loss.requires_grad:
        loss.backward()  # type: ignore[no-untyped-call]
        slope = _length_of_gradient(optimiser)
    # both at once: on a GPU looking at a number waits for it
    value, length = torch.stack([loss.detach().double(), slope.to(loss.device).double()]).tolist()
    _need_finite("the loss", value, modules[-1], number)
    _need_finite("the length of its gradient", length, modules[-1], number)
    if loss.requires_grad:
        optimiser.step()
    return float(value)


def _one_number(loss: object, of: nn.Module) -> Tensor:
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        given = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else f"type {type(loss).__name__}"
        raise TrainingError(
            f"training got a result of {given} under {type(of).__name__}; a loss returns one number, a "
            "scalar tensor such as the mean over the batch."
        )
    return loss.reshape(())


def _need_finite(what: str, value: float, loss: nn.Module, number: int) -> None:
    if not math.isfinite(value):
        raise TrainingError(
            f"training stopped at step {number}: under {type(loss).__name__} {what} became {value}. "
            "Lower the learning rate (Plan.lr, Plan.loss_lr), or scale the inputs."
        )


def _length_of_gradient(optimiser: torch.optim.Optimizer) -> Tensor:
    """Return the norm of all gradients, a scalar: one pass over them, NaN or infinite where any number is."""
    trained = (one for group in optimiser.param_groups for one in group["params"])
    return torch.nn.utils.get_total_norm([one.grad for one in trained if one.grad is not None])


def _set_rates(optimiser: torch.optim.Optimizer, plan: Plan, number: int) -> None:
    """Raise the rates over the warm-up, then let them fall along a cosine; `number` counts from 1."""
    rising = plan.warmup * plan.steps
    if number <= rising:
        factor = number / rising
    else:
        factor = 0.5 * (1 + math.cos(math.pi * (number - 1 - rising) / (plan.steps - rising)))
    for group in optimiser.param_groups:
        group["lr"] = group["highest"] * factor


class _Clock:
    def __init__(self, total: int, done: int) -> None:
        self._began, self._total, self._done = time.monotonic(), total, done

    def seconds(self) -> float:
        return time.monotonic() - self._began

    def progress(self, number: int, value: float, score: float | None) -> Progress:
        rate = (number - self._done) / max(self.seconds(), 1e-9)
        judged = "" if score is None else f", held out {score:.3f}"
        return Progress(
            number, self._total, f"training: loss {value:.3g}{judged}", rate, (self._total - number) / rate
        )
