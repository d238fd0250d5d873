"""Forward and backward time and peak memory of losses: ours, as usually written, pytorch-metric-learning.

    python benchmarks/losses.py [--output benchmarks/losses.md] [--sizes 256 1024 4096 16384]

Every cell runs in its own process, one after the other, on one thread; times are medians of its processor
time over 1 to 15 repeats, which other work on the machine disturbs least. Read ratios within one run.
pytorch-metric-learning is compared where it is importable.
"""

import argparse
import json
import multiprocessing
import platform
import resource
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from shoal import miners
from shoal.losses.contrastive import ContrastiveLoss
from shoal.losses.gaussian_corel import GaussianCORELLoss
from shoal.losses.lifted import LiftedStructureLoss
from shoal.losses.silhouette import SilhouetteLoss
from shoal.losses.supcon import SupConLoss
from shoal.losses.triplet import TripletLoss

WIDTH, CLASSES, TIMEOUT_S = 16, (10, 50, 100), 300
Loss = Callable[[Tensor, Tensor], Tensor]


def naive_silhouette(z: Tensor, y: Tensor, *, power: int) -> Tensor:
    """Compute the silhouette as single-file versions write it: the whole matrix, a loop over classes."""
    distances = (torch.cdist(z, z) + 1e-12) ** power
    own, others = torch.zeros(len(z)), []
    for k in y.unique():
        members = y == k
        sums = distances[:, members].sum(dim=1)
        own = torch.where(members, sums / (members.sum() - 1).clamp_min(1), own)
        others.append(torch.where(members, torch.inf, sums / members.sum()))
    nearest = torch.stack(others).amin(dim=0)
    return (1.0 - ((nearest - own) / torch.maximum(nearest, own)).mean()) / 2.0


def naive_triplet(z: Tensor, y: Tensor) -> Tensor:
    """Average all triplets as one cube (N, N, N)."""
    d = (torch.cdist(z, z).square() + 1e-12).sqrt()
    same = y[:, None] == y
    valid = (same & ~torch.eye(len(y), dtype=torch.bool))[:, :, None] & ~same[:, None, :]
    values = torch.relu(d[:, :, None] - d[:, None, :] + 0.2) * valid
    return values.sum() / (values > 0).sum().clamp_min(1)


def naive_contrastive(z: Tensor, y: Tensor) -> Tensor:
    """Average the two masked halves of the matrix, as index lists."""
    d = (torch.cdist(z, z).square() + 1e-12).sqrt()
    same = y[:, None] == y
    positive = d[same & ~torch.eye(len(y), dtype=torch.bool)]
    return (positive.square().mean() + torch.relu(1.0 - d[~same]).square().mean()) / 2.0


def of_pml(kind: str) -> Loss | None:
    """Return pytorch-metric-learning's loss, normalising only where ours does; None if absent."""
    try:
        from pytorch_metric_learning import distances, losses
        from pytorch_metric_learning import miners as their_miners
    except ImportError:
        return None
    plain = distances.LpDistance(normalize_embeddings=False)
    if kind == "triplet semi-hard":
        find = their_miners.TripletMarginMiner(margin=0.2, type_of_triplets="semihard", distance=plain)
        loss = losses.TripletMarginLoss(margin=0.2, distance=plain)
        return lambda z, y: loss(z, y, find(z, y))
    return {
        "contrastive": losses.ContrastiveLoss(distance=plain),
        "triplet, all": losses.TripletMarginLoss(margin=0.2, distance=plain),
        "lifted": losses.LiftedStructureLoss(distance=plain),
        "supcon": losses.SupConLoss(),
    }.get(kind)


def contestants(kind: str, classes: int) -> dict[str, tuple[Loss | None, int]]:
    """Return each form of a loss and the largest N at which it is tried."""
    forms: dict[str, dict[str, tuple[Loss | None, int]]] = {
        "silhouette, Euclidean": {
            "ours": (SilhouetteLoss(), 16_384),
            "naive": (partial(naive_silhouette, power=1), 4_096),
        },
        "silhouette, squared": {
            "ours": (SilhouetteLoss("squared"), 16_384),
            "naive": (partial(naive_silhouette, power=2), 4_096),
        },
        "silhouette, simplified": {"ours": (SilhouetteLoss("simplified"), 16_384)},
        "gaussian-corel": {"ours": (GaussianCORELLoss(classes, WIDTH), 16_384)},
        "contrastive": {
            "ours": (ContrastiveLoss(), 4_096),
            "naive": (naive_contrastive, 4_096),
            "pml": (None, 1_024),
        },
        "triplet, all": {"ours": (TripletLoss(), 1_024), "naive": (naive_triplet, 256), "pml": (None, 256)},
        "triplet semi-hard": {"ours": (TripletLoss(miner=miners.semi_hard), 4_096), "pml": (None, 256)},
        "lifted": {"ours": (LiftedStructureLoss(), 4_096), "pml": (None, 256)},
        "supcon": {"ours": (SupConLoss(), 4_096), "pml": (None, 4_096)},
    }
    return {
        name: (of_pml(kind) if name == "pml" else form, largest)
        for name, (form, largest) in forms[kind].items()
    }


KINDS = (
    "silhouette, Euclidean",
    "silhouette, squared",
    "silhouette, simplified",
    "gaussian-corel",
    "contrastive",
    "triplet, all",
    "triplet semi-hard",
    "lifted",
    "supcon",
)


def measure(kind: str, name: str, n: int, classes: int, results: multiprocessing.Queue) -> None:
    """Put (median ms, peak MB above the start) of one cell into `results`."""
    torch.set_num_threads(1)
    loss = contestants(kind, classes)[name][0]
    g = torch.Generator().manual_seed(0)
    y = torch.arange(n) % classes
    z = (torch.randn(classes, WIDTH, generator=g)[y] + torch.randn(n, WIDTH, generator=g)).requires_grad_()
    loss(z[: classes * 2], y[: classes * 2]).backward()
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = []
    while sum(times) < 0.5 and len(times) < 15:
        z.grad = None
        began = time.process_time()
        loss(z, y).backward()
        times.append(time.process_time() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start
    results.put((1e3 * statistics.median(times), peak / 1024))


def cell(kind: str, name: str, n: int, classes: int) -> tuple[float, float] | None:
    """Run one cell in its own process; None when it fails or takes longer than the limit."""
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    process = context.Process(target=measure, args=(kind, name, n, classes, results))
    process.start()
    process.join(TIMEOUT_S)
    if process.is_alive():
        process.kill()
        process.join()
    return results.get() if process.exitcode == 0 else None


def run(sizes: list[int]) -> list[dict[str, object]]:
    """Run every cell and return one row a cell."""
    rows: list[dict[str, object]] = []
    for kind in KINDS:
        for n in sizes:
            for classes in CLASSES if kind.startswith("silhouette") else CLASSES[1:2]:
                for name, (form, largest) in contestants(kind, classes).items():
                    if form is None or n > largest or n < 2 * classes:
                        continue
                    found = cell(kind, name, n, classes)
                    ms, mb = found or (None, None)
                    rows.append({"loss": kind, "form": name, "n": n, "k": classes, "ms": ms, "mb": mb})
                    print(json.dumps(rows[-1]), flush=True)
    return rows


def table(rows: list[dict[str, object]]) -> str:
    """Return the rows as one Markdown table: a line a loss, size and K; a column a form."""
    lines = [
        "| loss | N | K | ours ms | MB | naive ms | MB | PML ms | MB | naive : ours | PML : ours |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    cells = {(r["loss"], r["n"], r["k"], r["form"]): r for r in rows}
    for loss, n, k in dict.fromkeys((r["loss"], r["n"], r["k"]) for r in rows):
        found = [cells.get((loss, n, k, form)) for form in ("ours", "naive", "pml")]
        columns = [text for row in found for text in _texts(row)]
        ratios = [_ratio(found[0], other) for other in found[1:]]
        lines.append(f"| {loss} | {n:,} | {k} | " + " | ".join(columns + ratios) + " |")
    return "\n".join(lines)


def _texts(row: dict[str, object] | None) -> list[str]:
    if row is None:
        return ["", ""]
    return ["failed", ""] if row["ms"] is None else [f"{row['ms']:.1f}", f"{row['mb']:.0f}"]


def _ratio(ours: dict[str, object] | None, other: dict[str, object] | None) -> str:
    if (
        ours is None
        or other is None
        or not isinstance(ours["ms"], float)
        or not isinstance(other["ms"], float)
    ):
        return ""
    return f"{other['ms'] / ours['ms']:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".md"))
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 1_024, 4_096, 16_384])
    arguments = parser.parse_args()
    rows = run(arguments.sizes)
    arguments.output.write_text(f"# Losses: time and memory\n\n{about()}\n\n{table(rows)}\n")


def about() -> str:
    """Say how the table was made."""
    made = f"`python benchmarks/losses.py`, torch {torch.__version__}, {platform.machine()}"
    return f"""{made}, one thread, float32, D = {WIDTH}.
Forward and backward of one batch: milliseconds of processor time, and peak memory in MB above what the
process held before. Every cell in its own process. Read ratios: other work shared the machine. An empty
cell was not tried: that form would need too much memory or time there."""


if __name__ == "__main__":
    main()
