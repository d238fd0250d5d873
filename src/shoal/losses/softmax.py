"""Softmax cross-entropy that is quick for a few classes too."""

import torch
from torch import Tensor
from torch.nn import functional

LANE = 64 if torch.backends.cpu.get_cpu_capability() == "AVX512" else 32
"""Bytes that the processor's widest instruction takes at once. Shorter rows torch works off one by one."""
WORTH = 1 << 11
"""Below so many scores it takes longer to ask for another order than it saves."""


def cross_entropy(scores: Tensor, y: Tensor) -> Tensor:
    """Return mean_i -log softmax(s_i)_y of scores s (N, K) and labels y (N,); N at least 1."""
    if not _by_columns(scores, len(scores), scores.shape[1]):
        return functional.cross_entropy(scores, y)
    return functional.nll_loss(torch.log_softmax(scores.T.contiguous(), dim=0).T, y)


def linear(z: Tensor, weights: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return z W^T + c (N, K) of rows z (N, D), weights W (K, D), c (K,), laid out for `cross_entropy`."""
    if not _by_columns(z, len(z), len(weights)):
        return functional.linear(z, weights, bias)
    columns = weights @ z.T if bias is None else torch.addmm(bias[:, None], weights, z.T)
    return columns.T


def rows_of(table: Tensor, places: Tensor) -> Tensor:
    """Return the rows places (N,) of a symmetric table (K, K), laid out as those of `linear` are."""
    if not _by_columns(table, len(places), len(table)):
        return table.index_select(0, places)
    return table.index_select(1, places).T


def _by_columns(of: Tensor, n: int, classes: int) -> bool:
    """Return whether scores (N, K) are better gone through class by class."""
    few = classes * of.element_size() < LANE and n * classes > WORTH
    return few and of.device.type == "cpu" and not torch.compiler.is_compiling()
