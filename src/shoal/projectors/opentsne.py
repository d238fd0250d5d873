"""The projector `opentsne`: the t-SNE of openTSNE. Compiled beforehand; slower than `tsne`."""

from typing import Any

import numpy as np

from shoal.projectors.checked import Floats
from shoal.projectors.guest import Guest


class OpenTSNE(Guest):
    """openTSNE with its own defaults; with a start it skips the early exaggeration and takes fewer steps."""

    name, package, module = "opentsne", "opentsne", "openTSNE"

    def _project(self, reduced: Floats, begin: Floats | None) -> Any:
        warm = begin is not None
        # A finished t-SNE map of N items spreads about half the root of N; an unfinished one begins tiny.
        first = _flat(reduced) * 1e-4 if begin is None else begin * 0.5 * np.sqrt(len(begin))
        method = self._load().TSNE(
            perplexity=min(2 * self.neighbours, (len(reduced) - 1) / 3),
            initialization=first,
            early_exaggeration_iter=0 if warm else 250,
            n_iter=150 if warm else 500,
            n_jobs=-1,
            random_state=self.seed,
        )
        return method.fit(reduced)


def _flat(reduced: Floats) -> Floats:
    flat = np.pad(reduced[:, :2], ((0, 0), (0, max(0, 2 - reduced.shape[1]))))
    return np.divide(flat, max(float(flat.std()), 1e-12), dtype=np.float32)
