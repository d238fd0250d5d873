"""Every index again as its formula reads: plain loops over items, no cleverness. Slow; for small data."""

from collections.abc import Callable
from itertools import combinations
from math import exp, log, sqrt

import numpy as np

Points = list[np.ndarray]


def d(a: np.ndarray, b: np.ndarray) -> float:
    return sqrt(float(((a - b) ** 2).sum()))


class Plain:
    """The classes of vectors x with labels y as lists of points."""

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        self.c: list[Points] = [
            [p for p, label in zip(x, y, strict=True) if label == k] for k in np.unique(y)
        ]
        self.x: Points = [p for members in self.c for p in members]
        self.m = [sum(members) / len(members) for members in self.c]
        self.n, self.k = len(self.x), len(self.c)
        self.mean = sum(self.x) / self.n
        self.radius = [sum(d(p, m) for p in c) / len(c) for c, m in zip(self.c, self.m, strict=True)]

    def pairs(self) -> list[tuple[int, int]]:
        return list(combinations(range(self.k), 2))

    def rivals(self, k: int) -> list[int]:
        return [other for other in range(self.k) if other != k]

    def ssw(self) -> float:
        return sum(d(p, m) ** 2 for c, m in zip(self.c, self.m, strict=True) for p in c)

    def ssb(self) -> float:
        return sum(len(c) * d(m, self.mean) ** 2 for c, m in zip(self.c, self.m, strict=True))


def calinski_harabasz(p: Plain) -> float:
    return (p.ssb() / (p.k - 1)) / (p.ssw() / (p.n - p.k))


def wb(p: Plain) -> float:
    return p.k * p.ssw() / p.ssb()


def xie_beni(p: Plain) -> float:
    return p.ssw() / (p.n * min(d(p.m[k], p.m[j]) ** 2 for k, j in p.pairs()))


def db_of(p: Plain, width: list[float]) -> float:
    worst = [max((width[k] + width[j]) / d(p.m[k], p.m[j]) for j in p.rivals(k)) for k in range(p.k)]
    return sum(worst) / p.k


def davies_bouldin(p: Plain) -> float:
    return db_of(p, p.radius)


def db_star(p: Plain) -> float:
    total = 0.0
    for k in range(p.k):
        total += max(p.radius[k] + p.radius[j] for j in p.rivals(k)) / nearest_mean(p, k)
    return total / p.k


def nearest_mean(p: Plain, k: int) -> float:
    return min(d(p.m[k], p.m[j]) for j in p.rivals(k))


def score_function(p: Plain) -> float:
    bcd = sum(len(c) * d(m, p.mean) for c, m in zip(p.c, p.m, strict=True)) / (p.n * p.k)
    return 1 - 1 / exp(exp(bcd - sum(p.radius)))


def silhouettes(p: Plain, distance: Callable[[np.ndarray, np.ndarray], float]) -> list[list[float]]:
    found = []
    for k, members in enumerate(p.c):
        found.append([])
        for i, point in enumerate(members):
            if len(members) == 1:
                found[-1].append(0.0)
                continue
            a = sum(distance(point, q) for j, q in enumerate(members) if j != i) / (len(members) - 1)
            b = min(sum(distance(point, q) for q in p.c[j]) / len(p.c[j]) for j in p.rivals(k))
            found[-1].append((b - a) / max(a, b) if max(a, b) > 0 else 0.0)
    return found


def flat_mean(values: list[list[float]]) -> float:
    return float(np.mean([v for row in values for v in row]))


def silhouette(p: Plain) -> float:
    return flat_mean(silhouettes(p, d))


def silhouette_macro(p: Plain) -> float:
    return float(np.mean([np.mean(row) for row in silhouettes(p, d)]))


def silhouette_squared(p: Plain) -> float:
    return flat_mean(silhouettes(p, lambda a, b: d(a, b) ** 2))


def silhouette_simplified(p: Plain) -> float:
    values = []
    for k, members in enumerate(p.c):
        for point in members:
            a, b = d(point, p.m[k]), min(d(point, p.m[j]) for j in p.rivals(k))
            values.append(0.0 if len(members) == 1 else (b - a) / max(a, b))
    return float(np.mean(values))


def closest(p: Plain) -> float:
    return min(d(a, b) for k, j in p.pairs() for a in p.c[k] for b in p.c[j])


def diameter(p: Plain) -> float:
    return max(d(a, b) for c in p.c for a in c for b in c)


def mean_linkage(p: Plain) -> float:
    return min(
        sum(d(a, b) for a in p.c[k] for b in p.c[j]) / (len(p.c[k]) * len(p.c[j])) for k, j in p.pairs()
    )


def centres(p: Plain) -> float:
    return min(d(p.m[k], p.m[j]) for k, j in p.pairs())


def foreign_centres(p: Plain) -> float:
    values = []
    for k, j in p.pairs():
        total = sum(d(a, p.m[j]) for a in p.c[k]) + sum(d(b, p.m[k]) for b in p.c[j])
        values.append(total / (len(p.c[k]) + len(p.c[j])))
    return min(values)


def doubled_radius(p: Plain) -> float:
    return 2 * max(p.radius)


def edges(members: Points, kind: str) -> list[float]:
    """The lengths of the graph's edges, from the definitions; the tree by Kruskal."""
    n = len(members)
    pairs = sorted((d(members[i], members[j]), i, j) for i, j in combinations(range(n), 2))
    if kind == "mst":
        part, kept = list(range(n)), []
        for length, i, j in pairs:
            if part[i] != part[j]:
                kept.append(length)
                part = [part[i] if q == part[j] else q for q in part]
        return kept
    kept = []
    for length, i, j in pairs:
        thirds = [(d(members[i], q), d(members[j], q)) for t, q in enumerate(members) if t not in (i, j)]
        if kind == "rng" and not any(max(a, b) < length for a, b in thirds):
            kept.append(length)
        if kind == "gg" and not any(a * a + b * b < length * length for a, b in thirds):
            kept.append(length)
    return kept


def longest(p: Plain, kind: str) -> list[float]:
    return [max(edges(c, kind), default=0.0) for c in p.c]


def symmetry(p: Plain) -> list[list[float]]:
    found = []
    for c, m in zip(p.c, p.m, strict=True):
        rows = [sorted(d(2 * m - point, q) for q in c)[:2] for point in c]
        found.append([sum(row) / 2 for row in rows])
    return found


def sym(p: Plain) -> float:
    return max(d(a, b) for a in p.m for b in p.m) / (p.k * sum(map(sum, symmetry(p))))


def sym_db(p: Plain) -> float:
    return db_of(p, [sum(row) / len(row) for row in symmetry(p)])


def sym_dunn(p: Plain) -> float:
    return closest(p) / max(map(max, symmetry(p)))


def sym_33(p: Plain) -> float:
    return mean_linkage(p) / max(2 * sum(row) / len(row) for row in symmetry(p))


def cs(p: Plain) -> float:
    wide = sum(sum(max(d(a, b) for b in c) for a in c) / len(c) for c in p.c)
    return wide / sum(nearest_mean(p, k) for k in range(p.k))


def cop(p: Plain) -> float:
    total = 0.0
    for k, c in enumerate(p.c):
        strangers = [q for j in p.rivals(k) for q in p.c[j]]
        total += len(c) * p.radius[k] / min(max(d(q, a) for a in c) for q in strangers)
    return total / p.n


def all_pairs(p: Plain) -> tuple[list[float], list[float]]:
    within = [d(a, b) for c in p.c for a, b in combinations(c, 2)]
    between = [d(a, b) for k, j in p.pairs() for a in p.c[k] for b in p.c[j]]
    return within, between


def gamma(p: Plain) -> float:
    within, between = all_pairs(p)
    plus = sum(w < b for w in within for b in between)
    minus = sum(w > b for w in within for b in between)
    return (plus - minus) / (plus + minus)


def c_index(p: Plain) -> float:
    within, between = all_pairs(p)
    every, n = sorted(within + between), len(within)
    return (sum(within) - sum(every[:n])) / (sum(every[-n:]) - sum(every[:n]))


def s_dbw(p: Plain) -> float:
    def norm(points: Points, m: np.ndarray) -> float:
        return d(sum((q - m) ** 2 for q in points) / len(points), 0 * m)

    norms = [norm(c, m) for c, m in zip(p.c, p.m, strict=True)]
    stdev = sqrt(sum(norms)) / p.k
    density = 0.0
    for k in range(p.k):
        for j in p.rivals(k):
            both = p.c[k] + p.c[j]
            at = [sum(d(q, u) <= stdev for q in both) for u in ((p.m[k] + p.m[j]) / 2, p.m[k], p.m[j])]
            density += at[0] / max(at[1], at[2], 1)
    return sum(norms) / p.k / norm(p.x, p.mean) + density / (p.k * (p.k - 1))


def negentropy(p: Plain) -> float:
    def log_det(points: Points) -> float:
        return log(float(np.linalg.det(np.cov(np.array(points), rowvar=False))))

    share = [len(c) / p.n for c in p.c]
    inside = sum(s * log_det(c) for s, c in zip(share, p.c, strict=True))
    return inside / 2 - log_det(p.x) / 2 - sum(s * log(s) for s in share)


def rim(c: Points, m: np.ndarray) -> float:
    outer = sorted((d(q, m) for q in c), reverse=True)[: -(-len(c) // 10)]
    return sum(outer) / len(outer)


def sv(p: Plain) -> float:
    return sum(nearest_mean(p, k) for k in range(p.k)) / sum(map(rim, p.c, p.m))


def os_(p: Plain) -> float:
    total = 0.0
    for k, c in enumerate(p.c):
        strangers = [q for j in p.rivals(k) for q in p.c[j]]
        for point in c:
            a = sum(d(point, q) for q in c) / len(c)
            near = sorted(d(point, q) for q in strangers)[: len(c)]
            b = sum(near) / len(near)
            total += a / b if (b - a) / (b + a) < 0.4 else 0.0
    return total / sum(nearest_mean(p, k) for k in range(p.k))


def dbcv(p: Plain) -> float:
    """Over classes of two or more; Kruskal with ties ordered by plain distance."""
    trees = []
    for c in (c for c in p.c if len(c) > 1):
        n, width = len(c), len(c[0])
        core = [
            (sum((1 / d(a, b)) ** width for j, b in enumerate(c) if j != i) / (n - 1)) ** (-1 / width)
            for i, a in enumerate(c)
        ]
        pairs = sorted(
            (max(core[i], core[j], d(c[i], c[j])), d(c[i], c[j]), i, j) for i, j in combinations(range(n), 2)
        )
        part, kept = list(range(n)), []
        for mutual, _, i, j in pairs:
            if part[i] != part[j]:
                kept.append((mutual, i, j))
                part = [part[i] if q == part[j] else q for q in part]
        degree = [sum(i in edge[1:] for edge in kept) for i in range(n)]
        inner = [i for i in range(n) if degree[i] > 1] or list(range(n))
        lengths = [e[0] for e in kept if degree[e[1]] > 1 and degree[e[2]] > 1] or [e[0] for e in kept]
        trees.append((n, max(lengths), [(c[i], core[i]) for i in inner]))
    total = 0.0
    for k, (n, sparse, nodes) in enumerate(trees):
        others = [q for j, tree in enumerate(trees) if j != k for q in tree[2]]
        apart = min(max(ca, cb, d(a, b)) for a, ca in nodes for b, cb in others)
        total += n * (apart - sparse) / max(apart, sparse)
    return total / p.n


PLAIN: dict[str, Callable[[Plain], float]] = {
    "dunn": lambda p: closest(p) / diameter(p),
    "calinski-harabasz": calinski_harabasz,
    "gamma": gamma,
    "c-index": c_index,
    "davies-bouldin": davies_bouldin,
    "silhouette": silhouette,
    "dunn-mst": lambda p: centres(p) / max(longest(p, "mst")),
    "dunn-rng": lambda p: centres(p) / max(longest(p, "rng")),
    "dunn-gg": lambda p: centres(p) / max(longest(p, "gg")),
    "db-mst": lambda p: db_of(p, longest(p, "mst")),
    "db-rng": lambda p: db_of(p, longest(p, "rng")),
    "db-gg": lambda p: db_of(p, longest(p, "gg")),
    "gd31": lambda p: mean_linkage(p) / diameter(p),
    "gd41": lambda p: centres(p) / diameter(p),
    "gd51": lambda p: foreign_centres(p) / diameter(p),
    "gd33": lambda p: mean_linkage(p) / doubled_radius(p),
    "gd43": lambda p: centres(p) / doubled_radius(p),
    "gd53": lambda p: foreign_centres(p) / doubled_radius(p),
    "s-dbw": s_dbw,
    "cs": cs,
    "db-star": db_star,
    "score-function": score_function,
    "sym": sym,
    "sym-db": sym_db,
    "sym-dunn": sym_dunn,
    "sym-33": sym_33,
    "cop": cop,
    "negentropy-increment": negentropy,
    "sv": sv,
    "os": os_,
    "silhouette-macro": silhouette_macro,
    "silhouette-squared": silhouette_squared,
    "silhouette-simplified": silhouette_simplified,
    "xie-beni": xie_beni,
    "wb": wb,
    "dbcv": dbcv,
}
