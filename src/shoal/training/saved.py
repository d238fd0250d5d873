"""A trained head on disk: one safetensors file with the head, the loss's own numbers, and what made them."""

import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import nn

from shoal.training import storage
from shoal.training.checked import Labels, TrainingError
from shoal.training.head import Head
from shoal.training.loop import seeded
from shoal.training.settings import settings_text
from shoal.training.targets import LossBuilder, loss_for
from shoal.training.tensors import as_arrays, as_tensors, put
from shoal.types import ShoalError

KIND = "trained head"
OURS = "shoal.losses."
"""A file may name classes of this package alone: data must not choose which code is imported."""


@runtime_checkable
class _Told(Protocol):
    def settings(self) -> dict[str, Any]: ...


def checked_path(who: str, path: Path | str) -> Path:
    """Return the path; raise `TrainingError` unless it ends in .safetensors."""
    file = Path(path)
    if file.suffix != storage.SUFFIX:
        raise TrainingError(f"{who} got {str(path)!r}; it takes a file that ends in {storage.SUFFIX}.")
    return file


def write(
    file: Path, head: Head, loss: nn.Module, labels: Mapping[str, Labels], record: Mapping[str, Any]
) -> None:
    """Write head, loss, labels (K,) by name and a record (JSON) as one file, whole or not there.

    Raises `TrainingError` where the disk refuses.
    """
    arrays: dict[str, NDArray[Any]] = {f"labels.{name}": one for name, one in labels.items()}
    arrays |= {f"head.{name}": one for name, one in head.arrays().items()}
    arrays |= as_arrays(loss.state_dict(), "loss.")
    card = {"head": head.settings(), "loss": _described(loss), "record": dict(record)}
    storage.replace(file, storage.pack(KIND, arrays, card))


def read(
    file: Path, loss: nn.Module | LossBuilder | None
) -> tuple[Head, nn.Module, dict[str, Labels], dict[str, Any]]:
    """Return what `write` wrote; a loss that the file cannot rebuild has to be handed in.

    Raises `TrainingError` for any other file, and for a loss of another class or other settings.
    """
    arrays, card = storage.read_file(file, KIND)
    try:
        labels = {name: one.astype(np.int64) for name, one in _under("labels.", arrays).items()}
        with seeded(0, "cpu"):
            head = Head.of(_under("head.", arrays), {"settings": card["head"]})
            built = _loss(card["loss"], loss, labels["classes"], head.dimensions)
        put(built, as_tensors(arrays, "loss."))
        return head, built.eval(), labels, dict(card["record"])
    except TrainingError as error:
        raise TrainingError(f"{file}: {error}") from error
    except (ShoalError, KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise TrainingError(f"{file}: its numbers do not fit its card ({error}); train it again.") from error


def _under(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): one for name, one in arrays.items() if name.startswith(prefix)}


def _described(loss: nn.Module) -> dict[str, Any]:
    """Return a loss's class, its settings as text, and its arguments where JSON can hold them."""
    kind = type(loss)
    try:
        told = loss.settings() if isinstance(loss, _Told) else None
        arguments = None if told is None else json.loads(storage.card_text(told))
    except (AttributeError, TypeError, ValueError, TrainingError):
        arguments = None  # a function among them, such as a miner
    return {
        "class": f"{kind.__module__}:{kind.__qualname__}",
        "arguments": arguments,
        "settings": settings_text(loss),
    }


def _loss(
    described: Mapping[str, Any], given: nn.Module | LossBuilder | None, classes: Labels, width: int
) -> nn.Module:
    name, arguments = str(described["class"]), described["arguments"]
    if given is None:
        return _rebuilt(name, arguments)
    built = loss_for(given, classes, width)
    if (_described(built)["class"], settings_text(built)) != (name, described["settings"]):
        raise TrainingError(
            f"it was trained by {name}, with other settings or by another loss than is given."
        )
    return built


def _rebuilt(name: str, arguments: Mapping[str, Any] | None) -> nn.Module:
    if not name.startswith(OURS) or arguments is None:
        raise TrainingError(f"its loss {name} cannot be rebuilt from a file; hand it in by loss=.")
    module, _, kind = name.partition(":")
    try:
        made = getattr(import_module(module), kind)
    except (ImportError, AttributeError) as error:
        raise TrainingError(f"this Shoal has no loss {name}; hand it in by loss=.") from error
    if not (isinstance(made, type) and issubclass(made, nn.Module)):
        raise TrainingError(f"{name} is no loss.")
    loss: nn.Module = made(**arguments)
    return loss
