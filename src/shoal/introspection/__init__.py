"""Introspection: how good each layer is, which items excite a unit, what it sees, maps flattened.

Loaded on use, so that numpy-only parts need no torch. Probes and indices are handed in: none is known here.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shoal.introspection.checked import IntrospectionError
    from shoal.introspection.exciting import Exciting, most_exciting
    from shoal.introspection.layers import activations, flatten, flattened
    from shoal.introspection.preferred import Climb, Preferred, preferred_image, preferred_images
    from shoal.introspection.quality import LayerQuality, layer_quality
    from shoal.networks import watching

__all__ = [
    "Climb",
    "Exciting",
    "IntrospectionError",
    "LayerQuality",
    "Preferred",
    "activations",
    "flatten",
    "flattened",
    "layer_quality",
    "most_exciting",
    "preferred_image",
    "preferred_images",
    "watching",
]

_PLACES = {
    "activations": "shoal.introspection.layers",
    "flatten": "shoal.introspection.layers",
    "flattened": "shoal.introspection.layers",
    "IntrospectionError": "shoal.introspection.checked",
    "Exciting": "shoal.introspection.exciting",
    "most_exciting": "shoal.introspection.exciting",
    "Climb": "shoal.introspection.preferred",
    "Preferred": "shoal.introspection.preferred",
    "preferred_image": "shoal.introspection.preferred",
    "preferred_images": "shoal.introspection.preferred",
    "LayerQuality": "shoal.introspection.quality",
    "layer_quality": "shoal.introspection.quality",
    "watching": "shoal.networks",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
