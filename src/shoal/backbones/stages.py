"""The torch network of an EfficientNet-Lite as a chain of named stages: to train, to look into, to hook."""

from collections import OrderedDict
from collections.abc import Sequence
from copy import deepcopy
from itertools import pairwise
from typing import Any

import numpy as np
from torch import Tensor, nn

from shoal.backbones.graph import PIXEL_SCALE, ZERO_PIXEL


class Pixels(nn.Module):
    """Brings RGB in [0, 1] to what the weights were trained on: (255 x - 127) / 128."""

    def forward(self, pictures: Tensor) -> Tensor:
        """Map pictures (B, 3, H, W) in [0, 1] to the network's scale."""
        return (pictures * 255 - ZERO_PIXEL) * PIXEL_SCALE


def staged(network: Any, repeats: Sequence[int]) -> nn.Sequential:
    """Return a network of the package, its modules shared, as a chain: pixels, stem, stage1 ... stage7, head.

    It maps pictures (B, 3, H, W) in [0, 1] to the maps of the head (B, 1280, h, w); each child but the first
    is a layer, whose pooled output is what the backbone stores. `repeats` counts the blocks of each stage.
    """
    edges = [0, *np.cumsum(repeats).tolist()]
    chain: OrderedDict[str, nn.Module] = OrderedDict(pixels=Pixels())
    # the package keeps the activation beside the normalisation, not within it
    chain["stem"] = nn.Sequential(network._conv_stem, network._bn0, network._swish)
    for number, (first, last) in enumerate(pairwise(edges), start=1):
        chain[f"stage{number}"] = nn.Sequential(*network._blocks[first:last])
    # one module in two places could not be told apart by name
    chain["head"] = nn.Sequential(network._conv_head, network._bn1, deepcopy(network._swish))
    return nn.Sequential(chain)
