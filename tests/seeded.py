"""A small workspace with known contents: coloured pictures in groups, each a cluster on its map.

The page's tests use it too. Nothing is decoded or embedded: pictures are painted, vectors are drawn.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from shoal.types import Found, Layer, Map, MapOrigin, Shard, ShardResult, Skipped
from shoal.workspace import Learned, Predictions, RoundRow, Workspace

COLOURS = ("#d1495b", "#00798c", "#edae49", "#66a182", "#8e6c8a", "#2e4057", "#f4845f", "#457b9d")
HOSTILE_NAME = "group0/quote'\"<b>=cmd|.png"
LAYERS = [Layer("early", 8, "edges"), Layer("late", 16, "things")]
BOXES = (32, 64, 128, 256)
SPREAD = 0.07
"""No item lies farther than this from the middle of its cluster."""


@dataclass(frozen=True)
class Seeded:
    """Where the workspace is and what is in it: each group's ids, ascending, and its cluster's middle."""

    path: Path
    ids: list[list[int]]
    middles: list[tuple[float, float]]
    map_id: int

    def around(self, group: int) -> list[list[float]]:
        """Return a polygon of 12 corners that holds exactly this group's items."""
        x, y = self.middles[group]
        angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
        radius = SPREAD * 1.15
        return [[x + radius * float(np.cos(a)), y + radius * float(np.sin(a))] for a in angles]


class PaintedSource:
    """A source of pictures that exist only by name."""

    def __init__(self, groups: int, per_group: int) -> None:
        self.uri = f"painted:{groups}x{per_group}"
        names = [f"group{group}/{k:04}.png" for group in range(groups) for k in range(per_group)]
        names[0] = HOSTILE_NAME
        self._keys = [name.encode() for name in names]

    def scan(self) -> Iterator[Found | Skipped]:
        yield Skipped(b"group0/notes.txt", "not an image")
        for key in self._keys:
            yield Found(key, size=1000, mtime_ns=1)

    def read(self, key: bytes) -> bytes:
        raise NotImplementedError


def seed_workspace(
    path: str | Path, *, groups: int = 4, per_group: int = 60, seed: int = 0, broken: int = 1
) -> Seeded:
    """Make a workspace of `groups` x `per_group` items, `broken` of them undecodable, with a final map."""
    random = np.random.default_rng(seed)
    with Workspace.open(path, create=True) as workspace:
        workspace.reconcile(PaintedSource(groups, per_group), seed=seed)
        workspace.use_backbone("placeholder", "seeded-1", LAYERS)
        failing = {f"group{groups - 1}/{per_group - 1 - k:04}.png".encode() for k in range(broken)}
        for shard in workspace.pending_shards():
            workspace.commit_shard(shard, _embed(shard, failing, random))
        embedding = workspace.embedding()
        keys = workspace.items.keys
        group_of = np.array([_group(keys[id]) for id in embedding.ids])
        middles = _middles(groups)
        xy = _scatter(np.array(middles)[group_of], random)
        origin = MapOrigin("pca", {}, seed, embedding.backbone, embedding.fingerprint, embedding.layer)
        map_id = workspace.save_map(Map(xy, embedding.ids, origin), final=True)
        ids = [[int(id) for id in embedding.ids[group_of == group]] for group in range(groups)]
    return Seeded(Path(path), ids, middles, map_id)


def paint(group: int, id: int, *, box: int) -> bytes:
    """Paint a picture: the group's colour, a shape that differs by item, landscape, portrait or square."""
    width, height = [(4, 3), (3, 4), (1, 1)][id % 3]
    scale = box / max(width, height)
    size = (round(width * scale), round(height * scale))
    image = Image.new("RGB", size, COLOURS[group % len(COLOURS)])
    draw = ImageDraw.Draw(image)
    inset = box * (0.12 + 0.02 * (id % 8))
    draw.ellipse((inset, inset, size[0] - inset, size[1] - inset), fill="#f5f1e8")
    draw.text((size[0] / 2, size[1] / 2), str(id), fill="#1b1b1b", anchor="mm", font_size=max(8, box / 6))
    out = BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue()


def _embed(shard: Shard, failing: set[bytes], random: np.random.Generator) -> ShardResult:
    rows = [k for k, key in enumerate(shard.keys) if key not in failing]
    ids = shard.ids[rows]
    groups = [_group(shard.keys[k]) for k in rows]
    hidden = random.normal(size=(len(rows), 16)) * 0.1
    hidden[np.arange(len(rows)), np.array(groups, dtype=int)] += 1
    return ShardResult(
        ids=ids,
        vectors={"early": hidden[:, :8].astype(np.float16), "late": hidden.astype(np.float16)},
        thumbnails={
            box: [paint(group, int(id), box=box) for group, id in zip(groups, ids, strict=True)]
            for box in BOXES
        },
        sizes=np.array([[(640, 480), (480, 640), (512, 512)][id % 3] for id in ids], dtype=np.int32),
        digests=[b"%016d" % id for id in ids],
        failed=[
            (int(shard.ids[k]), "the file is truncated") for k in range(len(shard.keys)) if k not in rows
        ],
    )


def _group(key: bytes) -> int:
    return int(key.partition(b"/")[0].removeprefix(b"group"))


def _middles(groups: int) -> list[tuple[float, float]]:
    angles = np.linspace(0, 2 * np.pi, groups, endpoint=False) + np.pi / 4
    return [(0.5 + 0.33 * float(np.cos(a)), 0.5 + 0.33 * float(np.sin(a))) for a in angles]


def _scatter(middles: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float32]:
    angle = random.uniform(0, 2 * np.pi, len(middles))
    radius = SPREAD * np.sqrt(random.uniform(0, 1, len(middles)))
    return (middles + np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)).astype(np.float32)


def save_round(workspace: Workspace, seeded: Seeded) -> RoundRow:
    """Label five items of two groups, and save a round that predicts each of these groups its own class.

    It is surer the higher the id; the other groups are none of the classes. Held out, it takes the first
    labelled item of the second group for one of the first. Its map is turned by half a turn.
    """
    for group, name in ((0, "red"), (1, "teal")):
        workspace.label(seeded.ids[group][:5], name)
    old = workspace.map()
    assert old is not None
    class_ids = np.full(len(old.ids), -1, dtype=np.int32)
    for group in (0, 1):
        class_ids[np.isin(old.ids, seeded.ids[group])] = group
    held_out = np.full(len(old.ids), -1, dtype=np.int32)
    for group in (0, 1):
        held_out[np.isin(old.ids, seeded.ids[group][:5])] = group
    held_out[old.ids == seeded.ids[1][0]] = 0
    confidence = np.linspace(0.5, 1, len(old.ids), dtype=np.float32)
    return _save(workspace, old, Predictions(old.ids, class_ids, confidence, held_out), 2)


def save_early(workspace: Workspace, seeded: Seeded) -> int:
    """Save a map of the early layer beside the main one, which it mirrors, and return its id."""
    late = workspace.map(seeded.map_id)
    assert late
    early = replace(late.origin, layer="early", aside=True)
    return workspace.save_map(Map(1 - late.xy, late.ids, early), final=True)


def save_slips(workspace: Workspace, names: Sequence[str]) -> RoundRow:
    """Label four items of every class, and save a round that mistakes items of the last one only.

    Held out, it takes two of them for the last class but one and one for the class before.
    """
    old = workspace.map()
    assert old is not None
    held_out = np.full(len(old.ids), -1, dtype=np.int32)
    for k, name in enumerate(names):
        workspace.label(old.ids[4 * k : 4 * k + 4], name)
        held_out[4 * k : 4 * k + 4] = k
    last = len(names) - 1
    held_out[4 * last : 4 * last + 3] = [last - 1, last - 1, last - 2]
    confidence = np.full(len(old.ids), 0.5, dtype=np.float32)
    return _save(workspace, old, Predictions(old.ids, held_out.copy(), confidence, held_out), len(names))


def _save(workspace: Workspace, old: Map, predictions: Predictions, classes: int) -> RoundRow:
    return workspace.rounds.save(
        Learned(
            map=Map(1 - old.xy, old.ids, old.origin),
            predictions=predictions,
            model=b"weights",
            label_seq=workspace.log.seq(),
            parent=None,
            layer="late",
            loss="silhouette",
            seed=0,
            classes=tuple(range(classes)),
            report={"held_out_accuracy": 0.9, "words": "left out"},
        )
    )
