"""What makes one training another: settings as text that is the same in every process."""

import functools
import json
from collections.abc import Callable, Mapping
from collections.abc import Set as AnySet
from types import MethodType
from typing import Any

import numpy as np
from torch import Tensor, nn

from shoal.arrays import plain_number

_TORCHS_OWN = {"training", *vars(nn.Module())}
"""What torch keeps in every module. Parameters and buffers are no settings: `state_dict` has them."""


def settings_text(value: Any) -> str:
    """Return a loss, an augmentation or any setting as text: equal for equal settings, without addresses.

    Modules and other objects are told by class and attributes, functions by name (so two lambdas of one
    scope are the same), `functools.partial` by function and arguments, arrays by their numbers,
    single numbers of numpy like Python's.
    """
    return json.dumps(_plain(value, ()), sort_keys=True)


def _plain(value: Any, within: tuple[int, ...]) -> Any:
    """Return what JSON can hold of a value; `within` are the objects around it, which it may hold again."""
    value = plain_number(value)
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if id(value) in within:
        return "itself"
    return _inside(value, lambda one: _plain(one, (*within, id(value))))


def _inside(value: Any, plain: Callable[[Any], Any]) -> Any:
    found: Any
    if isinstance(value, Tensor | np.ndarray | np.generic):
        found = [str(value.dtype), value.tolist()]
    elif isinstance(value, Mapping):
        found = {str(key): plain(one) for key, one in value.items()}
    elif isinstance(value, list | tuple):
        found = [plain(one) for one in value]
    elif isinstance(value, AnySet):
        found = sorted(json.dumps(plain(one), sort_keys=True) for one in value)
    elif isinstance(value, functools.partial):
        found = [plain(part) for part in (value.func, value.args, value.keywords)]
    elif isinstance(value, MethodType):
        found = [value.__name__, plain(value.__self__)]
    elif hasattr(value, "__qualname__"):  # functions and classes
        found = f"{value.__module__}.{value.__qualname__}"
    else:
        found = [plain(type(value)), plain(_attributes(value))]
    return found


def _attributes(value: Any) -> dict[str, Any]:
    slots = {name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())}
    found = {name: getattr(value, name) for name in slots if hasattr(value, name)}
    found |= getattr(value, "__dict__", {})
    if isinstance(value, nn.Module):
        found = {name: one for name, one in found.items() if name not in _TORCHS_OWN}
        return found | dict(value.named_children())
    if not found and " at 0x" not in repr(value):
        return {"repr": repr(value)}
    return found
