"""The frozen networks that turn images into vectors: one row each, loaded on use."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from shoal.registry import Registry

if TYPE_CHECKING:
    from shoal.backbones.any_torch import TorchBackbone
    from shoal.backbones.tuned import open_backbone, torch_network

__all__ = [
    "BACKBONES",
    "TorchBackbone",
    "open_backbone",
    "torch_network",
]

BACKBONES = Registry(
    "backbone",
    {
        "efficientnet_lite0": "shoal.backbones.efficientnet_lite:lite0",
        "efficientnet_lite1": "shoal.backbones.efficientnet_lite:lite1",
        "efficientnet_lite2": "shoal.backbones.efficientnet_lite:lite2",
        "placeholder": "shoal.backbones.placeholder:Placeholder",
    },
)
"""Name -> factory taking the keywords `fast: bool` and `threads: int | None`, returning a `Backbone`."""
_PLACES = {
    "TorchBackbone": "any_torch",
    "open_backbone": "tuned",
    "torch_network": "tuned",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"shoal.backbones.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
