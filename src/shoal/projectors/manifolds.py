"""The projector `manifolds`: the UMAP of manifolds-rs, in Rust, without compilation at run time."""

from typing import Any

from shoal.projectors.checked import Floats
from shoal.projectors.guest import Guest
from shoal.types import Watch


class Manifolds(Guest):
    """manifolds-rs' UMAP; it takes no start, so the finished map is laid onto the start instead."""

    name, package, module = "manifolds", "manifolds-rs", "manifolds_rs"

    def _project(self, reduced: Floats, begin: Floats | None, watch: Watch) -> Any:
        del begin, watch
        method = self._load().UMAP(
            n_neighbors=min(self.neighbours, len(reduced) - 1), min_dist=0.1, seed=self.seed
        )
        return method.fit_transform(reduced)
