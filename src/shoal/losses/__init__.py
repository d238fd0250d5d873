"""Losses: embeddings and labels in, one scalar out. One file a method, loaded on use.

`from shoal.losses import SilhouetteLoss` or `LOSSES.load("silhouette")`; torch is imported only then.
"""

from importlib import import_module
from typing import Any

from shoal.registry import Registry

_ROWS = {
    "silhouette": "shoal.losses.silhouette:SilhouetteLoss",
    "cce": "shoal.losses.cce:CategoricalCrossEntropyLoss",
    "cosine-corel": "shoal.losses.cosine_corel:CosineCORELLoss",
    "gaussian-corel": "shoal.losses.gaussian_corel:GaussianCORELLoss",
    "center": "shoal.losses.center:CenterLoss",
    "contrastive": "shoal.losses.contrastive:ContrastiveLoss",
    "triplet": "shoal.losses.triplet:TripletLoss",
    "lifted": "shoal.losses.lifted:LiftedStructureLoss",
    "n-pair": "shoal.losses.n_pair:NPairLoss",
    "nt-xent": "shoal.losses.nt_xent:NTXentLoss",
    "supcon": "shoal.losses.supcon:SupConLoss",
    "norm-softmax": "shoal.losses.norm_softmax:NormSoftmaxLoss",
    "proxy-nca": "shoal.losses.proxy_nca:ProxyNCALoss",
    "proxy-anchor": "shoal.losses.proxy_anchor:ProxyAnchorLoss",
    "prototypical": "shoal.losses.prototypical:PrototypicalLoss",
    "relation": "shoal.losses.relation:RelationLoss",
    "calinski-harabasz": "shoal.losses.calinski_harabasz:CalinskiHarabaszLoss",
    "davies-bouldin": "shoal.losses.davies_bouldin:DaviesBouldinLoss",
    "xie-beni": "shoal.losses.xie_beni:XieBeniLoss",
    "wb": "shoal.losses.wb:WBLoss",
    "generalised-dunn": "shoal.losses.generalised_dunn:GeneralisedDunnLoss",
}
LOSSES = Registry("loss", _ROWS, many="losses")
_BASES = {"Loss", "ClassLoss", "LossError"}
_PLACES = {place.partition(":")[2]: place.partition(":")[0] for place in _ROWS.values()}


def __getattr__(name: str) -> Any:
    module = "shoal.losses.base" if name in _BASES else _PLACES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(module), name)
