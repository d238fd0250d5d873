"""What every index shares: the one call, the error, what a quotient of nothing is."""

import math
from collections.abc import Callable
from typing import Any

from numpy.typing import ArrayLike

from shoal.indices.checks import ValidityError
from shoal.indices.clusters import Clusters

__all__ = ["Index", "ValidityError", "index", "quotient"]


class Index:
    """A cluster validity index: vectors (N, D) and labels (N,) in, one float out.

    Items labelled -1 take no part. The value may be infinite where a formula divides by zero (see
    `docs/indices.md`), never NaN. Raises `ValidityError` on other shapes and dtypes, on values that are not
    finite, on labels below -1 and on fewer than two classes.
    """

    def __init__(
        self, compute: Callable[[Clusters], float], *, higher_is_better: bool, cost: str, source: str
    ) -> None:
        self.name = compute.__name__
        self.higher_is_better = higher_is_better
        """Which direction is better."""
        self.cost = cost
        """How the time grows: N items, K classes, n the items of the largest class; times D."""
        self.source = source
        """The paper that defines it."""
        self.__doc__ = compute.__doc__
        self._compute = compute

    def __call__(self, vectors: ArrayLike, labels: ArrayLike) -> float:
        """Return the index of vectors (N, D) with labels (N,) int, -1 = unlabelled."""
        return self.of(Clusters.passing(vectors, labels, asked_by=self.name))

    def of(self, clusters: Clusters) -> float:
        """Return the index of clusters that are already sorted: several indices can share them."""
        if not isinstance(clusters, Clusters):
            raise ValidityError(
                f"{self.name}.of got a {type(clusters).__name__}; it takes what Clusters.of(vectors, labels) "
                "returns."
            )
        return float(self._compute(clusters))

    def better(self, a: float, b: float) -> bool:
        """Return whether the value a is better than the value b."""
        return a > b if self.higher_is_better else a < b

    def __repr__(self) -> str:
        return f"<index {self.name}, {'higher' if self.higher_is_better else 'lower'} is better>"


def index(direction: str, *, cost: str, source: str) -> Callable[[Callable[[Clusters], float]], Index]:
    """Turn a function of `Clusters` into an `Index`; direction is "higher" or "lower"."""

    def wrap(compute: Callable[[Clusters], float]) -> Index:
        return Index(compute, higher_is_better=direction == "higher", cost=cost, source=source)

    return wrap


def quotient(above: Any, below: Any, *, nothing: float) -> float:
    """Return above / below of two numbers >= 0: infinite for x / 0, `nothing` for 0 / 0."""
    if below > 0:
        return float(above) / float(below)
    return math.inf if above > 0 else nothing
