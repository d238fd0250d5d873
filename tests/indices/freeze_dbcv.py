"""Write what others' DBCV is on data without ties, for test_dbcv.py: dbcv.json beside this file.

    pip install 'shoal[references]' && pip install --no-deps kdbcv && python tests/indices/freeze_dbcv.py

The others are hdbscan's `validity_index` and kDBCV. Both compute the paper's value over Euclidean distances;
among edges of one length they take what comes first, and give as many values as the items have orders
(hdbscan takes all within 1e-5 for equal). So every class here has one spanning tree only: any other is longer
by a thousandth of an edge. Such classes are rare: they are drawn until there is one. kDBCV asks for numpy < 2
because of a name in its annotations, which is given to it.
"""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

CLEAR = 1e-3
SCENES = {
    "wires in 30 dimensions": {"width": 30, "sizes": [15, 20, 25], "apart": 3.0},
    "wires that cross": {"width": 30, "sizes": [12, 18, 24], "apart": 0.3},
    "a few in the plane": {"width": 2, "sizes": [5, 6, 4, 7], "apart": 8.0},
    "a few over each other": {"width": 2, "sizes": [5, 6, 4, 7], "apart": 0.5},
    "on a line": {"width": 1, "sizes": [4, 3, 5], "apart": 10.0},
    "noise among them": {"width": 8, "sizes": [7, 9, 8], "apart": 2.0, "noise": 10},
    "threes": {"width": 3, "sizes": [3, 3, 3], "apart": 2.0},
}


def margin(members: np.ndarray) -> float:
    """By what share the second shortest way across any cut of the tree is longer than the tree's edge."""
    n, width = members.shape
    apart = cdist(members, members)
    np.fill_diagonal(apart, np.inf)
    core = (np.sum(apart**-width, axis=1) / (n - 1)) ** (-1 / width)
    reach = np.maximum(np.maximum(apart, core), core[:, None])
    edges, inside = [], [0]
    while len(inside) < n:
        outside = [i for i in range(n) if i not in inside]
        at = np.unravel_index(reach[np.ix_(inside, outside)].argmin(), (len(inside), len(outside)))
        edges.append((inside[at[0]], outside[at[1]]))
        inside.append(outside[at[1]])
    least = np.inf
    for edge in edges:
        part = np.arange(n)
        for i, j in edges:
            if (i, j) != edge:
                part[part == part[j]] = part[i]
        here = part == part[edge[0]]
        across = np.sort(reach[np.ix_(here, ~here)].ravel())
        least = min(least, across[1] / across[0] if len(across) > 1 else np.inf)
    return least - 1


def wire(rng: np.random.Generator, size: int, width: int) -> np.ndarray:
    """A random walk with steps of different lengths and one spanning tree, at three decimals."""
    while True:
        steps = rng.normal(size=(size, width))
        steps *= np.exp(0.5 * rng.normal(size=(size, 1))) / np.linalg.norm(steps, axis=1, keepdims=True)
        found = np.cumsum(steps, axis=0).round(3)
        if margin(found) > CLEAR:
            return found


def scene(width: int, sizes: list[int], apart: float, noise: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(-1 if noise else 0, len(sizes)), [noise, *sizes] if noise else sizes)
    parts = [(wire(rng, size, width) + apart * rng.normal(size=width)).round(3) for size in sizes]
    x = np.concatenate([5.0 * rng.normal(size=(noise, width)).round(3), *parts])
    order = rng.permutation(len(y))
    return x[order].round(3), y[order]


def computed() -> dict[str, Any]:
    np.float_, np.int_ = np.float64, np.int64  # for kDBCV
    from hdbscan.validity import validity_index
    from kDBCV.DBCV import DBCV_score

    found: dict[str, Any] = {"hdbscan": version("hdbscan"), "kdbcv": version("kDBCV"), "scenes": {}}
    for name, made in SCENES.items():
        x, y = scene(**made)
        assert all(margin(x[y == k]) > CLEAR for k in range(y.max() + 1))
        value, classes = validity_index(x, y, per_cluster_scores=True)
        found["scenes"][name] = {
            "x": x.tolist(),
            "y": y.tolist(),
            "hdbscan": float(value),
            "by_class": classes.tolist(),
            "kdbcv": float(DBCV_score(x, y)[0]),
        }
    return found


if __name__ == "__main__":
    Path(__file__).with_name("dbcv.json").write_text(json.dumps(computed()) + "\n")
