"""A training that can go on after a kill: its numbers, its optimiser's and its record in one file."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shoal.training import storage
from shoal.training.checked import TrainingError
from shoal.training.loop import Moment, Run

KIND = "checkpoint"


def save(
    path: Path, run: Run, modules: Sequence[nn.Module], optimiser: torch.optim.Optimizer, mark: str
) -> None:
    """Write PATH.safetensors and its card PATH.json; `mark` says which training it is of.

    The file is whole or the one before. Raises `TrainingError` where the disk refuses.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for number, module in enumerate(modules):
        arrays |= _named(f"now.{number}", module.state_dict())
    for number, state in enumerate(run.best or []):
        arrays |= _named(f"best.{number}", state)
    for number, numbers in optimiser.state_dict()["state"].items():
        arrays |= _named(f"optimiser.{number}", numbers)
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
    if not path.with_name(path.name + ".safetensors").exists():
        return None
    arrays, card = storage.read(path, KIND)
    if card.get("mark") != mark:
        raise TrainingError(
            f"{path}.safetensors is the checkpoint of another training (other labels, plan, network, loss or "
            "augmentation); "
            "remove it, or name another file."
        )
    for number, module in enumerate(modules):
        module.load_state_dict(_under(f"now.{number}", arrays))
    state = optimiser.state_dict()
    count = sum(len(group["params"]) for group in state["param_groups"])
    numbers = {number: _under(f"optimiser.{number}", arrays) for number in range(count)}
    # a parameter that no batch has reached has no numbers
    optimiser.load_state_dict({**state, "state": {k: one for k, one in numbers.items() if one}})
    best = [_under(f"best.{number}", arrays) for number in range(len(modules))] if card["has_best"] else None
    history = [Moment(**moment) for moment in card["history"]]
    return Run(history, card["best_step"], card["best_score"], best)


def _named(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, NDArray[Any]]:
    return {f"{prefix}.{name}": one.detach().cpu().numpy() for name, one in tensors.items()}


def _under(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {
        name.removeprefix(start): torch.from_numpy(np.array(array))
        for name, array in arrays.items()
        if name.startswith(start)
    }
