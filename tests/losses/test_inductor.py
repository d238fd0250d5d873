"""Inductor, the compiler that users meet, gives what eager torch gives: values and slopes, in float32.

All rows took a minute and a half on two busy cores with nothing compiled before.
"""

import shutil

import pytest
import torch
from tests.contracts.test_losses import batch, gradient, make

from shoal.losses import LOSSES


@pytest.mark.skipif(shutil.which("g++") is None, reason="Inductor needs a C++ compiler")
@pytest.mark.parametrize("row", LOSSES.names())
def test_inductor_gives_the_same(row):
    torch.compiler.reset()
    z, y = batch()
    loss = make(row, torch.float32)
    wanted, slope = gradient(loss, z.float(), y)
    value, grad = gradient(torch.compile(loss), z.float(), y)
    assert torch.allclose(value, wanted, rtol=1e-4, atol=1e-6)
    assert torch.allclose(grad, slope, rtol=1e-3, atol=1e-5)
