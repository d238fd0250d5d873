"""The projector `pacmap`: PaCMAP. It compiles itself for half a minute in each fresh process."""

from typing import Any

import numpy as np

from shoal.projectors.checked import Floats
from shoal.projectors.guest import Guest
from shoal.types import Watch


class PaCMAP(Guest):
    """PaCMAP; it shrinks a start to a point before it begins, so that only its arrangement survives."""

    name, package, module = "pacmap", "pacmap", "pacmap"

    def _project(self, reduced: Floats, begin: Floats | None, watch: Watch) -> Any:
        del watch
        method = self._load().PaCMAP(
            n_neighbors=min(self.neighbours, len(reduced) - 1), apply_pca=False, random_state=self.seed
        )
        # It looks for two principal components, whatever it starts from.
        wide = np.pad(reduced, ((0, 0), (0, max(0, 2 - reduced.shape[1]))))
        return method.fit_transform(wide, init="pca" if begin is None else begin)
