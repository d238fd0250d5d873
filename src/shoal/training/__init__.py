"""Training: the head on top of frozen vectors, a whole backbone, a probe, confidences that can be believed.

Loaded on use, so that numpy-only parts need no torch. Losses are handed in: no loss is known here.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shoal.training.backbone import TrainedBackbone, Tuning, load_trained, train_backbone
    from shoal.training.calibration import (
        Platt,
        Reliability,
        expected_calibration_error,
        fit_platt,
        fit_temperature,
        reliability_curve,
        softmax,
    )
    from shoal.training.checked import TrainingError
    from shoal.training.folds import out_of_fold, probe_accuracy, probe_fit
    from shoal.training.head import Head
    from shoal.training.loop import Moment, Plan
    from shoal.training.novelty import Rejector
    from shoal.training.probe import LinearProbe
    from shoal.training.trainer import Trained, train_head

__all__ = [
    "Head",
    "LinearProbe",
    "Moment",
    "Plan",
    "Platt",
    "Rejector",
    "Reliability",
    "Trained",
    "TrainedBackbone",
    "TrainingError",
    "Tuning",
    "expected_calibration_error",
    "fit_platt",
    "fit_temperature",
    "load_trained",
    "out_of_fold",
    "probe_accuracy",
    "probe_fit",
    "reliability_curve",
    "softmax",
    "train_backbone",
    "train_head",
]

_PLACES = {
    "TrainedBackbone": "backbone",
    "Tuning": "backbone",
    "load_trained": "backbone",
    "train_backbone": "backbone",
    "TrainingError": "checked",
    "Platt": "calibration",
    "Reliability": "calibration",
    "expected_calibration_error": "calibration",
    "fit_platt": "calibration",
    "fit_temperature": "calibration",
    "reliability_curve": "calibration",
    "softmax": "calibration",
    "out_of_fold": "folds",
    "probe_accuracy": "folds",
    "probe_fit": "folds",
    "Head": "head",
    "Moment": "loop",
    "Plan": "loop",
    "Rejector": "novelty",
    "LinearProbe": "probe",
    "Trained": "trainer",
    "train_head": "trainer",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"shoal.training.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
