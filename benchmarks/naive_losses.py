"""Losses as they are usually written: whole matrices, masks, loops over classes, no checks."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, linear, normalize, softplus

Loss = Callable[[Tensor, Tensor], Tensor]


def weights_of(classes: int, width: int) -> Tensor:
    """Return the weights (K, D) that every form of a loss begins with."""
    return torch.randn(classes, width, generator=torch.Generator().manual_seed(1))


def naive_silhouette(z: Tensor, y: Tensor, *, power: int) -> Tensor:
    """Compute the silhouette as single-file versions write it: the whole matrix, a loop over classes."""
    distances = (torch.cdist(z, z) + 1e-12) ** power
    own, others = torch.zeros(len(z)), []
    for k in y.unique():
        members = y == k
        sums = distances[:, members].sum(dim=1)
        own = torch.where(members, sums / (members.sum() - 1).clamp_min(1), own)
        others.append(torch.where(members, torch.inf, sums / members.sum()))
    nearest = torch.stack(others).amin(dim=0)
    return (1.0 - ((nearest - own) / torch.maximum(nearest, own)).mean()) / 2.0


def naive_triplet(z: Tensor, y: Tensor) -> Tensor:
    """Average all triplets as one cube (N, N, N)."""
    d = (torch.cdist(z, z).square() + 1e-12).sqrt()
    same = y[:, None] == y
    valid = (same & ~torch.eye(len(y), dtype=torch.bool))[:, :, None] & ~same[:, None, :]
    values = torch.relu(d[:, :, None] - d[:, None, :] + 0.2) * valid
    return values.sum() / (values > 0).sum().clamp_min(1)


def naive_contrastive(z: Tensor, y: Tensor) -> Tensor:
    """Average the two masked halves of the matrix, as index lists."""
    d = (torch.cdist(z, z).square() + 1e-12).sqrt()
    same = y[:, None] == y
    positive = d[same & ~torch.eye(len(y), dtype=torch.bool)]
    return (positive.square().mean() + torch.relu(1.0 - d[~same]).square().mean()) / 2.0


def naive_lifted(z: Tensor, y: Tensor) -> Tensor:
    """Average over the whole matrix of pairs, equal or not, and mask."""
    d = (torch.cdist(z, z).square() + 1e-12).sqrt()
    same = y[:, None] == y
    push = (1.0 - d).masked_fill(same, -torch.inf).logsumexp(dim=1)
    values = torch.relu(torch.logaddexp(push[:, None], push) + d).square()
    return values[same & ~torch.eye(len(y), dtype=torch.bool)].mean() / 2.0


def naive_nt_xent(z: Tensor, y: Tensor) -> Tensor:
    """Average over the equal pairs of the whole matrix of cosines."""
    z = normalize(z)
    cosines = z @ z.T / 0.07
    same = y[:, None] == y
    push = cosines.masked_fill(same, -torch.inf).logsumexp(dim=1, keepdim=True)
    return softplus(push - cosines)[same & ~torch.eye(len(y), dtype=torch.bool)].mean()


def naive_supcon(z: Tensor, y: Tensor) -> Tensor:
    """Average the log-softmax of the whole matrix of cosines over each anchor's positives."""
    z, itself = normalize(z), torch.eye(len(y), dtype=torch.bool)
    cosines = (z @ z.T / 0.1).masked_fill(itself, -torch.inf)
    positive = (y[:, None] == y) & ~itself
    shares = cosines.log_softmax(dim=1).masked_fill(~positive, 0.0)
    return -(shares.sum(dim=1) / positive.sum(dim=1)).mean()


def naive_cce(z: Tensor, y: Tensor, *, weights: Tensor, extra: Tensor) -> Tensor:
    """Cross-entropy over a linear layer."""
    return cross_entropy(linear(z, weights, extra), y)


def naive_center(z: Tensor, y: Tensor, *, weights: Tensor, extra: Tensor) -> Tensor:
    """Cross-entropy and the distance to centres, which lie at 0 and are moved by nothing."""
    centres = torch.zeros_like(weights)
    away = z - centres[y]
    with torch.no_grad():
        sums = torch.zeros_like(centres).index_add(0, y, away)
        centres += 0.0 * sums / (1 + torch.bincount(y, minlength=len(centres)))[:, None]
    return cross_entropy(linear(z, weights, extra), y) + 0.05 * away.square().sum(dim=1).mean()


def naive_cosine_corel(z: Tensor, y: Tensor, *, weights: Tensor, extra: Tensor) -> Tensor:
    """Attract by the own cosine, repel by the square of the highest other one."""
    cosines = normalize(z) @ normalize(weights).T
    own = torch.nn.functional.one_hot(y, len(weights)).bool()
    return (-cosines[own] + cosines.masked_fill(own, -torch.inf).amax(dim=1).square()).mean() / 2.0


def naive_gaussian_corel(z: Tensor, y: Tensor, *, weights: Tensor, extra: Tensor) -> Tensor:
    """Half the cross-entropy over minus half the squared distances, the half being learned."""
    return cross_entropy(-(0.5 + extra[0]) * torch.cdist(z, weights).square(), y) / 2.0


def naive_prototypical(z: Tensor, y: Tensor) -> Tensor:
    """Take the first item of each class for its prototype and ask about the others, class by class."""
    members = [(y == k).nonzero().squeeze(1) for k in y.unique()]
    means = torch.stack([z[one[:1]].mean(dim=0) for one in members])
    asked = torch.cat([one[1:] for one in members])
    places = torch.cat([torch.full((len(one) - 1,), k) for k, one in enumerate(members)])
    return cross_entropy(-torch.cdist(z[asked], means).square(), places)


def naive_index(z: Tensor, y: Tensor, *, which: str) -> Tensor:
    """Form class means in a loop, and the index from them."""
    classes = y.unique()
    n, k = len(z), len(classes)
    means = torch.stack([z[y == one].mean(dim=0) for one in classes])
    counts = torch.stack([(y == one).sum() for one in classes])
    within = torch.stack([(z[y == one] - means[i]).square().sum() for i, one in enumerate(classes)]).sum()
    between = counts.to(z.dtype) @ (means - z.mean(dim=0)).square().sum(dim=1)
    if which == "calinski-harabasz":
        return 1.0 / (1.0 + (between / (k - 1)) / (within / (n - k)))
    if which == "wb":
        return k * within / (k * within + between)
    apart = torch.cdist(means, means) + torch.diag(torch.full((k,), torch.inf))
    if which == "xie-beni":
        least = n * apart.amin().square()
        return within / (within + least)
    spread = torch.stack([(z[y == one] - means[i]).norm(dim=1).mean() for i, one in enumerate(classes)])
    return ((spread[:, None] + spread) / apart).amax(dim=1).mean()


INDICES = ("calinski-harabasz", "davies-bouldin", "xie-beni", "wb")
PLAIN: dict[str, Loss] = {
    "silhouette, Euclidean": partial(naive_silhouette, power=1),
    "silhouette, squared": partial(naive_silhouette, power=2),
    "contrastive": naive_contrastive,
    "triplet, all": naive_triplet,
    "lifted": naive_lifted,
    "nt-xent": naive_nt_xent,
    "supcon": naive_supcon,
    "prototypical, one shot": naive_prototypical,
    **{which: partial(naive_index, which=which) for which in INDICES},
}
WEIGHTED = {
    "cce": naive_cce,
    "center": naive_center,
    "cosine-corel": naive_cosine_corel,
    "gaussian-corel": naive_gaussian_corel,
}


def naive(kind: str, classes: int, width: int) -> Loss | None:
    """Return the naive form of a loss, or None where there is none."""
    if kind in WEIGHTED:
        weights, extra = weights_of(classes, width), torch.zeros(classes)
        return partial(WEIGHTED[kind], weights=weights.requires_grad_(), extra=extra.requires_grad_())
    return PLAIN.get(kind)
