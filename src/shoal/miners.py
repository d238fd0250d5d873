"""Miners: which triplets of a batch a loss looks at. Distances and labels in, three columns of numbers out.

Every miner takes distances (N, N) and labels (N,) int and returns the numbers of anchors, positives and
negatives, each (T,) int64; it can be given to `TripletLoss(miner=...)` as it is, or through
`functools.partial` to set its margin. Items labelled -1 are in no triplet, whatever their distances; anything
that has no valid triplet gives T = 0. Raises `LossError` on other shapes and dtypes, on labels below -1, and
on distances between labelled items that are NaN or infinite (under `torch.compile` values are not checked).
"""

import torch
from torch import Tensor

from shoal.losses.base import FLOATS, WHOLE, LossError, check_setting, why_strange
from shoal.losses.pairs import same_class
from shoal.types import UNLABELLED

Triplets = tuple[Tensor, Tensor, Tensor]


def batch_all(distances: Tensor, labels: Tensor) -> Triplets:
    """Return every triplet. T grows as N^2 P: `TripletLoss(miner=None)` does the same in O(N^2) memory."""
    _, labels, known = _checked("batch_all()", distances, labels)
    positive, negative = same_class(labels)
    anchors, positives = positive.nonzero(as_tuple=True)
    pair, negatives = negative[anchors].nonzero(as_tuple=True)
    return known[anchors[pair]], known[positives[pair]], known[negatives]


def batch_hard(distances: Tensor, labels: Tensor) -> Triplets:
    """Return one triplet an anchor: its farthest positive and its nearest negative (Hermans et al. 2017)."""
    distances, labels, known = _checked("batch_hard()", distances, labels)
    positive, negative = same_class(labels)
    anchors = (positive.any(dim=1) & negative.any(dim=1)).nonzero().squeeze(1)
    if len(anchors) == 0:
        return anchors, anchors, anchors
    farthest = distances.masked_fill(~positive, -torch.inf)[anchors].argmax(dim=1)
    nearest = distances.masked_fill(~negative, torch.inf)[anchors].argmin(dim=1)
    return known[anchors], known[farthest], known[nearest]


def semi_hard(distances: Tensor, labels: Tensor, *, margin: float = 0.2) -> Triplets:
    """Return for each equal pair its nearest negative beyond the positive: d_ap < d_an < d_ap + margin.

    FaceNet's semi-hard (Schroff et al. 2015). Pairs without such a negative are left out. O(N^2) memory.
    Raises `LossError` unless margin >= 0.
    """
    check_setting("semi_hard()", "margin", margin, at_least=0.0)
    distances, labels, known = _checked("semi_hard()", distances, labels)
    positives, valid = _positives(labels)
    ordered, order, first = _negatives_in_order(distances, labels)
    reach = distances.gather(1, positives)
    place = torch.searchsorted(ordered, reach, right=True)
    anchors, column = (valid & (place < first[:, None])).nonzero(as_tuple=True)
    place, reach, positives = place[anchors, column], reach[anchors, column], positives[anchors, column]
    within = ordered[anchors, place] < reach + margin
    return known[anchors[within]], known[positives[within]], known[order[anchors, place][within]]


def hard(distances: Tensor, labels: Tensor) -> Triplets:
    """Return for each equal pair the anchor's nearest negative, where it is nearer than the positive.

    d_an < d_ap: FaceNet's *hard*. The CUB triplet poster (schinmayee/metric-learning) calls this
    "semi-hard", and draws among such negatives at random instead of taking the nearest.
    """
    distances, labels, known = _checked("hard()", distances, labels)
    anchors, positives = same_class(labels)[0].nonzero(as_tuple=True)
    if len(anchors) == 0:
        return anchors, anchors, anchors
    rivals = distances.masked_fill(~same_class(labels)[1], torch.inf)
    nearest, which = rivals.min(dim=1)
    kept = nearest[anchors] < distances[anchors, positives]
    return known[anchors[kept]], known[positives[kept]], known[which[anchors[kept]]]


def distance_weighted(
    distances: Tensor,
    labels: Tensor,
    *,
    width: int,
    cutoff: float = 0.5,
    farthest: float = 1.4,
    generator: torch.Generator | None = None,
) -> Triplets:
    """Return for each equal pair one negative drawn with probability 1 / q(d) (Wu et al. 2017, ICCV).

    q(d) = d^(D-2) (1 - d^2/4)^((D-3)/2) is how distances between random points of the unit sphere in
    D = `width` dimensions lie; drawing against it spreads the negatives evenly over distances. Distances
    below `cutoff` count as `cutoff`; beyond `farthest` nothing is drawn, and anchors without a candidate are
    left out.
    Raises `LossError` unless D >= 2, 0 < cutoff < 2 and no distance exceeds 2, i.e. the rows are normalised.
    """
    check_setting("distance_weighted()", "width", width, at_least=2)
    check_setting("distance_weighted()", "cutoff", cutoff, above=0.0, below=2.0)
    check_setting("distance_weighted()", "farthest", farthest, above=0.0)
    distances, labels, known = _checked("distance_weighted()", distances, labels)
    if distances.numel() and float(distances.max()) > 2.0 + 1e-3:
        raise LossError(
            f"distance_weighted() got a distance of {float(distances.max()):.4g}; on the unit sphere none "
            "exceeds 2. Normalise the rows (shoal.losses.distance.unit), or choose another miner."
        )
    d = distances.double().clamp(cutoff, 2.0 - 1e-6)
    weights = (2.0 - width) * d.log() - (width - 3.0) / 2.0 * (1.0 - d.square() / 4.0).log()
    allowed = same_class(labels)[1] & (distances <= farthest)
    weights = torch.softmax(weights.masked_fill(~allowed, -torch.inf), dim=1)
    places, valid = _positives(labels)
    valid &= allowed.any(dim=1, keepdim=True)
    anchors, column = valid.nonzero(as_tuple=True)
    # one draw a pair, from the row of its anchor: invert the running sum
    running = weights.nan_to_num().cumsum(dim=1)
    draws = torch.zeros(places.shape, dtype=torch.float64, device=distances.device)
    # where the generator is; without one on the CPU, so that a seed draws the same on every device
    where = "cpu" if generator is None else generator.device
    drawn = torch.rand(len(anchors), generator=generator, dtype=torch.float64, device=where)
    draws[valid] = drawn.to(distances.device)
    negatives = torch.searchsorted(running, draws * running[:, -1:], right=True).clamp_max(len(labels) - 1)
    return known[anchors], known[places[anchors, column]], known[negatives[anchors, column]]


def local_positives(distances: Tensor, labels: Tensor, *, share: float = 0.6) -> Tensor:
    """Return which equal pairs are local (N, N) bool: at most as far as the class's `share` quantile.

    The threshold of a class is the entry number floor(share * pairs) of its sorted distances of pairs i < j.
    The poster's code (schinmayee/metric-learning) also counts each item paired with itself; ours does not.
    Raises `LossError` unless 0 <= share <= 1.
    """
    check_setting("local_positives()", "share", share, at_least=0.0, at_most=1.0)
    _, y, known = _checked("local_positives()", distances, labels)
    local = torch.zeros(distances.shape, dtype=torch.bool, device=distances.device)
    for k in torch.unique(y):
        members = known[y == k]
        inside = distances[members[:, None], members]
        pairs = torch.triu_indices(len(members), len(members), offset=1, device=labels.device)
        reach = inside[pairs[0], pairs[1]].sort().values
        if len(reach):
            threshold = reach[min(int(len(reach) * share), len(reach) - 1)]
            local[members[:, None], members] = inside <= threshold
    return local.fill_diagonal_(False)


def only_local(triplets: Triplets, local: Tensor) -> Triplets:
    """Return the triplets whose anchor and positive are a pair of `local` (N, N) bool.

    Raises `LossError` unless `local` is that, and the triplets three columns of numbers below N.
    """
    columns = [getattr(column, "shape", None) for column in triplets]
    if local.ndim != 2 or local.dtype != torch.bool or local.shape[0] != local.shape[1]:
        raise LossError(
            f"only_local() got pairs of shape {tuple(local.shape)} and {local.dtype}; it takes bools (N, N), "
            "as local_positives() returns them."
        )
    if len(triplets) != 3 or len({*columns}) != 1 or max(map(_beyond, triplets)) >= len(local):
        raise LossError(
            f"only_local() got triplets of shapes {columns}; it takes three columns of numbers below "
            f"{len(local)}, as a miner returns them."
        )
    kept = local[triplets[0], triplets[1]]
    return triplets[0][kept], triplets[1][kept], triplets[2][kept]


def _checked(who: str, distances: Tensor, labels: Tensor) -> Triplets:
    """Return distances (M, M) and labels (M,) int64 of the labelled items, and their numbers (M,) int64."""
    if not isinstance(distances, Tensor) or not isinstance(labels, Tensor):
        raise LossError(
            f"{who} got a {type(distances).__name__} and a {type(labels).__name__}; it takes tensors: "
            "distances (N, N) and labels (N,)."
        )
    for one in (distances, labels):
        strange = why_strange(one)
        if strange:
            raise LossError(f"{who} got {strange}.")
    n = len(labels) if labels.ndim else 0
    if distances.shape != (n, n) or labels.ndim != 1 or distances.dtype not in FLOATS:
        raise LossError(
            f"{who} got distances of shape {tuple(distances.shape)} and {distances.dtype}, and labels of "
            f"shape {tuple(labels.shape)}; it takes floats (N, N) and labels (N,)."
        )
    if labels.dtype not in WHOLE:
        raise LossError(
            f"{who} got labels of {labels.dtype}; it takes one integer an item, -1 for unlabelled."
        )
    y = labels.to(device=distances.device, dtype=torch.int64)
    known = y != UNLABELLED
    if not torch.compiler.is_compiling() and bool(known.all()):
        numbers = torch.arange(n, device=y.device)
    else:
        numbers = known.nonzero().squeeze(1)
        distances, y = distances[numbers[:, None], numbers], y[numbers]
    if not torch.compiler.is_compiling():
        _check_values(who, distances, y, labels)
    return distances, y, numbers


def _check_values(who: str, distances: Tensor, y: Tensor, given: Tensor) -> None:
    # labels of 2^63 and above, which only uint64 holds, are negative by now
    low = given.dtype == torch.uint64 and bool((given.to(torch.int64) < 0).any())
    if low or (len(y) and int(y.min()) < UNLABELLED):
        raise LossError(
            f"{who} got labels below -1, or of 2^63 and more; labels are >= 0, or -1 for unlabelled."
        )
    if not bool(distances.isfinite().all()):
        bad = int((~distances.isfinite()).any(dim=1).sum())
        raise LossError(
            f"{who} got NaN or infinite distances in {bad} of {len(y)} labelled rows; look for a broken "
            "input or an overflow in float16, or label those items -1."
        )


def _beyond(column: Tensor) -> int:
    return int(column.max()) if len(column) else -1


def _positives(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the items of each anchor's class, ascending and filled up (N, P), and which are positives."""
    order = labels.argsort(stable=True)
    ordered = labels[order]
    first = torch.searchsorted(ordered, labels)
    counts = torch.searchsorted(ordered, labels, right=True) - first
    column = torch.arange(int(counts.max()) if len(labels) else 0, device=labels.device)
    items = order[(first[:, None] + column).clamp_max(len(labels) - 1)]
    itself = items == torch.arange(len(labels), device=labels.device)[:, None]
    return items, (column < counts[:, None]) & ~itself


def _negatives_in_order(distances: Tensor, labels: Tensor) -> Triplets:
    """Return per anchor its negatives' distances ascending, then infinity (N, N), whose, and how many."""
    negative = same_class(labels)[1]
    ordered, order = distances.masked_fill(~negative, torch.inf).sort(dim=1)
    return ordered, order, negative.sum(dim=1)
