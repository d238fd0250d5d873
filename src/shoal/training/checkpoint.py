"""A training that can go on after a kill: its numbers, its optimiser's and its record in one file."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shoal.training import storage
from shoal.training.checked import TrainingError
from shoal.training.loop import Moment, Plan, Run
from shoal.training.settings import settings_text
from shoal.training.tensors import as_arrays, as_tensors

KIND = "checkpoint"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The file of one training, if it has any, and what goes into it: `mark` says which training it is."""

    path: Path | None
    modules: Sequence[nn.Module]
    optimiser: torch.optim.Optimizer
    mark: str

    def load(self) -> Run | None:
        """Return the run so far, its numbers put in place; None where there is none."""
        return None if self.path is None else load(self.path, self.modules, self.optimiser, self.mark)

    def save(self, run: Run) -> None:
        """Write the run so far, where there is a file for it."""
        if self.path is not None:
            save(self.path, run, self.modules, self.optimiser, self.mark)


def mark_of(
    plan: Plan,
    settings: Mapping[str, Any],
    loss: nn.Module,
    numbers: Mapping[str, Tensor],
    rows: Sequence[NDArray[Any]],
) -> str:
    """Return what tells one training from any other: plan and settings, numbers it begins with, its rows."""
    whole = {"plan": {**asdict(plan), "device": ""}, "loss": loss, **settings}
    digest = hashlib.sha256(settings_text(whole).encode())
    for array in rows:
        digest.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
    for name, tensor in numbers.items():
        digest.update(name.encode() + b"".join(one.tobytes() for one in as_arrays({"": tensor}).values()))
    # of the loss no numbers: one that was handed in has moved since, and the checkpoint holds its own
    digest.update(str({name: tuple(tensor.shape) for name, tensor in loss.state_dict().items()}).encode())
    return digest.hexdigest()


def save(
    path: Path, run: Run, modules: Sequence[nn.Module], optimiser: torch.optim.Optimizer, mark: str
) -> None:
    """Write PATH.safetensors and its card PATH.json; `mark` says which training it is of.

    The file is whole or the one before. Raises `TrainingError` where the disk refuses.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for number, module in enumerate(modules):
        arrays |= as_arrays(module.state_dict(), f"now.{number}.")
    for number, state in enumerate(run.best or []):
        arrays |= as_arrays(state, f"best.{number}.")
    for number, numbers in optimiser.state_dict()["state"].items():
        arrays |= as_arrays(numbers, f"optimiser.{number}.")
    card = {
        "mark": mark,
        "history": [asdict(moment) for moment in run.history],
        "best_step": run.best_step,
        "best_score": run.best_score,
        "has_best": run.best is not None,
    }
    storage.write(path, KIND, arrays, card)


def load(path: Path, modules: Sequence[nn.Module], optimiser: torch.optim.Optimizer, mark: str) -> Run | None:
    """Put modules and optimiser where `save` left them and return the run; None where there is no file.

    Raises `TrainingError` for a damaged file, and for one of another training.
    """
    if not path.with_name(path.name + storage.SUFFIX).exists():
        return None
    arrays, card = storage.read(path, KIND)
    if card.get("mark") != mark:
        raise TrainingError(
            f"{path}.safetensors is the checkpoint of another training (other vectors, labels, plan, head, "
            "network, loss or augmentation); remove it, or name another file."
        )
    for number, module in enumerate(modules):
        module.load_state_dict(as_tensors(arrays, f"now.{number}."))
    state = optimiser.state_dict()
    count = sum(len(group["params"]) for group in state["param_groups"])
    numbers = {number: as_tensors(arrays, f"optimiser.{number}.") for number in range(count)}
    # a parameter that no batch has reached has no numbers
    optimiser.load_state_dict({**state, "state": {k: one for k, one in numbers.items() if one}})
    numbered = range(len(modules))
    best = [as_tensors(arrays, f"best.{number}.") for number in numbered] if card["has_best"] else None
    history = [Moment(**moment) for moment in card["history"]]
    return Run(history, card["best_step"], card["best_score"], best)
