"""Write what ClustPy's DEC computes on a small example, for test_dec.py: clustpy_dec.json beside this file.

    pip install 'shoal[references]' && python tests/clustering/freeze_clustpy.py

With --say it prints instead, so that test_dec.py can compare with the ClustPy that is installed.
ClustPy imports torchvision for its downloads and ResNets, and torchvision of PyPI does not load beside a CPU
torch: a stand-in takes its place.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import torch

for absent in ("torchvision", "torchvision.models", "torchvision.models._api"):
    sys.modules[absent] = MagicMock()
from clustpy.deep import dec  # noqa: E402

G = torch.Generator().manual_seed(0)


def computed() -> dict[str, Any]:
    z = torch.randn(12, 3, generator=G, dtype=torch.float64).requires_grad_()
    centres = torch.randn(4, 3, generator=G, dtype=torch.float64).requires_grad_()
    found = {"clustpy": version("clustpy"), "z": z.tolist(), "centres": centres.tolist(), "by_alpha": {}}
    for alpha in (1.0, 2.0):
        q = dec._dec_predict(centres, z, alpha, None)
        p = dec._dec_compression_value(q).detach()
        loss = dec._dec_compression_loss_fn(q, p)
        slopes = torch.autograd.grad(loss, (z, centres))
        found["by_alpha"][alpha] = {
            "q": q.tolist(),
            "p": p.tolist(),
            "cross_entropy": loss.item(),
            "slopes": [slope.tolist() for slope in slopes],
        }
    return found


if __name__ == "__main__":
    if sys.argv[1:] == ["--say"]:
        print(json.dumps(computed()))
    else:
        Path(__file__).with_name("clustpy_dec.json").write_text(json.dumps(computed()) + "\n")
