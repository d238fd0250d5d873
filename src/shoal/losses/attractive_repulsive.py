"""The attractive-repulsive framework of Kenyon-Dean et al. (2018): own class attracts, others repel."""

from torch import Tensor

from shoal.losses.base import ClassLoss, check_setting


def attractive_repulsive(attraction: Tensor, repulsion: Tensor, *, lam: float) -> Tensor:
    """Return mean_i (lam * attraction_i + (1 - lam) * repulsion_i) of two terms (N,)."""
    return (lam * attraction + (1.0 - lam) * repulsion).mean()


class AttractiveRepulsiveLoss(ClassLoss):
    """L = lam * L_attr + (1 - lam) * L_rep, averaged over the batch; arXiv 1812.07627.

    A subclass says how an item attracts its class's weight and how the weights of the others repel it.
    """

    def __init__(self, classes: int, width: int, *, lam: float = 0.5) -> None:
        super().__init__(classes, width)
        check_setting(type(self).__name__, "lam", lam, at_least=0.0, at_most=1.0)
        self.lam = lam

    def compute(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the weighted mean of both terms over z (N, D) with labels y (N,)."""
        if len(z) == 0:
            return self.nothing(z)
        scores = self.scores(z)
        return attractive_repulsive(self.attraction(scores, y), self.repulsion(scores, y), lam=self.lam)

    def attraction(self, scores: Tensor, y: Tensor) -> Tensor:
        """Return L_attr (N,) from scores (N, K): the less the item likes its own class, the more."""
        return -scores.gather(1, y[:, None]).squeeze(1)

    def repulsion(self, scores: Tensor, y: Tensor) -> Tensor:
        """Return L_rep (N,) from scores (N, K)."""
        return scores.logsumexp(dim=1)
