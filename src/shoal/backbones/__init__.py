"""The frozen networks that turn images into vectors: one row each, loaded on use."""

from shoal.registry import Registry

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

__all__ = ["BACKBONES"]
