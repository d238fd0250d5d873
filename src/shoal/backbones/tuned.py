"""Backbones that were trained on: opened from their file, and served like those that ship."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.backbones import BACKBONES
from shoal.types import Backbone, ShoalError

if TYPE_CHECKING:
    from torch import nn

    from shoal.backbones.efficientnet_lite import Description

SUFFIX = ".safetensors"
KIND = "backbone"


def open_backbone(name: str, *, fast: bool = False, threads: int | None = None) -> Backbone:
    """Return the backbone of a row of `BACKBONES`, or of a file that `TrainedBackbone.save` wrote.

    A name that ends in .safetensors is a file. Raises `ShoalError` for a name that there is not, and for a
    file that is not there, damaged, or of a network that does not ship; `fast` is for rows alone, because
    int8 needs ranges measured on the very weights.
    """
    if not is_file(name):
        row: Backbone = BACKBONES.load(name)(fast=fast, threads=threads)
        return row
    from shoal.backbones.efficientnet_lite import EfficientNetLite

    description = describe(name)
    if fast:
        raise ShoalError(
            f"{name} was trained on, and int8 is measured for the shipped weights only; leave it out."
        )
    return EfficientNetLite(description, threads=threads, tuned=Path(name))


def torch_network(name: str) -> "nn.Sequential":
    """Return the torch network behind a backbone or a file, in evaluation mode: a chain of its layers.

    It maps pictures (B, 3, H, W) in [0, 1] to the maps of its last layer (B, 1280, h, w); its children
    `stem`, `stage1` ... `stage7` and `head` are the layers. Raises `ShoalError` for another backbone.
    """
    from shoal.backbones.efficientnet_lite import networks_of

    return networks_of(describe(name), Path(name) if is_file(name) else None)[1]


def describe(name: str) -> "Description":
    """Return what a network is that ships, or that a file began as; raise `ShoalError` for another."""
    from shoal.backbones.efficientnet_lite import DESCRIPTIONS

    began_as = card_of(name).get("backbone") if is_file(name) else name
    if began_as not in DESCRIPTIONS:
        what = f"{name} began as {began_as!r}, which" if is_file(name) else f"{name!r}"
        raise ShoalError(f"{what} has no torch network here. There are: {', '.join(DESCRIPTIONS)}.")
    return DESCRIPTIONS[began_as]


def require_backbone(name: str) -> None:
    """Raise `ShoalError` unless `open_backbone` knows the name; a file is looked into, not loaded."""
    if is_file(name):
        card_of(name)
    else:
        BACKBONES.require(name)


def is_file(name: str) -> bool:
    """Return whether a backbone's name means a file."""
    return name.endswith(SUFFIX)


def full_name(name: str) -> str:
    """Return the name under which a backbone is found from any folder: of a file the whole path."""
    return str(Path(name).absolute()) if is_file(name) else name


def card_of(name: str) -> dict[str, Any]:
    """Return the card within a file; raise `ShoalError` unless it is a backbone that was saved."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(name, "np") as file:
            card: dict[str, Any] = json.loads((file.metadata() or {})["card"])
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise ShoalError(f"{name} is no backbone that Shoal saved ({error}).") from error
    if card.get("kind") != KIND:
        raise ShoalError(f"{name} holds a {card.get('kind')!r}, not a {KIND!r}.")
    return card
