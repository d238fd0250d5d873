"""How good classes, vectors or positions are, as numbers. Loaded on use.

`from shoal.indices import silhouette` or `INDICES.load("silhouette")`: every row of `INDICES` is called as
`index(vectors, labels) -> float`, every row of `AGREEMENTS` as `metric(truth, found) -> float`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from shoal.registry import Registry

if TYPE_CHECKING:
    from shoal.indices.agreement import (
        accuracy,
        ami,
        ari,
        completeness,
        homogeneity,
        nmi,
        pairwise_f1,
        purity,
        v_measure,
    )
    from shoal.indices.base import Index
    from shoal.indices.checks import ValidityError
    from shoal.indices.clusters import Clusters
    from shoal.indices.density import dbcv, s_dbw
    from shoal.indices.dunns import dunn, gd31, gd33, gd41, gd43, gd51, gd53
    from shoal.indices.graphs import db_gg, db_mst, db_rng, dunn_gg, dunn_mst, dunn_rng
    from shoal.indices.neighbourhood import (
        continuity,
        knn_accuracy,
        nearest_neighbours,
        neighbours_kept,
        trustworthiness,
    )
    from shoal.indices.normality import negentropy_increment
    from shoal.indices.overlap import os_index, sv_index
    from shoal.indices.ranks import c_index, gamma_index
    from shoal.indices.reach import cop_index, cs_index
    from shoal.indices.retrieval import map_at_r, r_precision, recall_at_k
    from shoal.indices.silhouettes import (
        silhouette,
        silhouette_macro,
        silhouette_simplified,
        silhouette_squared,
    )
    from shoal.indices.symmetry import sym, sym_33, sym_db, sym_dunn
    from shoal.indices.variance import (
        calinski_harabasz,
        davies_bouldin,
        davies_bouldin_star,
        score_function,
        wb_index,
        xie_beni,
    )

__all__ = [
    "AGREEMENTS",
    "INDICES",
    "Clusters",
    "Index",
    "ValidityError",
    "accuracy",
    "ami",
    "ari",
    "c_index",
    "calinski_harabasz",
    "completeness",
    "continuity",
    "cop_index",
    "cs_index",
    "davies_bouldin",
    "davies_bouldin_star",
    "db_gg",
    "db_mst",
    "db_rng",
    "dbcv",
    "dunn",
    "dunn_gg",
    "dunn_mst",
    "dunn_rng",
    "gamma_index",
    "gd31",
    "gd33",
    "gd41",
    "gd43",
    "gd51",
    "gd53",
    "homogeneity",
    "knn_accuracy",
    "map_at_r",
    "nearest_neighbours",
    "negentropy_increment",
    "neighbours_kept",
    "nmi",
    "os_index",
    "pairwise_f1",
    "purity",
    "r_precision",
    "recall_at_k",
    "s_dbw",
    "score_function",
    "silhouette",
    "silhouette_macro",
    "silhouette_simplified",
    "silhouette_squared",
    "sv_index",
    "sym",
    "sym_33",
    "sym_db",
    "sym_dunn",
    "trustworthiness",
    "v_measure",
    "wb_index",
    "xie_beni",
]

_ROWS = {
    "dunn": "shoal.indices.dunns:dunn",
    "calinski-harabasz": "shoal.indices.variance:calinski_harabasz",
    "gamma": "shoal.indices.ranks:gamma_index",
    "c-index": "shoal.indices.ranks:c_index",
    "davies-bouldin": "shoal.indices.variance:davies_bouldin",
    "silhouette": "shoal.indices.silhouettes:silhouette",
    "dunn-mst": "shoal.indices.graphs:dunn_mst",
    "dunn-rng": "shoal.indices.graphs:dunn_rng",
    "dunn-gg": "shoal.indices.graphs:dunn_gg",
    "db-mst": "shoal.indices.graphs:db_mst",
    "db-rng": "shoal.indices.graphs:db_rng",
    "db-gg": "shoal.indices.graphs:db_gg",
    "gd31": "shoal.indices.dunns:gd31",
    "gd41": "shoal.indices.dunns:gd41",
    "gd51": "shoal.indices.dunns:gd51",
    "gd33": "shoal.indices.dunns:gd33",
    "gd43": "shoal.indices.dunns:gd43",
    "gd53": "shoal.indices.dunns:gd53",
    "s-dbw": "shoal.indices.density:s_dbw",
    "cs": "shoal.indices.reach:cs_index",
    "db-star": "shoal.indices.variance:davies_bouldin_star",
    "score-function": "shoal.indices.variance:score_function",
    "sym": "shoal.indices.symmetry:sym",
    "sym-db": "shoal.indices.symmetry:sym_db",
    "sym-dunn": "shoal.indices.symmetry:sym_dunn",
    "sym-33": "shoal.indices.symmetry:sym_33",
    "cop": "shoal.indices.reach:cop_index",
    "negentropy-increment": "shoal.indices.normality:negentropy_increment",
    "sv": "shoal.indices.overlap:sv_index",
    "os": "shoal.indices.overlap:os_index",
    # beyond the thirty of Arbelaitz et al. (2013)
    "silhouette-macro": "shoal.indices.silhouettes:silhouette_macro",
    "silhouette-squared": "shoal.indices.silhouettes:silhouette_squared",
    "silhouette-simplified": "shoal.indices.silhouettes:silhouette_simplified",
    "xie-beni": "shoal.indices.variance:xie_beni",
    "wb": "shoal.indices.variance:wb_index",
    "dbcv": "shoal.indices.density:dbcv",
}
_AGREEMENTS = {
    name.replace("_", "-"): f"shoal.indices.agreement:{name}"
    for name in (
        "nmi",
        "ami",
        "ari",
        "v_measure",
        "homogeneity",
        "completeness",
        "accuracy",
        "purity",
        "pairwise_f1",
    )
}
INDICES = Registry("index", _ROWS, many="indices")
AGREEMENTS = Registry("agreement", _AGREEMENTS)

_OTHERS = {
    "Index": "base",
    "Clusters": "clusters",
    "ValidityError": "checks",
    "recall_at_k": "retrieval",
    "map_at_r": "retrieval",
    "r_precision": "retrieval",
    "knn_accuracy": "neighbourhood",
    "nearest_neighbours": "neighbourhood",
    "neighbours_kept": "neighbourhood",
    "trustworthiness": "neighbourhood",
    "continuity": "neighbourhood",
}
_PLACES = {
    **{place.partition(":")[2]: place.partition(":")[0] for place in (_ROWS | _AGREEMENTS).values()},
    **{name: f"shoal.indices.{module}" for name, module in _OTHERS.items()},
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
