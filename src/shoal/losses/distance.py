"""Distances between rows, with a gradient that is finite where rows coincide."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import threshold

from shoal.losses.once import once

CHUNK = 1 << 21
"""How many distances the blockwise functions hold at once (8 MiB in float32)."""
STRIP, MIN_ROWS = 1 << 18, 32
"""How many distances a block of one pass has (1 MiB in float32: the cache holds them), and rows at least."""
EXACT_WIDTH = 8
"""Up to this width distances come from differences, which is exact; beyond it from products, faster."""
NEAR = 0.03
"""Distances below this share of the longest row are formed in float64: they have lost digits in float32."""


NEAR_DOUBLE = 1e-4
"""The same in float64: below it squares are formed by differences."""


def safe_sqrt(x: Tensor) -> Tensor:
    """Return the root of x >= 0, any shape, whose gradient at 0 is 0 instead of infinite."""
    zero = x <= 0  # which NaN is not: it stays NaN
    return x.masked_fill(zero, 1.0).sqrt().masked_fill(zero, 0.0)


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
    """Return rows (N, D) scaled to length 1; a row that is (nearly) zero stays so, with a finite gradient.

    A head's `unit_rows` brings a row of any size to 1 instead, as its ONNX file does.
    """
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
    return _squares(x, y)[0]


def _squares(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return the squares (N, M), and those of the lengths of x (N,) that they were formed of."""
    # distances ignore a shift, and small numbers lose fewer digits in the expanded square
    middle = y.detach().mean(dim=0) if len(y) else 0.0
    x, y = x - middle, y - middle
    lengths = x.square().sum(dim=1)
    squares = torch.addmm(y.square().sum(dim=1), x, y.T, alpha=-2.0) + lengths[:, None]
    return squares.clamp_min(0.0), lengths


def squares_apart(x: Tensor, y: Tensor, itself: Tensor | None = None) -> Tensor:
    """Return ||x_i - y_j||^2 (N, M) that keep digits also where some are far smaller than the others.

    itself (N,): the column of each row that is not looked at (None: the diagonal); what stands there may have
    lost its digits.
    """
    if not torch.compiler.is_compiling():
        squares, lengths = _squares(x, y)
        if not any_close(squares, itself, float(lengths.detach().amax())):
            return squares
    if x.dtype == torch.float32 and x.device.type != "mps":
        return _squares(x.double(), y.double())[0].to(x.dtype)
    return torch.cdist(once(x), once(y), compute_mode="donot_use_mm_for_euclid_dist").square()


def any_close(squares: Tensor, itself: Tensor | None, longest: float) -> bool:
    """Return whether any of squares (N, M) but the columns `itself` has lost digits in a product.

    `longest` is the square of the longest row's length. Always while compiling, which could not look.
    """
    if torch.compiler.is_compiling():
        return True
    if itself is None:
        others = squares.detach().clone().fill_diagonal_(torch.inf)
    else:
        others = squares.detach().scatter(1, itself[:, None], torch.inf)
    near = NEAR_DOUBLE if squares.dtype == torch.float64 else NEAR
    return float(others.amin()) < near**2 * longest


def pairwise(z: Tensor) -> Tensor:
    """Return ||z_i - z_j|| (N, N) with an exact zero diagonal; the gradient between equal rows is 0."""
    if len(z) == 0:
        return z @ z.T
    z = once(centred(z))
    return euclidean(z, z, itself=0)


def rows_at_once(items: int) -> int:
    """Return of how many rows to form the distances to all N items at once."""
    return max(MIN_ROWS, STRIP // max(items, 1))


def euclidean(x: Tensor, y: Tensor, *, itself: int) -> Tensor:
    """Return ||x_i - y_j|| (N, M) of rows brought to their mean before; the gradient at 0 is 0.

    x is rows `itself` to `itself` + N of y (M, D); the distance from a row to itself is exactly 0.
    The relative error of a float32 distance d and of its slope is at most about 1e-4, or 1e-7 r / d where
    that is more, r the length of the longest row: what rounding the rows themselves costs. Nearer than
    4e-8 r rows are taken for equal. Where there is no float64 (Apple's GPUs) it is about 1e-7 (r / d)^2.
    """
    found = measured(x.detach(), y.detach(), itself)
    distances: Tensor = _Euclidean.apply(x, y, *found)  # type: ignore[no-untyped-call]
    return distances


class _Euclidean(torch.autograd.Function):
    @staticmethod
    def forward(x: Tensor, y: Tensor, distances: Tensor, close: bool) -> Tensor:
        return distances.view_as(distances)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, bool], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:3])
        ctx.close = inputs[3]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        x, y, distances = ctx.saved_tensors
        strength = gradient * inverse(distances)
        strength = wide(strength) if ctx.close else strength
        of_x, of_y = ctx.needs_input_grad[:2]
        return pull(strength, x, y) if of_x else None, pull(strength.T, y, x) if of_y else None, None, None


@torch.no_grad()
def measured(x: Tensor, y: Tensor, itself: int) -> tuple[Tensor, bool]:
    """Return the distances of `euclidean`, and whether some are so small that float32 had no digits for them.

    These cost about half as much time again, and so do their slopes, which `pull` then forms in float64.
    """
    close = torch.compiler.is_compiling()
    if not close:
        exact = x.shape[1] <= EXACT_WIDTH
        how = "donot_use_mm_for_euclid_dist" if exact else "use_mm_for_euclid_dist"
        distances = torch.cdist(x, y, compute_mode=how)
        distances.diagonal(offset=itself).fill_(torch.inf)
        close = bool(distances.amin() < NEAR * torch.linalg.vector_norm(y, dim=1).amax())
    if close and (torch.compiler.is_compiling() or not exact):
        distances = _from_products(wide(x), wide(y)).to(x.dtype)
    distances.diagonal(offset=itself).zero_()
    return distances, close


def _from_products(x: Tensor, y: Tensor) -> Tensor:
    """Return ||x_i - y_j|| (N, M) by ||x||^2 + ||y||^2 - 2 x.y as one product; exactly 0 of equal rows."""
    squares = y.square().sum(dim=1, keepdim=True)
    # what rounding may leave of 0; all else is far above it
    least = 8.0 * torch.finfo(y.dtype).eps * squares.amax()
    left = torch.cat([-2.0 * x, x.square().sum(dim=1, keepdim=True), torch.ones_like(x[:, :1])], dim=1)
    right = torch.cat([y, torch.ones_like(squares), squares - least], dim=1)
    return (left @ right.T).clamp_min_(0.0).sqrt_()


def inverse(distances: Tensor) -> Tensor:
    """Return 1 / d of distances d >= 0, any shape; 0 where d is 0."""
    # comparing and masking a matrix would take several times as long
    return threshold(distances, 0.0, torch.inf).reciprocal_()


def wide(x: Tensor) -> Tensor:
    """Return x in float64 where the device has it: differences of products in float32 lose all digits."""
    return x if x.device.type == "mps" else x.double()


def pull(strength: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Return sum_j strength_ij (x_i - y_j) (N, D) of strengths (N, M), formed in their dtype."""
    x_, y_ = x.to(strength.dtype), y.to(strength.dtype)
    return (strength.sum(dim=1, keepdim=True) * x_ - strength @ y_).to(x.dtype)


def strips(z: Tensor, y: Tensor) -> Iterator[tuple[int, Tensor, Tensor, bool]]:
    """Yield every pair of rows z (N, D) once, a strip at a time; the labels y (N,) must ascend.

    A strip is (start, distances (B, M), same (B, S) bool, close): from the rows start to start + B to all
    rows from `start` on. `same` says which of the first S are of the row's class; beyond them none is. Within
    the first B columns a pair occurs in both orders, and the diagonal is exactly 0. `close` is as in
    `measured`. Bring z to its mean first.
    """
    ends = torch.searchsorted(y, y, right=True).tolist()
    size = rows_at_once(len(z))
    for start in range(0, len(z), size):
        stop = min(start + size, len(z))
        distances, close = measured(z[start:stop], z[start:], 0)
        yield start, distances, y[start:stop, None] == y[start : ends[stop - 1]], close


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
            block = slice(start, start + _block(z))
            sums[block] = measured(z[block], z, start)[0] @ members
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
        distance, close = measured(z[block], z, start)
        # d_ij enters the sums of i (to j's class) and of j (to i's class)
        strength = gradient[block].index_select(1, place).add_(by_class.index_select(0, place[block]))
        strength.mul_(inverse(distance))
        slope[block] = pull(wide(strength) if close else strength, z[block], z)
    return slope


def _block(z: Tensor) -> int:
    return max(1, CHUNK // len(z))


def _starts(z: Tensor) -> range:
    return range(0, len(z), _block(z))
