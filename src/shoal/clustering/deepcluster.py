"""DeepCluster: cluster a network's features, train the network to tell the clusters apart, and again."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shoal.clustering.autoencoder import layers
from shoal.clustering.base import (
    Clustering,
    ClusteringError,
    Epoch,
    Floats,
    Labels,
    at_least,
    checked_seed,
    checked_vectors,
    checked_width,
    count,
    enough,
    not_fitted,
    one_of,
    seed_from,
)
from shoal.clustering.groups import Groups, hard_groups, softened
from shoal.clustering.matching import changed, checked_known, nmi
from shoal.clustering.networks import Items, checked_items, checked_network, encode, seeded, take
from shoal.clustering.scaling import Scaling, scaling_of
from shoal.networks import in_its_precision
from shoal.samplers import UniformOverClasses
from shoal.types import Progress, Scalar, Watch

HEADS = ("reset", "hungarian")
TARGETS = ("hard", "gmm")
Augment = Callable[[Tensor], Tensor]


@dataclass(slots=True)
class _Head:
    """The linear layer on top (d -> K) and what trains it."""

    layer: nn.Linear
    optimiser: torch.optim.Optimizer


class DeepCluster:
    """Caron, Bojanowski, Joulin and Douze (2018), ECCV, and two repairs, each a switch of its own.

    Every `every` epochs the features of the whole set are reduced to principal components, whitened, scaled
    to length one and clustered by k-means; then the network learns to tell the clusters apart, on batches in
    which every cluster that has items is equally likely.

    head: "reset" starts the layer on top anew after each clustering, as published, because the ids of the
    clusters are arbitrary; "hungarian" gives each new cluster the id of the old one that it shares most items
    with, one to one, and goes on with the layer as it is.
    targets: "hard" are the clusters' ids, as published; "gmm" the responsibilities of a mixture of Gaussians
    that EM fits from the k-means clusters, with `floor` times the mean variance added to each variance.

    Any trainable `network` (items -> (B, d)) may be given and is trained in place; without one, vectors
    (N, D) get a small fully connected one. `augment` (items -> items) is applied to the batches that are
    trained on.
    `centres` of the result lie in the whitened components.
    """

    name: ClassVar[str] = "deepcluster"
    finds_clusters: ClassVar[bool] = False

    def __init__(
        self,
        clusters: int = 10,
        *,
        network: nn.Module | None = None,
        augment: Augment | None = None,
        head: str = "reset",
        targets: str = "hard",
        epochs: int = 20,
        every: int = 1,
        components: int = 256,
        iterations: int = 20,
        floor: float = 0.1,
        batch: int = 256,
        rate: float = 0.05,
        decay: float = 1e-5,
        hidden: str = "256",
        width: int = 64,
        device: str = "cpu",
    ) -> None:
        for name, value, least in [
            ("clusters", clusters, 1),
            ("epochs", epochs, 0),
            ("every", every, 1),
            ("components", components, 1),
            ("iterations", iterations, 1),
            ("batch", batch, 2),
            ("width", width, 1),
        ]:
            count(self.name, name, value, least)
        for name, number, lowest in [("floor", floor, 1e-6), ("rate", rate, 0), ("decay", decay, 0)]:
            at_least(self.name, name, number, lowest)
        one_of(self.name, "head", head, HEADS)
        one_of(self.name, "targets", targets, TARGETS)
        layers(hidden)
        checked_network(self.name, network, device)
        _need_trainable(self.name, network)
        self.clusters, self.network, self.augment = clusters, network, augment
        self.head, self.targets, self.epochs, self.every = head, targets, epochs, every
        self.components, self.iterations, self.floor = components, iterations, floor
        self.batch, self.rate, self.decay = batch, rate, decay
        self.hidden, self.width, self.device = hidden, width, device
        self._builds = network is None
        self._fitted: tuple[Scaling | None, Groups] | None = None

    def parameters(self) -> dict[str, Scalar]:
        """Return everything besides the seed, a given network and augmentation that decides the result."""
        return {
            "clusters": self.clusters,
            "head": self.head,
            "targets": self.targets,
            "epochs": self.epochs,
            "every": self.every,
            "components": self.components,
            "iterations": self.iterations,
            "floor": self.floor,
            "batch": self.batch,
            "rate": self.rate,
            "decay": self.decay,
            "hidden": self.hidden,
            "width": self.width,
        }

    def fit(
        self,
        vectors: Items,
        *,
        seed: int = 0,
        watch: Watch | None = None,
        known: NDArray[Any] | None = None,
    ) -> Clustering:
        """Cluster vectors (N, D), or items (N, ...) of the given network, and train it.

        `known` (N,), labels with -1 for unknown, is only compared with, in `history`, whose last entry is the
        result's. Raises `ClusteringError` when malformed, N < `clusters`, or the features become NaN.
        """
        checked_seed(self.name, seed)
        if self._builds:
            checked: Items = checked_vectors(self.name, vectors)
        else:
            checked = checked_items(self.name, vectors, self.batch)
        enough(self.name, len(checked), self.clusters)
        labels = checked_known(self.name, known, len(checked))
        with seeded(seed_from(seed), self.device):
            items, scaling = self._prepare(checked)
            groups, history = self._learn(items, seed, watch, labels)
        self._fitted = (scaling, groups)
        facts: dict[str, Scalar] = {
            "clusterings": len(history),
            "splits": sum(epoch.splits for epoch in history),
            "empty": groups.empty,
            "sureness": 1.0 if groups.soft is None else float(groups.soft.max(axis=1).mean()),
        }
        return Clustering(groups.labels, self.clusters, groups.soft, groups.centres, facts, tuple(history))

    def assign(self, vectors: Items) -> Labels:
        """Return the cluster (M,) of new vectors (M, D) or items; needs a `fit` before."""
        if self._fitted is None:
            raise not_fitted(self.name)
        scaling, groups = self._fitted
        if scaling is None:
            return groups.assign(self._features(checked_items(self.name, vectors, self.batch)))
        checked = checked_vectors(self.name, vectors)
        checked_width(self.name, checked, len(scaling.mean))
        return groups.assign(self._features(scaling.apply(checked)))

    def _prepare(self, checked: Items) -> tuple[Items, Scaling | None]:
        if not self._builds:
            assert self.network is not None
            self.network.to(self.device)
            return checked, None
        vectors = np.asarray(checked)
        scaling = scaling_of(vectors)
        self.network = _perceptron(vectors.shape[1], self.hidden, self.width).to(self.device)
        return scaling.apply(vectors), scaling

    def _learn(
        self, items: Items, seed: int, watch: Watch | None, known: Labels | None
    ) -> tuple[Groups, list[Epoch]]:
        """Train; return the last clusters and the record of all clusterings."""
        rng = np.random.default_rng((seed, 1))
        features = self._features(items)
        groups = self._cluster(features, seed_from(seed, 0))
        history, losses = [_record(0, groups, known)], list[float]()
        body, head = self._optimiser(self._network), self._new_head(features.shape[1])
        for epoch in range(self.epochs):
            if watch is not None:
                watch(Progress(epoch, self.epochs, f"DeepCluster: {len(history)} clusterings"))
            losses.append(self._train(items, groups, body, head, rng))
            if (epoch + 1) % self.every and epoch + 1 < self.epochs:
                continue
            before, groups = groups, self._cluster(self._features(items), seed_from(seed, len(history)))
            names = groups.names_after(before)
            history[-1] = replace(history[-1], loss=float(np.mean(losses)))
            history.append(_record(len(history), groups, known, before, names))
            losses.clear()
            if self.head == "reset":
                head = self._new_head(features.shape[1])
            else:
                groups = groups.renamed(names)
        return groups, history

    def _cluster(self, features: Floats, seed: int) -> Groups:
        groups = hard_groups(
            features, self.clusters, components=self.components, iterations=self.iterations, seed=seed
        )
        if self.targets == "hard":
            return groups
        return softened(groups, features, floor=self.floor, iterations=self.iterations, seed=seed)

    def _train(
        self,
        items: Items,
        groups: Groups,
        body: torch.optim.Optimizer,
        head: _Head,
        rng: np.random.Generator,
    ) -> float:
        """Show about N items, every cluster equally often; return the mean loss of the batches."""
        wanted = torch.as_tensor(groups.labels if groups.soft is None else groups.soft, device=self.device)
        network = self._network.train()
        losses: list[float] = []
        for rows in UniformOverClasses(groups.labels, size=self.batch).drawn_by(rng):
            if losses and len(rows) == 1:  # normalisation over a batch of one is impossible
                continue
            x = take(items, rows, self.device)
            x = x if self.augment is None else self.augment(x)
            z = network(in_its_precision(network, x)).float()
            # The published networks end before their last ReLU, and the layer on top sits behind it.
            loss = nn.functional.cross_entropy(head.layer(z.relu()), wanted[rows])
            body.zero_grad()
            head.optimiser.zero_grad()
            torch.autograd.backward(loss)
            body.step()
            head.optimiser.step()
            losses.append(float(loss.detach()))
        return float(np.mean(losses))

    def _new_head(self, width: int) -> _Head:
        layer = nn.Linear(width, self.clusters, device=self.device)
        nn.init.normal_(layer.weight, 0, 0.01)
        nn.init.zeros_(layer.bias)
        return _Head(layer, self._optimiser(layer))

    def _optimiser(self, module: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.SGD(module.parameters(), lr=self.rate, momentum=0.9, weight_decay=self.decay)

    def _features(self, items: Items) -> Floats:
        z = encode(self._network, items, batch=max(self.batch, 1024), device=self.device, who=self.name)
        return z.cpu().numpy()

    @property
    def _network(self) -> nn.Module:
        if self.network is None:
            raise not_fitted(self.name)
        return self.network


def _record(
    number: int,
    groups: Groups,
    known: Labels | None,
    before: Groups | None = None,
    names: Labels | None = None,
) -> Epoch:
    return Epoch(
        number=number,
        changed=None if before is None or names is None else changed(before.labels, names[groups.labels]),
        nmi_before=None if before is None else nmi(before.labels, groups.labels),
        nmi_labels=None if known is None else nmi(known, groups.labels),
        empty=groups.empty,
        splits=groups.splits,
    )


def _need_trainable(who: str, network: nn.Module | None) -> None:
    if network is not None and not any(one.requires_grad for one in network.parameters()):
        raise ClusteringError(
            f"clustering {who} got a network ({type(network).__name__}) without a parameter that learns; put "
            "a layer on it, as in nn.Sequential(nn.Flatten(), nn.LazyLinear(64)), or let one learn "
            "(requires_grad_()). What it says as it is, kmeans clusters."
        )


def _perceptron(dimensions: int, hidden: str, width: int) -> nn.Sequential:
    parts: list[nn.Module] = []
    for each in layers(hidden):
        parts += [nn.Linear(dimensions, each), nn.ReLU()]
        dimensions = each
    return nn.Sequential(*parts, nn.Linear(dimensions, width))
