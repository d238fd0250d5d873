"""A module's numbers as the arrays that a file keeps, and back, each in its own precision."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

BITS = ":bfloat16"
"""Ends the name of an array whose int16 are the bits of bfloat16, which numpy does not know."""


def as_arrays(tensors: Mapping[str, Tensor], prefix: str = "") -> dict[str, NDArray[Any]]:
    """Return tensors by name as arrays by prefix and name."""
    found: dict[str, NDArray[Any]] = {}
    for name, tensor in tensors.items():
        one = tensor.detach().cpu()
        if one.dtype == torch.bfloat16:
            found[f"{prefix}{name}{BITS}"] = one.contiguous().view(torch.int16).numpy()
        else:
            found[f"{prefix}{name}"] = one.numpy()
    return found


def as_tensors(arrays: Mapping[str, NDArray[Any]], prefix: str = "") -> dict[str, Tensor]:
    """Return copies of the tensors of `as_arrays` whose names begin with the prefix, without it."""
    found: dict[str, Tensor] = {}
    for name, array in arrays.items():
        if not name.startswith(prefix):
            continue
        one = torch.from_numpy(np.array(array))
        bits = name.endswith(BITS) and one.dtype == torch.int16
        found[name.removeprefix(prefix).removesuffix(BITS if bits else "")] = (
            one.view(torch.bfloat16) if bits else one
        )
    return found


def put(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Put tensors into a module as `load_state_dict` does, which takes on their floating precision."""
    for name, own in module.state_dict(keep_vars=True).items():
        given = tensors.get(name)
        if given is not None and given.is_floating_point() and own.is_floating_point():
            own.data = own.data.to(given.dtype)
    module.load_state_dict(dict(tensors))
