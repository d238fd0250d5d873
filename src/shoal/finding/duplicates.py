"""Near-duplicates: pictures whose vectors agree and whose outlines of light and dark do too."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from shoal.finding.space import Floats, Rows, Space
from shoal.transparency import MID_GREY, over

ALIKE_FROM = 0.9
"""Two items are compared as pictures when the cosine of their vectors is at least this."""
HASH_APART = 10
"""Of 64 bits, so many may differ between near-duplicates."""
CERTAIN_FROM = 0.995
"""Vectors so alike need no second opinion: a crop or a brighter copy has another hash."""

Hashes = Callable[[Rows], NDArray[np.uint64]]


def duplicate_groups(space: Space, hashes: Hashes, weight: NDArray[np.integer]) -> tuple[Rows, Rows, Floats]:
    """Return rows (M,), the group of each (M,), and its cosine with the one to keep (M,); groups in turn.

    `hashes` gives the difference hashes of some rows; of each group the item of the largest `weight` (N,)
    comes first: the one to keep. Groups with more items come first.
    """
    left, right = _pairs(space)
    asked = np.unique(np.concatenate([left, right]))
    known = np.zeros(len(space), dtype=np.uint64)
    known[asked] = hashes(asked)
    certain = np.einsum("ij,ij->i", space.unit[left], space.unit[right]) >= CERTAIN_FROM
    # A hash of 0 is a picture of one colour, or none: it says nothing.
    seen = (known[left] != 0) & (known[right] != 0)
    same = certain | (seen & (np.bitwise_count(known[left] ^ known[right]) <= HASH_APART))
    roots = _joined(len(space), left[same], right[same])
    sizes = np.bincount(roots, minlength=len(space))
    members = np.flatnonzero(sizes[roots] > 1)
    order = np.lexsort((members, -weight[members], roots[members], -sizes[roots[members]]))
    members = members[order]
    first = np.r_[True, np.diff(roots[members]) != 0] if len(members) else np.zeros(0, dtype=np.bool_)
    groups = np.cumsum(first) - 1
    kept = members[first][groups] if len(members) else members
    cosines: Floats = np.einsum("ij,ij->i", space.unit[members], space.unit[kept])
    return members, groups, cosines


def difference_hash(thumbnail: bytes | None) -> int:
    """Return 64 bits: where in an 8 x 8 grid the picture grows brighter to the right.

    N. Krawetz, "Kind of like that" (2013). Without a picture, or with one that cannot be read, 0.
    """
    from PIL import Image

    if thumbnail is None:
        return 0
    try:
        seen = over(Image.open(BytesIO(thumbnail), formats=("JPEG", "WEBP")), MID_GREY)
        small = seen.convert("L").resize((9, 8), Image.Resampling.BOX)
    except (OSError, ValueError, SyntaxError):
        return 0
    grey = np.asarray(small, dtype=np.int16)
    bits = np.packbits(grey[:, 1:] > grey[:, :-1])
    return int.from_bytes(bits.tobytes(), "big")


def _pairs(space: Space) -> tuple[Rows, Rows]:
    graph, cosines = space.graph()
    left, place = np.nonzero(cosines >= ALIKE_FROM)
    right = graph[left, place]
    low, high = np.minimum(left, right), np.maximum(left, right)
    both = np.unique(np.stack([low, high], axis=1), axis=0)
    return both[:, 0], both[:, 1]


def _joined(count: int, left: Rows, right: Rows) -> Rows:
    """Return for each of `count` rows the lowest row that pairs join it with."""
    parent = list(range(count))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for a, b in zip(left.tolist(), right.tolist(), strict=True):
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    return np.array([root(row) for row in range(count)], dtype=np.int64)
