"""Losses: embeddings and labels in, one scalar out. One file a method, loaded on use.

`from shoal.losses import SilhouetteLoss` or `LOSSES.load("silhouette")`; torch is imported only then.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from shoal.registry import Registry

if TYPE_CHECKING:
    from shoal.losses.base import ClassLoss, Loss, LossError
    from shoal.losses.calinski_harabasz import CalinskiHarabaszLoss
    from shoal.losses.cce import CategoricalCrossEntropyLoss
    from shoal.losses.center import CenterLoss
    from shoal.losses.classes import ClassMemory
    from shoal.losses.contrastive import ContrastiveLoss
    from shoal.losses.cosine_corel import CosineCORELLoss
    from shoal.losses.davies_bouldin import DaviesBouldinLoss
    from shoal.losses.gaussian_corel import GaussianCORELLoss
    from shoal.losses.generalised_dunn import GeneralisedDunnLoss
    from shoal.losses.lifted import LiftedStructureLoss
    from shoal.losses.n_pair import NPairLoss
    from shoal.losses.norm_softmax import NormSoftmaxLoss
    from shoal.losses.nt_xent import NTXentLoss
    from shoal.losses.prototypical import PrototypicalLoss
    from shoal.losses.proxy_anchor import ProxyAnchorLoss
    from shoal.losses.proxy_nca import ProxyNCALoss
    from shoal.losses.relation import RelationLoss
    from shoal.losses.silhouette import SilhouetteLoss, silhouette_samples
    from shoal.losses.supcon import SupConLoss
    from shoal.losses.triplet import TripletLoss
    from shoal.losses.wb import WBLoss
    from shoal.losses.xie_beni import XieBeniLoss

__all__ = [
    "LOSSES",
    "CalinskiHarabaszLoss",
    "CategoricalCrossEntropyLoss",
    "CenterLoss",
    "ClassLoss",
    "ClassMemory",
    "ContrastiveLoss",
    "CosineCORELLoss",
    "DaviesBouldinLoss",
    "GaussianCORELLoss",
    "GeneralisedDunnLoss",
    "LiftedStructureLoss",
    "Loss",
    "LossError",
    "NPairLoss",
    "NTXentLoss",
    "NormSoftmaxLoss",
    "PrototypicalLoss",
    "ProxyAnchorLoss",
    "ProxyNCALoss",
    "RelationLoss",
    "SilhouetteLoss",
    "SupConLoss",
    "TripletLoss",
    "WBLoss",
    "XieBeniLoss",
    "silhouette_samples",
]

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
_PLACES = {place.partition(":")[2]: place.partition(":")[0] for place in _ROWS.values()}
_PLACES |= dict.fromkeys(["Loss", "ClassLoss", "LossError"], "shoal.losses.base")
_PLACES |= {"ClassMemory": "shoal.losses.classes", "silhouette_samples": "shoal.losses.silhouette"}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
