"""Arrays and labels of what people hand in: what is taken as it is, what is refused and why."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from shoal import arrays
from shoal.arrays import as_array, as_labels, is_number, is_whole, unit_vectors

WHOLE = np.arange(-4.0, 8.0).reshape(4, 3)


@pytest.mark.parametrize(
    "value",
    [
        WHOLE.tolist(),
        np.asfortranarray(WHOLE),
        np.repeat(WHOLE, 2, axis=1)[:, ::2],
        WHOLE.astype(">f4"),
        np.ma.masked_array(WHOLE, WHOLE > 100),
        torch.from_numpy(WHOLE),
        torch.from_numpy(WHOLE).bfloat16(),
        torch.from_numpy(WHOLE).half().requires_grad_(),
        torch.from_numpy(WHOLE).to(torch.float8_e5m2),
        torch.from_numpy(np.repeat(WHOLE, 2, axis=1))[:, ::2],
        torch.from_numpy(WHOLE).neg().conj().neg(),
    ],
)
def test_arrays_lists_and_tensors_are_the_same_numbers(value):
    assert np.array_equal(as_array(value), WHOLE)


def test_an_array_is_not_copied():
    assert as_array(WHOLE) is WHOLE
    labels = np.arange(3)
    assert as_labels(labels) is labels


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ([[0.0, 1.0], [2.0]], "inhomogeneous"),
        (np.ma.masked_array(WHOLE, WHOLE > 2), "masked; fill them in"),
        (torch.zeros(2, 2).to_sparse(), "Sparse"),
        (torch.zeros(2, 2, device="meta"), "meta"),
        ([torch.zeros(2, requires_grad=True)] * 2, "requires grad"),
    ],
)
def test_what_is_no_array_is_refused_in_one_line(value, why):
    with pytest.raises(ValueError, match=why) as refusal:
        as_array(value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "labels", [[0, -1, 3], (0, -1, 3), np.array([0, -1, 3], np.int8), torch.tensor([0, -1, 3])]
)
def test_labels_are_int64(labels):
    found = as_labels(labels, 3)
    assert found.dtype == np.int64
    assert found.tolist() == [0, -1, 3]


def test_no_labels_are_no_mistake():
    assert as_labels([]).shape == as_labels([], 0).shape == (0,)


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        ([0.0, 1.0], r"labels of shape \(2,\) and float64 for 2 rows; it takes one integer an item"),
        ([[0], [1]], r"shape \(2, 1\)"),
        ([0, 1, 2], r"shape \(3,\) and int64 for 2 rows"),
        (3, r"shape \(\)"),
        ([True, False], "bool"),
        (["a", "b"], "<U1"),
        ([None, 1], "object"),
        ([2**70, 1], "object"),
        (torch.tensor([0.0, 1.0]).bfloat16(), "float32"),
        ([[0], [1, 2]], "labels that are no array"),
        ([0, -2], "the label -2; labels are >= 0"),
        (np.array([0, 2**64 - 1], np.uint64), r"the label 18446744073709551615; labels are below 2\^63"),
        (np.array([0, 2**63], np.uint64), r"the label 9223372036854775808; labels are below 2\^63"),
    ],
)
def test_labels_that_are_none_are_refused(labels, why):
    with pytest.raises(ValueError, match=why):
        as_labels(labels, 2, "rows")


def test_what_is_a_whole_number_and_what_a_number():
    assert [is_whole(v) for v in (3, np.int8(3), 3.0, True, "3", None)] == [True, True, *[False] * 4]
    assert [is_number(v) for v in (3, np.float32(0.5), -1.5, np.nan, np.inf, True, "3", None)] == [
        *[True] * 3,
        *[False] * 5,
    ]


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_vectors_of_length_one_are_float32_and_zeros_stay(kind):
    found = unit_vectors(np.array([[0, 0], [3, 4], [-6e4, 8e3]], kind))
    assert found.dtype == np.float32
    assert found == pytest.approx(np.array([[0, 0], [0.6, 0.8], [-60 / 3664**0.5, 8 / 3664**0.5]]), rel=1e-6)


@pytest.mark.parametrize("size", [1e-38, 1e-30, 1e-10, 1e-5, 1e17, 1e25, 1e37])
def test_vectors_of_any_size_get_length_one_beside_others_and_in_any_layout(size, monkeypatch):
    rows = np.random.default_rng(0).standard_normal((7, 5)).astype(np.float32)
    wanted = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert np.array_equal(unit_vectors(rows), wanted)
    monkeypatch.setattr(arrays, "AT_ONCE", 10)
    given = rows.copy()
    given[::3] *= np.float32(size)
    before = given.copy()
    tolerance = 1e-6 if size > 1e-36 else 1e-5  # beside it small numbers have few digits
    for layout in (given, np.asfortranarray(given), given.astype(np.float64)):
        assert unit_vectors(layout) == pytest.approx(wanted, abs=tolerance)
    assert np.array_equal(given, before)
    assert unit_vectors(np.full((1, 3), 1e-300)) == pytest.approx(3**-0.5)
    assert (unit_vectors(rows[:0]).shape, unit_vectors(rows[:, :0]).shape) == ((0, 5), (7, 0))


def test_no_torch_is_loaded_for_arrays():
    code = (
        "import numpy, sys, shoal.arrays as a; a.as_labels(a.as_array([0, 1])); print('torch' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "False"
