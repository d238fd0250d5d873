"""Trained numbers on disk: one safetensors file that carries its own card, and the card beside it to read."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.arrays import plain_number
from shoal.training.checked import TrainingError

Arrays = Mapping[str, NDArray[Any]]
Card = Mapping[str, Any]
"""What JSON can hold, by name."""
SUFFIX = ".safetensors"


def pack(kind: str, arrays: Arrays, card: Card) -> bytes:
    """Return arrays and card as the bytes of one safetensors file: the same for the same content."""
    from safetensors.numpy import save

    text = card_text({"kind": kind, **card})
    return bytes(save({name: np.asarray(a, order="C") for name, a in arrays.items()}, {"card": text}))


def card_text(card: Card, *, indent: int | None = None, ensure_ascii: bool = True) -> str:
    """Return a card as JSON, numpy's numbers as plain ones; `TrainingError` where JSON cannot hold it."""
    try:
        return json.dumps(card, sort_keys=True, indent=indent, ensure_ascii=ensure_ascii, default=_plain)
    except (TypeError, ValueError) as error:
        raise TrainingError(
            f"the card of a file got what JSON cannot hold ({error}); it takes text, numbers, lists and "
            "mappings of these by text: hand the rest in as text."
        ) from error


def _plain(value: object) -> Any:
    number = plain_number(value)
    if number is value:
        raise TypeError(f"a {type(value).__name__}")
    return number


def unpack(kind: str, data: bytes) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays and the card of `pack`; raise `TrainingError` for anything else or another kind."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(data)
        length = int.from_bytes(data[:8], "little")
        card = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["card"])
        of = card.get("kind")
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise TrainingError(f"this is no {kind} that Shoal saved ({error}); train it again.") from error
    if of != kind:
        raise TrainingError(f"this file holds a {of!r}, not a {kind!r}.")
    return arrays, card


def write(path: Path, kind: str, arrays: Arrays, card: Card) -> None:
    """Write PATH.safetensors and, for people, PATH.json with the card and the file's SHA-256.

    Each is whole or not there. Raises `TrainingError` where the disk refuses.
    """
    data = pack(kind, arrays, card)
    seen = {"kind": kind, **card, "sha256": hashlib.sha256(data).hexdigest()}
    text = card_text(seen, indent=2, ensure_ascii=False) + "\n"
    replace(path.with_name(path.name + SUFFIX), data)
    replace(path.with_name(path.name + ".json"), text.encode())


def read(path: Path, kind: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays and the card of PATH.safetensors; raise `TrainingError` where that fails."""
    return read_file(path.with_name(path.name + SUFFIX), kind)


def read_file(file: Path, kind: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays and the card of one file; raise `TrainingError` where that fails."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise TrainingError(f"cannot read {file}: {error.strerror or error}.") from error
    try:
        return unpack(kind, data)
    except TrainingError as error:
        raise TrainingError(f"{file}: {error}") from error


def replace(path: Path, data: bytes) -> None:
    """Write a file aside, flush it, and put it in place of `path`; `TrainingError` where the disk refuses."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise TrainingError(f"cannot write {path}: {error.strerror or error}.") from error
