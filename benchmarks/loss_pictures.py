"""What every loss does to the same toy and to Fashion-MNIST: one picture a row of LOSSES, for its page.

    python benchmarks/loss_pictures.py [VECTORS.npz] [--rows silhouette triplet ...]

VECTORS holds `vectors` (N, D) and `truth` (N,): by default what benchmarks/effort.py keeps in the cache of
Fashion-MNIST's 10,000 test images by Shoal's backbone, the last layer. The toy: three spiral arms and a
fourth class in two places, in the plane, with noise so that classes overlap. Every loss has its default
settings and the same budget: a head (D -> 64 -> 2), STEPS batches of ITEMS items of every class, one seed.
All dots are held out; the number is the share of them whose ten nearest trained-on items vote for the right
class. Behind the toy lies what became of a square grid. Writes docs/losses/pictures/ROW.webp and
docs/pictures/losses.png.
"""

import argparse
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.folders import cache_folder
from shoal.formats.picture import BACKGROUND, DOT, INK, class_colour
from shoal.losses import LOSSES
from shoal.training import Head, Plan, Trained, train_head

FASHION = (cache_folder() or Path()) / "benchmarks" / "effort" / "fashion.npz"
DOCS = Path(__file__).parent.parent / "docs"
STEPS, ITEMS, HIDDEN, SEED = 400, 16, 64, 0
TRAINED_ON, SHOWN = 4_000, 1_500
GARMENTS = ["T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"]
Floats = NDArray[np.floating]
Ints = NDArray[np.int64]


def toy(items: int, seed: int) -> tuple[Floats, Ints]:
    """Return four classes of `items` in the plane (N, 2), and which (N,): arms, and one in two places."""
    rng = np.random.default_rng(seed)
    labels = np.arange(4).repeat(items)
    along = rng.uniform(0.25, 1.0, len(labels))
    angle = 2.0 * np.pi * (labels / 3.0 + 0.62 * along)
    plane = along[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    places = np.array([[0.0, 0.0], [-0.95, -0.55]])
    plane[labels == 3] = places[np.arange(items) % 2] + 0.05 * rng.standard_normal((items, 2))
    return plane + 0.1 * rng.standard_normal(plane.shape), labels


def fitted(row: str, vectors: Floats, labels: Ints, *, unit: bool) -> Trained:
    """Train a head to two dimensions with the row's loss at its defaults."""
    plan = Plan(steps=STEPS, classes=len(np.unique(labels)), items=ITEMS, seed=SEED)
    head = Head(vectors.shape[1], 2, hidden=HIDDEN, unit=unit)
    return train_head(vectors, labels, LOSSES.load(row).build, head=head, plan=plan)


def accuracy(known: Floats, classes: Ints, asked: Floats, truth: Ints) -> float:
    """Return the share of `asked` whose ten nearest among `known` vote for their class."""
    from sklearn.neighbors import KNeighborsClassifier

    return float(KNeighborsClassifier(10).fit(known, classes).score(asked, truth))


def scatter(axes: Any, xy: Floats, labels: Ints, title: str, *, size: float) -> None:
    """Draw dots in the colours of the map, on axes that keep their shape and show where 0 is."""
    colours = np.array([class_colour(k) for k in range(int(labels.max()) + 1)]) / 255.0
    axes.axhline(0, color=ink(DOT, 0.35), linewidth=0.6, zorder=0)
    axes.axvline(0, color=ink(DOT, 0.35), linewidth=0.6, zorder=0)
    order = np.random.default_rng(0).permutation(len(xy))
    axes.scatter(*xy[order].T, c=colours[labels[order]], s=size, alpha=0.8, linewidths=0, zorder=2)
    axes.set_title(title, fontsize=9.5, color=ink(INK), loc="left")
    axes.set_facecolor(ink(BACKGROUND))
    axes.tick_params(labelsize=6.5, colors=ink(DOT), length=2)
    axes.locator_params(nbins=5)
    for spine in axes.spines.values():
        spine.set_color(ink(DOT, 0.35))
    frame(axes, xy)


def frame(axes: Any, xy: Floats) -> None:
    """Show all but the outermost hundredth, as a square."""
    low, high = np.quantile(xy, [0.005, 0.995], axis=0)
    half = 0.58 * max(float((high - low).max()), 1e-9)
    middle = (low + high) / 2.0
    axes.set_xlim(middle[0] - half, middle[0] + half)
    axes.set_ylim(middle[1] - half, middle[1] + half)
    axes.set_aspect("equal")


def ink(colour: tuple[int, int, int], alpha: float = 1.0) -> tuple[float, ...]:
    return (*(value / 255.0 for value in colour), alpha)


def grid(axes: Any, moved: Any) -> None:
    """Draw a square grid of the toy's plane as `moved` maps it."""
    line = np.linspace(-1.4, 1.4, 141)
    for at in np.linspace(-1.4, 1.4, 15):
        for lines in (
            np.stack([line, np.full_like(line, at)], 1),
            np.stack([np.full_like(line, at), line], 1),
        ):
            axes.plot(*moved(lines).T, color=ink(DOT, 0.28), linewidth=0.5, zorder=1)


@cache
def toys() -> tuple[tuple[Floats, Ints], tuple[Floats, Ints]]:
    return toy(150, seed=1), toy(200, seed=2)


def draw_toy(axes: Any, row: str) -> None:
    """Draw the held-out toy as the row's head sees it."""
    (known, classes), (asked, truth) = toys()
    head = fitted(row, known, classes, unit=False)
    xy = head.embed(asked)
    grid(axes, head.embed)
    share = accuracy(head.embed(known), classes, xy, truth)
    scatter(axes, xy, truth, f"{row}: {share:.0%}", size=7)
    print(f"{row:20} toy     {share:.1%}", flush=True)


def draw_fashion(axes: Any, row: str, vectors: Floats, labels: Ints, *, name: str) -> None:
    """Draw held-out garments as the row's head sees them."""
    order = np.random.default_rng(SEED).permutation(len(labels))
    known, asked = order[:TRAINED_ON], order[TRAINED_ON:]
    head = fitted(row, vectors[known], labels[known], unit=True)
    xy = head.embed(vectors[asked])
    share = accuracy(head.embed(vectors[known]), labels[known], xy, labels[asked])
    scatter(axes, xy[:SHOWN], labels[asked][:SHOWN], f"{name}: {share:.0%}", size=4)
    print(f"{row:20} fashion {share:.1%}", flush=True)


def legend(axes: Any) -> None:
    """Name the garments beside the last picture."""
    for k, garment in enumerate(GARMENTS):
        axes.text(
            1.03, 0.985 - 0.062 * k, garment, color=ink(class_colour(k)), fontsize=7.5,
            transform=axes.transAxes, va="top",
        )  # fmt: skip


def page_picture(row: str, vectors: Floats, labels: Ints) -> None:
    """Write the row's picture: the toy before and after, and the garments."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.2, 3.35), dpi=100, facecolor=ink(BACKGROUND))
    before, after, fashion = (figure.add_axes((x, 0.075, 0.29, 0.845)) for x in (0.028, 0.342, 0.656))
    grid(before, lambda lines: lines)
    asked, truth = toys()[1]
    (known, classes), _ = toys()
    share = accuracy(known, classes, asked, truth)
    scatter(before, asked, truth, f"the toy as it is: {share:.0%}", size=7)
    draw_toy(after, row)
    draw_fashion(fashion, row, vectors, labels, name="Fashion-MNIST")
    legend(fashion)
    save(figure, DOCS / "losses" / "pictures" / f"{row}.webp", quality=82)


def overview(rows: list[str], vectors: Floats, labels: Ints, *, columns: int = 7) -> None:
    """Write all rows' garments beside each other."""
    from matplotlib.figure import Figure

    lines = -(-len(rows) // columns)
    figure = Figure(figsize=(2.0 * columns, 2.2 * lines), dpi=80, facecolor=ink(BACKGROUND), layout="tight")
    for axes, row in zip(figure.subplots(lines, columns).flat, rows, strict=False):
        draw_fashion(axes, row, vectors, labels, name=row)
        axes.tick_params(labelbottom=False, labelleft=False, length=0)
    save(figure, DOCS / "pictures" / "losses.png", colours=96)


def save(figure: Any, file: Path, **how: int) -> None:
    from PIL import Image

    png = BytesIO()
    figure.savefig(png, format="png", facecolor=figure.get_facecolor())
    file.parent.mkdir(exist_ok=True)
    picture = Image.open(png).convert("RGB")
    if "colours" in how:
        picture.quantize(how["colours"], dither=Image.Dither.NONE).save(file, optimize=True)
    else:
        picture.save(file, quality=how["quality"], method=6)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("vectors", type=Path, nargs="?", default=FASHION)
    parser.add_argument("--rows", nargs="+", default=LOSSES.names(), choices=LOSSES.names())
    arguments = parser.parse_args()
    with np.load(arguments.vectors) as stored:
        vectors, labels = stored["vectors"].astype(np.float32), stored["truth"].astype(np.int64)
    for row in arguments.rows:
        page_picture(row, vectors, labels)
    if arguments.rows == LOSSES.names():
        overview(arguments.rows, vectors, labels)


if __name__ == "__main__":
    main()
