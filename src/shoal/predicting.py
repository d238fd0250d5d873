"""Predict new images with a saved model, without the workspace that it was learned in."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from shoal.backbones.tuned import open_backbone
from shoal.formats.csv import csv_line
from shoal.formats.rows import escape, utf8
from shoal.images.pool import DecodePool
from shoal.model import Model
from shoal.pipeline import BATCH, DECODERS
from shoal.sources import open_source
from shoal.training import storage
from shoal.types import Backbone, Decoded, Found, Progress, ShoalError, Watch

COLUMNS = ("path", "class", "confidence")


@dataclass(frozen=True, slots=True)
class PredictedImage:
    """One image's answer: a class, or None for none of them; `problem` says why it could not be read."""

    path: bytes
    class_name: str | None
    confidence: float
    problem: str | None = None


def predict_pile(
    model: Model, pile: str | Path, *, watch: Watch = lambda _: None
) -> Iterator[PredictedImage]:
    """Yield the answer for every image of a pile, in its order; what cannot be read is among them.

    What is no image to begin with, an empty file or a pipe, comes first.

    Raises `ShoalError` where the pile is not there, or where this Shoal's backbone gives other vectors than
    the model was learned on.
    """
    backbone = _backbone_of(model)
    source = open_source(str(pile))
    keys = []
    for found in source.scan():
        if isinstance(found, Found):
            keys.append(found.key)
        else:
            yield PredictedImage(found.key, None, 0.0, found.reason)
    watch(Progress(0, len(keys), "predicting"))
    done = 0
    with DecodePool(source.read, backbone.image_input, workers=DECODERS) as pool:
        decoded = iter(pool.decode(keys))
        while batch := list(islice(decoded, BATCH)):
            yield from _answers(model, backbone, [(keys[place], image) for place, image in batch])
            done += len(batch)
            watch(Progress(done, len(keys), "predicting"))


@dataclass(slots=True)
class Counts:
    """How many images got a class, how many are none of the classes, how many could not be read."""

    predicted: int = 0
    none: int = 0
    skipped: int = 0


def write_predictions(
    answers: Iterator[PredictedImage], target: Path, *, say: Callable[[str], None] = lambda _: None
) -> Counts:
    """Write path, class and confidence as CSV or JSONL, by the target's suffix, and return the counts.

    The class is empty for none of the classes; `say` hears of what could not be read. The file is whole or
    as it was before. Raises `ShoalError` for another suffix, and where the target cannot be written.
    """
    line = _LINES.get(target.suffix.lower())
    if line is None:
        raise ShoalError(f"predictions go to a .csv or .jsonl file, not to {target.name!r}.")
    counts, lines = Counts(), [csv_line(COLUMNS)] if line is _csv else []
    for answer in answers:
        if answer.problem is not None:
            say(f"skipped: {_shown(answer.path)}: {answer.problem}")
            counts.skipped += 1
            continue
        counts.predicted += 1
        counts.none += answer.class_name is None
        lines.append(line(answer))
    storage.replace(target, b"".join(lines))
    return counts


def _csv(answer: PredictedImage) -> bytes:
    return csv_line([_path(answer), answer.class_name or "", f"{answer.confidence:.4f}"])


def _jsonl(answer: PredictedImage) -> bytes:
    record = {"path": _path(answer), "class": answer.class_name, "confidence": round(answer.confidence, 4)}
    return utf8(json.dumps(record, ensure_ascii=False)) + b"\n"


_LINES: dict[str, Callable[[PredictedImage], bytes]] = {".csv": _csv, ".jsonl": _jsonl}


def _shown(path: bytes) -> str:
    """Write a path in one line, whatever characters it has."""
    text = path.decode("utf-8", "backslashreplace")
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _path(answer: PredictedImage) -> str:
    return escape(answer.path.decode("utf-8", "surrogateescape"))


def _answers(
    model: Model, backbone: Backbone, batch: list[tuple[bytes, Decoded | str]]
) -> Iterator[PredictedImage]:
    good = [image for _, image in batch if isinstance(image, Decoded)]
    answers: Iterator[tuple[int, float]] = iter(())
    if good:
        vectors = backbone.embed(np.stack([image.pixels for image in good]))[model.card["layer"]]
        # stored vectors are float16: the model knows no others
        places, confidence = model.predict(vectors.astype(np.float16))
        answers = iter(zip(places.tolist(), confidence.tolist(), strict=True))
    for key, image in batch:
        if isinstance(image, str):
            yield PredictedImage(key, None, 0.0, image)
        else:
            place, sure = next(answers)
            yield PredictedImage(key, None if place < 0 else model.classes[place], sure)


def _backbone_of(model: Model) -> Backbone:
    card = model.card
    backbone = open_backbone(str(model.network or card["backbone"]), fast=bool(card["fast"]))
    if backbone.fingerprint != card["fingerprint"]:
        raise ShoalError(
            f"the model was learned on vectors of {card['fingerprint']}, but {card['backbone']} gives "
            f"{backbone.fingerprint} here: use the Shoal that it was made with, or learn again."
        )
    return backbone
