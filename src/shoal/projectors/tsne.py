"""The projector `tsne`, the default: t-SNE, its repulsion computed on a mesh. No compilation, no noise."""

import numpy as np
from numpy.typing import NDArray

from shoal.projectors.affinities import Graph, affinities
from shoal.projectors.checked import Floats, at_least, checked_placing, checked_start, checked_vectors
from shoal.projectors.descent import Phase, descend, natural_scale
from shoal.projectors.neighbours import nearest
from shoal.projectors.pca import PCA
from shoal.projectors.placing import completed, place_among
from shoal.projectors.reduction import reduced_unit
from shoal.projectors.registration import register
from shoal.types import Progress, Scalar, Watch

MOSTLY_KNOWN = 0.5
"""Below this share of items with a start, a warm fit first loosens the map a little."""
FEWEST = 4
"""Below this many items there is nothing to optimise: they lie as PCA lays them."""


class TSNE:
    """Keeps the nearest neighbours of the vectors scaled to length one, that is by their cosine.

    `neighbours` is how many each item is attracted to, `exaggeration` how much stronger than in plain t-SNE
    (more: tighter islands with more room between them), `iterations` the steps of a fit from nothing.
    """

    name = "tsne"

    def __init__(
        self, seed: int = 0, *, neighbours: int = 30, exaggeration: float = 1.0, iterations: int = 250
    ) -> None:
        at_least(self.name, "neighbours", neighbours, 2)
        at_least(self.name, "exaggeration", exaggeration, 1)
        at_least(self.name, "iterations", iterations, 1)
        self.seed = seed
        self.neighbours, self.exaggeration, self.iterations = neighbours, exaggeration, iterations

    def parameters(self) -> dict[str, Scalar]:
        """Return everything besides the seed that decides the result."""
        return {
            "neighbours": self.neighbours,
            "exaggeration": self.exaggeration,
            "iterations": self.iterations,
        }

    def fit(
        self,
        vectors: NDArray[np.floating],
        *,
        start: Floats | None = None,
        watch: Watch = lambda _: None,
    ) -> Floats:
        """Place vectors (N, D) as (N, 2).

        Without `start` the map is in t-SNE's own units around the origin. With it (N, 2; NaN rows have
        none) the map stays in the frame of `start`: items begin there, take fewer steps, and move little.
        `watch` hears of every step and may raise to stop.
        Raises `ProjectorError` where vectors or start are malformed.
        """
        checked = checked_vectors(self.name, vectors)
        onto = checked_start(self.name, start, len(checked))
        if len(checked) < FEWEST:
            return PCA(self.seed).fit(checked, start=onto)
        watch(Progress(0, 0, "finding neighbours"))
        reduced = reduced_unit(checked, seed=self.seed)
        graph = affinities(nearest(reduced, self.neighbours, watch=watch), self.neighbours / 2)
        if onto is None:
            return self._cold(graph, reduced, watch)
        return self._warm(graph, completed(onto, checked, seed=self.seed), onto, watch)

    def place(self, vectors: NDArray[np.floating], placed: NDArray[np.floating], xy: Floats) -> Floats:
        """Place new vectors (M, D) where their neighbours among `placed` (N, D) lie at `xy` (N, 2).

        Raises `ProjectorError` where the arrays do not fit together.
        """
        return place_among(*checked_placing(self.name, vectors, placed, xy), seed=self.seed)

    def _cold(self, graph: Graph, reduced: Floats, watch: Watch) -> Floats:
        early = int(self.iterations * 0.4)
        begin = 1e-2 * _plane(reduced) + self._jitter(len(reduced), 1e-4)
        late = Phase(self.iterations - early, self.exaggeration, 0.8)
        return descend(graph, begin, [Phase(early, 12.0, 0.5), late], watch)

    def _warm(self, graph: Graph, start: Floats, onto: Floats, watch: Watch) -> Floats:
        centre = start.mean(axis=0)
        scale = natural_scale(graph, start - centre, self.exaggeration, seed=self.seed)
        phases = [Phase(max(1, int(self.iterations * 0.4)), self.exaggeration, 0.8)]
        if np.isfinite(onto).all(axis=1).mean() < MOSTLY_KNOWN:
            # New items must still find their way past the old ones: measured to win half of what a warm start
            # loses against a cold one, while known items move a little more.
            scale *= 0.4
            phases.insert(0, Phase(max(1, int(self.iterations * 0.2)), 4 * self.exaggeration, 0.5))
        begin = (start - centre) * np.float32(scale) + self._jitter(len(start), 1e-2)
        return register(descend(graph, begin, phases, watch), onto)

    def _jitter(self, items: int, width: float) -> Floats:
        random = np.random.default_rng(self.seed)
        return (width * random.standard_normal((items, 2))).astype(np.float32)


def _plane(reduced: Floats) -> Floats:
    first: Floats = np.pad(reduced[:, :2], ((0, 0), (0, max(0, 2 - reduced.shape[1]))))
    return first / max(float(first[:, 0].std()), 1e-12)
