"""Items that losses find hard, made up alike for several of them."""

import torch
from torch import Tensor


def with_two_close_classes(gap: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return items (60, 6) of five classes and their labels (60,); two means are `gap` apart."""
    y = torch.arange(60) % 5
    centres = torch.randn(5, 6, generator=generator)
    centres[1] = centres[0] + gap * torch.randn(6, generator=generator)
    return centres[y] + gap * torch.randn(60, 6, generator=generator), y
