"""A round of a workspace, top to bottom: its labels become a model, predictions and a map that re-forms."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shoal.backbones.joined import own_name
from shoal.backbones.tuned import is_file
from shoal.catching_up import catch_up
from shoal.growing import aligned
from shoal.learning.checked import checked_labels
from shoal.losses import LOSSES
from shoal.model import Model, data_fingerprint
from shoal.projectors.reduction import Reduction
from shoal.recipe import Recipe
from shoal.rounds import Prepared, RoundResult, learn_round, prepare
from shoal.training import storage
from shoal.types import PUT_ASIDE, ROUND, UNLABELLED, Embedding, Map, MapOrigin, Progress, ShoalError, Watch
from shoal.workspace import Learned, MapRow, Predictions, RoundRow, Workspace, Written

if TYPE_CHECKING:
    from shoal.training.head import Head

CACHE = "cache"
DEFAULT_LOSS = "silhouette"
DEFAULT_DIM = 16
PREPARED = "prepared"


@dataclass(frozen=True, slots=True)
class Lesson:
    """How to learn: any loss of the library, the head's dimensions, the layer (None: the map's)."""

    loss: str = DEFAULT_LOSS
    dim: int = DEFAULT_DIM
    layer: str | None = None
    seed: int = 0


def refine(workspace: Workspace, lesson: Lesson, *, watch: Watch = lambda _: None) -> RoundRow:
    """Learn from the labels as they are now, draw the map from where the items lie, and save the round.

    What was embedded meanwhile is then placed on its map. `watch` hears of every step and may raise to stop:
    then nothing is saved. Raises `ShoalError` without a map, without labels of two classes (or of one, and
    items that are none of these), for a loss or layer that there is not, and for more dimensions than the
    layer has.
    """
    main, last = workspace.main_map(), workspace.rounds.current()
    before = workspace.map(main.id) if main else None
    if main is None or before is None:
        raise ShoalError(f"{workspace.path} has no map yet: `shoal map` makes it, then learn.")
    LOSSES.require(lesson.loss)
    shown = main.origin.layer
    layer = lesson.layer or (shown if shown in workspace.layers else Recipe.of(workspace).layer_of(workspace))
    label_seq = workspace.log.seq()
    embedding = workspace.embedding(layer)
    _check_dim(lesson.dim, embedding)
    current, deciders = workspace.log.labels_and_provenance()
    labels, gestures = (part[embedding.ids].astype(np.int64) for part in (current, deciders))
    labels[labels == PUT_ASIDE] = UNLABELLED
    alone = np.isin(gestures, workspace.log.imported())
    gestures[alone] = -2 - np.arange(alone.sum())  # nobody labelled these together
    checked_labels("learn", labels, len(labels))  # before neighbours are looked for
    result = learn_round(
        embedding.vectors,
        labels,
        start=aligned(workspace, before, embedding.ids)[0],
        prepared=_prepared(workspace, embedding, lesson.seed, watch),
        loss=lesson.loss,
        dim=lesson.dim,
        previous=_head_before(workspace, last, layer, lesson.dim),
        rejected=_rejected(workspace, embedding.ids),
        gestures=gestures,
        seed=lesson.seed,
        watch=watch,
    )
    row = workspace.rounds.save(
        Learned(
            map=Map(result.xy, embedding.ids, _origin(workspace, embedding, lesson, label_seq, main)),
            predictions=Predictions(
                embedding.ids,
                result.predictions.astype(np.int32),
                result.confidence.clip(0, 1),
                result.held_out.astype(np.int32),
            ),
            model=_model(workspace, embedding, labels, result, lesson).to_bytes(),
            label_seq=label_seq,
            parent=last.id if last else None,
            layer=layer,
            loss=lesson.loss,
            seed=lesson.seed,
            classes=tuple(result.guess.probe.classes.tolist()),
            report=_report(result, int((labels >= 0).sum())),
        )
    )
    catch_up(workspace, watch=watch)
    return row


def _check_dim(dim: int, embedding: Embedding) -> None:
    most = max(embedding.vectors.shape[1], DEFAULT_DIM)
    if not 1 <= dim <= most:
        raise ShoalError(
            f"learn got dim={dim}; a head of layer {embedding.layer!r} has 1 to {most} dimensions, "
            f"{DEFAULT_DIM} by default."
        )


def _rejected(workspace: Workspace, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows among ids (N,) that were said not to be of some classes, and those classes."""
    items, classes = workspace.log.rejected()
    there = np.isin(items, ids)
    return np.searchsorted(ids, items[there]), classes[there].astype(np.int64)


def accept(
    workspace: Workspace, *, at_least: float, class_name: str | None = None, user: str
) -> Written | None:
    """Label every unlabelled item whose prediction is at least so sure, as one gesture; None: there is none.

    Raises `ShoalError` when nothing was learned yet, for no such class, and for `at_least` outside 0..1.
    """
    if not 0 <= at_least <= 1:
        raise ShoalError(f"accept() got at_least={at_least}; a confidence lies between 0 and 1.")
    row, found, offered = _offered(workspace, class_name)
    chosen = offered & (found.confidence >= at_least)
    return workspace.log.accept(
        found.ids[chosen], found.class_ids[chosen], round_id=row.id, user=user, map_id=row.map_id
    )


def surest(workspace: Workspace, class_name: str | None = None) -> float | None:
    """Return how sure the surest prediction is that can be accepted; None: there is none.

    Raises `ShoalError` when nothing was learned yet, and for no such class.
    """
    _, found, offered = _offered(workspace, class_name)
    offered &= workspace.log.current()[found.ids] == UNLABELLED
    return float(found.confidence[offered].max()) if offered.any() else None


def _offered(workspace: Workspace, class_name: str | None) -> tuple[RoundRow, Predictions, NDArray[np.bool_]]:
    """Return the current round, its predictions, and which of them are a class (this one)."""
    row, _ = _current(workspace, None)
    found = workspace.predictions(row.id)
    if class_name is None:
        return row, found, found.class_ids >= 0
    return row, found, found.class_ids == workspace.class_id(class_name)


def reject(
    workspace: Workspace,
    class_name: str,
    *,
    below: float | None = None,
    ids: Iterable[int] | None = None,
    user: str,
) -> Written | None:
    """Say of unlabelled items that they are not of the class they are predicted to be; None: there is none.

    It is about those less sure than `below`, about the items `ids`, or without either about all that are
    predicted this class. No later round predicts it for them. Raises as `accept` does.
    """
    row, _ = _current(workspace, None)
    if below is not None and not 0 <= below <= 1:
        raise ShoalError(f"reject() got below={below}; a confidence lies between 0 and 1.")
    found = workspace.predictions(row.id)
    chosen = found.class_ids == workspace.class_id(class_name)
    if below is not None:
        chosen &= found.confidence < below
    if ids is not None:
        chosen &= np.isin(found.ids, np.array(list(ids), dtype=np.int64))
    return workspace.log.reject(
        found.ids[chosen], found.class_ids[chosen], round_id=row.id, user=user, map_id=row.map_id
    )


def model_of(workspace: Workspace, round_id: int | None = None) -> tuple[RoundRow, Model]:
    """Return a round (None: the current one) and its model; raises `ShoalError` where there is none."""
    row, data = _current(workspace, round_id)
    model = Model.from_bytes(data)
    made = next((one for one in workspace.backbones() if one.fingerprint == model.card["fingerprint"]), None)
    if made is None or not is_file(made.name):
        return row, model
    return row, replace(model, network=workspace.path / made.name)


def _current(workspace: Workspace, round_id: int | None) -> tuple[RoundRow, bytes]:
    row = workspace.rounds.current() if round_id is None else workspace.rounds.get(round_id)
    if row is None:
        raise ShoalError(f"{workspace.path} shows no round: `shoal learn {workspace.path}` makes one.")
    return row, workspace.rounds.model(row.id)


def _head_before(workspace: Workspace, last: RoundRow | None, layer: str, dim: int) -> "Head | None":
    """Return the head that the last round ended with, where the new one can go on from it."""
    if last is None or last.layer != layer:
        return None
    try:
        head = Model.from_bytes(workspace.rounds.model(last.id)).head
    except ShoalError:
        return None  # a damaged round is no reason not to learn anew
    return head if head.dimensions == dim else None


def _origin(
    workspace: Workspace, embedding: Embedding, lesson: Lesson, label_seq: int, parent: MapRow
) -> MapOrigin:
    return MapOrigin(
        projector=ROUND,
        parameters={"loss": lesson.loss, "dim": lesson.dim},
        seed=lesson.seed,
        backbone=embedding.backbone,
        fingerprint=embedding.fingerprint,
        layer=embedding.layer,
        parent=parent.id,
        label_seq=label_seq,
        shard=int(workspace.shards_of(embedding.ids).max()),
        fitted=len(embedding.ids),
    )


def _model(
    workspace: Workspace, embedding: Embedding, labels: NDArray[np.int64], result: RoundResult, lesson: Lesson
) -> Model:
    names = {row.id: row.name for row in workspace.log.classes()}
    keys = workspace.items.keys
    labelled = labels >= 0
    pairs = zip(embedding.ids[labelled].tolist(), labels[labelled].tolist(), strict=True)
    facts = {
        "backbone": embedding.backbone,
        "fingerprint": embedding.fingerprint,
        "layer": own_name(embedding.layer),
        "loss": lesson.loss,
        "fast": Recipe.of(workspace).fast and not is_file(embedding.backbone),
        "metrics": _report(result, int(labelled.sum())),
        "data": data_fingerprint(((keys[id], names[label]) for id, label in pairs), embedding.fingerprint),
    }
    classes = [names[label] for label in result.guess.probe.classes.tolist()]
    return Model.of(result, names=classes, facts=facts)


def _report(result: RoundResult, labelled: int) -> dict[str, float]:
    report = result.report
    found = {
        "labelled": labelled,
        "dimensions": result.head.dimensions,
        "held_out_accuracy": report.accuracy,
        "calibration_error_before": report.error_before,
        "calibration_error": report.error_after,
        "head_recall": report.head_recall,
        "none_of_these": report.novel,
        "seconds": sum(report.seconds.values()),
        "median_move": report.moved,
    }
    return {name: value for name, value in found.items() if value is not None}


def _prepared(workspace: Workspace, embedding: Embedding, seed: int, watch: Watch) -> Prepared:
    """Return what all rounds of a layer share, kept in the workspace's cache: a third of a round's time."""
    path = workspace.path / CACHE / f"{PREPARED}-{_name(workspace, embedding, seed)}.safetensors"
    try:
        arrays, card = storage.unpack(PREPARED, path.read_bytes())
        reduction = Reduction(arrays["mean"], arrays["axes"])
        neighbours = arrays["neighbours"].astype(np.int64)
        return Prepared(reduction, card["scale"], arrays["inputs"], neighbours, arrays["around"])
    except (OSError, KeyError, ShoalError):  # there is none, it is damaged, or an older Shoal's
        watch(Progress(0, 0, "finding neighbours"))
        made = prepare(embedding.vectors, seed=seed, watch=watch)
        _keep(path, made)
        return made


def _keep(path: Path, made: Prepared) -> None:
    arrays = {
        "mean": made.reduction.mean,
        "axes": made.reduction.axes,
        "inputs": made.inputs,
        "neighbours": made.neighbours.astype(np.int32),
        "around": made.around,
    }
    data = storage.pack(PREPARED, arrays, {"scale": made.scale})
    try:
        path.parent.mkdir(exist_ok=True)
        for old in path.parent.glob(f"{PREPARED}-*"):
            old.unlink(missing_ok=True)
        storage.replace(path, data)
    except (OSError, ShoalError):
        return  # a full disk costs the next round some seconds, not this one


def _name(workspace: Workspace, embedding: Embedding, seed: int) -> str:
    shards = workspace.shards_of(embedding.ids)
    crc = zlib.crc32(shards.tobytes(), zlib.crc32(embedding.ids.tobytes()))
    return f"{crc:08x}-{zlib.crc32(f'{embedding.fingerprint}/{embedding.layer}/{seed}'.encode()):08x}"
