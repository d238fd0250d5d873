"""Piles that exist in memory, and what embedding them gives: vectors that follow from the bytes alone."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from shoal.types import Found, ItemError, Layer, Map, MapOrigin, Shard, ShardResult, Skipped
from shoal.workspace import Workspace

LAYERS = [Layer("early", 4, "edges"), Layer("late/deep", 6, "things")]
SIZES = (32, 64)
BROKEN = b"broken"


class MemoryPile:
    """A source over a dict of key -> bytes; a str instead of bytes is a thing that cannot become an item."""

    def __init__(self, things: dict[bytes, bytes | str], uri: str = "/pile") -> None:
        self.uri = uri
        self.things = things
        self.mtimes: dict[bytes, int] = {}
        self.reads: list[bytes] = []

    def scan(self) -> Iterator[Found | Skipped]:
        for key, thing in self.things.items():
            if isinstance(thing, str):
                yield Skipped(key, thing)
            else:
                yield Found(key, len(thing), self.mtimes.get(key, 1))

    def read(self, key: bytes) -> bytes:
        self.reads.append(key)
        thing = self.things.get(key)
        if not isinstance(thing, bytes):
            raise ItemError("cannot be read")
        return thing


def numbered(count: int, uri: str = "/pile") -> MemoryPile:
    """A pile of `count` images 0000.jpg, ... with different bytes."""
    return MemoryPile({b"%04d.jpg" % n: b"image %d" % n for n in range(count)}, uri)


def embed(shard: Shard, pile: MemoryPile) -> ShardResult:
    """Embed a shard: everything follows from the bytes; what begins with BROKEN fails."""
    data = [pile.things[key] for key in shard.keys]
    good = [place for place, thing in enumerate(data) if not thing.startswith(BROKEN)]
    digests = [hashlib.blake2b(data[place], digest_size=16).digest() for place in good]
    words = np.array([list(digest) for digest in digests], dtype=np.float16).reshape(-1, 16)
    return ShardResult(
        ids=shard.ids[good],
        vectors={layer.name: words[:, : layer.width] for layer in LAYERS},
        thumbnails={size: [b"%d:" % size + data[place] for place in good] for size in SIZES},
        sizes=np.array([(len(data[place]), 7) for place in good], dtype=np.int32).reshape(-1, 2),
        digests=digests,
        failed=[(int(shard.ids[k]), "not an image") for k in range(len(data)) if k not in set(good)],
    )


def embed_all(workspace: Workspace, *piles: MemoryPile) -> None:
    """Embed everything that is pending."""
    workspace.use_backbone("net", "net-1", LAYERS)
    of_uri = {pile.uri: pile for pile in piles}
    for shard in workspace.pending_shards():
        workspace.commit_shard(shard, embed(shard, of_uri[shard.source]))


def ids_of(workspace: Workspace) -> dict[bytes, int]:
    """Key -> id of every item ever found."""
    return {key: id for id, key in enumerate(workspace.items.keys)}


def some_map(count: int, *, fingerprint: str = "net-1", seed: int = 0) -> Map:
    """A map of the items 0..count-1."""
    xy = np.random.default_rng(seed).random((count, 2), dtype=np.float32)
    origin = MapOrigin("pca", {"k": 3, "exact": True}, seed, "net", fingerprint, "late/deep")
    return Map(xy, np.arange(count), origin)


def labelled_workspace(path: Path, count: int) -> Workspace:
    """A workspace of `count` items that nobody has embedded: all that labelling needs."""
    workspace = Workspace.open(path, create=True)
    workspace.reconcile(numbered(count))
    return workspace
