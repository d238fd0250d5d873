"""Confidences that can be believed: temperature, Platt scaling, calibration error, reliability curves."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal.arrays import is_number
from shoal.training.checked import (
    Floats,
    Labels,
    TrainingError,
    checked_labels,
    checked_numbers,
    checked_whole,
)

COOLEST, HOTTEST = 0.02, 100.0


def softmax(logits: ArrayLike, temperature: float = 1.0) -> Floats:
    """Return the probabilities (N, K) float32 of logits (N, K) divided by the temperature."""
    if not (is_number(temperature) and temperature > 0):
        raise TrainingError(f"softmax() got temperature={temperature!r}; it must be above 0, and finite.")
    x = checked_numbers("softmax()", "logits", logits).astype(np.float32) / np.float32(temperature)
    if x.ndim != 2 or not x.shape[1]:
        raise TrainingError(f"softmax() got logits of shape {x.shape}; it takes (N, K).")
    shares = np.exp(x - x.max(axis=1, keepdims=True))
    probabilities: Floats = shares / shares.sum(axis=1, keepdims=True)
    return probabilities


def fit_temperature(logits: ArrayLike, labels: ArrayLike, *, smooth: bool = True) -> float:
    """Return the temperature T that makes softmax(logits / T) least surprised by the labels.

    Guo et al. (2017), ICML: one number, the order of the classes stays. logits (N, K) are of items
    the model has not seen (`out_of_fold`), labels (N,) are column numbers; -1 and rows that are not finite
    are left out. `smooth`: Platt's (1999) targets, (N + 1) / (N + 2) for the true class and the rest shared
    by the others, without which a few dozen items all predicted right would ask for certainty. Raises
    `TrainingError` without an item.
    """
    x, y = _pairs("fit_temperature()", logits, labels)
    targets = _targets(y, x.shape[1], smooth)

    def surprise(log_temperature: float) -> float:
        scaled = x * np.exp(-log_temperature)
        return float(np.mean(_log_sum(scaled) - (targets * scaled).sum(axis=1)))

    from scipy.optimize import minimize_scalar

    found = minimize_scalar(surprise, bounds=(np.log(COOLEST), np.log(HOTTEST)), method="bounded")
    return float(np.exp(found.x))


@dataclass(frozen=True, slots=True)
class Platt:
    """The probability that a prediction is right: sigmoid(slope * logit(confidence) + offset)."""

    slope: float
    offset: float

    def confidence(self, confidence: ArrayLike) -> Floats:
        """Return the corrected confidences (N,) float32 of confidences (N,) in [0, 1]."""
        right: Floats = (1 / (1 + np.exp(-(self.slope * _logit(confidence) + self.offset)))).astype(
            np.float32
        )
        return right


def fit_platt(confidence: ArrayLike, correct: ArrayLike) -> Platt:
    """Return the correction of confidences (N,) by whether the predictions were correct (N,) bool.

    Platt (1999), with his targets (n+ + 1) / (n+ + 2) and 1 / (n- + 2): two numbers for the likeliest class
    alone. Measured on pooled vectors: better than a temperature from about 500 labels on, worse below.
    Raises `TrainingError` as `reliability_curve` does.
    """
    from scipy.optimize import minimize

    sure, right = _outcomes("fit_platt()", confidence, correct)
    x, hits = _logit(sure), int(right.sum())
    wanted = np.where(right, (hits + 1) / (hits + 2), 1 / (len(x) - hits + 2))

    def value_and_slope(both: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = both[0] * x + both[1]
        away = 1 / (1 + np.exp(-z)) - wanted
        return float(np.sum(np.logaddexp(0, z) - wanted * z)), np.array([away @ x, away.sum()])

    found = minimize(value_and_slope, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B").x
    return Platt(float(found[0]), float(found[1]))


@dataclass(frozen=True, slots=True)
class Reliability:
    """A reliability curve: mean confidence, accuracy and number of items of each bin that is not empty."""

    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    counts: NDArray[np.int64]

    @property
    def error(self) -> float:
        """The expected calibration error: the mean gap |accuracy - confidence|, by items."""
        gaps = np.abs(self.accuracy - self.confidence)
        return float(gaps @ self.counts / self.counts.sum())


def reliability_curve(
    confidence: ArrayLike, correct: ArrayLike, *, bins: int = 15, equal_mass: bool = False
) -> Reliability:
    """Return how often predictions of each confidence (N,) in [0, 1] are correct (N,) bool.

    Bins of equal width as in Guo et al. (2017), or holding equally many items: with a few hundred items
    better, since most confidences are high. Raises `TrainingError` for anything else.
    """
    sure, right = _outcomes("reliability_curve()", confidence, correct)
    checked_whole("reliability_curve()", bins=bins, at_least=1)
    if equal_mass:
        rank = np.empty(len(sure), np.int64)
        rank[np.argsort(sure, kind="stable")] = np.arange(len(sure))
        place = rank * bins // len(sure)
    else:
        # a bin holds its upper end, as in the paper
        place = np.clip(np.ceil(sure * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    used = counts > 0
    mean = np.bincount(place, sure, bins)[used] / counts[used]
    accuracy = np.bincount(place, right, bins)[used] / counts[used]
    return Reliability(mean, accuracy, counts[used])


def expected_calibration_error(
    confidence: ArrayLike, correct: ArrayLike, *, bins: int = 15, equal_mass: bool = False
) -> float:
    """Return the mean gap between confidence and accuracy over the bins of `reliability_curve`.

    Guo et al. (2017). Biased upwards where bins hold few items: compare at equal N and bins.
    """
    return reliability_curve(confidence, correct, bins=bins, equal_mass=equal_mass).error


def _outcomes(
    who: str, confidence: ArrayLike, correct: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    sure, hits = checked_numbers(who, "confidences", confidence), checked_numbers(who, "correctness", correct)
    right = hits.astype(bool)
    if sure.ndim != 1 or sure.shape != right.shape or not len(sure):
        raise TrainingError(
            f"{who} got confidences {sure.shape} and correctness {right.shape}; it takes one of each an item."
        )
    if not ((sure >= 0) & (sure <= 1)).all():
        raise TrainingError(f"{who} got a confidence outside [0, 1].")
    return sure, right


def _logit(confidence: ArrayLike) -> NDArray[np.float64]:
    inside = np.clip(checked_numbers("Platt", "confidences", confidence), 1e-6, 1 - 1e-6)
    logits: NDArray[np.float64] = np.log(inside / (1 - inside))
    return logits


def _pairs(who: str, logits: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    x = checked_numbers(who, "logits", logits)
    if x.ndim != 2 or x.shape[1] < 2:
        raise TrainingError(f"{who} got logits of shape {x.shape}; it takes (N, K) of at least two classes.")
    y = checked_labels(who, labels, len(x))
    kept = (y >= 0) & np.isfinite(x).all(axis=1)
    if not kept.any():
        raise TrainingError(f"{who} got no labelled item with finite logits; label some first.")
    if int(y.max()) >= x.shape[1]:
        raise TrainingError(
            f"{who} got the label {int(y.max())} for {x.shape[1]} columns; labels are column numbers here."
        )
    return x[kept], y[kept]


def _targets(y: Labels, classes: int, smooth: bool) -> NDArray[np.float64]:
    own = (len(y) + 1) / (len(y) + 2) if smooth else 1.0
    targets = np.full((len(y), classes), (1.0 - own) / (classes - 1))
    targets[np.arange(len(y)), y] = own
    return targets


def _log_sum(x: NDArray[np.float64]) -> NDArray[np.float64]:
    top = x.max(axis=1)
    sums: NDArray[np.float64] = top + np.log(np.exp(x - top[:, None]).sum(axis=1))
    return sums
