"""IDEC: DEC that goes on reconstructing, so that the code keeps the items' local structure."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from shoal.clustering.base import ClusteringError, at_least
from shoal.clustering.dec import DEC
from shoal.clustering.networks import checked_network
from shoal.networks import in_its_precision
from shoal.types import Scalar


class IDEC(DEC):
    """Guo, Gao, Liu and Yin (2017), IJCAI: the mean squared error of reconstruction + `weight` KL(P || Q).

    The paper's gamma is `weight`, 0.1. Everything else is as in DEC, with Adam at 0.001 as in their code.
    With an `encoder` of one's own, its `decoder` ((B, d) -> items) is needed too.
    """

    name: ClassVar[str] = "idec"

    def __init__(
        self,
        clusters: int = 10,
        *,
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
        weight: float = 0.1,
        alpha: float = 1.0,
        width: int = 10,
        hidden: str = "500-500-2000",
        pretraining: int = 50,
        rate: float = 0.001,
        batch: int = 256,
        every: int | None = None,
        tolerance: float = 0.001,
        updates: int = 100,
        device: str = "cpu",
    ) -> None:
        super().__init__(
            clusters,
            encoder=encoder,
            alpha=alpha,
            width=width,
            hidden=hidden,
            pretraining=pretraining,
            rate=rate,
            batch=batch,
            every=every,
            tolerance=tolerance,
            updates=updates,
            device=device,
        )
        at_least(self.name, "weight", weight, 0)
        if (encoder is None) != (decoder is None):
            raise ClusteringError(
                "clustering idec reconstructs: give encoder and decoder, or neither, or take dec."
            )
        checked_network(self.name, decoder, device)
        self.weight = weight
        self._decoder = None if decoder is None else decoder.to(device)

    def parameters(self) -> dict[str, Scalar]:
        """Return everything besides the seed and given networks that decides the result."""
        return super().parameters() | {"weight": self.weight}

    def _loss(self, kl: Tensor, x: Tensor, z: Tensor) -> Tensor:
        assert self._decoder is not None
        self._decoder.train()
        again = self._decoder(in_its_precision(self._decoder, z)).float()
        return nn.functional.mse_loss(again, x) + self.weight * kl

    def _trained(self) -> list[nn.Parameter]:
        assert self._decoder is not None
        return [*super()._trained(), *self._decoder.parameters()]

    def _optimiser(self, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=self.rate)
