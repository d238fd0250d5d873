"""What every row of LOSSES keeps, found by its row: values, gradients, edges, precision, documentation."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from shoal.losses import (
    LOSSES,
    ClassLoss,
    ContrastiveLoss,
    GeneralisedDunnLoss,
    Loss,
    LossError,
    SilhouetteLoss,
    TripletLoss,
)
from shoal.losses.base import nothing
from shoal.miners import batch_hard
from shoal.types import ShoalError

torch.set_num_threads(1)  # the batches are tiny

CLASSES, WIDTH = 4, 5
DOCS = Path(__file__).parents[2] / "docs" / "losses"
ROWS = LOSSES.names()
every_row = pytest.mark.parametrize("row", ROWS)


def make(row: str, dtype: torch.dtype = torch.float64) -> Loss:
    torch.manual_seed(1)
    loss: Loss = LOSSES.load(row).build(classes=CLASSES, width=WIDTH)
    return loss.to(dtype).eval()


def batch(
    items: int = 4, *, spread: float = 0.7, apart: float = 1.0, seed: int = 2
) -> tuple[torch.Tensor, torch.Tensor]:
    """Shuffled classes of `items` points each around the same random means for every seed."""
    y = torch.arange(CLASSES).repeat_interleave(items)
    means = torch.randn(CLASSES, WIDTH, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    g = torch.Generator().manual_seed(seed)
    z = apart * means[y] + spread * torch.randn(len(y), WIDTH, generator=g, dtype=torch.float64)
    order = torch.randperm(len(y), generator=g)
    return z[order], y[order]


def gradient(loss: Loss, z: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    z = z.clone().requires_grad_()
    value = loss(z, y)
    value.backward()
    assert z.grad is not None
    return value.detach(), z.grad


@every_row
def test_a_batch_gives_a_finite_scalar_and_every_item_may_learn(row):
    z, y = batch()
    value, grad = gradient(make(row), z, y)
    assert value.shape == ()
    assert value.isfinite()
    assert grad.isfinite().all()
    assert grad.abs().sum() > 0


@every_row
def test_the_gradient_is_the_slope(row):
    z, y = batch()
    loss = make(row)
    assert torch.autograd.gradcheck(lambda z: loss(z, y), (z.requires_grad_(),))


@every_row
def test_the_gradient_of_every_parameter_is_the_slope(row):
    z, y = batch()
    loss = make(row)
    names = [name for name, _ in loss.named_parameters()]
    if not names:
        assert not issubclass(LOSSES.load(row), ClassLoss)
        return

    def value(*parameters: torch.Tensor) -> torch.Tensor:
        chosen = dict(zip(names, parameters, strict=True))
        return torch.func.functional_call(loss, chosen, (z, y))

    parameters = tuple(p.detach().clone().requires_grad_() for p in loss.parameters())
    assert torch.autograd.gradcheck(value, parameters, fast_mode=True)


ONCE = {"silhouette", "contrastive", "triplet", "lifted", "n-pair", "nt-xent", "supcon"}
"""These have no second derivative, and say so."""


@every_row
def test_the_second_derivative_is_the_slopes_slope_or_is_refused(row):
    z, y = batch(3)
    loss = make(row)
    if row not in ONCE:
        assert torch.autograd.gradgradcheck(lambda z: loss(z, y), (z.requires_grad_(),))
        return
    (slope,) = torch.autograd.grad(loss(z.requires_grad_(), y), z, create_graph=True)
    with pytest.raises(LossError, match="no second derivative"):
        slope.square().sum().backward()
    page = (DOCS / "README.md").read_text()
    assert f"`{row}`" in page.split("**Second derivatives**")[1].split("\n- **")[0]


@every_row
def test_the_gradient_as_a_function_is_the_same(row):
    z, y = batch()
    loss = make(row)
    if row in ONCE:
        pytest.skip("its slope is formed within the forward pass")
    assert torch.allclose(torch.func.grad(lambda z: loss(z, y))(z), gradient(loss, z, y)[1])


@every_row
def test_the_order_within_the_batch_does_not_matter(row):
    z, y = batch()
    loss = make(row)
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(3))
    assert torch.allclose(loss(z, y), loss(z[order], y[order]), atol=1e-12)


@every_row
def test_names_of_classes_do_not_matter_beyond_their_weights(row):
    z, y = batch()
    loss = make(row)
    renamed = torch.tensor([2, 0, 3, 1])[y]
    if isinstance(loss, ClassLoss):
        pytest.skip("a class's name is the row of its weight")
    assert torch.allclose(loss(z, y), loss(z, renamed), atol=1e-12)


@every_row
def test_unlabelled_items_take_no_part_even_when_they_are_nan(row):
    z, y = batch()
    loss = make(row)
    extra = torch.full((3, WIDTH), torch.nan, dtype=torch.float64)
    more, labels = torch.cat([extra, z]), torch.cat([torch.full((3,), -1), y])
    value, grad = gradient(loss, more, labels)
    assert torch.equal(value, loss(z, y).detach())
    assert torch.equal(grad[:3], torch.zeros(3, WIDTH, dtype=torch.float64))
    assert torch.equal(grad[3:], gradient(loss, z, y)[1])


@every_row
def test_merged_classes_are_worse_than_separate_ones(row):
    assert _after_fitting(row, apart=5.0) < _after_fitting(row, apart=0.0) - 1e-3


def _after_fitting(row: str, *, apart: float) -> float:
    """The loss of a fresh batch after the loss's own parameters (not the embeddings) have settled."""
    z, y = batch(8, spread=0.3, apart=apart)
    loss = make(row).train()
    parameters = list(loss.parameters())
    if parameters:
        optimiser = torch.optim.Adam(parameters, lr=0.03)
        for _ in range(100):
            optimiser.zero_grad()
            loss(z, y).backward()
            optimiser.step()
    fresh, labels = batch(8, spread=0.3, apart=apart, seed=4)
    return float(loss.eval()(fresh, labels).detach())


EDGES = {
    "empty": (torch.zeros(0, WIDTH), torch.zeros(0, dtype=torch.int64)),
    "one item": (torch.ones(1, WIDTH), torch.tensor([1])),
    "all unlabelled": (torch.ones(3, WIDTH), torch.tensor([-1, -1, -1])),
    "one class": (torch.arange(15.0).reshape(3, WIDTH).sin(), torch.tensor([2, 2, 2])),
    "singletons": (torch.arange(20.0).reshape(4, WIDTH).sin(), torch.arange(4)),
    "one singleton": (torch.arange(25.0).reshape(5, WIDTH).sin(), torch.tensor([0, 0, 1, 3, 3])),
    "all in one point": (torch.ones(6, WIDTH), torch.tensor([0, 0, 1, 1, 2, 2])),
    "all at zero": (torch.zeros(6, WIDTH), torch.tensor([0, 0, 1, 1, 2, 2])),
    "duplicates": (torch.eye(WIDTH)[[0, 0, 0, 1, 1, 1]], torch.tensor([0, 0, 1, 1, 2, 2])),
    "huge": (1e6 * torch.arange(20.0).reshape(4, WIDTH).sin(), torch.tensor([0, 0, 1, 1])),
    "minute": (1e-6 * torch.arange(20.0).reshape(4, WIDTH).sin(), torch.tensor([0, 0, 1, 1])),
}


@every_row
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("edge", EDGES)
def test_edges_give_a_finite_value_and_a_finite_gradient(row, edge, dtype):
    z, y = EDGES[edge]
    value, grad = gradient(make(row, dtype), z.to(dtype), y)
    assert value.isfinite()
    assert grad.isfinite().all()


@every_row
@pytest.mark.parametrize("edge", ["empty", "all unlabelled"])
def test_without_a_labelled_item_the_loss_is_zero(row, edge):
    value, grad = gradient(make(row), EDGES[edge][0].double(), EDGES[edge][1])
    assert value == 0
    assert not grad.any()


@every_row
@pytest.mark.parametrize("edge", ["empty", "all unlabelled", "one class"])
def test_without_anything_to_compare_the_parameters_have_a_slope_too(row, edge):
    loss = make(row)
    learned = [one for one in loss.parameters() if one.requires_grad]
    if not learned:
        pytest.skip("it has no parameters")
    loss(EDGES[edge][0].double(), EDGES[edge][1]).backward()  # what embeds is frozen
    assert all(one.grad is not None and one.grad.isfinite().all() for one in learned)
    assert edge == "one class" or not any(one.grad.any() for one in learned)


@every_row
@pytest.mark.parametrize("edge", ["one item", "one class"])
def test_without_a_rival_class_a_loss_over_the_batch_alone_is_zero(row, edge):
    loss = make(row)
    if isinstance(loss, ClassLoss):
        pytest.skip("its rivals are the weights of the other classes")
    if row == "contrastive" and edge == "one class":
        pytest.skip("its equal pairs attract without a rival")
    assert loss(EDGES[edge][0].double(), EDGES[edge][1]) == 0


@every_row
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_values_that_are_not_finite_are_refused_by_name(row, bad):
    z, y = batch()
    z[3, 2] = bad
    with pytest.raises(LossError, match=r"Loss got 1 of 16 labelled embeddings with NaN or infinite"):
        make(row)(z, y)


@every_row
def test_broken_batches_are_refused(row):
    z, y = batch()
    loss = make(row)
    for embeddings, labels in [
        (z[0], y[:1]),
        (z, y[:-1]),
        (z[:, :0], y),
        (z.long(), y),
        (z, y.double()),
        (z, y.bool()),
        (z, y - 2),
        (z, y[:, None]),
        (z, y.numpy()),
        (z, y.tolist()),
        (z.numpy(), y),
    ]:
        with pytest.raises(ShoalError, match=type(loss).__name__):
            loss(embeddings, labels)


Z, Y = batch()
STRANGE = {
    "sparse": (Z.to_sparse(), Y, "embeddings as a torch.sparse_coo tensor; to_dense"),
    "compressed": (Z.to_sparse_csr(), Y, "embeddings as a torch.sparse_csr tensor; to_dense"),
    "sparse labels": (Z, Y.to_sparse(), "labels as a torch.sparse_coo tensor; to_dense"),
    "on no device": (Z.to("meta"), Y, "embeddings as a tensor on the device 'meta'"),
    "labels on no device": (Z, Y.to("meta"), "labels as a tensor on the device 'meta'"),
    "nested": (torch.nested.nested_tensor([Z]), Y, "embeddings as a nested tensor"),
    "float8": (Z.to(torch.float8_e4m3fn), Y, "torch.float8_e4m3fn; it takes rows"),
    "int8": (Z.to(torch.int8), Y, "torch.int8; it takes rows"),
    "complex": (Z.to(torch.complex64), Y, "torch.complex64; it takes rows"),
    "complex labels": (Z, Y.to(torch.complex64), "torch.complex64 for 16 embeddings"),
    "quantised": (torch.quantize_per_tensor(Z.float(), 0.1, 0, torch.qint8), Y, "torch.qint8; it takes rows"),
}


@every_row
@pytest.mark.filterwarnings("ignore")  # of torch's own, for what is hardly used
@pytest.mark.parametrize("kind", STRANGE)
def test_strange_tensors_are_refused_by_name(row, kind):
    embeddings, labels, why = STRANGE[kind]
    loss = make(row)
    with pytest.raises(LossError, match=rf"^{type(loss).__name__} got .*{re.escape(why)}"):
        loss(embeddings, labels)


@every_row
def test_built_for_a_size_it_refuses_another(row):
    z, y = batch()
    loss = make(row)
    if not list(loss.parameters()):
        pytest.skip("it has no parameters")
    with pytest.raises(LossError, match="width"):
        loss(z[:, :3], y)
    if isinstance(loss, ClassLoss):
        with pytest.raises(LossError, match="4 classes"):
            loss(z, y + 1)


@every_row
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_settings_that_are_no_number_are_refused_by_name(row, bad):
    kind = LOSSES.load(row)
    parameters = inspect.signature(kind).parameters
    sizes = {name: 3 for name in ("classes", "width") if name in parameters}
    for name, parameter in parameters.items():
        if parameter.annotation is float:
            with pytest.raises(LossError, match=f"{kind.__name__} got {name}={bad}; it must be finite"):
                kind(**sizes, **{name: bad})


@every_row
@pytest.mark.parametrize("bad", [0, -1, 2.5, torch.nan, "3", True])
def test_sizes_that_are_no_whole_number_above_0_are_refused_by_name(row, bad):
    kind = LOSSES.load(row)
    sizes = {
        name: 3
        for name in ("classes", "width", "hidden", "shots")
        if name in inspect.signature(kind).parameters
    }
    for name in sizes:
        with pytest.raises(
            LossError, match=rf"{kind.__name__} got {name}={bad!r}; it must be a whole number"
        ):
            kind(**{**sizes, name: bad})


@every_row
def test_labels_may_be_int32(row):
    z, y = batch()
    loss = make(row)
    assert torch.equal(loss(z, y), loss(z, y.int()))


@every_row
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(row, dtype):
    z, y = batch()
    half = z.to(dtype)
    loss = make(row, torch.float32)
    value, grad = gradient(loss, half, y)
    assert value.dtype == torch.float32
    assert grad.dtype == dtype
    assert torch.equal(value, loss(half.float(), y).detach())
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(loss(half.float(), y).detach(), value)


@every_row
def test_under_autocast_a_network_learns_what_it_learns_in_float32(row):
    x, y = batch(8)
    slopes, values = [], []
    for amp in (False, True):
        torch.manual_seed(3)
        network, loss = torch.nn.Linear(WIDTH, WIDTH), make(row, torch.float32)
        with torch.autocast("cpu", torch.bfloat16, enabled=amp):
            z = network(x.float())
            assert z.dtype == (torch.bfloat16 if amp else torch.float32)
            value = loss(z, y)
        value.backward()
        values.append(value.detach())
        slopes.append(network.weight.grad)
    assert values[1].dtype == torch.float32
    assert torch.allclose(values[1], values[0], rtol=2e-2, atol=1e-2)
    assert (slopes[1] - slopes[0]).norm() < 0.1 * slopes[0].norm()


@every_row
def test_a_loss_that_is_itself_bfloat16_stays_near(row):
    z, y = batch(8)
    value, grad = gradient(make(row, torch.bfloat16), z.bfloat16(), y)
    wanted, slope = gradient(make(row), z, y)
    assert torch.allclose(value.double(), wanted, rtol=5e-2, atol=2e-2)
    assert (grad.double() - slope).norm() < 0.15 * slope.norm()


@every_row
def test_float32_is_close_to_float64(row):
    z, y = batch()
    wanted, slope = gradient(make(row), z, y)
    value, grad = gradient(make(row, torch.float32), z.float(), y)
    assert torch.allclose(value.double(), wanted, rtol=2e-5, atol=2e-6)
    assert torch.allclose(grad.double(), slope, rtol=2e-3, atol=2e-5)


VARIANTS = {
    "silhouette, squared": lambda: SilhouetteLoss("squared"),
    "silhouette, simplified": lambda: SilhouetteLoss("simplified"),
    "silhouette, cosine": lambda: SilhouetteLoss("cosine"),
    "contrastive, hinge": lambda: ContrastiveLoss(form="hinge"),
    "triplet, softplus": lambda: TripletLoss(form="softplus"),
    "triplet, ratio": lambda: TripletLoss(form="ratio"),
    "triplet, wide margin": lambda: TripletLoss(margin=3.0),
    "triplet, squared": lambda: TripletLoss(margin=9.0, form="squared"),
    "triplet, batch-hard": lambda: TripletLoss(margin=3.0, miner=batch_hard),
    "generalised-dunn, mean": lambda: GeneralisedDunnLoss(separation="mean"),
}


@pytest.mark.parametrize("spread", [1e-2, 1e-4])
@pytest.mark.parametrize(("width", "items"), [(5, 16), (9, 16), (128, 128)])
@pytest.mark.parametrize("row", [*ROWS, *VARIANTS])
def test_of_tight_classes_the_float32_gradient_is_right_at_every_width(row, width, items, spread):
    g = torch.Generator().manual_seed(0)
    y = torch.arange(CLASSES).repeat(items)
    z = torch.randn(CLASSES, width, generator=g)[y] + spread * torch.randn(len(y), width, generator=g)
    z /= width**0.5

    def made(dtype: torch.dtype) -> Loss:
        torch.manual_seed(1)
        made = VARIANTS[row]() if row in VARIANTS else LOSSES.load(row).build(classes=CLASSES, width=width)
        return made.to(dtype).eval()

    wanted, slope = gradient(made(torch.float64), z.double(), y)
    value, grad = gradient(made(torch.float32), z, y)
    assert torch.allclose(value.double(), wanted, rtol=1e-3, atol=1e-6)
    # rounding the rows to float32, before any loss saw them, has cost as much
    assert (grad.double() - slope).norm() <= max(1e-3, 3e-7 / spread) * slope.norm()


SCALE_FREE = {
    "silhouette",
    "cosine-corel",
    "nt-xent",
    "supcon",
    "norm-softmax",
    "proxy-nca",
    "proxy-anchor",
    "calinski-harabasz",
    "davies-bouldin",
    "xie-beni",
    "wb",
    "generalised-dunn",
}
SHIFT_FREE = {
    "silhouette",
    "contrastive",
    "triplet",
    "lifted",
    "prototypical",
    "calinski-harabasz",
    "davies-bouldin",
    "xie-beni",
    "wb",
    "generalised-dunn",
}


@every_row
@pytest.mark.parametrize("power", [-45, -38, -30, -18, -9, 4, 9, 18, 19, 25, 30, 38])
def test_large_and_tiny_float32_values_give_finite_numbers_or_a_clear_error(row, power):
    z, y = batch()
    loss = make(row, torch.float32)
    scaled = (z * 10.0**power).clamp(-3e38, 3e38).float()
    if power > (30 if row in SCALE_FREE else 9) and _too_large(loss, scaled, y):
        return
    value, grad = gradient(loss, scaled, y)
    assert value.isfinite()
    assert grad.isfinite().all()
    if row in SCALE_FREE and abs(power) <= 30:
        wanted, slope = gradient(loss, z.float(), y)
        assert torch.allclose(value, wanted, rtol=1e-4, atol=1e-5)
        assert torch.allclose(grad.double() * 10.0**power, slope.double(), rtol=1e-3, atol=1e-5)


def _too_large(loss: Loss, z: torch.Tensor, y: torch.Tensor) -> bool:
    """Whether the loss refuses the batch as too large, and says up to what it takes."""
    try:
        loss(z, y)
    except LossError as error:
        wanted = rf"^{type(loss).__name__} got embeddings as large as .* up to"
        return re.search(wanted, str(error)) is not None
    return False


@every_row
@pytest.mark.parametrize("shift", [2.0**10, -(2.0**16)])
def test_far_from_the_origin_float32_keeps_its_digits(row, shift):
    z, y = batch()
    z = (z * 128.0).round() / 128.0  # what float32 can hold exactly at this distance
    value, grad = gradient(make(row, torch.float32), (z + shift).float(), y)
    assert value.isfinite()
    assert grad.isfinite().all()
    wanted, slope = gradient(make(row), z + shift, y)
    assert torch.allclose(value.double(), wanted, rtol=1e-2, atol=1e-2)
    if row in SHIFT_FREE:
        wanted, slope = gradient(make(row), z, y)
        assert torch.allclose(value.double(), wanted, rtol=1e-4, atol=1e-5)
        assert torch.allclose(grad.double(), slope, rtol=2e-3, atol=1e-5)


def test_nothing_hangs_on_the_largest_numbers_too():
    z = torch.full((4, 2), 3e38, requires_grad=True)
    value = nothing(z)
    value.backward()
    assert value == 0
    assert not z.grad.any()


@every_row
def test_compiled_it_gives_the_same(row):
    torch.compiler.reset()
    z, y = batch()
    loss = make(row)
    wanted, slope = gradient(loss, z, y)
    value, grad = gradient(torch.compile(loss, backend="aot_eager"), z, y)
    assert torch.allclose(value, wanted)
    assert torch.allclose(grad, slope)


@every_row
def test_compiled_it_does_not_hide_values_that_are_not_finite(row):
    torch.compiler.reset()
    z, y = batch()
    compiled = torch.compile(make(row), backend="aot_eager")
    for bad in (torch.nan, torch.inf):
        z[3, 2] = bad
        assert not compiled(z, y).isfinite()


@every_row
def test_labels_may_be_as_large_as_int64_holds(row):
    z, y = batch()
    loss = make(row)
    if isinstance(loss, ClassLoss):
        with pytest.raises(LossError, match="4 classes"):
            loss(z, y + 10**12)
        return
    value, grad = gradient(loss, z, y)
    for large in (y * 10**12, 2**63 - 1 - y):
        found, slope = gradient(loss, z, large)
        assert torch.allclose(found, value)
        assert torch.allclose(slope, grad)


@every_row
def test_labels_beyond_int64_are_refused(row):
    z, y = batch()
    labels = y.numpy().astype(np.uint64)
    assert torch.equal(make(row)(z, torch.from_numpy(labels)), make(row)(z, y))
    labels[3] = 2**64 - 1  # as int64 this would be -1, unlabelled
    with pytest.raises(LossError, match="beyond int64"):
        make(row)(z, torch.from_numpy(labels))


@every_row
def test_what_waits_for_the_backward_pass_grows_at_most_quadratically(row):
    assert _saved(row, 64) <= 4.4 * _saved(row, 32)


def _saved(row: str, items: int) -> int:
    z, y = batch(items)
    held: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        held[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        value = make(row)(z.requires_grad_(), y)
    assert value.requires_grad
    return sum(held.values())


@every_row
def test_the_documentation_has_its_page_and_its_line(row):
    page = DOCS / f"{row}.md"
    assert page.exists(), f"{row} has no page docs/losses/{row}.md"
    assert LOSSES.load(row).__name__ in page.read_text()
    assert f"[{row}]({row}.md)" in (DOCS / "README.md").read_text()


def test_the_documentation_has_no_page_without_a_row():
    assert {page.stem for page in DOCS.glob("*.md")} - {"README", "miners", "samplers"} == set(ROWS)
