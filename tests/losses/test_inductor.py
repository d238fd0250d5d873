"""Inductor, the compiler that users meet, gives what eager torch gives: values and slopes, in float32."""

import shutil

import pytest
import torch
from tests.contracts.test_losses import batch, gradient, make

from shoal.losses import LOSSES

# these keep g++ busy longest, with kernels that other rows have as well; every row is compiled by "aot_eager"
# beside the other contracts
LONG = {"prototypical", "relation", "xie-beni", "generalised-dunn"}


@pytest.mark.skipif(shutil.which("g++") is None, reason="Inductor needs a C++ compiler")
@pytest.mark.parametrize("row", [row for row in LOSSES.names() if row not in LONG])
def test_inductor_gives_the_same(row):
    torch.compiler.reset()
    z, y = batch()
    loss = make(row, torch.float32)
    wanted, slope = gradient(loss, z.float(), y)
    value, grad = gradient(torch.compile(loss), z.float(), y)
    assert torch.allclose(value, wanted, rtol=1e-4, atol=1e-6)
    assert torch.allclose(grad, slope, rtol=1e-3, atol=1e-5)
