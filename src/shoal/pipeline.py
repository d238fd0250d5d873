"""The main job, top to bottom: a pile of images becomes vectors, then a map. Here the rooms meet."""

import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from shoal.backbones import BACKBONES
from shoal.growing import GrowingMap, draw_final
from shoal.images.pool import DecodePool
from shoal.projectors import PROJECTORS
from shoal.sources import open_source
from shoal.types import Backbone, Decoded, Layer, Progress, Projector, Shard, ShardResult, ShoalError
from shoal.workspace import Workspace
from shoal.workspace.catalogue import FILE_NAME as CATALOGUE

Watch = Callable[[Progress], None]

T = TypeVar("T")

BATCH = 32
DECODERS = min(os.cpu_count() or 1, 8)
THUMBNAIL_SIZES = (32, 64, 128, 256)
NO_PIXELS = np.empty((0, 0, 3), dtype=np.uint8)
"""What stays of an image's pixels once they are embedded: a shard would hold hundreds of megabytes."""
DEFAULT_BACKBONE = "efficientnet_lite0"
DEFAULT_PROJECTOR = "tsne"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a map is made. `layer` None is the backbone's last; `fast` trades exactness for speed."""

    backbone: str = DEFAULT_BACKBONE
    layer: str | None = None
    projector: str = DEFAULT_PROJECTOR
    fast: bool = False
    seed: int = 0

    def changed(
        self,
        *,
        backbone: str | None = None,
        layer: str | None = None,
        projector: str | None = None,
        fast: bool | None = None,
    ) -> "Recipe":
        """Return the recipe with what is given put in its place; None keeps what was."""
        return Recipe(
            backbone=backbone or self.backbone,
            layer=layer or self.layer,
            projector=projector or self.projector,
            fast=self.fast if fast is None else fast,
            seed=self.seed,
        )

    def save(self, workspace: Workspace) -> None:
        """Write the recipe into the workspace, so that a later run goes on in the same way.

        Raises `ShoalError`, and writes nothing, when it names a backbone or projector that there is not.
        """
        BACKBONES.require(self.backbone)
        PROJECTORS.require(self.projector)
        for key, value in self._texts().items():
            if workspace.settings().get(key) != value:
                workspace.set_setting(key, value)

    def _texts(self) -> dict[str, str]:
        return {
            "backbone": self.backbone,
            "layer": self.layer or "",
            "projector": self.projector,
            "fast": "yes" if self.fast else "",
            "seed": str(self.seed),
        }

    @classmethod
    def of(cls, workspace: Workspace) -> "Recipe":
        """Read the recipe that the workspace was made with; what it lacks takes the default."""
        stored = workspace.settings()
        return cls(
            backbone=stored.get("backbone", DEFAULT_BACKBONE),
            layer=stored.get("layer") or None,
            projector=stored.get("projector", DEFAULT_PROJECTOR),
            fast=bool(stored.get("fast")),
            seed=int(stored.get("seed", "0")),
        )


@dataclass(frozen=True, slots=True)
class Summary:
    """What one run of the main job did."""

    added: int
    changed: int
    removed: int
    embedded: int
    skipped: int
    map_id: int
    seconds: float


def make_map(
    workspace: Workspace, piles: Sequence[str], *, recipe: Recipe, watch: Watch = lambda _: None
) -> Summary:
    """Scan the piles, embed what is new, and draw the map; safe to kill and to run again at any moment.

    Without `piles` the workspace's own sources are scanned again. While embedding runs, drafts of the map
    are saved, so that whoever watches the workspace sees it grow. Raises `ShoalError` when another process
    embeds into this workspace, when nothing could be embedded, or when the stored vectors were made by
    another backbone.
    """
    began = time.monotonic()
    with workspace.embedding_lock():
        recipe.save(workspace)
        watch(Progress(0, 0, "looking through the pile"))
        report = workspace.reconcile(*map(open_source, piles or workspace.sources()), seed=recipe.seed)
        embed(workspace, recipe, watch)
        map_id = draw(workspace, recipe, watch)
    counts = workspace.counts()
    return Summary(
        added=report.added,
        changed=report.changed,
        removed=report.removed,
        embedded=counts.embedded,
        skipped=counts.skipped,
        map_id=map_id,
        seconds=time.monotonic() - began,
    )


def open_pile(piles: Sequence[str | Path], *, into: str | Path | None = None) -> tuple[Workspace, list[str]]:
    """Open the workspace of some piles, made where there is none, and say which sources they are.

    A pile that is itself a workspace is opened, with its own sources. Without `into` the workspace lies in
    the current folder, named after the first pile. Raises `ShoalError` when a pile is not there.
    """
    if len(piles) == 1 and into is None and is_workspace(Path(piles[0])):
        return Workspace.open(piles[0]), []
    uris = [open_source(str(pile)).uri for pile in piles]
    name = Path(uris[0].rstrip("/")).name or "pile"
    return Workspace.open(into or f"{name}.shoal", create=True), uris


def is_workspace(path: Path) -> bool:
    """Return whether the folder holds a catalogue."""
    return (path / CATALOGUE).is_file()


def remember(workspace: Workspace, piles: Sequence[str], recipe: Recipe) -> None:
    """Write down what a job shall do, so that it needs nothing but the workspace."""
    recipe.save(workspace)
    workspace.set_setting("piles", json.dumps(list(piles)))


def remembered(workspace: Workspace) -> list[str]:
    """Return the piles that `remember` wrote; empty means all of the workspace's sources."""
    piles: list[str] = json.loads(workspace.settings().get("piles", "[]"))
    return piles


def embed(workspace: Workspace, recipe: Recipe, watch: Watch) -> None:
    """Embed every pending shard, one commit a shard, and let drafts of the map grow with them."""
    shards = workspace.pending_shards()
    if not shards:
        return
    backbone: Backbone = BACKBONES.load(recipe.backbone)(fast=recipe.fast)
    workspace.use_backbone(backbone.name, backbone.fingerprint, backbone.layers())
    growing = GrowingMap(workspace, _projector(recipe), layer=_layer(workspace, recipe))
    counts = workspace.counts()
    pace = Pace(total=counts.total, done=counts.total - counts.pending, watch=watch)
    with ExitStack() as pools:
        pool, source = None, ""
        for shard in shards:
            if pool is None or shard.source != source:
                pools.close()
                source = shard.source
                pool = pools.enter_context(
                    DecodePool(open_source(source), backbone.image_input, workers=DECODERS)
                )
            result = embed_shard(shard, backbone, pool, pace)
            workspace.commit_shard(shard, result)
            growing.add(result.ids, result.vectors[growing.layer])


def embed_shard(shard: Shard, backbone: Backbone, pool: DecodePool, pace: "Pace") -> ShardResult:
    """Decode and embed one shard; an image that cannot be decoded is listed with its reason."""
    failed: list[tuple[int, str]] = []
    good: list[int] = []
    facts: list[Decoded] = []
    vectors: list[dict[str, NDArray[np.float32]]] = []
    for batch in _batches(pool.decode(shard.keys), BATCH):
        images = [image for _, image in batch if isinstance(image, Decoded)]
        good += [position for position, image in batch if isinstance(image, Decoded)]
        failed += [
            (int(shard.ids[position]), reason) for position, reason in batch if isinstance(reason, str)
        ]
        if images:
            vectors.append(backbone.embed(np.stack([image.pixels for image in images])))
            facts += [replace(image, pixels=NO_PIXELS) for image in images]
        pace.advance(len(batch))
    return ShardResult(
        ids=shard.ids[good],
        vectors={layer.name: _stack(vectors, layer) for layer in backbone.layers()},
        thumbnails={size: [image.thumbnails[size] for image in facts] for size in THUMBNAIL_SIZES},
        sizes=np.array([(image.width, image.height) for image in facts], dtype=np.int32).reshape(-1, 2),
        digests=[image.digest for image in facts],
        failed=failed,
    )


def draw(workspace: Workspace, recipe: Recipe, watch: Watch) -> int:
    """Draw the final map of everything embedded and return its id; raises `ShoalError` without items."""
    counts = workspace.counts()
    if not counts.embedded:
        raise ShoalError(
            f"no map of {workspace.path}: {counts.skipped} things were looked at and none is an image that "
            "can be read. `shoal info` lists each with its reason."
        )
    watch(Progress(counts.embedded, counts.total, "drawing the map"))
    return draw_final(workspace, _projector(recipe), layer=_layer(workspace, recipe))


class Pace:
    """Turns "so many more are done" into progress with a rate over the last half minute and the time left."""

    WINDOW_S = 30.0

    def __init__(self, *, total: int, done: int, watch: Watch) -> None:
        self._total, self._done, self._watch = total, done, watch
        self._marks: deque[tuple[float, int]] = deque([(time.monotonic(), done)])

    def advance(self, count: int) -> None:
        """Count `count` more items as done and tell the watcher."""
        self._done += count
        now = time.monotonic()
        self._marks.append((now, self._done))
        while now - self._marks[0][0] > self.WINDOW_S and len(self._marks) > 2:
            self._marks.popleft()
        then, before = self._marks[0]
        rate = (self._done - before) / max(now - then, 1e-6)
        left = (self._total - self._done) / rate if rate > 0 else None
        self._watch(Progress(self._done, self._total, "embedding", rate, left))


def _batches(results: Iterable[T], size: int) -> Iterator[list[T]]:
    results = iter(results)
    while batch := list(islice(results, size)):
        yield batch


def _stack(batches: list[dict[str, NDArray[np.float32]]], layer: Layer) -> NDArray[np.float16]:
    if not batches:
        return np.empty((0, layer.width), dtype=np.float16)
    return np.concatenate([batch[layer.name] for batch in batches]).astype(np.float16)


def _projector(recipe: Recipe) -> Projector:
    projector: Projector = PROJECTORS.load(recipe.projector)(seed=recipe.seed)
    return projector


def _layer(workspace: Workspace, recipe: Recipe) -> str:
    """Return the layer the map is drawn of; raises `ShoalError` naming the choices."""
    backbone = workspace.backbone()
    names = list(backbone.layers) if backbone else []
    if recipe.layer and recipe.layer not in names:
        raise ShoalError(f"{recipe.backbone} has no layer {recipe.layer!r}. There are: {', '.join(names)}.")
    return recipe.layer or names[-1]
