"""Finding at size: seconds, memory, and how much of the exact neighbours the inverted file keeps.

    python benchmarks/finding.py [items ...]      writes finding.md beside it

Vectors are drawn: a mixture of 200 groups in 60 hidden dimensions, widened to 1,280 as float16. Each size
runs in a process of its own, so that the peak of memory is its own.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

WIDTH, HIDDEN, GROUPS = 1_280, 60, 200
SIZES = [10_000, 30_000, 100_000]


def draw(items: int) -> np.ndarray:
    """Return vectors (items, 1280) float16, made block by block."""
    random = np.random.default_rng(0)
    middles = random.normal(size=(GROUPS, HIDDEN)).astype(np.float32) * 2
    widen = random.normal(size=(HIDDEN, WIDTH)).astype(np.float32) / 8
    vectors = np.empty((items, WIDTH), dtype=np.float16)
    for start in range(0, items, 4_096):
        part = slice(start, min(start + 4_096, items))
        count = part.stop - part.start
        hidden = middles[random.integers(0, GROUPS, count)] + random.normal(size=(count, HIDDEN))
        vectors[part] = hidden.astype(np.float32) @ widen
    return vectors


def measure(items: int) -> dict[str, float]:
    """Time one size; memory in MB is the peak above what the float16 vectors themselves and Python take."""
    from shoal.finding import Space, outliers

    vectors = draw(items)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    space = Space(vectors, np.arange(items))
    made = time.perf_counter()
    space.similar(np.arange(100), 200, how="max")
    answered = time.perf_counter()
    graph, _ = space.graph()
    linked = time.perf_counter()
    outliers(space)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    some = np.arange(0, items, max(1, items // 500))
    exact = vectors.astype(np.float32) - vectors[:20_000].astype(np.float32).mean(axis=0)
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    cosines = exact[some] @ exact.T
    cosines[np.arange(len(some)), some] = -np.inf
    true = np.argpartition(-cosines, 10, axis=1)[:, :10]
    kept = (true[:, :, None] == graph[some][:, None, :10]).any(axis=2).mean()
    return {
        "items": items,
        "index_s": made - start,
        "similar_ms": 1e3 * (answered - made),
        "graph_s": linked - answered,
        "peak_mb": (peak - before) / 1024,
        "vectors_mb": vectors.nbytes / 2**20,
        "kept": float(kept),
    }


def main(arguments: list[str]) -> None:
    """Measure every size in a process of its own and write the table."""
    if arguments[:1] == ["--one"]:
        print(json.dumps(measure(int(arguments[1]))))
        return
    sizes = [int(text) for text in arguments] or SIZES
    rows = []
    for size in sizes:
        command = [sys.executable, __file__, "--one", str(size)]
        rows.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    lines = [
        "# Finding at size",
        "",
        "Printed by `python benchmarks/finding.py`. One thread; 1,280-wide float16 vectors.",
        "",
        "| items | index | similar to 100 | 15 neighbours of all | memory beyond the vectors "
        "| the vectors | of the exact ten kept |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {row['items']:,} | {row['index_s']:.1f} s | {row['similar_ms']:.0f} ms "
            f"| {row['graph_s']:.1f} s "
            f"| {row['peak_mb']:.0f} MB | {row['vectors_mb']:.0f} MB | {row['kept']:.1%} |"
            for row in rows
        ),
    ]
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1:])
