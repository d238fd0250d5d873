"""COREL, its framework, cross-entropy and center loss: known values, variants, the authors' code redone."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy, mse_loss

from shoal.losses.attractive_repulsive import attractive_repulsive
from shoal.losses.base import LossError
from shoal.losses.cce import CategoricalCrossEntropyLoss
from shoal.losses.center import CenterLoss
from shoal.losses.cosine_corel import CosineCORELLoss
from shoal.losses.gaussian_corel import GaussianCORELLoss
from shoal.losses.norm_softmax import NormSoftmaxLoss

Z = torch.tensor([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]], dtype=torch.float64)
Y = torch.tensor([0, 1, 1])
W = torch.tensor([[2.0, 0.0], [0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)


def with_weights(loss, weights=W):
    loss = loss.double()
    with torch.no_grad():
        loss.weights.copy_(weights)
    return loss.eval()


def test_the_framework_by_hand():
    # mean of .25 * (1, 2) + .75 * (4, 8) = mean of 3.25, 6.5
    value = attractive_repulsive(torch.tensor([1.0, 2.0]), torch.tensor([4.0, 8.0]), lam=0.25)
    assert value == 4.875


def test_cross_entropy_is_that_of_torch():
    loss = with_weights(CategoricalCrossEntropyLoss(3, 2))
    with torch.no_grad():
        loss.bias.copy_(torch.tensor([0.1, -0.2, 0.3]))
    assert torch.allclose(loss(Z, Y), cross_entropy(Z @ W.T + loss.bias, Y))


def test_cosine_corel_by_hand():
    # cosines: [1, 0, -1], [0, 1, 0], [r, r, -r] with r = 1/sqrt 2
    # attraction -1, -1, -r; repulsion 0^2, 0^2, r^2 = 1/2
    r = 1 / math.sqrt(2)
    for lam in (0.2, 0.5, 1.0):
        wanted = (lam * (-2 - r) + (1 - lam) * 0.5) / 3
        assert with_weights(CosineCORELLoss(3, 2, lam=lam))(Z, Y).item() == pytest.approx(wanted)


def test_cosine_variants_differ_only_where_every_foreign_cosine_is_negative():
    # one item at [1, 0], foreign weights at cosine -.6 and -.8: paper .36, released 0
    weights = torch.tensor([[1.0, 0.0], [-0.6, 0.8], [-0.8, 0.6]], dtype=torch.float64)
    item, label = torch.tensor([[3.0, 0.0]], dtype=torch.float64), torch.tensor([0])
    paper = with_weights(CosineCORELLoss(3, 2), weights)(item, label)
    released = with_weights(CosineCORELLoss(3, 2, variant="released"), weights)(item, label)
    assert paper.item() == pytest.approx(0.5 * -1 + 0.5 * 0.36)
    assert released.item() == pytest.approx(-0.5)
    both = [with_weights(CosineCORELLoss(3, 2, variant=v))(Z, Y) for v in ("paper", "released")]
    assert torch.allclose(*both)


def test_gaussian_corel_by_hand():
    # squared distances: [1, 2, 4], [8, 1, 5], [2, 1, 5]; gamma 1/2
    squares = [[1, 2, 4], [8, 1, 5], [2, 1, 5]]
    for lam in (0.5, 0.85):
        terms = [
            lam * 0.5 * d[y] + (1 - lam) * math.log(sum(math.exp(-0.5 * s) for s in d))
            for d, y in zip(squares, Y.tolist(), strict=True)
        ]
        loss = with_weights(GaussianCORELLoss(3, 2, lam=lam))
        assert loss(Z, Y).item() == pytest.approx(sum(terms) / 3)


def test_gaussian_corel_at_one_half_is_half_a_softmax_over_distances():
    loss = with_weights(GaussianCORELLoss(3, 2, gamma=0.7))
    assert torch.allclose(loss(Z, Y), cross_entropy(-0.7 * torch.cdist(Z, W).square(), Y) / 2)


@pytest.mark.parametrize("settings", [{}, {"lam": 0.6}, {"variant": "released"}])
@pytest.mark.parametrize("far", [1000.0, 3000.0, 10_000.0])
def test_gaussian_corel_keeps_digits_where_two_centres_lie_together_far_from_a_third(settings, far):
    g = torch.Generator().manual_seed(0)
    weights = torch.tensor([[far, far], [far + 0.7, far + 0.2], [-far, -far]])
    y = torch.arange(60) % 3
    z = weights[y] + torch.randn(60, 2, generator=g)
    found = {}
    for dtype in (torch.float32, torch.float64):
        loss = with_weights(GaussianCORELLoss(3, 2, **settings), weights).to(dtype)
        rows = z.detach().to(dtype).clone().requires_grad_()
        value = loss(rows, y)
        value.backward()
        assert loss.scores(rows).dtype == dtype
        found[dtype] = [value.detach(), rows.grad, loss.weights.grad, loss.scores(rows).detach().exp()]
    for single, double in zip(*found.values(), strict=True):
        assert (single.double() - double).norm() < 1e-5 * double.norm()


@pytest.mark.parametrize(
    "kind", [CategoricalCrossEntropyLoss, CenterLoss, GaussianCORELLoss, CosineCORELLoss, NormSoftmaxLoss]
)
def test_scores_lie_row_after_row_however_few_the_classes(kind):
    assert kind(3, 4).scores(torch.randn(5000, 4)).is_contiguous()


def released_gaussian(predictions, y, lam):
    """What the authors' loss_functions.py computes, written again from its description."""
    n, k = predictions.shape
    own = predictions[torch.arange(n), y]
    if lam == 0.5:
        return -(own - predictions.logsumexp(dim=1)).sum() / (n * k)
    inside = torch.log(predictions.exp().sum(dim=1) + 1e-10)
    return (lam * lam * -own + (1 - lam) * (1 - lam) * inside).sum() / n


def released_cosine(predictions, y, lam):
    n = len(predictions)
    foreign = predictions.clone()
    foreign[torch.arange(n), y] = 0.0
    own = predictions[torch.arange(n), y]
    return (lam * -own + (1 - lam) * foreign.max(dim=1).values ** 2).sum() / n


@pytest.mark.parametrize("lam", [0.1, 0.5, 0.85])
@pytest.mark.parametrize("scale", [1.0, 5.0])
def test_the_released_variants_are_the_authors_code(lam, scale):
    g = torch.Generator().manual_seed(1)
    z = scale * torch.randn(20, 4, generator=g, dtype=torch.float64)
    w = torch.randn(6, 4, generator=g, dtype=torch.float64)
    y = torch.randint(6, (20,), generator=g)
    gaussian = with_weights(GaussianCORELLoss(6, 4, lam=lam, variant="released"), w)
    assert torch.allclose(gaussian(z, y), released_gaussian(-0.5 * torch.cdist(z, w).square(), y, lam))
    cosine = with_weights(CosineCORELLoss(6, 4, lam=lam, variant="released"), w)
    assert torch.allclose(
        cosine(z, y), released_cosine(torch.cosine_similarity(z[:, None], w, dim=2), y, lam)
    )


def test_far_away_the_released_repulsion_has_no_gradient_and_the_papers_has():
    far = torch.tensor([[50.0, 50.0]], dtype=torch.float64)
    slopes = []
    for variant in ("paper", "released"):
        loss = with_weights(GaussianCORELLoss(3, 2, lam=0.6, variant=variant))
        leaf = far.clone().requires_grad_()
        loss.repulsion(loss.scores(leaf), torch.tensor([0])).sum().backward()
        slopes.append(leaf.grad)
    assert slopes[0].abs().sum() > 1
    released = with_weights(GaussianCORELLoss(3, 2, lam=0.6, variant="released"))
    leaf = far.clone().requires_grad_()
    released(leaf, torch.tensor([0])).backward()
    # only the attraction is left: lam^2 * 2 gamma (h - w_0)
    assert torch.allclose(leaf.grad, 0.36 * (far - W[0]))


def test_below_one_half_gaussian_corel_has_no_lower_bound_as_documented():
    near, far = (with_weights(GaussianCORELLoss(3, 2, lam=0.3))(s * Z, Y) for s in (1.0, 100.0))
    assert far < near - 100


def test_gamma_is_learned_unless_fixed_and_stays_positive():
    loss = GaussianCORELLoss(3, 2)
    optimiser = torch.optim.SGD(loss.parameters(), lr=5.0)
    for _ in range(20):
        optimiser.zero_grad()
        loss(10 * Z.float(), Y).backward()
        optimiser.step()
    assert loss.gamma >= 0
    assert loss.gamma != pytest.approx(0.5)
    assert not GaussianCORELLoss(3, 2, learn_gamma=False).log_gamma.requires_grad
    assert GaussianCORELLoss(3, 2, gamma=2.0).gamma == pytest.approx(2.0)


def test_scores_predict_the_class():
    for kind in (CategoricalCrossEntropyLoss, CosineCORELLoss, GaussianCORELLoss, CenterLoss):
        loss = with_weights(kind(3, 2))
        assert loss.scores(W).argmax(dim=1).tolist() == [0, 1, 2], kind


def test_center_loss_by_hand():
    loss = with_weights(CenterLoss(3, 2, lam=0.3))
    assert loss.lam == 0.3
    with torch.no_grad():
        loss.centres.copy_(W)
    # squared distances to the own centre: 1, 1, 1
    wanted = cross_entropy(Z @ W.T, Y) + 0.3 * 0.5
    assert torch.allclose(loss(Z, Y), wanted)
    assert torch.allclose(wanted, cross_entropy(Z @ W.T, Y) + 0.3 * mse_loss(Z, W[Y]))


def test_lam_weighs_the_centre_term_as_in_the_paper_whose_sums_have_the_same_slope():
    # eq. 5: sum of cross-entropies + lam / 2 * sum of squares, over m items; ours is 1 / m of it
    loss = with_weights(CenterLoss(3, 2, lam=0.003))
    with torch.no_grad():
        loss.centres.copy_(W + 0.5)
    squares = (Z - loss.centres[Y]).square().sum()
    paper = cross_entropy(Z @ W.T, Y, reduction="sum") + 0.003 / 2 * squares
    assert torch.allclose(len(Z) * loss(Z, Y), paper)


def test_centres_move_by_the_papers_rule_in_training_only():
    loss = CenterLoss(3, 2, alpha=0.5)
    loss.eval()(Z.float(), Y)
    assert not loss.centres.any()
    loss.train()(Z.float(), Y)
    # class 0: .5 * (1, 0) / (1 + 1); class 1: .5 * (1, 3) / (1 + 2); class 2 is not in the batch
    assert torch.allclose(loss.centres, torch.tensor([[0.25, 0.0], [1 / 6, 0.5], [0.0, 0.0]]))
    assert "centres" in loss.state_dict()
    assert "centres" not in dict(loss.named_parameters())


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: CosineCORELLoss(3, 2, lam=1.5), "lam=1.5"),
        (lambda: CosineCORELLoss(3, 2, variant="legacy"), "paper, released"),
        (lambda: GaussianCORELLoss(3, 2, variant="legacy"), "paper, released"),
        (lambda: GaussianCORELLoss(3, 2, gamma=0.0), "gamma=0"),
        (lambda: CenterLoss(3, 2, alpha=2.0), "alpha=2"),
        (lambda: CategoricalCrossEntropyLoss(0, 2), "classes=0"),
    ],
)
def test_settings_it_refuses(build, message):
    with pytest.raises(LossError, match=message):
        build()
