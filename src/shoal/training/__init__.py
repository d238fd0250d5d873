"""Training: the small head on top of frozen vectors, a linear probe, and confidences that can be believed.

Loaded on use, so that numpy-only parts need no torch. Losses are handed in: no loss is known here.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shoal.training.checked import TrainingError as TrainingError
    from shoal.training.head import Head as Head
    from shoal.training.loop import Moment as Moment
    from shoal.training.loop import Plan as Plan
    from shoal.training.trainer import Trained as Trained
    from shoal.training.trainer import train_head as train_head

_PLACES = {
    "TrainingError": "checked",
    "Head": "head",
    "Moment": "loop",
    "Plan": "loop",
    "Trained": "trainer",
    "train_head": "trainer",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"shoal.training.{_PLACES[name]}"), name)
