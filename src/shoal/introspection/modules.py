"""What introspection asks of a network before it runs: checked once, at its public calls."""

from collections.abc import Sequence
from typing import Any

from torch import nn

from shoal.introspection.checked import IntrospectionError
from shoal.networks import device_problem


def check_network(who: str, network: Any, layers: Sequence[Any], device: str) -> None:
    """Raise `IntrospectionError` unless these are a torch module, names of layers and a usable device."""
    if not isinstance(network, nn.Module):
        raise IntrospectionError(f"{who} got a {type(network).__name__}; it takes a torch.nn.Module.")
    named = isinstance(layers, Sequence) and not isinstance(layers, str)
    if not named or not all(isinstance(name, str) for name in layers):
        raise IntrospectionError(f"{who} got the layers {layers!r}; it takes a list of names of modules.")
    problem = device_problem(device)
    if problem is not None:
        raise IntrospectionError(f"{who} got device={device!r}: {problem}")
