"""Clustering: vectors in, groups out, and a record of how. One file a method, loaded on use.

`from shoal.clustering import KMeans` or `CLUSTERINGS.load("kmeans")`; the libraries are imported only then.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from shoal.registry import Registry

if TYPE_CHECKING:
    from shoal.clustering.base import Clustering, ClusteringError, ClusteringMethod, Epoch
    from shoal.clustering.dec import DEC
    from shoal.clustering.deepcluster import DeepCluster
    from shoal.clustering.evoc import EVoC
    from shoal.clustering.gmm import GMM
    from shoal.clustering.hdbscan import HDBSCAN
    from shoal.clustering.idec import IDEC
    from shoal.clustering.kmeans import KMeans
    from shoal.views import CropAndFlip, Sobel

__all__ = [
    "CLUSTERINGS",
    "DEC",
    "GMM",
    "HDBSCAN",
    "IDEC",
    "Clustering",
    "ClusteringError",
    "ClusteringMethod",
    "CropAndFlip",
    "DeepCluster",
    "EVoC",
    "Epoch",
    "KMeans",
    "Sobel",
]

_ROWS = {
    "kmeans": "shoal.clustering.kmeans:KMeans",
    "gmm": "shoal.clustering.gmm:GMM",
    "hdbscan": "shoal.clustering.hdbscan:HDBSCAN",
    "evoc": "shoal.clustering.evoc:EVoC",
    "dec": "shoal.clustering.dec:DEC",
    "idec": "shoal.clustering.idec:IDEC",
    "deepcluster": "shoal.clustering.deepcluster:DeepCluster",
}
CLUSTERINGS = Registry("clustering", _ROWS)
"""Every clustering method by name; the first is the default."""
_PLACES = {place.partition(":")[2]: place.partition(":")[0] for place in _ROWS.values()}
_PLACES |= dict.fromkeys(["Sobel", "CropAndFlip"], "shoal.views")
_PLACES |= dict.fromkeys(
    ["Clustering", "ClusteringError", "ClusteringMethod", "Epoch"], "shoal.clustering.base"
)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
