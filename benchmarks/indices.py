"""Time and peak memory of the indices, ours and others', on 10,000 to 1,000,000 vectors of width 16 to 768.

    python benchmarks/indices.py [--sizes 10000 100000 1000000] [--rows dunn silhouette ...] [--limit 60]
        [--predict]

The rows of `WIDE` are also measured on wider vectors, those of `DOUBLE` on float64. Every cell (an index, a
library, a size) runs in a process of its own, on one thread, and is killed at the limit; times are medians of
processor time over samples after a warm-up. What is in benchmarks/indices.json already is not run again:
delete the file, or name --rows, to do so. A size that the growth so far puts above twice the limit is not
tried, and said to be so; --predict runs nothing and says of every missing cell what it would take: such a
cell is run the next time. Libraries that are not importable are left out (`pip install 'shoal[references]'`).
"""

import argparse
import json
import multiprocessing
import platform
import resource
import signal
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from clock import peaked, timed
from threadpoolctl import threadpool_limits

from shoal.indices import INDICES, trustworthiness

WIDTH, CLASSES, MEMORY = 16, 50, 14 << 30
WIDE = {
    "calinski-harabasz": ((256, 10_000), (256, 100_000), (768, 10_000), (768, 100_000)),
    "davies-bouldin": ((256, 10_000), (256, 100_000), (768, 10_000), (768, 100_000)),
    "trustworthiness k=10": ((16, 10_000), (256, 10_000), (768, 10_000)),
    "trustworthiness k=30": ((16, 10_000), (256, 10_000), (768, 10_000)),
}
"""Rows that are measured at these widths and sizes as well; a map's positions are two of the dimensions."""
_BOTH = tuple((width, n) for width in (WIDTH, 256, 768) for n in (10_000, 100_000))
DOUBLE = {
    "calinski-harabasz": _BOTH,
    "davies-bouldin": _BOTH,
    "silhouette": ((16, 10_000), (256, 10_000), (768, 10_000)),
    "trustworthiness k=10": ((768, 10_000),),
}
"""Rows that are measured on float64 as well, which every library then computes in: equal exactness."""
LIBRARIES = ("ours", "scikit-learn", "permetrics", "torchdr")
TABLE = Path(__file__).with_suffix(".json")
Form = Callable[[np.ndarray, np.ndarray], float]
Cell = dict[str, Any]
Shapes = dict[str, tuple[tuple[int, int], ...]]


def data(n: int, width: int = WIDTH, dtype: str = "float32") -> tuple[np.ndarray, np.ndarray]:
    """Return n vectors in 50 overlapping normal groups, shuffled."""
    rng = np.random.default_rng(0)
    labels = rng.integers(CLASSES, size=n)
    means = rng.normal(size=(CLASSES, width))
    return (means[labels] + rng.normal(size=(n, width))).astype(dtype), labels


def of_scikit_learn(row: str) -> Form | None:
    from sklearn import metrics
    from sklearn.manifold import trustworthiness as theirs

    if row.startswith("trustworthiness"):
        return lambda x, y: float(theirs(x, x[:, :2], n_neighbors=_k(row)))

    def macro(x: np.ndarray, y: np.ndarray) -> float:
        samples = metrics.silhouette_samples(x, y)
        return float(np.mean([samples[y == k].mean() for k in np.unique(y)]))

    forms: dict[str, Form] = {
        "calinski-harabasz": metrics.calinski_harabasz_score,
        "davies-bouldin": metrics.davies_bouldin_score,
        "silhouette": metrics.silhouette_score,
        "silhouette-macro": macro,
        "silhouette-squared": lambda x, y: metrics.silhouette_score(x, y, metric="sqeuclidean"),
    }
    return forms.get(row)


def of_permetrics(row: str) -> Form | None:
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "calinski-harabasz": ("calinski_harabasz_index", {}),
        "davies-bouldin": ("davies_bouldin_index", {}),
        "dunn": ("dunn_index", {"use_modified": False}),
        "silhouette": ("silhouette_index", {}),
        "xie-beni": ("xie_beni_index", {}),
        "dbcv": ("density_based_clustering_validation_index", {}),
    }
    if row not in calls:
        return None
    import permetrics

    name, settings = calls[row]
    return lambda x, y: getattr(permetrics.ClusteringMetric(X=x, y_pred=y), name)(**settings)


def of_torchdr(row: str) -> Form | None:
    if row != "silhouette":
        return None
    from torchdr import silhouette_score

    # in float32, its own choice, its sums keep five digits
    return lambda x, y: float(silhouette_score(x.astype(np.float64), y, warn=False))


def form_of(row: str, library: str) -> Form | None:
    """Return one library's form of an index; None where it has none or is not installed."""
    if library == "ours":
        if row.startswith("trustworthiness"):
            return lambda x, y: trustworthiness(x, x[:, :2], _k(row))
        found: Form = INDICES.load(row)
        return found
    others = {"scikit-learn": of_scikit_learn, "permetrics": of_permetrics, "torchdr": of_torchdr}
    try:
        return others[library](row)
    except ImportError:
        return None


def _k(row: str) -> int:
    return int(row.partition("=")[2])


def measure(row: str, library: str, n: int, width: int, dtype: str, limit: float, results: Any) -> None:
    """Put the median seconds, the peak MB above what was held before and the value of a cell into results."""
    resource.setrlimit(resource.RLIMIT_CPU, (int(limit), int(limit) + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    form = form_of(row, library)
    assert form is not None
    vectors, labels = data(n, width, dtype)
    try:
        with threadpool_limits(1):
            form(*data(1_000, width, dtype))
            mb, (seconds, value) = peaked(lambda: timed(lambda: float(form(vectors, labels))))
    except (MemoryError, RuntimeError, ValueError) as problem:
        # torch raises RuntimeError where numpy raises MemoryError
        why = (
            "out of memory" if isinstance(problem, MemoryError) or "memory" in str(problem).lower() else None
        )
        results.put({"why": why or f"{type(problem).__name__}: {str(problem)[:80]}"})
        return
    results.put({"seconds": seconds, "mb": mb, "value": value})


def run_cell(
    row: str, library: str, n: int, limit: float, width: int = WIDTH, dtype: str = "float32"
) -> Cell:
    """Run one cell in a process of its own, which has all that was imported before, and return its record."""
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    process = context.Process(target=measure, args=(row, library, n, width, dtype, limit, results))
    began = time.monotonic()
    process.start()
    process.join(100 * limit)
    if process.is_alive():
        process.kill()
        process.join()
    if not results.empty():
        found: Cell = results.get()
    else:
        stopped = process.exitcode in (-signal.SIGXCPU, -signal.SIGKILL)
        found = {"why": f"over {limit:g} s" if stopped else f"failed with {process.exitcode}"}
    print(f"{row} {library} {n:,} x {width} {dtype}: {found} ({time.monotonic() - began:.0f} s)", flush=True)
    shape: Cell = {} if width == WIDTH else {"width": width}
    if dtype != "float32":
        shape = {"width": width, "dtype": dtype}
    return {"row": row, "library": library, "n": n, **shape, **found}


def expected(cells: list[Cell], row: str, library: str, n: int) -> float | str | None:
    """Return the seconds that smaller sizes predict, or why the last tried has none; None without any.

    The growth is that of the last two; after one it is in proportion to n where our cost is, else to its
    square: the classes grow with n, their number does not.
    """
    mine = [
        c for c in cells if (c["row"], c["library"]) == (row, library) and c["n"] < n and "width" not in c
    ]
    before = sorted((c for c in mine if not c.get("why", "").startswith("not")), key=_size)
    if not before:
        return None
    last = before[-1]
    if "seconds" not in last:
        return str(last["why"])
    power = 1.0 if INDICES.load(row).cost in {"N", "N K", "N D"} else 2.0
    if len(before) > 1 and "seconds" in before[-2]:
        grown = last["seconds"] / before[-2]["seconds"]
        power = max(1.0, float(np.log(grown) / np.log(last["n"] / before[-2]["n"])))
    return float(last["seconds"] * (n / last["n"]) ** power)


def excuse(guess: float | str | None, limit: float) -> str | None:
    """Return why a cell that is expected to take so long is not tried; None where it is."""
    if isinstance(guess, str):
        return f"not tried: {guess} before"
    return f"not tried: about {guess:,.0f} s" if guess is not None and guess > 2.0 * limit else None


def _size(cell: Cell) -> int:
    return int(cell["n"])


def run(sizes: list[int], rows: list[str], limit: float, cells: list[Cell], *, predict: bool) -> None:
    """Add every cell that is not there yet, saving after each; where `predict`, only what it would take."""
    cells[:] = [c for c in cells if not c.get("why", "").startswith("not run")]
    known = {(c["row"], c["library"], c["n"]) for c in cells if "width" not in c}
    for n in sorted(sizes):
        for row in rows:
            for library in LIBRARIES:
                if (row, library, n) in known or form_of(row, library) is None:
                    continue
                guess = expected(cells, row, library, n)
                why = excuse(guess, limit)
                if why is None and predict:
                    why = "not run" if guess is None else f"not run: about {guess:.1f} s"
                if why is None:
                    cells.append(run_cell(row, library, n, limit))
                else:
                    cells.append({"row": row, "library": library, "n": n, "why": why})
                save(cells)


def run_shapes(rows: list[str], limit: float, cells: list[Cell]) -> None:
    """Add every cell of `WIDE` and `DOUBLE` that is not there yet, saving after each."""
    known = {_key(c) for c in cells}
    for dtype, table in (("float32", WIDE), ("float64", DOUBLE)):
        for row, shapes in table.items():
            for width, n in shapes if row in rows else ():
                for library in LIBRARIES:
                    if (row, library, n, width, dtype) in known or form_of(row, library) is None:
                        continue
                    cells.append(run_cell(row, library, n, limit, width, dtype))
                    save(cells)


def _key(cell: Cell) -> tuple[str, str, int, int, str]:
    return (
        cell["row"],
        cell["library"],
        cell["n"],
        cell.get("width", WIDTH),
        cell.get("dtype", "float32"),
    )


def save(cells: list[Cell]) -> None:
    TABLE.write_text("[\n" + ",\n".join(json.dumps(cell) for cell in cells) + "\n]\n")


def page(cells: list[Cell], limit: float) -> str:
    """Return the answer as Markdown: a line an index and size, a column a library."""
    found = {(c["row"], c["n"], c["library"]): c for c in cells if "width" not in c}
    lines = _header("index | N")
    for row in INDICES.names():
        for n in sorted({c["n"] for c in cells if c["row"] == row and "width" not in c}):
            lines.append(
                _line([row, f"{n:,}"], {library: found.get((row, n, library), {}) for library in LIBRARIES})
            )
    lines += ["", "Wide vectors; a map of the vectors that is their first two dimensions.", ""]
    lines += _shapes(cells, WIDE, "float32")
    lines += ["", "The same in float64, which every library then computes in: equal exactness.", ""]
    lines += _shapes(cells, DOUBLE, "float64")
    return f"# Indices: time and memory\n\n{about(cells, limit)}\n\n" + "\n".join(lines) + "\n"


def _shapes(cells: list[Cell], table: Shapes, dtype: str) -> list[str]:
    found, lines = {_key(c): c for c in cells}, _header("index | N | D")
    for row, shapes in table.items():
        for width, n in shapes:
            each = {library: found.get((row, library, n, width, dtype), {}) for library in LIBRARIES}
            lines.append(_line([row, f"{n:,}", str(width)], each))
    return lines


def _header(first: str) -> list[str]:
    header = f"| {first} | ours s | MB | " + " | ".join(
        f"{library} s | MB | : ours" for library in LIBRARIES[1:]
    )
    columns = first.count("|") + 2 + 3 * len(LIBRARIES[1:])
    return [header + " |", "|---|" + "---:|" * columns]


def _line(first: list[str], cells: dict[str, Cell]) -> str:
    parts = [*first, *_texts(cells["ours"])]
    for library in LIBRARIES[1:]:
        parts += [*_texts(cells[library]), _ratio(cells["ours"], cells[library])]
    return "| " + " | ".join(parts) + " |"


def _texts(cell: Cell) -> tuple[str, str]:
    if "seconds" in cell:
        return f"{cell['seconds']:.3g}", "" if cell["mb"] is None else f"{cell['mb']:.0f}"
    return cell.get("why", ""), ""


def _ratio(ours: Cell, theirs: Cell) -> str:
    if "seconds" not in ours or "seconds" not in theirs:
        return ""
    same = np.isclose(ours["value"], theirs["value"], rtol=1e-4)
    return f"{theirs['seconds'] / ours['seconds']:.1f}" + ("" if same else " (another value)")


def about(cells: list[Cell], limit: float) -> str:
    """Say how the table was made."""
    old = "\nSeconds without MB are of a version before." if any("old" in c for c in cells) else ""
    versions = ", ".join(
        f"{name} {_version(name)}" for name in ("numpy", "scikit-learn", "permetrics", "torchdr")
    )
    return f"""`python benchmarks/indices.py`, {versions},
{platform.machine()}, one thread, float32 but for the last table, D = {WIDTH} where no other is given,
K = {CLASSES} overlapping normal groups: the hard case, where bounds spare few pairs. Seconds of processor
time of one call, peak memory in MB above what the process held. Every cell in its own process, stopped after
{limit:g} such seconds, its start included, and at {MEMORY >> 30} GiB. "not tried" says what became of a
smaller size, or how many seconds growth so far predicts; "not run" that time was short. The vectors alone are
0.64, 6.4 and 64 MB; a float64 copy is twice that. Read ratios within a line: other work shared the machine.
TorchDR is given float64: in float32 its sums keep five digits. scikit-learn computes Davies-Bouldin,
permetrics that and Calinski-Harabasz in the float32 of the vectors (1e-9 to 1e-6 off at D = 256), permetrics
without a look at the values; ours checks them and computes in float64. Where all do the same work is the
last table.
"(another value)": more than 1e-4 apart; permetrics measures Xie-Beni's items to the nearest mean instead of
their own, and raises DBCV's distances to D where the paper raises their inverses. An empty
cell: the library has no such index.{old}"""


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--rows", nargs="+", help="run these again")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds of processor time a cell may take")
    parser.add_argument("--predict", action="store_true", help="run nothing")
    arguments = parser.parse_args()
    cells: list[Cell] = json.loads(TABLE.read_text()) if TABLE.exists() else []
    if arguments.rows:
        cells = [
            c
            for c in cells
            if c["row"] not in arguments.rows or not (c["n"] in arguments.sizes or "width" in c)
        ]
    rows = arguments.rows or [*INDICES.names(), *(row for row in WIDE if "=" in row)]
    indices = [row for row in rows if row in INDICES.names()]
    run(arguments.sizes, indices, arguments.limit, cells, predict=arguments.predict)
    if not arguments.predict:
        run_shapes(rows, arguments.limit, cells)
    TABLE.with_suffix(".md").write_text(page(cells, arguments.limit))


if __name__ == "__main__":
    main()
