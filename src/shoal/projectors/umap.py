"""The projector `umap`: umap-learn. It compiles itself for about a minute in each fresh process."""

from typing import Any

from shoal.projectors.checked import Floats
from shoal.projectors.guest import Guest
from shoal.types import Watch


class UMAP(Guest):
    """umap-learn on the vectors' cosine; starts from a map, from its spectral layout otherwise."""

    name, package, module = "umap", "umap-learn", "umap"

    def _project(self, reduced: Floats, begin: Floats | None, watch: Watch) -> Any:
        del watch
        method = self._load().UMAP(
            n_neighbors=min(self.neighbours, len(reduced) - 1),
            init="spectral" if begin is None else begin * 4,
            n_epochs=None if begin is None else 100,
            random_state=self.seed,
            n_jobs=1,
        )
        return method.fit_transform(reduced)
