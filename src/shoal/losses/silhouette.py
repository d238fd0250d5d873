"""The silhouette as a loss: every item nearer to its own class than to the nearest other one."""

from collections.abc import Callable

import torch
from torch import Tensor

from shoal.losses.base import (
    FLOATS,
    WHOLE,
    Loss,
    LossError,
    check_setting,
    dense,
    nothing,
    one_hot,
    why_strange,
)
from shoal.losses.classes import Classes, ClassMemory
from shoal.losses.distance import any_close, class_sums, of_fair_size, safe_sqrt, squares_apart, unit

Distance = Callable[[Tensor, Tensor], Tensor]
"""Rows (N, D) and rows (M, D) to distances (N, M), none negative."""
DISTANCES = ("euclidean", "squared", "simplified", "cosine")
AVERAGES = ("micro", "macro")


class SilhouetteLoss(Loss):
    """(1 - mean silhouette) / 2: 0 is perfect, 1 the worst; Rousseeuw (1987), J. Comput. Appl. Math. 20.

    s_i = (b_i - a_i) / max(a_i, b_i), a_i the mean distance to the other items of the own class, b_i the
    least mean distance to another class. Flipped and scaled to [0, 1].

    distance: "euclidean" (exact in O(N^2) time, O(N) memory); "squared" (squared Euclidean, exact in O(NK)
    through class means); "simplified" (distance to class means, O(NK)); "cosine" (1 - cos, exact in O(NK));
    or a function of two sets of rows, (N, D) and (M, D) to (N, M). Do not compare values across distances.
    softness: 0 takes b_i from the nearest class alone. Above 0, b_i is the mean over the other classes under
    softmax(-d / (softness * mean d)), so that several near classes push; it keeps the scale invariance.
    average: "micro" is the mean over items, "macro" the mean over classes of their means.
    memory: running class means, so that b_i also sees classes absent from the batch ("squared", "simplified"
    and "cosine" only).

    Items alone in their class are left out of the mean (Rousseeuw scores them 0, which would only dilute it).
    The value ignores the scale of z: norms drift, hold them by weight decay. Far-gone items get small
    gradients: warm up with another loss. Draw P classes x K items.
    """

    def __init__(
        self,
        distance: str | Distance = "euclidean",
        *,
        softness: float = 0.0,
        average: str = "micro",
        memory: ClassMemory | None = None,
    ) -> None:
        super().__init__()
        _check_settings(distance, softness, average)
        if memory is not None and distance not in DISTANCES[1:]:
            raise LossError(
                "SilhouetteLoss can remember classes only as means; with memory choose the distance from: "
                + ", ".join(DISTANCES[1:])
            )
        self.distance = distance
        self.softness = softness
        self.average = average
        self.memory = memory
        # a memory is not scaled with the batch, and nobody knows what a function does
        self.degree = 2 if callable(distance) or memory is not None else 1

    def compute(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the loss of z (N, D), y (N,); 0 when no item has both a companion and a rival class."""
        if len(z) == 0:
            return nothing(z)
        present, places = dense(y)
        known = None if self.memory is None else self.memory.absent(present, z)
        own, foreign, counts = mean_distances(z, places, len(present), self.distance, known=known)
        if self.memory is not None and self.training:
            self.memory.remember(present, *_class_means(z, places, len(present), self.distance))
        paired = counts[places] > 1
        if foreign.shape[1] < 2 or not bool(paired.any()):
            return nothing(z)
        values = silhouette(own, nearest_class(foreign, places, softness=self.softness))
        return (1.0 - mean_silhouette(values, places, len(present), paired, average=self.average)) / 2.0


def silhouette_samples(z: Tensor, y: Tensor, distance: str | Distance = "euclidean") -> Tensor:
    """Return the silhouette (N,) of z (N, D) with labels y (N,) >= 0; 0 for an item alone in its class.

    Equals scikit-learn's `silhouette_samples`. Raises `LossError` on other shapes and dtypes, on values that
    are not finite, on labels below 0 (every item has its place in the answer: leave the unlabelled out), and
    when there are fewer than two classes.
    """
    _check_settings(distance, 0.0, "micro")
    _check_samples(z, y)
    y = y.to(torch.int64)
    if z.dtype in (torch.float16, torch.bfloat16):
        z = z.float()
    present, places = dense(y)
    if len(present) < 2:
        raise LossError(f"silhouette_samples() got {len(present)} class; it needs at least two.")
    own, foreign, counts = mean_distances(z, places, len(present), distance)
    return silhouette(own, nearest_class(foreign, places)) * (counts[places] > 1)


def _check_samples(z: Tensor, y: Tensor) -> None:
    for one in (z, y):
        strange = why_strange(one) if isinstance(one, Tensor) else None
        if strange:
            raise LossError(f"silhouette_samples() got {strange}.")
    floats = isinstance(z, Tensor) and z.ndim == 2 and z.dtype in FLOATS and z.shape[1]
    if not floats or not isinstance(y, Tensor) or y.dtype not in WHOLE or y.shape != z.shape[:1]:
        given = [
            f"{each.dtype} {tuple(each.shape)}" if isinstance(each, Tensor) else type(each).__name__
            for each in (z, y)
        ]
        raise LossError(
            f"silhouette_samples() got {given[0]} and {given[1]}; it takes floating-point rows (N, D) and "
            "one integer an item (N,)."
        )
    if torch.compiler.is_compiling():
        return
    if not bool(z.isfinite().all()):
        bad = int((~z.isfinite()).any(dim=1).sum())
        raise LossError(f"silhouette_samples() got {bad} of {len(z)} rows with NaN or infinite values.")
    least = int(y.to(torch.int64).min()) if len(y) else 0
    if least < 0:  # or beyond 2^63, which only uint64 holds
        raise LossError(
            f"silhouette_samples() got the label {least}; labels are >= 0 and below 2^63. Leave unlabelled "
            "items out."
        )


def silhouette(own: Tensor, nearest: Tensor) -> Tensor:
    """Return s = (b - a) / max(a, b) (N,) of a = own (N,) and b = nearest (N,); 0 where both are 0."""
    top = torch.maximum(own, nearest)
    equal = top <= torch.finfo(top.dtype).tiny  # which NaN is not: it stays NaN
    return ((nearest - own) / top.masked_fill(equal, 1.0)).masked_fill(equal, 0.0)


def nearest_class(foreign: Tensor, places: Tensor, *, softness: float = 0.0) -> Tensor:
    """Return b (N,): the hard or soft minimum of `foreign` (N, K) over the classes other than places (N,)."""
    own = torch.zeros_like(foreign, dtype=torch.bool).scatter(1, places[:, None], True)
    if softness == 0.0:
        return foreign.masked_fill(own, torch.inf).amin(dim=1)
    # the temperature follows the distances themselves, else the loss would depend on the scale of z
    mean = foreign.masked_fill(own, 0.0).sum(dim=1, keepdim=True) / (foreign.shape[1] - 1)
    heat = softness * mean.clamp_min(torch.finfo(foreign.dtype).tiny / softness)
    shares = torch.softmax((-foreign / heat).masked_fill(own, -torch.inf), dim=1)
    return (shares * foreign).sum(dim=1)


def mean_silhouette(
    values: Tensor, places: Tensor, classes: int, counted: Tensor, *, average: str = "micro"
) -> Tensor:
    """Return the mean of values (N,) over the items `counted` (N,) bool: over items, or classes first."""
    weight = counted.to(values.dtype)
    if average == "micro":
        return (values * weight).sum() / weight.sum()
    members = one_hot(places, classes, values)
    sizes = weight @ members
    means = ((values * weight) @ members) / sizes.clamp_min(1.0)
    return means.sum() / (sizes > 0).sum()


def mean_distances(
    z: Tensor,
    places: Tensor,
    classes: int,
    distance: str | Distance,
    *,
    known: tuple[Tensor, Tensor] | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return a (N,), the mean distances to every class (N, K + M), and the class sizes (K,).

    a is the mean distance to the *other* items of the own class (0 for an item alone). `known` adds M classes
    by their means (M, D) and spreads (M,). Without `known` the unit of "euclidean", "squared" and
    "simplified" may be the batch's own size, which no silhouette sees.
    """
    if callable(distance):
        return _from_pairs(_own_distances(distance, z), places, classes)
    if distance == "cosine":
        z = unit(z)
    elif known is None:
        z = of_fair_size(z)
    else:
        middle = z.detach().mean(dim=0)
        z, known = z - middle, (known[0] - middle, known[1])
    if distance == "euclidean":
        members = one_hot(places, classes, z)
        return _from_sums(class_sums(z, members), members.sum(dim=0), places)
    return _from_means(z, places, classes, distance, known)


def _own_distances(distance: Distance, z: Tensor) -> Tensor:
    """Return the distances (N, N) that a function gives; raise `LossError` where these are none."""
    found: object = distance(z, z)
    wanted = (len(z), len(z))
    if not isinstance(found, Tensor) or found.shape != wanted or found.dtype not in FLOATS:
        given = f"{found.dtype} {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
        raise LossError(f"SilhouetteLoss got from its distance {given}; it takes floats of shape {wanted}.")
    if not torch.compiler.is_compiling() and not bool(found.isfinite().all()):
        raise LossError(
            "SilhouetteLoss got from its distance NaN or infinite values; let the function give 0 to equal "
            "rows, and a finite number to any others."
        )
    return found


def _from_pairs(distances: Tensor, places: Tensor, classes: int) -> tuple[Tensor, Tensor, Tensor]:
    members = one_hot(places, classes, distances)
    others = distances - torch.diag(distances.diagonal())
    return _from_sums(others @ members, members.sum(dim=0), places)


def _from_sums(sums: Tensor, counts: Tensor, places: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    own = sums.gather(1, places[:, None]).squeeze(1) / (counts[places] - 1.0).clamp_min(1.0)
    return own, sums / counts, counts


def _from_means(
    z: Tensor, places: Tensor, classes: int, distance: str, known: tuple[Tensor, Tensor] | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean distances from class means alone: mean_j ||x - x_j||^2 = ||x - mean||^2 + spread."""
    found = Classes.of(z, places, classes)
    counts = found.counts[places]
    means, spreads = found.means, found.spreads
    if known is not None:
        means, spreads = torch.cat([means, known[0]]), torch.cat([spreads, known[1]])
    others = counts / (counts - 1.0).clamp_min(1.0)
    if distance == "squared":
        own = others * (found.squares + found.spreads[places])
        return own, squares_apart(z, means, places) + spreads, found.counts
    if distance == "simplified":
        return safe_sqrt(found.squares), safe_sqrt(squares_apart(z, means, places)), found.counts
    # 1 - u.v = |u - v|^2 / 2 of rows of length 1, which keeps its digits in a tight class; a zero row lacks
    # 1/2, and is at the distance 1 from itself, which its class mean contains
    lacking = (z.detach().square().sum(dim=1) < 0.5).to(z.dtype) / 2.0
    missing = torch.zeros_like(found.counts).index_add(0, places, lacking) / found.counts
    lack = lacking + (missing[places] - 2.0 * lacking / counts)
    own = others * ((found.squares + found.spreads[places]) / 2.0 + lack)
    foreign = (1.0 - z @ means.T).clamp_min(0.0)
    if any_close(foreign, places, 0.5):
        if known is not None:
            # what a row of theirs lacks on average, of its squared length
            missing = torch.cat(
                [missing, (1.0 - known[1] - known[0].square().sum(dim=1)).clamp_min(0.0) / 2.0]
            )
        foreign = (squares_apart(z, means, places) + spreads) / 2.0 + lacking[:, None] + missing
    return own, foreign, found.counts


def _class_means(z: Tensor, places: Tensor, classes: int, distance: str | Distance) -> tuple[Tensor, Tensor]:
    z = unit(z) if distance == "cosine" else z
    middle = z.detach().mean(dim=0)
    found = Classes.of(z - middle, places, classes)
    return found.means + middle, found.spreads


def _check_settings(distance: str | Distance, softness: float, average: str) -> None:
    if not callable(distance) and distance not in DISTANCES:
        raise LossError(
            f"SilhouetteLoss has no distance {distance!r}; there are {', '.join(DISTANCES)}, "
            "or pass a function of rows (N, D) and (M, D) that returns (N, M)."
        )
    check_setting("SilhouetteLoss", "softness", softness, at_least=0.0)
    if average not in AVERAGES:
        raise LossError(f"SilhouetteLoss has no average {average!r}; there are {', '.join(AVERAGES)}.")
