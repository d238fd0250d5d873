"""Pictures for the pages: one style, no display needed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

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


def scatter(axis: Any, xy: Any, labels: Any, names: Sequence[str], *, size: float = 4) -> None:
    """Draw positions (N, 2) in the colours of labels (N,), with a legend, without ticks."""
    from matplotlib import colormaps

    palette = colormaps["tab20" if len(names) > 10 else "tab10"]
    for k, name in enumerate(names):
        axis.scatter(*xy[labels == k].T, s=size, color=palette(k), linewidths=0, label=name)
    axis.set(xticks=[], yticks=[])
