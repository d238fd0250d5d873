"""DEC and IDEC: the three equations by plain double loops and against ClustPy, and what training does."""

import json
import subprocess
import sys
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from shoal.clustering.base import ClusteringError
from shoal.clustering.dec import DEC, divergence, log_student_t, target
from shoal.clustering.idec import IDEC

torch.set_num_threads(1)  # the networks are tiny

G = torch.Generator().manual_seed(0)
Z = torch.randn(12, 3, generator=G, dtype=torch.float64)
CENTRES = torch.randn(4, 3, generator=G, dtype=torch.float64)
QUICK = {"hidden": "32", "width": 4, "pretraining": 15, "batch": 60}


@pytest.mark.parametrize("alpha", [1.0, 3.5])
def test_q_is_the_double_loop(alpha):
    q = log_student_t(Z, CENTRES, alpha).exp()
    for i in range(12):
        kernel = [
            (1 + float(((Z[i] - CENTRES[j]) ** 2).sum()) / alpha) ** (-(alpha + 1) / 2) for j in range(4)
        ]
        for j in range(4):
            assert float(q[i, j]) == pytest.approx(kernel[j] / sum(kernel), rel=1e-12)


def test_p_is_the_double_loop():
    q = log_student_t(Z, CENTRES, 1.0).exp()
    p = target(q)
    f = [sum(float(q[i, j]) for i in range(12)) for j in range(4)]
    for i in range(12):
        weight = [float(q[i, j]) ** 2 / f[j] for j in range(4)]
        for j in range(4):
            assert float(p[i, j]) == pytest.approx(weight[j] / sum(weight), rel=1e-12)


def test_the_divergence_is_the_double_loop():
    log_q = log_student_t(Z, CENTRES, 1.0)
    p = target(log_q.exp())
    wanted = 0.0
    for i in range(12):
        for j in range(4):
            wanted += float(p[i, j]) * np.log(float(p[i, j]) / float(log_q[i, j].exp()))
    assert float(divergence(p, log_q)) == pytest.approx(wanted / 12, rel=1e-12)


def test_q_holds_far_from_the_origin_and_far_from_the_centres():
    far = log_student_t(Z.float() + 1e3, CENTRES.float() + 1e3, 1.0).exp()
    assert torch.allclose(far.double(), log_student_t(Z, CENTRES, 1.0).exp(), atol=1e-3)
    assert log_student_t(Z.float() * 1e15, CENTRES.float(), 50.0).isfinite().all()


def test_a_column_without_weight_stays_without():
    p = target(torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    assert p.tolist() == [[1.0, 0.0], [1.0, 0.0]]


@pytest.mark.parametrize("alpha", [1.0, 2.0])
def test_q_p_and_the_gradient_equal_those_of_clustpy(alpha):
    """Against what freeze_clustpy.py, beside this file, wrote down: ClustPy is no small thing to install."""
    frozen = json.loads(Path(__file__).with_name("clustpy_dec.json").read_text())
    theirs = frozen["by_alpha"][str(alpha)]
    z, centres = (torch.tensor(frozen[k], dtype=torch.float64).requires_grad_() for k in ("z", "centres"))
    log_q = log_student_t(z, centres, alpha)
    p = target(log_q.exp()).detach()
    assert torch.allclose(log_q.exp(), torch.tensor(theirs["q"], dtype=torch.float64), atol=1e-9)
    assert torch.allclose(p, torch.tensor(theirs["p"], dtype=torch.float64), atol=1e-9)
    # Theirs leaves the entropy of P out, which is constant: the gradients agree, the values differ by it.
    slopes = torch.autograd.grad(divergence(p, log_q), (z, centres), retain_graph=True)
    for ours, slope in zip(slopes, theirs["slopes"], strict=True):
        assert torch.allclose(ours, torch.tensor(slope, dtype=torch.float64), atol=1e-7)
    entropy = -(p * p.log()).sum(dim=1).mean()
    assert float((divergence(p, log_q) + entropy).detach()) == pytest.approx(
        theirs["cross_entropy"], abs=1e-6
    )


@pytest.mark.skipif(find_spec("clustpy") is None, reason="pip install 'shoal[references]'")
def test_clustpy_says_so_still():
    here = Path(__file__)
    command = [sys.executable, str(here.with_name("freeze_clustpy.py")), "--say"]
    said = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert said.returncode == 0, said.stderr
    now = json.loads(said.stdout.splitlines()[-1])
    then = json.loads(here.with_name("clustpy_dec.json").read_text())
    assert now["z"] == then["z"]
    for alpha, values in then["by_alpha"].items():
        assert set(now["by_alpha"][alpha]) == set(values)
        for name, value in values.items():
            pairs = (
                zip(value, now["by_alpha"][alpha][name], strict=True)
                if name == "slopes"
                else [(value, now["by_alpha"][alpha][name])]
            )
            for wanted, found in pairs:
                assert np.allclose(wanted, found, atol=1e-9), (alpha, name)


def rings(items: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three groups on a curved surface in 12 dimensions."""
    rng = np.random.default_rng(seed)
    y = np.arange(3).repeat(items)
    angle = y * 2.1 + 0.35 * rng.standard_normal(3 * items)
    plane = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    x = np.tanh(plane @ rng.standard_normal((2, 12))) + 0.1 * rng.standard_normal((3 * items, 12))
    return x.astype(np.float32), y


def test_the_divergence_falls_while_a_target_holds():
    x = torch.as_tensor(rings()[0])
    encoder, p = torch.nn.Linear(12, 4), None
    centres = torch.nn.Parameter(torch.randn(3, 4, generator=torch.Generator().manual_seed(1)))
    optimiser = torch.optim.SGD([*encoder.parameters(), centres], lr=0.05)
    values = []
    for _ in range(30):
        log_q = log_student_t(encoder(x), centres, 1.0)
        p = target(log_q.detach().exp()) if p is None else p
        loss = divergence(p, log_q)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        values.append(float(loss.detach()))
    assert all(b < a for a, b in pairwise(values))


@pytest.mark.parametrize("kind", [DEC, IDEC])
def test_items_become_surer_and_the_record_says_how(kind):
    x, y = rings()
    before = kind(3, **QUICK, updates=0).fit(x, seed=0)
    after = kind(3, **QUICK, updates=12, tolerance=0).fit(x, seed=0, known=y)
    assert after.soft.max(axis=1).mean() > before.soft.max(axis=1).mean()
    assert len(before.history) == 1
    assert after.facts["updates"] == len(after.history) - 1
    assert [epoch.number for epoch in after.history] == list(range(len(after.history)))
    assert all(epoch.loss is not None for epoch in after.history[:-1])
    assert after.history[-1].loss is None
    assert all(0 <= epoch.changed <= 1 and 0 <= epoch.nmi_labels <= 1 for epoch in after.history)
    assert after.history[-1].nmi_labels > 0.9


def test_it_stops_once_the_labels_stay():
    got = DEC(3, **QUICK, updates=60).fit(rings()[0])
    assert got.facts["converged"]
    assert len(got.history) < 61
    assert got.history[-1].changed < 0.001
    assert all(epoch.changed >= 0.001 for epoch in got.history[1:-1])


def test_known_labels_change_nothing_but_the_record():
    x, y = rings()
    with_them, without = (DEC(3, **QUICK, updates=3).fit(x, known=known) for known in (y, None))
    assert np.array_equal(with_them.soft, without.soft)
    assert without.history[0].nmi_labels is None
    with pytest.raises(ClusteringError, match=r"known labels of shape \(3,\)"):
        DEC(3, **QUICK).fit(x, known=np.arange(3))


def test_idec_reconstructs_better_than_dec():
    x, _ = rings()
    errors = {}
    for kind in (DEC, IDEC):
        method = kind(3, **QUICK, updates=20, tolerance=0)
        method.fit(x, seed=0)
        scaled = torch.as_tensor(method._fitted[0].apply(x))
        with torch.no_grad():
            errors[kind] = float(((method._decoder(method.encoder(scaled)) - scaled) ** 2).mean())
    assert errors[IDEC] < errors[DEC]


class Small(torch.nn.Module):
    """An encoder of images (B, 1, 6, 6) with a normalisation, which cares for the network's mode."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Flatten(), torch.nn.Linear(64, 5)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


def images() -> np.ndarray:
    rng = np.random.default_rng(0)
    pictures = 0.2 * rng.standard_normal((90, 1, 6, 6)).astype(np.float32)
    for i, row in enumerate(np.arange(3).repeat(30)):
        pictures[i, :, 2 * row] += 2
    return pictures


def test_a_given_encoder_is_trained_in_place_on_what_it_takes():
    torch.manual_seed(0)
    encoder = Small().eval()
    before = [parameter.clone() for parameter in encoder.parameters()]
    method = DEC(3, encoder=encoder, batch=16, updates=5, tolerance=0)
    got = method.fit(images())
    assert method.encoder is encoder
    assert any(not torch.equal(a, b) for a, b in zip(before, encoder.parameters(), strict=True))
    assert got.centres.shape == (3, 5)
    assert (method.assign(torch.as_tensor(images())) == got.labels).all()
    counts = [len(set(got.labels[start : start + 30].tolist())) for start in (0, 30, 60)]
    assert counts == [1, 1, 1]


def test_idec_takes_a_decoder_with_a_given_encoder():
    decoder = torch.nn.Sequential(torch.nn.Linear(5, 36), torch.nn.Unflatten(1, (1, 6, 6)))
    got = IDEC(3, encoder=Small(), decoder=decoder, batch=16, updates=2).fit(images())
    assert got.labels.shape == (90,)
    with pytest.raises(ClusteringError, match="give encoder and decoder"):
        IDEC(3, encoder=Small())


def test_an_encoder_must_give_one_finite_row_an_item():
    with pytest.raises(ClusteringError, match=r"returned \(90, 4, 4, 4\)"):
        DEC(3, encoder=torch.nn.Conv2d(1, 4, 3)).fit(images())
    broken = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(36, 2))
    torch.nn.init.constant_(broken[1].bias, torch.nan)
    with pytest.raises(ClusteringError, match="NaN"):
        DEC(3, encoder=broken).fit(images())


def test_items_of_a_given_encoder_are_checked_too():
    bad = images()
    bad[7, 0, 2, 2] = np.nan
    with pytest.raises(ClusteringError, match="row 7"):
        DEC(3, encoder=Small()).fit(bad)


@pytest.mark.parametrize("hidden", ["500-", "a", "0", "5--5"])
def test_widths_are_checked(hidden):
    with pytest.raises(ClusteringError, match="500-500-2000"):
        DEC(3, hidden=hidden)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu():
    x, _ = rings()
    got = DEC(3, **QUICK, updates=3, device="cuda").fit(x)
    assert got.soft.shape == (180, 3)


@pytest.mark.parametrize(("batch", "every", "wanted"), [(10, None, 20), (2, None, 30), (2, 7, 7)])
def test_a_new_target_comes_once_a_pass_but_never_before_twenty_batches(batch, every, wanted, monkeypatch):
    steps = []
    monkeypatch.setattr(DEC, "_train", lambda self, items, p, given: steps.append(given.every) or 0.0)
    x = np.random.default_rng(0).normal(size=(60, 3))
    DEC(3, hidden="4", width=2, pretraining=0, batch=batch, every=every, updates=1).fit(x)
    assert steps == [wanted]


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float64])
@pytest.mark.parametrize("kind", [DEC, IDEC])
def test_a_given_encoder_is_trained_in_its_own_precision(kind, precision):
    torch.manual_seed(0)
    encoder, decoder = (torch.nn.Linear(*sizes).to(precision) for sizes in ((4, 2), (2, 4)))
    given = {"encoder": encoder} if kind is DEC else {"encoder": encoder, "decoder": decoder}
    x = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    assert len(kind(3, updates=2, **given).fit(x).labels) == 60
    assert {one.dtype for one in encoder.parameters()} == {precision}
