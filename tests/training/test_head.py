"""The head: what it standardises by, its file, its ONNX form, what it refuses."""

import json

import numpy as np
import onnxruntime
import pytest
import torch

from shoal.training import Head, TrainingError
from shoal.training.head import unit_rows

RANDOM = np.random.default_rng(0)
VECTORS = (RANDOM.gamma(0.5, size=(50, 12)) * np.arange(1, 13)).astype(np.float16)
SHAPES = [
    {},
    {"depth": 0},
    {"depth": 2, "hidden": 8, "dropout": 0.5},
    {"unit": False},
    {"normalise": True, "unit": False},
]


def made(**settings) -> Head:
    torch.manual_seed(0)
    head = Head(12, 3, **settings)
    head.standardise(VECTORS)
    return head


def test_inputs_are_standardised_direction_by_direction():
    head = made(unit=False)
    x = head.before(torch.from_numpy(VECTORS.astype(np.float32)))
    assert torch.allclose(x.mean(dim=0), torch.zeros(12), atol=1e-5)
    assert torch.allclose(x.std(dim=0, correction=0), torch.ones(12), atol=1e-4)


def test_unit_inputs_lose_their_length_and_share_one_scale():
    head = made()
    rows = torch.from_numpy(VECTORS.astype(np.float32))
    x = head.before(rows)
    assert torch.allclose(x, head.before(5 * rows), atol=1e-5)
    assert torch.allclose(x.mean(dim=0), torch.zeros(12), atol=1e-5)
    assert x.square().mean() == pytest.approx(1.0, abs=1e-4)
    assert len(head.scale.unique()) == 1


SIZES = (1e-38, 1e-30, 1e-15, 1e15, 1e20, 1e30, 3e36)
"""Far from 1, and what float32 holds."""


@pytest.mark.parametrize("size", SIZES)
def test_unit_inputs_of_any_size_give_the_same(size):
    rows = VECTORS.astype(np.float32)
    head, wanted = Head(12, 3, normalise=True), made(normalise=True)
    head.load_state_dict(wanted.state_dict())
    head.standardise(rows * np.float32(size))
    tolerance = 1e-5 if size > 1e-36 else 1e-3  # beside it small numbers have few digits
    assert torch.allclose(head.mean, wanted.mean, atol=tolerance)
    assert torch.allclose(head.scale, wanted.scale, rtol=tolerance)
    assert np.allclose(wanted.embed(rows * np.float32(size)), wanted.embed(rows), atol=10 * tolerance)
    session = onnxruntime.InferenceSession(wanted.to_onnx(), providers=["CPUExecutionProvider"])
    (theirs,) = session.run(["embedding"], {"vectors": rows * np.float32(size)})
    assert np.allclose(theirs, wanted.embed(rows), atol=10 * tolerance)


@pytest.mark.parametrize("size", SIZES[1:])
def test_inputs_of_any_size_are_standardised(size):
    rows = VECTORS.astype(np.float32) * np.float32(size)
    head = Head(12, 3, unit=False)
    head.standardise(rows)
    x = head.before(torch.from_numpy(rows))
    assert torch.allclose(x, made(unit=False).before(torch.from_numpy(VECTORS.astype(np.float32))), atol=1e-4)


@pytest.mark.parametrize("size", [0.0, *SIZES])
@pytest.mark.parametrize("unit", [True, False])
def test_vectors_that_are_all_equal_are_standardised_to_next_to_nothing(unit, size):
    rows = np.tile(VECTORS[:1].astype(np.float32), (7, 1)) * np.float32(size)
    head = Head(12, 3, unit=unit)
    head.standardise(rows)
    assert head.scale.isfinite().all()
    assert head.before(torch.from_numpy(rows)).abs().max() < 0.2


def test_rows_of_length_one_keep_their_bits_and_their_slope():
    x = torch.from_numpy(VECTORS.astype(np.float64)).requires_grad_()
    assert torch.equal(unit_rows(x), x / x.norm(dim=1, keepdim=True))
    assert torch.autograd.gradcheck(unit_rows, x[:3])
    zero = torch.zeros(2, 4, requires_grad=True)
    unit_rows(zero).sum().backward()
    assert torch.equal(unit_rows(zero), zero)
    assert zero.grad.isfinite().all()


def test_a_direction_that_never_moves_stays_small():
    vectors = np.array([[0.0, 1.0, 7.0], [1.0, 0.0, 7.0], [1.0, 1.0, 7.0]], np.float32)
    head = Head(3, 2, unit=False)
    head.standardise(vectors)
    assert np.isfinite(head.embed(vectors)).all()
    assert head.before(torch.from_numpy(vectors)).abs().max() < 2


def test_rows_that_are_not_finite_leave_the_standard_alone():
    broken = np.concatenate([VECTORS, np.full((2, 12), np.nan, np.float16)])
    head = Head(12, 3)
    head.standardise(broken)
    assert torch.equal(head.mean, made().mean)
    with pytest.raises(TrainingError, match="none of them finite"):
        head.standardise(broken[-2:])


@pytest.mark.parametrize("settings", SHAPES)
def test_saved_and_loaded_it_gives_the_same_bits(settings, tmp_path):
    head = made(**settings)
    head.save(tmp_path / "head", {"loss": "silhouette", "classes": ["a", "ü"]})
    again = Head.load(tmp_path / "head")
    assert np.array_equal(head.embed(VECTORS), again.embed(VECTORS))
    assert again.settings() == head.settings()
    card = json.loads((tmp_path / "head.json").read_text())
    assert card["facts"] == {"loss": "silhouette", "classes": ["a", "ü"]}
    assert head.to_bytes() == again.to_bytes()
    assert np.array_equal(Head.from_bytes(head.to_bytes()).embed(VECTORS), head.embed(VECTORS))


@pytest.mark.parametrize("settings", SHAPES)
def test_the_onnx_file_gives_the_same_numbers(settings):
    head = made(**settings)
    session = onnxruntime.InferenceSession(head.to_onnx(), providers=["CPUExecutionProvider"])
    rows = VECTORS.astype(np.float32)
    rows[0] = 0
    (theirs,) = session.run(["embedding"], {"vectors": rows})
    assert theirs.shape == (50, 3)
    assert np.abs(theirs - head.embed(rows)).max() < 1e-5


def test_embedding_is_done_in_blocks_without_dropout_and_leaves_the_mode(monkeypatch):
    head = made(dropout=0.9).train()
    whole = head.embed(VECTORS)
    monkeypatch.setattr("shoal.training.head.ROWS", 7)
    assert np.allclose(head.embed(VECTORS), whole, atol=1e-6)
    assert head.training
    assert head.embed(VECTORS[:0]).shape == (0, 3)


def test_normalised_output_lies_on_the_sphere():
    assert np.linalg.norm(made(normalise=True).embed(VECTORS), axis=1) == pytest.approx(1.0, abs=1e-5)


def test_what_it_refuses(tmp_path):
    head = made()
    with pytest.raises(TrainingError, match="12 wide and got 5"):
        head.embed(VECTORS[:, :5])
    with pytest.raises(TrainingError, match=r"int64"):
        head.embed(np.zeros((3, 12), np.int64))
    for settings in ({"dimensions": 0}, {"hidden": 0}, {"depth": -1}, {"dropout": 1.0}):
        with pytest.raises(TrainingError, match="Head got"):
            Head(12, **settings)
    with pytest.raises(TrainingError, match="cannot read"):
        Head.load(tmp_path / "nothing")
    (tmp_path / "other.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0nonsense")
    with pytest.raises(TrainingError, match=r"other\.safetensors: this is no head"):
        Head.load(tmp_path / "other")
    with pytest.raises(TrainingError, match="cannot write"):
        head.save(tmp_path / "no" / "folder")


def test_a_cut_file_is_refused(tmp_path):
    made().save(tmp_path / "head")
    file = tmp_path / "head.safetensors"
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(TrainingError, match="no head"):
        Head.load(tmp_path / "head")
