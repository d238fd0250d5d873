"""Forward and backward time and peak memory of losses: ours, as usually written, pytorch-metric-learning's.

    python benchmarks/losses.py --afresh [--sizes 256 1024 4096 16384] [--kinds contrastive ...]
        [--classes 10 50 100] [--limit 10] [--workers 2] [--table benchmarks/losses.json]

Every cell (a loss, a form, N, K) runs in its own process, on one thread, --workers of them at a time, and is
stopped at --limit seconds of processor time and at 8 GiB above the start; times are medians over samples of
processor time, which other work on the machine disturbs least. What is in the table already is not run again,
unless --afresh: then all that is asked for is. A star marks what was measured with other code of the losses.
pytorch-metric-learning is compared where importable. With the defaults: about a quarter of an hour.
"""

import argparse
import hashlib
import json
import multiprocessing
import platform
import resource
import signal
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from clock import keep_freed, peaked, timed
from losses_page import FORMS, Cell, page
from naive_losses import Loss, naive, weights_of
from torch import Tensor

import shoal.losses
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
TURNS = 2.0
"""Seconds for which forms that are near each other are run in turn."""
TABLE = Path(__file__).with_suffix(".json")
FORK = multiprocessing.get_context("fork")
SOURCES = sorted(Path(shoal.losses.__file__).parent.glob("*.py"))
CODE = hashlib.sha256(b"".join(one.read_bytes() for one in SOURCES)).hexdigest()[:12]
"""Which code of the losses is measured."""


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


def save(cells: list[Cell], table: Path) -> None:
    """Write what was measured."""
    table.write_text("[\n" + ",\n".join(json.dumps(cell) for cell in cells) + "\n]\n")


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
    results = FORK.SimpleQueue()
    process = FORK.Process(target=measure, args=(kind, form, n, classes, limit, results))
    process.start()
    process.join(4 * limit)
    if process.is_alive():
        process.kill()
        process.join()
    if not results.empty():
        return results.get()
    late = process.exitcode in (-signal.SIGXCPU, -signal.SIGKILL)
    return {"why": f"over {limit:g} s" if late else f"ended with {process.exitcode}"}


def side_by_side(kind: str, forms: list[str], n: int, classes: int) -> dict[str, float]:
    """Return the median ms of each form, run in turn: what disturbs one disturbs the others."""
    torch.set_num_threads(1)
    keep_freed()
    z, y = batch(n, classes)
    made = {form: form_of(kind, form, classes) for form in forms}
    spent: dict[str, list[float]] = {form: [] for form in forms}
    begun = time.process_time()
    while len(spent[forms[0]]) < 101 and (not spent[forms[0]] or time.process_time() - begun < TURNS):
        for form, loss in made.items():
            assert loss is not None
            before = time.process_time()
            slope(loss, z, y)
            spent[form].append(time.process_time() - before)
    return {form: 1e3 * float(np.median(times)) for form, times in spent.items()}


def rematch(cells: list[Cell], kinds: list[str], workers: int, *, save: Callable[[], None]) -> None:
    """Measure the lines side by side in which another form seemed to be faster than ours, or near it."""
    lines: dict[tuple[str, int, int], dict[str, Cell]] = {}
    for cell in cells:
        if "ms" in cell and cell["loss"] in kinds:
            lines.setdefault((cell["loss"], cell["n"], cell["k"]), {})[cell["form"]] = cell
    with ProcessPoolExecutor(workers, FORK) as pool:
        again = {}
        for (kind, n, classes), found in lines.items():
            if "ours" not in found:
                continue
            near = [form for form in FORMS if form in found and found[form]["ms"] < 1.3 * found["ours"]["ms"]]
            if len(near) > 1:
                again[pool.submit(side_by_side, kind, near, n, classes)] = found
        for future in as_completed(again):
            for form, ms in future.result().items():
                again[future][form]["ms"] = ms
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


def chain(
    kind: str, form: str, classes: int, sizes: list[int], limit: float, known: list[Cell]
) -> list[Cell]:
    """Run one form of a loss at rising sizes, those that are not known, and return their cells."""
    torch.set_num_threads(1)
    if form_of(kind, form, classes) is None:
        return []
    cells = [c for c in known if (c["loss"], c["form"], c["k"]) == (kind, form, classes)]
    there = {c["n"] for c in cells}
    for n in sorted(set(sizes) - there):
        if n < 2 * classes:
            continue
        late = expected(cells, kind, form, n, classes) > 2e3 * limit
        found = {"why": "not tried"} if late else run_cell(kind, form, n, classes, limit)
        cells.append({"loss": kind, "form": form, "n": n, "k": classes, "code": CODE, **found})
        print(json.dumps(cells[-1]), flush=True)
    return [c for c in cells if c["n"] not in there]


def run(
    kinds: list[str],
    sizes: list[int],
    counts: list[int],
    limit: float,
    workers: int,
    cells: list[Cell],
    *,
    save: Callable[[], None],
) -> None:
    """Add every cell that is not there yet to `cells`, saving after each chain; counts: of classes."""
    known = list(cells)
    with ProcessPoolExecutor(workers, FORK) as pool:
        chains = [
            pool.submit(chain, kind, form, classes, sizes, limit, known)
            for kind in kinds
            for classes in counts
            for form in FORMS
        ]
        for future in as_completed(chains):
            cells += future.result()
            save()


def about(limit: float, workers: int) -> str:
    """Say how the table was made."""
    made = f"`python benchmarks/losses.py --afresh`, torch {torch.__version__}, {platform.machine()}"
    return f"""{made}, float32, D = {WIDTH}.
Forward and backward of one batch: milliseconds of processor time, and peak memory in MB above what the
process held before. Every cell in its own process on one thread, {workers} at a time, stopped after {limit:g}
seconds of processor time and at 8 GiB. Where another form takes less than 1.3 of our time, both are measured
once more in turn in one process that keeps what it frees: else it is chance whose pages the system takes back
after every call, and fetching them again is up to half of the time. Read ratios within a line; what is within
some 5 % of 1 is noise.
"not tried": a smaller size failed, or time that goes on growing as it did would be over twice the limit. An
empty cell: there is no such form. "(another value)": more than 0.1 % apart; of semi-hard triplets
pytorch-metric-learning takes all, ours the nearest of each pair. Ours refuses NaN and what would overflow,
leaves out -1, and forms the distances of tight classes in float64; the naive forms do none of that, and are
not as exact. A star: measured with other code of the losses than today's."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--afresh", action="store_true", help="measure again what is in the table")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 1_024, 4_096, 16_384])
    parser.add_argument("--kinds", nargs="+", choices=OURS, default=list(OURS))
    parser.add_argument("--classes", type=int, nargs="+", default=[10, 50, 100])
    parser.add_argument("--limit", type=float, default=10.0, help="seconds of processor time a cell may take")
    parser.add_argument("--workers", type=int, default=2, help="cells at a time; no more than quiet cores")
    parser.add_argument("--table", type=Path, default=TABLE, help="the .json; the page lies beside it")
    asked = parser.parse_args()
    cells: list[Cell] = json.loads(asked.table.read_text()) if asked.table.exists() else []

    def of_this_run(cell: Cell) -> bool:
        return cell["loss"] in asked.kinds and cell["n"] in asked.sizes and cell["k"] in asked.classes

    if asked.afresh:
        cells = [c for c in cells if not of_this_run(c)]

    def write() -> None:
        save(cells, asked.table)

    run(asked.kinds, asked.sizes, asked.classes, asked.limit, asked.workers, cells, save=write)
    rematch([c for c in cells if of_this_run(c)], asked.kinds, asked.workers, save=write)
    text = page(cells, list(OURS), about(asked.limit, asked.workers), CODE)
    asked.table.with_suffix(".md").write_text(text)


if __name__ == "__main__":
    main()
