"""Train the backbone itself on a workspace's labels. Here `images`, `backbones` and `training` meet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from shoal.backbones.joined import added_name
from shoal.backbones.tuned import SUFFIX, describe, open_backbone, torch_network
from shoal.images.pool import DecodePool
from shoal.pipeline import DECODERS, embed
from shoal.reading import item_reader
from shoal.recipe import Recipe
from shoal.training import storage
from shoal.types import Decoded, Found, ImageInput, ShoalError, Source, Watch
from shoal.workspace import Workspace

if TYPE_CHECKING:
    from shoal.training import Plan, TrainedBackbone

KEPT = 2048
"""So many decoded pictures are kept in memory: 300 MB at 224 px."""
FROZEN = ("stem", "stage1", "stage2", "stage3", "stage4")
EMBEDDED = "embedded"
BACKBONES = "backbones"
"""The folder of a workspace that keeps the backbones which were added to it."""
UNFINISHED = ".unfinished"


class PilePictures:
    """The pictures of a pile by position, decoded when asked for: how a network reads a source.

    `read` gives the bytes of the file behind a key, e.g. `open_source("photos/").read`; `names` (default: the
    keys) are what a refusal says. Files are decoded in processes with limits, and some are kept. A context
    manager.
    """

    def __init__(
        self,
        read: Callable[[bytes], bytes],
        keys: Sequence[bytes],
        image_input: ImageInput,
        *,
        names: Sequence[str] | None = None,
    ) -> None:
        self._keys = list(keys)
        self.names = list(names or [key.decode("utf-8", "backslashreplace") for key in keys])
        self._pool = DecodePool(read, image_input, workers=DECODERS)
        self._kept: dict[int, NDArray[np.uint8]] = {}

    @classmethod
    def of(cls, source: Source, image_input: ImageInput) -> Self:
        """Return the pictures of an image source in the order of its scan; `names` are their keys as text.

        What the source skips is left out. Raises `ShoalError` where it offers nothing.
        """
        keys = [one.key for one in source.scan() if isinstance(one, Found)]
        if not keys:
            raise ShoalError(f"{source.uri} holds no picture to train on; name a folder that does.")
        return cls(source.read, keys, image_input)

    def __len__(self) -> int:
        """Return how many pictures there are."""
        return len(self._keys)

    def __enter__(self) -> Self:
        """Return the pictures."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the processes."""
        self._pool.close()

    def __call__(self, at: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the pictures (B, size, size, 3) at positions (B,); `ShoalError` where one cannot be read."""
        missing = [int(one) for one in np.unique(at) if int(one) not in self._kept]
        found = dict(self._kept)
        for position, outcome in self._pool.decode([self._keys[one] for one in missing]):
            if not isinstance(outcome, Decoded):
                name = self.names[missing[position]]
                raise ShoalError(f"{name} cannot be trained on: {outcome}. Take its label away, or mend it.")
            found[missing[position]] = outcome.pixels
            if len(self._kept) < KEPT:
                self._kept[missing[position]] = outcome.pixels
        return np.stack([found[int(one)] for one in at])


@dataclass(frozen=True, slots=True)
class Course:
    """How to train a backbone: any loss of the library, the head's dimensions, steps, what is frozen."""

    loss: str = "silhouette"
    dim: int = 16
    steps: int = 60
    frozen: tuple[str, ...] = FROZEN
    seed: int = 0


def tune(
    workspace: Workspace, to: str | Path, course: Course, *, watch: Watch = lambda _: None
) -> "TrainedBackbone":
    """Train the workspace's backbone on its labels and write it to a .safetensors file; return what was made.

    The workspace stays as it is: its vectors are the old backbone's. `adopt` gives it the new one's layers,
    `shoal map PILE --backbone FILE --into NEW` maps with the new one alone. Killed, the same call goes on
    where the last checkpoint was. Raises `ShoalError` for another suffix, without labels of two classes, for
    a loss or part that there is not, for a backbone that has no torch network, and for a labelled picture
    that cannot be read.
    """
    from shoal.losses import LOSSES
    from shoal.training import Head, Tuning, train_backbone

    file = Path(to)
    if file.suffix != SUFFIX:
        raise ShoalError(f"a backbone goes to a {SUFFIX} file, not to {file.name!r}.")
    name = Recipe.of(workspace).backbone
    description, build = describe(name), LOSSES.load(course.loss).build
    labels = workspace.log.current().astype(np.int64)
    items = workspace.items
    # put aside, and none of the classes: no class to learn
    ids = items.ids[(items.status == EMBEDDED) & (labels[items.ids] >= 0)]
    stem = file.with_name(file.name.removesuffix(SUFFIX))
    unfinished = stem.with_name(stem.name + UNFINISHED)
    with _pictures(workspace, ids, description.image_input) as pictures:
        trained = train_backbone(
            torch_network(name),
            pictures,
            labels[ids],
            build,
            head=Head(description.widths[-1], course.dim, depth=0),
            plan=_plan(course, labels[ids]),
            tuning=Tuning(frozen=course.frozen),
            checkpoint_at=unfinished,
            watch=watch,
        )
    facts = {"began_as": name, "loss": course.loss, "labels": len(ids), "steps": trained.best_step}
    trained.save(stem, backbone=description.name, facts=facts)
    for suffix in (SUFFIX, ".json"):
        unfinished.with_name(unfinished.name + suffix).unlink(missing_ok=True)
    return trained


def adopt(workspace: Workspace, file: str | Path, *, watch: Watch = lambda _: None) -> list[str]:
    """Store the layers of a tuned backbone beside those that there are, for all items; return their names.

    The file is copied into the workspace, so that new images get these layers too. A layer's name is the
    file's and its own, `mine.stage7`. Killed, the same call, or the next `shoal map`, goes on. Raises
    `ShoalError` for a file that is no backbone, or of one that takes other images than the workspace's.
    """
    path = Path(file)
    fresh = open_backbone(str(path))
    with workspace.embedding_lock():
        known = {row.fingerprint: row for row in workspace.backbones()[1:]}
        if fresh.fingerprint not in known:
            stem = _free(path.name.removesuffix(SUFFIX), {row.name for row in known.values()})
            name = f"{BACKBONES}/{stem}{SUFFIX}"
            (workspace.path / BACKBONES).mkdir(exist_ok=True)
            storage.replace(workspace.path / name, path.read_bytes())
            layers = [replace(layer, name=added_name(stem, layer.name)) for layer in fresh.layers()]
            workspace.add_backbone(name, fresh.fingerprint, layers)
        embed(workspace, Recipe.of(workspace), watch)
        return list(next(r for r in workspace.backbones() if r.fingerprint == fresh.fingerprint).layers)


def _free(stem: str, taken: set[str]) -> str:
    """Return the stem, or with a number behind it, such that no backbone of the workspace has it."""
    plain = stem.replace(".", "-")
    names = (plain if number == 1 else f"{plain}-{number}" for number in count(1))
    return next(name for name in names if f"{BACKBONES}/{name}{SUFFIX}" not in taken)


def _plan(course: Course, labels: NDArray[np.int64]) -> "Plan":
    import torch

    from shoal.training import Plan

    gpu = torch.cuda.is_available()
    # a quarter of each class says when to stop, where the classes can spare it
    spare = len(labels) > 0 and bool(np.unique(labels, return_counts=True)[1].min() >= 4)
    return Plan(
        steps=course.steps,
        classes=8,
        items=4,
        lr=1e-3,
        hold_out="items" if spare else None,
        every=max(1, min(20, course.steps // 3)),
        device="cuda" if gpu else "cpu",
        amp=gpu,
        seed=course.seed,
    )


def _pictures(workspace: Workspace, ids: NDArray[np.int64], image_input: ImageInput) -> PilePictures:
    items, read = workspace.items, item_reader(workspace)

    def read_item(number: bytes) -> bytes:
        return read(items.sources[int(number)], items.keys[int(number)])

    keys = [str(one).encode() for one in ids.tolist()]
    return PilePictures(read_item, keys, image_input, names=[items.names[one] for one in ids.tolist()])
