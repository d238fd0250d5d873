"""The main job, top to bottom: a pile of images becomes vectors, then a map. Here the rooms meet."""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from shoal.backbones.joined import Joined, Renamed
from shoal.backbones.onnx import available_cores
from shoal.backbones.tuned import open_backbone
from shoal.growing import GrowingMap, draw_final, within
from shoal.images.decode import BOXES
from shoal.images.pool import DecodePool
from shoal.recipe import Recipe, Task
from shoal.sources import open_source
from shoal.types import (
    Backbone,
    Decoded,
    ItemError,
    Layer,
    Progress,
    Shard,
    ShardResult,
    ShoalError,
    Source,
    Watch,
)
from shoal.workspace import BackboneRow, SupersededError, Workspace
from shoal.workspace.catalogue import FILE_NAME as CATALOGUE

T = TypeVar("T")

BATCH = 32
DECODERS = min(available_cores(), 8)
NO_PIXELS = np.empty((0, 0, 3), dtype=np.uint8)
"""What stays of an image's pixels once they are embedded: a shard would hold hundreds of megabytes."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What one run of the main job did."""

    added: int
    changed: int
    moved: int
    removed: int
    embedded: int
    skipped: int
    map_id: int
    seconds: float


def make_map(workspace: Workspace, task: Task, *, recipe: Recipe, watch: Watch = lambda _: None) -> Summary:
    """Scan the piles, embed what is new, and draw the map; safe to kill and to run again at any moment.

    Of the workspace's own sources one that is away is left as it was. While embedding runs, drafts of the
    map are saved, so that whoever watches the workspace sees it grow. Raises `ShoalError` when another
    process embeds into this workspace, when nothing could be embedded, or when the recipe does not fit.
    """
    began = time.monotonic()
    with workspace.embedding_lock():
        recipe.save(workspace)
        watch(Progress(0, 0, "looking through the pile"))
        piles = [open_source(uri) for uri in task.piles] or _sources_at_hand(workspace, watch)
        report = workspace.reconcile(*piles, seed=recipe.seed, retry_skipped=task.retry)
        embed(workspace, recipe, watch)
        map_id = draw(workspace, recipe, watch)
    counts = workspace.counts()
    return Summary(
        added=report.added,
        changed=report.changed,
        moved=report.moved,
        removed=report.removed,
        embedded=counts.embedded,
        skipped=counts.skipped,
        map_id=map_id,
        seconds=time.monotonic() - began,
    )


W = TypeVar("W", bound=Workspace)


def open_pile(
    piles: Sequence[str | Path], *, into: str | Path | None = None, kind: type[W]
) -> tuple[W, list[str]]:
    """Open the workspace of some piles, made where there is none, and say which sources they are.

    A single pile that is itself a workspace is opened, with its own sources. Without `into` the workspace
    lies in the current folder, named after the first pile. Raises `ShoalError` when a pile is not there,
    lies within another, or when the workspace of that name belongs to another pile.
    """
    if len(piles) == 1 and into is None and is_workspace(Path(piles[0])):
        return kind.open(piles[0]), []
    for pile in piles:
        if is_workspace(Path(pile)):
            raise ShoalError(f"{pile} is a workspace, not a pile: name it alone to go on with it.")
    uris = list(dict.fromkeys(open_source(str(pile)).uri for pile in piles))
    _refuse_nested(uris)
    name = Path(uris[0].rstrip("/")).name or "pile"
    workspace = kind.open(into or f"{name}.shoal", create=True)
    strangers = set(workspace.sources()) | set(Task.of(workspace).piles)
    if into is None and strangers and not strangers & set(uris):
        path = workspace.path
        workspace.close()
        raise ShoalError(
            f"{path} is the workspace of another pile of that name ({', '.join(sorted(strangers))}). "
            "Name one with --into: a new one, or this one to put both piles on one map."
        )
    return workspace, uris


def _refuse_nested(uris: Sequence[str]) -> None:
    for outer in uris:
        for inner in uris:
            if inner != outer and inner.startswith(outer.rstrip("/") + "/"):
                raise ShoalError(f"the pile {inner} lies within {outer}: name the outer one alone.")


def is_workspace(path: Path) -> bool:
    """Return whether the folder holds a catalogue."""
    return (path / CATALOGUE).is_file()


def _sources_at_hand(workspace: Workspace, watch: Watch) -> list[Source]:
    sources = []
    for uri in workspace.sources():
        try:
            sources.append(open_source(uri))
        except ShoalError as error:
            watch(Progress(0, 0, f"left as it was: {error}"))
    return sources


def embed(workspace: Workspace, recipe: Recipe, watch: Watch) -> None:
    """Embed every pending shard, one commit a shard, and let drafts of the map grow with them.

    What lacks the layers of a backbone that was added since gets those first.
    """
    shards, lacking = workspace.pending_shards(), workspace.lacking_shards()
    if not shards and not lacking:
        return
    added = [_added(workspace, row) for row in workspace.backbones()[1:]]
    if lacking:
        _fill(workspace, lacking, Joined(added), watch)
    if not shards:
        return
    own = open_backbone(recipe.backbone, fast=recipe.fast)
    workspace.use_backbone(own.name, own.fingerprint, own.layers())
    backbone = Joined([own, *added])
    # a round's map stays as it is until the newcomers are put on it at the end
    learned = workspace.rounds.current() is not None
    layer = recipe.layer_of(workspace)
    growing = None if learned else GrowingMap(workspace, recipe.make_projector(), layer=layer)
    counts = workspace.counts()
    pace = Pace(total=counts.total, done=counts.total - counts.pending, watch=watch)
    reader = _Reader(watch)
    with DecodePool(reader.read, backbone.image_input, workers=DECODERS) as pool:
        for shard in shards:
            if reader.turn_to(shard.source):
                result = embed_shard(shard, backbone, pool, pace)
                workspace.commit_shard(shard, result)
                if growing:
                    growing.add(result.ids, result.vectors[layer])


def _added(workspace: Workspace, row: BackboneRow) -> Backbone:
    return Renamed(open_backbone(str(workspace.path / row.name)), row.layers)


def _fill(workspace: Workspace, shards: Sequence[Shard], backbone: Backbone, watch: Watch) -> None:
    """Embed once more what was embedded before the backbone was added."""
    total = sum(len(shard.ids) for shard in shards)
    pace = Pace(total=total, done=0, watch=watch)
    reader = _Reader(watch)
    with DecodePool(reader.read, backbone.image_input, workers=DECODERS) as pool:
        for shard in shards:
            if reader.turn_to(shard.source):
                result = embed_shard(shard, backbone, pool, pace)
                workspace.fill_shard(shard, result)
                for id, reason in result.failed:
                    name = workspace.items.names[id]
                    watch(Progress(0, 0, f"zeros in the new layers: {name} cannot be read again ({reason})"))


class _Reader:
    """Reads from one source at a time, so that many piles share one pool of decoders."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._source: Source | None = None

    def turn_to(self, uri: str) -> bool:
        """Open the source unless it is open; return False where it is away: its items stay pending."""
        if self._source is None or self._source.uri != uri:
            try:
                self._source = open_source(uri)
            except ShoalError as error:
                self._watch(Progress(0, 0, f"left pending: {error}"))
                self._source = None
        return self._source is not None

    def read(self, key: bytes) -> bytes:
        if self._source is None:
            raise ItemError("its source is away")
        return self._source.read(key)


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
        thumbnails={size: [image.thumbnails[size] for image in facts] for size in BOXES},
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
    while (learned := workspace.rounds.current()) is not None:
        from shoal.catching_up import extend

        with suppress(SupersededError):  # a round was learned meanwhile: its map is the one to go on from
            return extend(workspace, learned)
    watched = within("drawing the map", watch)
    return draw_final(workspace, recipe.make_projector(), layer=recipe.layer_of(workspace), watch=watched)


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
