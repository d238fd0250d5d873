"""Projectors: the methods that turn vectors into positions. One file and one row each."""

from shoal.registry import Registry

PROJECTORS = Registry(
    "projector",
    {
        "tsne": "shoal.projectors.tsne:TSNE",
        "pca": "shoal.projectors.pca:PCA",
        "umap": "shoal.projectors.umap:UMAP",
        "opentsne": "shoal.projectors.opentsne:OpenTSNE",
        "pacmap": "shoal.projectors.pacmap:PaCMAP",
        "manifolds": "shoal.projectors.manifolds:Manifolds",
    },
)
"""Every projector by name; the first is the default."""
