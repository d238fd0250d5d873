"""A linear probe: multinomial logistic regression on cached vectors, ready in a second and warm-startable."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal.arrays import is_number, unit_vectors
from shoal.training import storage
from shoal.training.checked import (
    Floats,
    Labels,
    TrainingError,
    Vectors,
    checked_labels,
    checked_vectors,
    checked_whole,
    finite_rows,
    need_two_classes,
)
from shoal.training.scaling import scales_of

KIND = "probe"
ROWS = 8192


@dataclass(frozen=True, slots=True)
class LinearProbe:
    """logits = x W^T + b, x a vector scaled to length 1 if `unit`.

    weights (K, D) float32, bias (K,) float32, classes (K,) int64: the label behind each logit, ascending.
    """

    weights: Floats
    bias: Floats
    classes: Labels
    unit: bool = True

    @classmethod
    def fit(
        cls,
        vectors: Vectors,
        labels: ArrayLike,
        *,
        strength: float = 0.05,
        unit: bool = True,
        start: "LinearProbe | None" = None,
        iterations: int = 50,
        tolerance: float = 1e-2,
    ) -> Self:
        """Fit vectors (N, D) with labels (N,) int, -1 = unlabelled: mean cross-entropy + strength/2 ||W||^2.

        By L-BFGS on standardised vectors, the labelled ones only, ended when a step gains less than
        `tolerance` (accuracy is there long before the optimum is), or after `iterations`. With `start` the
        classes it knows begin with its weights. Raises `TrainingError` without two classes, on labelled
        vectors that are not finite, and where the widths differ.
        """
        width = None if start is None else start.weights.shape[1]
        rows = checked_vectors("LinearProbe.fit()", vectors, width)
        whole = checked_labels("LinearProbe.fit()", labels, len(rows))
        checked_whole("LinearProbe.fit()", iterations=iterations, at_least=1)
        for name, value in (("strength", strength), ("tolerance", tolerance)):
            if not (is_number(value) and value > 0):
                raise TrainingError(
                    f"LinearProbe.fit() got {name}={value!r}; it must be above 0, and finite."
                )
        classes = need_two_classes("LinearProbe.fit()", whole)
        known = np.flatnonzero(whole >= 0)
        x = _scaled(finite_rows("LinearProbe.fit()", rows, known), unit)
        mean = x.mean(axis=0, dtype=np.float64).astype(np.float32)
        x -= mean
        # one scale for all directions of unit vectors, one for each of others; never that of a dead direction
        scale = 1.0 / max(float(np.sqrt(np.mean(x**2))), 1e-9) if unit else _scales(mean, x)
        x *= scale
        begin = np.zeros((len(classes), x.shape[1] + 1), np.float32)
        if start is not None and start.unit == unit:
            _, new, old = np.intersect1d(classes, start.classes, return_indices=True)
            begin[new, :-1] = start.weights[old] / scale
            begin[new, -1] = start.bias[old] + start.weights[old] @ mean
        options = {"maxiter": iterations, "ftol": tolerance, "gtol": 1e-7, "maxcor": 10}
        both = _descend(x, np.searchsorted(classes, whole[known]), begin, strength, options)
        weights, bias = both[:, :-1] * scale, both[:, -1]
        return cls(weights, bias - weights @ mean, classes, unit)

    def logits(self, vectors: Vectors) -> Floats:
        """Return the logits (N, K) float32 of vectors (N, D) of any float type."""
        given = checked_vectors("LinearProbe.logits()", vectors, self.weights.shape[1])
        out = np.empty((len(given), len(self.classes)), np.float32)
        for start in range(0, len(given), ROWS):
            rows = _scaled(given[start : start + ROWS].astype(np.float32), self.unit)
            np.matmul(rows, self.weights.T, out=out[start : start + ROWS])
        out += self.bias
        return out

    def predict(self, vectors: Vectors) -> Labels:
        """Return the likeliest label (N,) of vectors (N, D)."""
        chosen: Labels = self.classes[self.logits(vectors).argmax(axis=1)]
        return chosen

    def to_onnx(self) -> bytes:
        """Return the probe as an ONNX file: "vectors" (N, D) float32 -> "logits" (N, K) float32."""
        from shoal.training.onnx import probe_graph

        return probe_graph(self.weights, self.bias, unit=self.unit)

    def to_bytes(self, facts: Mapping[str, Any] | None = None) -> bytes:
        """Return the probe as one safetensors file; `facts` (JSON) say where it comes from."""
        return storage.pack(KIND, self._arrays(), self._card(facts))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Return the probe of `to_bytes`; raises `TrainingError` for anything else."""
        return cls._of(*storage.unpack(KIND, data))

    def save(self, path: Path | str, facts: Mapping[str, Any] | None = None) -> None:
        """Write PATH.safetensors and the card PATH.json."""
        storage.write(Path(path), KIND, self._arrays(), self._card(facts))

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Return the probe that `save(path)` wrote; raises `TrainingError` where there is none."""
        return cls._of(*storage.read(Path(path), KIND))

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {"weights": self.weights, "bias": self.bias, "classes": self.classes}

    def _card(self, facts: Mapping[str, Any] | None) -> dict[str, Any]:
        return {"settings": {"unit": self.unit}, "facts": dict(facts or {})}

    @classmethod
    def _of(cls, arrays: Mapping[str, NDArray[Any]], card: Mapping[str, Any]) -> Self:
        try:
            return cls(arrays["weights"], arrays["bias"], arrays["classes"], bool(card["settings"]["unit"]))
        except (KeyError, TypeError) as error:
            raise TrainingError(
                f"this probe's numbers do not fit its card ({error}); fit it again."
            ) from error


def _scaled(rows: Floats, unit: bool) -> Floats:
    return unit_vectors(rows) if unit else rows


def _scales(mean: Floats, centred: Floats) -> Floats:
    squares = np.einsum("nd,nd->d", centred, centred, dtype=np.float64)
    return scales_of(mean, np.sqrt(squares / len(centred)))


def _descend(
    x: Floats, places: Labels, begin: Floats, strength: float, options: Mapping[str, float]
) -> Floats:
    """Return weights and bias (K, D + 1) that L-BFGS finds from `begin` for x (N, D), classes places (N,)."""
    from scipy.optimize import minimize

    items = np.arange(len(x))
    turned = np.ascontiguousarray(x.T)

    def value_and_slope(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        both = flat.astype(np.float32).reshape(begin.shape)
        weights = both[:, :-1]
        logits = x @ weights.T + both[:, -1]
        logits -= logits.max(axis=1, keepdims=True)
        own = logits[items, places]
        shares = np.exp(logits, out=logits)
        sums = shares.sum(axis=1, keepdims=True)
        value = float(np.mean(np.log(sums[:, 0]) - own)) + 0.5 * strength * float(np.vdot(weights, weights))
        shares /= sums
        shares[items, places] -= 1.0
        shares /= len(x)
        slope = np.empty(begin.shape)
        slope[:, :-1] = (turned @ shares).T + strength * weights
        slope[:, -1] = shares.sum(axis=0)
        return value, slope.ravel()

    found = minimize(
        value_and_slope,
        begin.ravel().astype(np.float64),
        jac=True,
        method="L-BFGS-B",
        options=dict(options),
    )
    both: Floats = found.x.astype(np.float32).reshape(begin.shape)
    return both
