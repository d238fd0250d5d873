"""The projector `opentsne`: the t-SNE of openTSNE. Compiled beforehand; slower than `tsne`."""

from typing import Any

import numpy as np

from shoal.projectors.checked import Floats
from shoal.projectors.guest import Guest
from shoal.types import Progress, Watch

SAID_EVERY = 25
"""Steps between two words of progress: each costs a pass over the loss."""


class OpenTSNE(Guest):
    """openTSNE with its own defaults; with a start it skips the early exaggeration and takes fewer steps."""

    name, package, module = "opentsne", "opentsne", "openTSNE"

    def _project(self, reduced: Floats, begin: Floats | None, watch: Watch) -> Any:
        warm = begin is not None
        # A finished t-SNE map of N items spreads about half the root of N; an unfinished one begins tiny.
        first = _flat(reduced) * 1e-4 if begin is None else begin * 0.5 * np.sqrt(len(begin))
        early, late = (0, 150) if warm else (250, 500)
        done = 0

        def tell(*_: Any) -> None:
            nonlocal done
            done += SAID_EVERY
            watch(Progress(min(done, early + late), early + late, "laying out"))

        method = self._load().TSNE(
            perplexity=min(2 * self.neighbours, (len(reduced) - 1) / 3),
            initialization=first,
            early_exaggeration_iter=early,
            n_iter=late,
            n_jobs=-1,
            random_state=self.seed,
            callbacks=tell,
            callbacks_every_iters=SAID_EVERY,
        )
        return method.fit(reduced)


def _flat(reduced: Floats) -> Floats:
    flat = np.pad(reduced[:, :2], ((0, 0), (0, max(0, 2 - reduced.shape[1]))))
    return np.divide(flat, max(float(flat.std()), 1e-12), dtype=np.float32)
