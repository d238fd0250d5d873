"""Training: the head on top of frozen vectors, a whole backbone, a probe, confidences that can be believed.

Loaded on use, so that numpy-only parts need no torch. Losses are handed in: no loss is known here.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shoal.training.backbone import TrainedBackbone as TrainedBackbone
    from shoal.training.backbone import Tuning as Tuning
    from shoal.training.backbone import load_trained as load_trained
    from shoal.training.backbone import train_backbone as train_backbone
    from shoal.training.calibration import Platt as Platt
    from shoal.training.calibration import Reliability as Reliability
    from shoal.training.calibration import expected_calibration_error as expected_calibration_error
    from shoal.training.calibration import fit_platt as fit_platt
    from shoal.training.calibration import fit_temperature as fit_temperature
    from shoal.training.calibration import reliability_curve as reliability_curve
    from shoal.training.calibration import softmax as softmax
    from shoal.training.checked import TrainingError as TrainingError
    from shoal.training.folds import out_of_fold as out_of_fold
    from shoal.training.folds import probe_accuracy as probe_accuracy
    from shoal.training.folds import probe_fit as probe_fit
    from shoal.training.head import Head as Head
    from shoal.training.loop import Moment as Moment
    from shoal.training.loop import Plan as Plan
    from shoal.training.novelty import Rejector as Rejector
    from shoal.training.probe import LinearProbe as LinearProbe
    from shoal.training.trainer import Trained as Trained
    from shoal.training.trainer import train_head as train_head

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
