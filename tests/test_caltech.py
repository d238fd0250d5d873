"""The whole command on three thousand real photographs: counted, and the map keeps what the network knows.

Needs the folder `caltech101` (a sub-folder per class) in $SHOAL_DATA or in `../shared/data` beside the
repository; `benchmarks/quality.py` compares the same with the torch original.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from shoal.indices.neighbourhood import knn_accuracy
from shoal.workspace import Workspace

ROOT = Path(__file__).parent.parent
PHOTOGRAPHS = Path(os.environ.get("SHOAL_DATA", ROOT.parent / "shared" / "data")) / "caltech101"


@pytest.mark.skipif(
    not PHOTOGRAPHS.is_dir(), reason="the Caltech-101 photographs are not at hand ($SHOAL_DATA)"
)
def test_three_thousand_photographs(tmp_path):
    shoal = [sys.executable, "-m", "shoal"]
    target = tmp_path / "caltech.shoal"
    subprocess.run(
        [*shoal, "map", PHOTOGRAPHS, "--into", target, "--no-serve"], check=True, capture_output=True
    )
    info = subprocess.run([*shoal, "info", target, "--json"], check=True, capture_output=True, text=True)
    assert json.loads(info.stdout)["items"]["embedded"] == 3000
    with Workspace.open(target) as workspace:
        drawn, keys = workspace.map(), workspace.items.keys
        vectors = workspace.embedding(None, drawn.ids).vectors
    labels = np.unique([keys[item].split(b"/")[0] for item in drawn.ids], return_inverse=True)[1]
    in_layer, on_map = knn_accuracy(vectors, labels), knn_accuracy(drawn.xy, labels)
    assert in_layer > 0.84
    assert on_map > 0.85 * in_layer
