"""Forward and backward time and peak memory of losses: ours, as usually written, pytorch-metric-learning's.

    python benchmarks/losses.py [--sizes 256 1024 4096 16384] [--kinds contrastive ...]
        [--classes 50 10 100] [--limit 45]

Every cell (a loss, a form, N, K) runs in its own process, one after the other, on one thread, and is stopped
at --limit seconds of processor time and at 8 GiB above the start; times are medians over samples of processor
time, which other work on the machine disturbs least. What is in benchmarks/losses.json already is not run
again: delete the file, or name --kinds, to do so. pytorch-metric-learning is compared where importable.
"""

import argparse
import json
import multiprocessing
import platform
import resource
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from clock import peaked, timed
from naive_losses import Loss, naive, weights_of
from torch import Tensor

from shoal import miners
from shoal.losses import (
    CalinskiHarabaszLoss,
    CategoricalCrossEntropyLoss,
    CenterLoss,
    ContrastiveLoss,
    CosineCORELLoss,
    DaviesBouldinLoss,
    GaussianCORELLoss,
    GeneralisedDunnLoss,
    LiftedStructureLoss,
    NormSoftmaxLoss,
    NPairLoss,
    NTXentLoss,
    PrototypicalLoss,
    ProxyAnchorLoss,
    ProxyNCALoss,
    RelationLoss,
    SilhouetteLoss,
    SupConLoss,
    TripletLoss,
    WBLoss,
    XieBeniLoss,
)

WIDTH, MEMORY = 16, 8 << 30
FORMS = ("ours", "naive", "pml")
TABLE = Path(__file__).with_suffix(".json")
Cell = dict[str, Any]


OURS: dict[str, Callable[[int], Loss]] = {
    "silhouette, Euclidean": lambda k: SilhouetteLoss(),
    "silhouette, squared": lambda k: SilhouetteLoss("squared"),
    "silhouette, simplified": lambda k: SilhouetteLoss("simplified"),
    "cce": lambda k: CategoricalCrossEntropyLoss(k, WIDTH),
    "cosine-corel": lambda k: CosineCORELLoss(k, WIDTH),
    "gaussian-corel": lambda k: GaussianCORELLoss(k, WIDTH),
    "center": lambda k: CenterLoss(k, WIDTH, alpha=0.0),
    "contrastive": lambda k: ContrastiveLoss(),
    "contrastive, hinge": lambda k: ContrastiveLoss(form="hinge"),
    "triplet, all": lambda k: TripletLoss(),
    "triplet, batch-hard": lambda k: TripletLoss(miner=miners.batch_hard),
    "triplet, semi-hard": lambda k: TripletLoss(miner=miners.semi_hard),
    "lifted": lambda k: LiftedStructureLoss(),
    "n-pair, first": lambda k: NPairLoss(pairs="first"),
    "nt-xent": lambda k: NTXentLoss(),
    "supcon": lambda k: SupConLoss(),
    "norm-softmax": lambda k: NormSoftmaxLoss(k, WIDTH),
    "proxy-nca": lambda k: ProxyNCALoss(k, WIDTH, variant="softmax"),
    "proxy-anchor": lambda k: ProxyAnchorLoss(k, WIDTH),
    "prototypical, one shot": lambda k: PrototypicalLoss(shots=1),
    "prototypical": lambda k: PrototypicalLoss(),
    "relation": lambda k: RelationLoss(WIDTH),
    "calinski-harabasz": lambda k: CalinskiHarabaszLoss(),
    "davies-bouldin": lambda k: DaviesBouldinLoss(),
    "xie-beni": lambda k: XieBeniLoss(),
    "wb": lambda k: WBLoss(),
    "generalised-dunn": lambda k: GeneralisedDunnLoss(),
}


def of_pml(kind: str, classes: int) -> Loss | None:
    """Return pytorch-metric-learning's loss, normalising only where ours does; None if absent."""
    try:
        from pytorch_metric_learning import distances, losses
        from pytorch_metric_learning import miners as theirs
    except ImportError:
        return None
    plain = distances.LpDistance(normalize_embeddings=False)
    triplet = partial(losses.TripletMarginLoss, margin=0.2, distance=plain)

    def mined(miner: Any) -> Loss:
        return lambda z, y: triplet()(z, y, miner(z, y))

    forms: dict[str, Callable[[], Loss]] = {
        "contrastive, hinge": lambda: losses.ContrastiveLoss(distance=plain),
        "triplet, all": triplet,
        "triplet, batch-hard": lambda: mined(theirs.BatchHardMiner(distance=plain)),
        "triplet, semi-hard": lambda: mined(
            theirs.TripletMarginMiner(margin=0.2, type_of_triplets="semihard", distance=plain)
        ),
        "lifted": lambda: losses.LiftedStructureLoss(distance=plain),
        "n-pair, first": lambda: losses.NPairsLoss(
            distance=distances.DotProductSimilarity(normalize_embeddings=False)
        ),
        "nt-xent": losses.NTXentLoss,
        "supcon": losses.SupConLoss,
        "norm-softmax": lambda: losses.NormalizedSoftmaxLoss(classes, WIDTH),
        "proxy-nca": lambda: losses.ProxyNCALoss(classes, WIDTH),
        "proxy-anchor": lambda: losses.ProxyAnchorLoss(classes, WIDTH),
    }
    return forms[kind]() if kind in forms else None


def form_of(kind: str, form: str, classes: int) -> Loss | None:
    """Return one form of a loss, with the same weights wherever it has some; None if there is none."""
    if form == "naive":
        return naive(kind, classes, WIDTH)
    loss = OURS[kind](classes) if form == "ours" else of_pml(kind, classes)
    if isinstance(loss, torch.nn.Module):
        for weights in loss.parameters():
            if weights.shape in ((classes, WIDTH), (WIDTH, classes)):
                drawn = weights_of(classes, WIDTH)
                weights.data = drawn.T.clone() if weights.shape[0] == WIDTH else drawn
    return loss


def slope(loss: Loss, z: Tensor, y: Tensor) -> float:
    """Go forward and backward once and return the value."""
    z.grad = None
    value = loss(z, y)
    value.backward()
    return float(value.detach())


def batch(n: int, classes: int) -> tuple[Tensor, Tensor]:
    """Return rows (N, D) in overlapping classes, and labels (N,)."""
    g = torch.Generator().manual_seed(0)
    y = torch.arange(n) % classes
    z = torch.randn(classes, WIDTH, generator=g)[y] + torch.randn(n, WIDTH, generator=g)
    return (z / 2.0).requires_grad_(), y


def save(cells: list[Cell]) -> None:
    """Write what was measured."""
    TABLE.write_text("[\n" + ",\n".join(json.dumps(cell) for cell in cells) + "\n]\n")


def measure(kind: str, form: str, n: int, classes: int, limit: float, results: Any) -> None:
    """Put the median ms, the peak MB above the start and the value of one cell into `results`."""
    torch.set_num_threads(1)
    spent = int(time.process_time())
    resource.setrlimit(resource.RLIMIT_CPU, (spent + int(limit) + 1, spent + int(limit) + 2))
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, 2 * [pages * resource.getpagesize() + MEMORY])
    loss = form_of(kind, form, classes)
    z, y = batch(n, classes)
    assert loss is not None
    loss(z[: classes * 2], y[: classes * 2]).backward()
    try:
        peak, (seconds, value) = peaked(lambda: timed(lambda: slope(loss, z, y)))
    except RuntimeError as problem:
        results.put({"why": "over 8 GiB" if "memory" in str(problem) else str(problem)[:80]})
        return
    results.put({"ms": 1e3 * seconds, "mb": peak, "value": value})


def run_cell(kind: str, form: str, n: int, classes: int, limit: float) -> Cell:
    """Run one cell in its own process."""
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    process = context.Process(target=measure, args=(kind, form, n, classes, limit, results))
    process.start()
    process.join(20 * limit)
    if process.is_alive():
        process.kill()
        process.join()
    if not results.empty():
        return results.get()
    late = process.exitcode in (-signal.SIGXCPU, -signal.SIGKILL)
    return {"why": f"over {limit:g} s" if late else f"ended with {process.exitcode}"}


def side_by_side(kind: str, forms: list[str], n: int, classes: int, limit: float, results: Any) -> None:
    """Put the median ms of each form into `results`, run in turn: what disturbs one disturbs the others."""
    torch.set_num_threads(1)
    z, y = batch(n, classes)
    made = {form: form_of(kind, form, classes) for form in forms}
    spent: dict[str, list[float]] = {form: [] for form in forms}
    begun = time.process_time()
    while len(spent[forms[0]]) < 101 and (not spent[forms[0]] or time.process_time() - begun < limit):
        for form, loss in made.items():
            assert loss is not None
            before = time.process_time()
            slope(loss, z, y)
            spent[form].append(time.process_time() - before)
    results.put({form: 1e3 * float(np.median(times)) for form, times in spent.items()})


def rematch(cells: list[Cell], kinds: list[str], limit: float, *, save: Callable[[], None]) -> None:
    """Measure the lines side by side in which another form seemed to be faster than ours."""
    lines: dict[tuple[str, int, int], dict[str, Cell]] = {}
    for cell in cells:
        if "ms" in cell and cell["loss"] in kinds:
            lines.setdefault((cell["loss"], cell["n"], cell["k"]), {})[cell["form"]] = cell
    for (kind, n, classes), found in lines.items():
        if "ours" not in found or min(one["ms"] for one in found.values()) >= found["ours"]["ms"]:
            continue
        context = multiprocessing.get_context("fork")
        results = context.SimpleQueue()
        near = [form for form, one in found.items() if one["ms"] < 1.3 * found["ours"]["ms"]]
        process = context.Process(target=side_by_side, args=(kind, near, n, classes, limit, results))
        process.start()
        process.join()
        if not results.empty():
            for form, ms in results.get().items():
                found[form]["ms"] = ms
                found[form].pop("earlier", None)
            print(
                json.dumps({"rematch": kind, "n": n, "k": classes, **{f: found[f]["ms"] for f in near}}),
                flush=True,
            )
            save()


def expected(cells: list[Cell], kind: str, form: str, n: int, classes: int) -> float:
    """Return the ms that the two sizes before speak of: growth goes on as it was; inf after a failure."""
    before = [c for c in cells if (c["loss"], c["form"], c["k"]) == (kind, form, classes) and c["n"] < n]
    before.sort(key=lambda c: int(c["n"]))
    if not before:
        return 0.0
    if "ms" not in before[-1]:
        return float("inf")
    times = [float(c["ms"]) for c in before[-2:]]
    return times[-1] * max(times[-1] / times[0], n / before[-1]["n"])


def run(kinds: list[str], sizes: list[int], counts: list[int], limit: float, cells: list[Cell]) -> None:
    """Add every cell that is not there yet, saving after each; counts: of classes."""
    known = {(c["loss"], c["form"], c["n"], c["k"]) for c in cells}
    for classes in counts:
        for kind in kinds:
            for n in sorted(sizes):
                for form in FORMS:
                    absent = form_of(kind, form, classes) is None
                    if absent or n < 2 * classes or (kind, form, n, classes) in known:
                        continue
                    late = expected(cells, kind, form, n, classes) > 2e3 * limit
                    found = {"why": "not tried"} if late else run_cell(kind, form, n, classes, limit)
                    cells.append({"loss": kind, "form": form, "n": n, "k": classes, **found})
                    print(json.dumps(cells[-1]), flush=True)
                    save(cells)


def page(cells: list[Cell], limit: float) -> str:
    """Return the answer as Markdown: a line a loss, size and K; a column a form."""
    lines = [
        "| loss | N | K | ours ms | MB | naive ms | MB | PML ms | MB | naive : ours | PML : ours |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    found = {(c["loss"], c["n"], c["k"], c["form"]): c for c in cells}
    for kind in OURS:
        for n, k in sorted({(c["n"], c["k"]) for c in cells if c["loss"] == kind}):
            ours, *others = (found.get((kind, n, k, form), {}) for form in FORMS)
            columns = [text for cell in (ours, *others) for text in _texts(cell)]
            columns += [_ratio(ours, other) for other in others]
            star = " *" if ours.get("earlier") else ""
            lines.append(f"| {kind}{star} | {n:,} | {k} | " + " | ".join(columns) + " |")
    parts = ["# Losses: time and memory", about(limit), "\n".join(lines), "## Where ours is slower"]
    return "\n\n".join([*parts, slower(found), "## Not run", not_run(cells) + "\n"])


def not_run(cells: list[Cell]) -> str:
    """Return a line for every N and K of the table with which some losses were not run."""
    counts, sizes = (sorted({int(c[key]) for c in cells}) for key in "kn")
    there = {(c["loss"], c["n"], c["k"]) for c in cells}
    lines = []
    for n, k in [(n, k) for k in counts for n in sizes if n >= 2 * k]:
        absent = [kind for kind in OURS if (kind, n, k) not in there]
        if absent:
            which = "any" if len(absent) == len(OURS) else "; ".join(absent)
            lines.append(f"- N = {n:,}, K = {k}: {which}")
    return "\n".join(lines) or "Nothing."


def slower(found: dict[tuple[str, int, int, str], Cell]) -> str:
    """Return a line for every cell in which another form of the same value took less time than ours."""
    lines = []
    for (kind, n, k, form), other in found.items():
        ours = found.get((kind, n, k, "ours"), {})
        if form != "ours" and "ms" in other and "ms" in ours and other["ms"] < ours["ms"]:
            share = other["ms"] / ours["ms"]
            star = " *" if ours.get("earlier") else ""
            lines.append(f"- {kind}{star}, N = {n:,}, K = {k}: {form} takes {share:.2f} of our time")
    return "\n".join(lines) or "Nowhere."


def _texts(cell: Cell) -> tuple[str, str]:
    if "ms" not in cell:
        return cell.get("why", ""), ""
    return f"{cell['ms']:.1f}", "" if cell["mb"] is None else f"{cell['mb']:.0f}"


def _ratio(ours: Cell, other: Cell) -> str:
    if "ms" not in ours or "ms" not in other:
        return ""
    same = np.isclose(ours["value"], other["value"], rtol=1e-3)
    return f"{other['ms'] / ours['ms']:.1f}" + ("" if same else " (another value)")


def about(limit: float) -> str:
    """Say how the table was made."""
    made = f"`python benchmarks/losses.py`, torch {torch.__version__}, {platform.machine()}"
    return f"""{made}, one thread, float32, D = {WIDTH}.
Forward and backward of one batch: milliseconds of processor time, and peak memory in MB above what the
process held before. Every cell in its own process, stopped after {limit:g} such seconds and at 8 GiB. Other
work shared the machine: where another form seems faster than ours, a run that comes to its end measures both
once more in turn in one process; lines of runs that were cut short are single cells.
Read ratios within a line; what is within some 5 % of 1 is noise. "not tried": a smaller size
failed, or time that goes on growing as it did would be over twice the limit. An empty cell: there is no such
form. "(another value)": more than 0.1 % apart; of semi-hard triplets pytorch-metric-learning takes all, ours
the nearest of each pair. Ours refuses NaN and what would overflow, leaves out -1, and forms the distances of
tight classes in float64; the naive forms do none of that, and are not as exact. The checks take about 0.05 ms
a call, which tells where a whole loss takes less than 1 ms. A star: measured with an earlier version of
ours."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 1_024, 4_096, 16_384])
    parser.add_argument("--kinds", nargs="+", choices=OURS, help="run these again")
    parser.add_argument("--classes", type=int, nargs="+", default=[50, 10, 100])
    parser.add_argument("--limit", type=float, default=45.0, help="seconds of processor time a cell may take")
    arguments = parser.parse_args()
    cells: list[Cell] = json.loads(TABLE.read_text()) if TABLE.exists() else []
    if arguments.kinds:
        cells = [
            c
            for c in cells
            if c["loss"] not in arguments.kinds
            or c["n"] not in arguments.sizes
            or c["k"] not in arguments.classes
        ]
    kinds = arguments.kinds or list(OURS)
    run(kinds, arguments.sizes, arguments.classes, arguments.limit, cells)
    run_now = [c for c in cells if c["n"] in arguments.sizes and c["k"] in arguments.classes]
    rematch(run_now, kinds, arguments.limit / 15.0, save=lambda: save(cells))
    TABLE.with_suffix(".md").write_text(page(cells, arguments.limit))


if __name__ == "__main__":
    main()
