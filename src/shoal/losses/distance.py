"""Distances between rows, with a gradient that is finite where rows coincide."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from shoal.losses.once import once

CHUNK = 1 << 21
"""How many distances the blockwise functions hold at once (8 MiB in float32)."""
STRIP, MIN_ROWS = 1 << 18, 32
"""How many distances a block of one pass has (1 MiB in float32: the cache holds them), and rows at least."""
EXACT_WIDTH = 8
"""Up to this width distances come from differences, which is exact; beyond it from products, faster."""


def safe_sqrt(x: Tensor) -> Tensor:
    """Return the root of x >= 0, any shape, whose gradient at 0 is 0 instead of infinite."""
    positive = x > 0
    return torch.where(positive, x, torch.ones_like(x)).sqrt() * positive


def scale_of(x: Tensor) -> Tensor:
    """Return the power of two at or below each of x >= 0, any shape: dividing by it is exact.

    1 where x is so small (4e-31 in float32) that the slope of what is divided by it might overflow.
    """
    halves = torch.frexp(x).mantissa
    return torch.where(x > torch.finfo(x.dtype).tiny ** 0.8, x / (2.0 * halves), torch.ones_like(x))


def _ordinary(x: Tensor) -> bool:
    """Return whether all of x >= 0 are of a size whose squares and sums of squares keep their digits.

    2e-6 to 5e5 in float32. Never while compiling, which could not look at them.
    """
    if torch.compiler.is_compiling() or not x.numel():
        return False
    least = float(torch.finfo(x.dtype).tiny ** 0.15)
    low, high = torch.aminmax(x.detach())
    return least < float(low) and float(high) < 1.0 / least


def largest_of(z: Tensor) -> Tensor:
    """Return the largest size of any number in z, a scalar: 0 of nothing, NaN where there is one."""
    if not z.numel():
        return torch.zeros((), dtype=z.dtype, device=z.device)
    low, high = torch.aminmax(z.detach())
    return torch.maximum(-low, high)


def unit(x: Tensor) -> Tensor:
    """Return rows (N, D) scaled to length 1; a row that is (nearly) zero stays so, with a finite gradient."""
    length: Tensor = torch.linalg.vector_norm(x, dim=1, keepdim=True)
    if _ordinary(length):
        return x / length
    # lest squares overflow or vanish; the scale cancels out, and so has no gradient
    x = x / scale_of(x.detach().abs().amax(dim=1, keepdim=True))
    length = torch.linalg.vector_norm(x, dim=1, keepdim=True)
    return x / torch.where(length > 0.5, length, torch.ones_like(length))


def centred(z: Tensor) -> Tensor:
    """Return rows z (N, D) brought to their mean: what distances ignore, and float32 has no digits for."""
    return z - z.detach().mean(dim=0) if len(z) else z


def of_fair_size(z: Tensor) -> Tensor:
    """Return rows z (N, D) brought to their mean, and divided by about the largest number where that is odd.

    For losses that ignore shift and scale: squares neither overflow nor vanish then.
    """
    z = centred(z)
    largest = largest_of(z)
    return z if _ordinary(largest) else z / scale_of(largest)


def squared_euclidean(x: Tensor, y: Tensor) -> Tensor:
    """Return ||x_i - y_j||^2 (N, M) of rows x (N, D) and y (M, D)."""
    # distances ignore a shift, and small numbers lose fewer digits in the expanded square
    middle = y.detach().mean(dim=0) if len(y) else 0.0
    x, y = x - middle, y - middle
    squares = x.square().sum(dim=1)[:, None] + y.square().sum(dim=1) - 2.0 * (x @ y.T)
    return squares.clamp_min(0.0)


def pairwise(z: Tensor) -> Tensor:
    """Return ||z_i - z_j|| (N, N) with an exact zero diagonal; the gradient between equal rows is 0."""
    if len(z) == 0:
        return z @ z.T
    z = once(centred(z))
    distances = euclidean(z, z)
    return distances.masked_fill(torch.eye(len(z), dtype=torch.bool, device=z.device), 0.0)


def _how(z: Tensor) -> str:
    exact = z.shape[1] <= EXACT_WIDTH
    return "donot_use_mm_for_euclid_dist" if exact else "use_mm_for_euclid_dist"


def rows_at_once(items: int) -> int:
    """Return of how many rows to form the distances to all N items at once."""
    return max(MIN_ROWS, STRIP // max(items, 1))


def euclidean(x: Tensor, y: Tensor) -> Tensor:
    """Return ||x_i - y_j|| (N, M) of rows brought to their mean before; the gradient at 0 is 0."""
    return torch.cdist(x, y, compute_mode=_how(x))


def strips(z: Tensor, y: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Yield every pair of rows z (N, D) once, a strip at a time; the labels y (N,) must ascend.

    A strip is (start, distances (B, M), same (B, S) bool): from the rows start to start + B to all rows from
    `start` on. `same` says which of the first S are of the row's class; beyond them none is. Within the
    first B columns a pair occurs in both orders, and the diagonal is exactly 0. Bring z to its mean first.
    """
    ends = torch.searchsorted(y, y, right=True).tolist()
    size = rows_at_once(len(z))
    for start in range(0, len(z), size):
        stop = min(start + size, len(z))
        distances = euclidean(z[start:stop], z[start:])
        distances.diagonal().zero_()
        yield start, distances, y[start:stop, None] == y[start : ends[stop - 1]]


def class_sums(z: Tensor, members: Tensor) -> Tensor:
    """Return the sum of Euclidean distances from each item to each class (N, K), in linear memory.

    z is (N, D), brought to its mean before; members (N, K) is one-hot. Works through the N^2 distances in
    blocks, forward and backward.
    """
    sums: Tensor = _ClassSums.apply(once(z), members)  # type: ignore[no-untyped-call]
    return sums


class _ClassSums(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, members: Tensor) -> Tensor:
        ctx.save_for_backward(z, members)
        # written in place: pieces kept between blocks would fragment the heap up to the whole matrix
        sums = torch.empty_like(members)
        for start in _starts(z):
            sums[start : start + _block(z)] = _distances(z, start) @ members
        return sums

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        z, members = ctx.saved_tensors
        return _slope_of_sums(z, members, gradient), None


@torch.no_grad()
def _slope_of_sums(z: Tensor, members: Tensor, gradient: Tensor) -> Tensor:
    """Return the slope (N, D) of sum(gradient * sums), gradient (N, K)."""
    place = members.argmax(dim=1)
    by_class = gradient.T.contiguous()
    slope = torch.empty_like(z)
    for start in _starts(z):
        block = slice(start, start + _block(z))
        distance = _distances(z, start)
        # d_ij enters the sums of i (to j's class) and of j (to i's class)
        pull = gradient[block].index_select(1, place).add_(by_class.index_select(0, place[block]))
        pull.div_(distance).masked_fill_(distance == 0, 0.0)
        slope[block] = pull.sum(dim=1, keepdim=True) * z[block] - pull @ z
    return slope


def _block(z: Tensor) -> int:
    return max(1, CHUNK // len(z))


def _starts(z: Tensor) -> range:
    return range(0, len(z), _block(z))


def _distances(z: Tensor, start: int) -> Tensor:
    """Return the distances of one block of rows to all rows (B, N), exactly 0 from a row to itself."""
    rows = z[start : start + _block(z)]
    distances = euclidean(rows, z)
    distances.diagonal(offset=start).zero_()
    return distances
