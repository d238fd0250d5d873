"""Which layer knows the classes best: any measures, layer by layer."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shoal.introspection.checked import IntrospectionError, Ints, array_of, labelled_rows
from shoal.types import Embedding

Measure = Callable[[NDArray[np.float32], Ints], float]
"""Vectors (M, D) float32 and labels (M,) int64 to a number, higher is better."""


@dataclass(frozen=True, slots=True)
class LayerQuality:
    """How good each layer is: `values` (L, M) of the layers, `widths` wide, by the measures."""

    layers: tuple[str, ...]
    widths: tuple[int, ...]
    measures: tuple[str, ...]
    values: NDArray[np.float64]

    def best(self, measure: str) -> str:
        """Return the layer with the highest value; the earlier of equals. NaN never wins."""
        column = self.values[:, self._place(measure)]
        return self.layers[int(np.argmax(np.where(np.isnan(column), -np.inf, column)))]

    def of(self, measure: str) -> dict[str, float]:
        """Return a measure's value by layer."""
        return dict(zip(self.layers, self.values[:, self._place(measure)].tolist(), strict=True))

    def table(self, digits: int = 3) -> str:
        """Return the table as Markdown, a row a layer, the best of each measure in bold."""
        best = [self.best(measure) for measure in self.measures]
        lines = [f"| layer | width | {' | '.join(self.measures)} |", f"|---|---:|{'---:|' * len(best)}"]
        for layer, width, row in zip(self.layers, self.widths, self.values, strict=True):
            texts = [
                f"**{value:.{digits}f}**" if layer == winner else f"{value:.{digits}f}"
                for value, winner in zip(row, best, strict=True)
            ]
            lines.append(f"| {layer} | {width:,} | {' | '.join(texts)} |")
        return "\n".join(lines)

    def _place(self, measure: str) -> int:
        if measure not in self.measures:
            raise IntrospectionError(
                f"there is no measure {measure!r} here. There are: {', '.join(self.measures)}."
            )
        return self.measures.index(measure)


def layer_quality(
    layers: Mapping[str, NDArray[Any]] | Iterable[Embedding],
    labels: ArrayLike,
    measures: Mapping[str, Measure],
) -> LayerQuality:
    """Judge every layer by every measure on the labelled items.

    `layers` are vectors (N, D) by name, early to late, or the `Embedding`s of one backbone's layers over the
    same items. `labels` is (N,) int, -1 = unlabelled; measures never see those items. Usual measures are
    `shoal.training.probe_accuracy` (Alain & Bengio 2016: how much a linear probe finds in a layer) and
    `shoal.indices.map_at_r`. Raises `IntrospectionError` without two classes, and for layers that do not fit.
    """
    named = _by_name(layers)
    if not named or not measures:
        raise IntrospectionError(
            "layer_quality() got no layers or no measures; it takes one of each or more."
        )
    first = next(iter(named.values()))
    items = len(first) if first.ndim else 0
    for name, vectors in named.items():
        if vectors.ndim != 2 or len(vectors) != items or vectors.dtype.kind != "f" or not vectors.shape[1]:
            raise IntrospectionError(
                f"layer_quality() got the layer {name!r} of shape {vectors.shape} and {vectors.dtype}; every "
                f"layer must be floats ({items}, D). Maps of activations are flattened by `flatten` first."
            )
    known, of = labelled_rows("layer_quality()", labels, items)
    values = []
    for vectors in named.values():
        rows = vectors[known].astype(np.float32)
        values.append([float(measure(rows, of)) for measure in measures.values()])
    widths = tuple(vectors.shape[1] for vectors in named.values())
    return LayerQuality(tuple(named), widths, tuple(measures), np.array(values))


def _by_name(layers: Mapping[str, NDArray[Any]] | Iterable[Embedding]) -> dict[str, NDArray[Any]]:
    if isinstance(layers, Mapping):
        return {name: array_of("layer_quality()", "vectors", each) for name, each in layers.items()}
    embeddings = list(layers) if isinstance(layers, Iterable) else []
    if not all(isinstance(one, Embedding) for one in embeddings):
        raise IntrospectionError("layer_quality() takes vectors by layer, {name: (N, D)}, or Embeddings.")
    for one in embeddings[1:]:
        if not np.array_equal(one.ids, embeddings[0].ids):
            raise IntrospectionError(
                f"layer_quality() got the layer {one.layer!r} of other items than {embeddings[0].layer!r}; "
                "all must be of the same items in the same order."
            )
    named: dict[str, NDArray[Any]] = {one.layer: one.vectors for one in embeddings}
    if len(named) < len(embeddings):
        raise IntrospectionError("layer_quality() got two embeddings of one layer; name them in a dict.")
    return named
