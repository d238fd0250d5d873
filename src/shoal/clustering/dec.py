"""DEC, deep embedded clustering: an encoder and K centres learn together to be surer of their clusters."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shoal.clustering.autoencoder import Autoencoder, layers, pretrain
from shoal.clustering.base import (
    Clustering,
    ClusteringError,
    Epoch,
    Labels,
    at_least,
    checked_seed,
    checked_vectors,
    checked_width,
    count,
    enough,
    not_fitted,
    seed_from,
)
from shoal.clustering.kmeans import KMeans, empty
from shoal.clustering.matching import changed, checked_known, nmi
from shoal.clustering.networks import Items, checked_items, checked_network, encode, seeded, shuffled, take
from shoal.clustering.scaling import Scaling, scaling_of
from shoal.networks import in_its_precision
from shoal.types import Progress, Scalar, Watch


def log_student_t(z: Tensor, centres: Tensor, alpha: float) -> Tensor:
    """Return log q (N, K), Xie, Girshick and Farhadi (2016), eq. 1, of z (N, d) and centres (K, d).

    q_ij = (1 + |z_i - m_j|^2 / alpha)^(-(alpha + 1) / 2), divided by the sum over j.
    """
    origin = centres.mean(dim=0).detach()  # squares of a common offset would eat the digits
    z, centres = z - origin, centres - origin
    squares = z.square().sum(1, keepdim=True) - 2 * z @ centres.T + centres.square().sum(1)
    return torch.log_softmax(-(alpha + 1) / 2 * torch.log1p(squares.clamp_min(0) / alpha), dim=1)


def target(q: Tensor) -> Tensor:
    """Return p (N, K), eq. 3: q_ij^2 / f_j, divided by the sum over j, f_j = sum over i of q_ij.

    f_j are sums over the rows given: give the whole set.
    """
    weight = q.square() / q.sum(dim=0).clamp_min(torch.finfo(q.dtype).tiny)
    return weight / weight.sum(dim=1, keepdim=True)


def divergence(p: Tensor, log_q: Tensor) -> Tensor:
    """Return the scalar KL(P || Q), eq. 2, of p and log q (N, K), as the mean over the rows."""
    return (torch.xlogy(p, p) - p * log_q).sum(dim=1).mean()


@dataclass(frozen=True, slots=True)
class _Steps:
    """What training goes on with between two targets, which are `every` batches apart."""

    centres: nn.Parameter
    optimiser: torch.optim.Optimizer
    batches: Iterator[Labels]
    every: int


class DEC:
    """Xie, Girshick and Farhadi (2016), ICML.

    An autoencoder is trained, k-means in its code places K centres, and then encoder and centres minimise
    KL(P || Q), where P sharpens Q. P is computed on the whole set every `every` batches (None: once a pass
    over the items, but never before 20 batches have passed); training stops when fewer than `tolerance` of
    the items have changed cluster since the last time, or after `updates` of them.

    Any trainable `encoder` (items -> (B, d)) may be given: it is trained in place, without an autoencoder
    before, and items are what it takes, unscaled. `centres` of the result lie in the code.
    """

    name: ClassVar[str] = "dec"
    finds_clusters: ClassVar[bool] = False

    def __init__(
        self,
        clusters: int = 10,
        *,
        encoder: nn.Module | None = None,
        alpha: float = 1.0,
        width: int = 10,
        hidden: str = "500-500-2000",
        pretraining: int = 50,
        rate: float = 0.01,
        batch: int = 256,
        every: int | None = None,
        tolerance: float = 0.001,
        updates: int = 100,
        device: str = "cpu",
    ) -> None:
        for name, value, least in [
            ("clusters", clusters, 1),
            ("width", width, 1),
            ("pretraining", pretraining, 0),
            ("batch", batch, 1),
            ("every", 1 if every is None else every, 1),
            ("updates", updates, 0),
        ]:
            count(self.name, name, value, least)
        for name, number, lowest in [("alpha", alpha, 1e-6), ("rate", rate, 0), ("tolerance", tolerance, 0)]:
            at_least(self.name, name, number, lowest)
        layers(hidden)
        checked_network(self.name, encoder, device)
        self.clusters, self.encoder, self.alpha, self.width = clusters, encoder, alpha, width
        self.hidden, self.pretraining, self.rate, self.batch = hidden, pretraining, rate, batch
        self.every, self.tolerance, self.updates, self.device = every, tolerance, updates, device
        self._builds = encoder is None
        self._decoder: nn.Module | None = None
        self._fitted: tuple[Scaling | None, Tensor] | None = None

    def parameters(self) -> dict[str, Scalar]:
        """Return everything besides the seed and a given encoder that decides the result."""
        return {
            "clusters": self.clusters,
            "alpha": self.alpha,
            "width": self.width,
            "hidden": self.hidden,
            "pretraining": self.pretraining,
            "rate": self.rate,
            "batch": self.batch,
            "every": self.every,
            "tolerance": self.tolerance,
            "updates": self.updates,
        }

    def fit(
        self,
        vectors: Items,
        *,
        seed: int = 0,
        watch: Watch | None = None,
        known: NDArray[Any] | None = None,
    ) -> Clustering:
        """Cluster vectors (N, D), or items (N, ...) of the given encoder.

        `known` (N,), labels with -1 for unknown, is only compared with, in `history`. Raises
        `ClusteringError` when malformed, N < `clusters`, or the features become NaN.
        """
        checked_seed(self.name, seed)
        if self._builds:
            checked: Items = checked_vectors(self.name, vectors)
        else:
            checked = checked_items(self.name, vectors, self.batch)
        enough(self.name, len(checked), self.clusters)
        labels = checked_known(self.name, known, len(checked))
        with seeded(seed_from(seed), self.device):
            rng = np.random.default_rng((seed, 1))
            items, scaling = self._prepare(checked, rng, watch)
            centres, history, q = self._learn(items, seed, rng, watch, labels)
        self._fitted = (scaling, centres)
        soft = q.cpu().numpy().astype(np.float32)
        found = soft.argmax(axis=1)
        facts: dict[str, Scalar] = {
            "updates": len(history) - 1,
            "converged": len(history) > 1 and (history[-1].changed or 0.0) < self.tolerance,
            "empty": empty(found, self.clusters),
        }
        return Clustering(found, self.clusters, soft, centres.cpu().numpy(), facts, tuple(history))

    def assign(self, vectors: Items) -> Labels:
        """Return the cluster (M,) of largest q of new vectors (M, D) or items; needs a `fit` before."""
        if self._fitted is None:
            raise not_fitted(self.name)
        scaling, centres = self._fitted
        if scaling is None:
            items: Items = checked_items(self.name, vectors, self.batch)
        else:
            checked = checked_vectors(self.name, vectors)
            checked_width(self.name, checked, len(scaling.mean))
            items = scaling.apply(checked)
        z = self._encode(items)
        return np.asarray(log_student_t(z, centres, self.alpha).argmax(dim=1).cpu().numpy(), np.int64)

    def _prepare(
        self, checked: Items, rng: np.random.Generator, watch: Watch | None
    ) -> tuple[Items, Scaling | None]:
        """Return the items as the encoder takes them; train an autoencoder where none was given."""
        if not self._builds:
            assert self.encoder is not None
            self.encoder.to(self.device)
            return checked, None
        vectors = np.asarray(checked)
        scaling = scaling_of(vectors)
        x = scaling.apply(vectors)
        network = Autoencoder(x.shape[1], self.hidden, self.width).to(self.device)
        batches = shuffled(len(x), self.batch, rng)
        pretrain(network, x, batches, epochs=self.pretraining, device=self.device, watch=watch)
        self.encoder, self._decoder = network.encoder, network.decoder
        return x, scaling

    def _learn(
        self,
        items: Items,
        seed: int,
        rng: np.random.Generator,
        watch: Watch | None,
        known: Labels | None,
    ) -> tuple[Tensor, list[Epoch], Tensor]:
        """Return the centres (K, d), the record, and q (N, K) at the end."""
        first = KMeans(self.clusters, n_init=20).fit(self._encode(items).cpu().numpy(), seed=seed)
        centres = nn.Parameter(torch.as_tensor(first.centres, device=self.device))
        steps = _Steps(
            centres,
            self._optimiser([*self._trained(), centres]),
            shuffled(len(items), self.batch, rng),
            self.every or max(20, -(-len(items) // self.batch)),
        )
        before, history = first.labels, list[Epoch]()
        while True:
            with torch.no_grad():
                q = log_student_t(self._encode(items), centres, self.alpha).exp()
            now = np.asarray(q.argmax(dim=1).cpu().numpy(), np.int64)
            history.append(_record(len(history), before, now, known, self.clusters))
            moved = changed(before, now)
            if len(history) > self.updates or (len(history) > 1 and moved < self.tolerance):
                return centres.detach(), history, q
            if watch is not None:
                watch(Progress(len(history) - 1, self.updates, f"{self.name}: {moved:.1%} moved"))
            before, history[-1] = now, replace(history[-1], loss=self._train(items, target(q), steps))

    def _train(self, items: Items, p: Tensor, steps: _Steps) -> float:
        """Take the steps towards p (N, K) until it is due again; return their mean loss."""
        network = self.encoder
        assert network is not None
        network.train()
        total = 0.0
        for _ in range(steps.every):
            rows = next(steps.batches)
            x = take(items, rows, self.device)
            z = network(in_its_precision(network, x)).float()
            loss = self._loss(divergence(p[rows], log_student_t(z, steps.centres, self.alpha)), x, z)
            steps.optimiser.zero_grad()
            torch.autograd.backward(loss)
            steps.optimiser.step()
            total += float(loss.detach())
        return total / steps.every

    def _loss(self, kl: Tensor, x: Tensor, z: Tensor) -> Tensor:
        """Return what is minimised: here the divergence alone."""
        return kl

    def _trained(self) -> list[nn.Parameter]:
        """Return the network's parameters that learn while clustering."""
        assert self.encoder is not None
        return list(self.encoder.parameters())

    def _optimiser(self, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.SGD(parameters, lr=self.rate, momentum=0.9)

    def _encode(self, items: Items) -> Tensor:
        if self.encoder is None:
            raise ClusteringError(f"clustering {self.name} has no encoder yet; call fit first.")
        return encode(self.encoder, items, batch=max(self.batch, 1024), device=self.device, who=self.name)


def _record(number: int, before: Labels, now: Labels, known: Labels | None, clusters: int) -> Epoch:
    return Epoch(
        number=number,
        changed=changed(before, now),
        nmi_before=nmi(before, now),
        nmi_labels=None if known is None else nmi(known, now),
        empty=empty(now, clusters),
    )
