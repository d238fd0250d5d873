"""The page of `losses.py`: a line a loss, size and K, and in words why a cell is slow or empty."""

from typing import Any

import numpy as np

Cell = dict[str, Any]
Found = dict[tuple[str, int, int, str], Cell]
FORMS = ("ours", "naive", "pml")
LEVEL = 0.95
"""A share of our time from which on another form's is level with it: the rest is noise."""
NAMES = {"ours": "ours", "naive": "the naive form", "pml": "pytorch-metric-learning"}

PAIRS = (
    "every pair of items enters the value: N² distances, 16 times the work for 4 times the items. Ours forms "
    "them in strips, in O(N) memory; naive and pytorch-metric-learning hold matrices N x N, 1 GiB each in "
    "float32 at 16,384, several at a time."
)
TRIPLETS = (
    "triplets are N² P for P = N / K items a class: cubic at a fixed K. pytorch-metric-learning and naive "
    "list them; ours sorts each anchor's distances instead (N² log N), a miner holds N x N distances."
)
REPEATED = (
    "pytorch-metric-learning lays a row of all negatives beside every pair of one class, N² P numbers and "
    "more: cubic at a fixed K."
)
CLASSES = "every item meets every class: N K, times D or a hidden layer where the class is not one number."
MEANS = "means and spreads of classes: N D, and K² distances between the means. Nothing here grows faster."
WHY = {
    "silhouette, Euclidean": PAIRS,
    "contrastive": PAIRS,
    "contrastive, hinge": PAIRS,
    "lifted": f"{PAIRS} {REPEATED}",
    "nt-xent": f"{PAIRS} {REPEATED}",
    "supcon": PAIRS,
    "triplet, all": TRIPLETS,
    "triplet, batch-hard": f"{PAIRS} The miner looks at the whole matrix.",
    "triplet, semi-hard": TRIPLETS,
    "n-pair, first": "ours takes one pair a class, K² products; pytorch-metric-learning forms all N² first.",
    "calinski-harabasz": MEANS,
    "davies-bouldin": MEANS,
    "xie-beni": MEANS,
    "wb": MEANS,
    "generalised-dunn": MEANS,
}
CHECKED = (
    "the call refuses NaN, labels out of range and what would overflow: some 0.02 ms and a pass over all "
    "numbers, which shows where the loss itself takes little more."
)
EXPANDED = (
    "distances to centres are formed about their mean, which keeps digits and costs two more passes over N D."
)
SLOWER = {
    "gaussian-corel": f"rows are seen from the middle of the centres, a pass over N D. Also, {CHECKED}",
    "proxy-nca": EXPANDED,
    "prototypical, one shot": "each row is seen from its own prototype, which keeps digits and costs passes.",
}


def page(cells: list[Cell], kinds: list[str], about: str, code: str) -> str:
    """Return the answer as Markdown; a star where a cell of ours is not of the present `code`."""
    lines = [
        "| loss | N | K | ours ms | MB | naive ms | MB | PML ms | MB | naive : ours | PML : ours |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    found = {(c["loss"], c["n"], c["k"], c["form"]): c for c in cells}
    for kind in kinds:
        for n, k in sorted({(c["n"], c["k"]) for c in cells if c["loss"] == kind}):
            ours, *others = (found.get((kind, n, k, form), {}) for form in FORMS)
            columns = [text for cell in (ours, *others) for text in _texts(cell)]
            columns += [_ratio(ours, other) for other in others]
            star = "" if ours.get("code") == code else " *"
            lines.append(f"| {kind}{star} | {n:,} | {k} | " + " | ".join(columns) + " |")
    parts = ["# Losses: time and memory", about, "\n".join(lines)]
    parts += [
        "## Where ours is slower",
        slower(found, kinds),
        "## Out of time or memory",
        ended(cells, kinds),
    ]
    return "\n\n".join([*parts, "## Not run", not_run(cells, kinds) + "\n"])


def slower(found: Found, kinds: list[str]) -> str:
    """Return a line a loss: the cells in which another form of the same value took less time, and why."""
    lines = []
    for kind in kinds:
        cells = [text for key in found if key[0] == kind and (text := _slower(found, key))]
        if cells:
            lines.append(f"- {kind}: {'; '.join(cells)}. Here {SLOWER.get(kind, CHECKED)}")
    counts = [_count(found, form) for form in FORMS[1:]]
    return "\n".join([f"By more than 5 %: {' and '.join(counts)}.", *(["", *lines] if lines else [])])


def _count(found: Found, form: str) -> str:
    """Say in how many of the cells that both forms ended, with the same value, ours is slower."""
    both = [key for key in found if key[3] == form and _share(found, key)]
    late = sum(_share(found, key) < LEVEL for key in both)
    return f"{late} of {len(both)} measurements against {NAMES[form]}"


def _share(found: Found, key: tuple[str, int, int, str]) -> float:
    """Return another form's time as a share of ours; 0 where one lacks, or the values differ."""
    kind, n, k, form = key
    ours, other = found.get((kind, n, k, "ours"), {}), found[key]
    if form == "ours" or "ms" not in other or "ms" not in ours or not same(ours, other):
        return 0.0
    return float(other["ms"] / ours["ms"])


def _slower(found: Found, key: tuple[str, int, int, str]) -> str:
    _, n, k, form = key
    share = _share(found, key)
    return f"N = {n:,}, K = {k}: {NAMES[form]} takes {share:.2f} of our time" if 0 < share < LEVEL else ""


def ended(cells: list[Cell], kinds: list[str]) -> str:
    """Return a line a loss: which cells came to no end, of any form, and why that is so by definition."""
    lines = []
    for kind in kinds:
        texts = []
        for form in FORMS:
            late = [c for c in cells if (c["loss"], c["form"]) == (kind, form) and "ms" not in c]
            cases = [f"N = {c['n']:,}, K = {c['k']} ({c['why']})" for c in late]
            texts += [f"{NAMES[form]} at {', '.join(cases)}"] if cases else []
        if texts:
            lines.append(f"- {kind}: {'; '.join(texts)}. Why: {WHY.get(kind, CLASSES)}")
    return "\n".join(lines) or "Nothing."


def not_run(cells: list[Cell], kinds: list[str]) -> str:
    """Return a line for every N and K of the table with which some losses were not run."""
    counts, sizes = (sorted({int(c[key]) for c in cells}) for key in "kn")
    there = {(c["loss"], c["n"], c["k"]) for c in cells}
    lines = []
    for n, k in [(n, k) for k in counts for n in sizes if n >= 2 * k]:
        absent = [kind for kind in kinds if (kind, n, k) not in there]
        if absent:
            lines.append(f"- N = {n:,}, K = {k}: {'any' if len(absent) == len(kinds) else '; '.join(absent)}")
    return "\n".join(lines) or "Nothing."


def same(ours: Cell, other: Cell) -> bool:
    """Return whether two forms say the same."""
    return bool(np.isclose(ours["value"], other["value"], rtol=1e-3))


def _texts(cell: Cell) -> tuple[str, str]:
    if "ms" not in cell:
        return cell.get("why", ""), ""
    return f"{cell['ms']:.1f}", "" if cell["mb"] is None else f"{cell['mb']:.0f}"


def _ratio(ours: Cell, other: Cell) -> str:
    if "ms" not in ours or "ms" not in other:
        return ""
    return f"{other['ms'] / ours['ms']:.1f}" + ("" if same(ours, other) else " (another value)")
