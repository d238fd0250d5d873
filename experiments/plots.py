"""Pictures for the pages: one style, no display needed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

COLOURS = (
    "#2e4057",
    "#d1495b",
    "#00798c",
    "#edae49",
    "#66a182",
    "#8e6c8a",
    "#f4845f",
    "#457b9d",
    "#7d8597",
    "#33415c",
)


def subplots(rows: int = 1, columns: int = 1, *, size: tuple[float, float] = (8, 5)) -> tuple[Any, Any]:
    """Return a figure and its axes (an array where there is more than one), without upper and right frame."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    style: Any = {"axes.spines.top": False, "axes.spines.right": False, "font.size": 9, "axes.titlesize": 10}
    with plt.rc_context(style):
        return plt.subplots(rows, columns, figsize=size, constrained_layout=True)


def save(figure: Any, file: Path) -> None:
    """Write a PNG and forget the figure."""
    import matplotlib.pyplot as plt

    figure.savefig(file, dpi=100)
    plt.close(figure)


def plane(xy: Any, labels: Any) -> dict[str, list[int]]:
    """Return positions (N, 2) in thousandths of the width, and labels (N,), as plain values to keep."""
    low, reach = xy.min(axis=0), max(float(np.ptp(xy, axis=0).max()), 1e-12)
    square = np.round(1000 * (xy - low) / reach).astype(int)
    return {"x": square[:, 0].tolist(), "y": square[:, 1].tolist(), "class": labels.tolist()}


def draw_plane(axis: Any, kept: dict[str, list[int]], *, size: float = 4) -> None:
    """Draw what `plane` kept."""
    classes, places = np.unique(kept["class"], return_inverse=True)
    scatter(axis, np.array([kept["x"], kept["y"]]).T, places, [str(k) for k in classes], size=size)


def scatter(axis: Any, xy: Any, labels: Any, names: Sequence[str], *, size: float = 4) -> None:
    """Draw positions (N, 2) in the colours of labels (N,), with a legend, without ticks."""
    from matplotlib import colormaps

    palette = colormaps["tab20" if len(names) > 10 else "tab10"]
    for k, name in enumerate(names):
        axis.scatter(*xy[labels == k].T, s=size, color=palette(k), linewidths=0, label=name)
    axis.set(xticks=[], yticks=[])
