"""Which backbones made the stored vectors: the workspace's own, and those trained on its labels."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select

from shoal.types import Layer
from shoal.workspace.catalogue import Catalogue
from shoal.workspace.errors import WorkspaceError
from shoal.workspace.tables import backbones


@dataclass(frozen=True, slots=True)
class BackboneRow:
    """What the stored vectors were made with; `layers` are names, early to late, `widths` their D."""

    name: str
    fingerprint: str
    layers: tuple[str, ...]
    widths: tuple[int, ...]
    sees: tuple[str, ...]


def read_backbone(connection: Connection) -> BackboneRow | None:
    """Return the workspace's own backbone, or None before the first `use_backbone`."""
    return next(iter(read_backbones(connection)), None)


def read_backbones(connection: Connection) -> list[BackboneRow]:
    """List the workspace's own backbone and then those that were added, oldest first."""
    return [_row(row) for row in connection.execute(select(backbones).order_by(backbones.c.id))]


def made_by(known: Sequence[BackboneRow], layer: str) -> BackboneRow:
    """Return which of some backbones has a layer; raises `WorkspaceError` where none has."""
    for row in known:
        if layer in row.layers:
            return row
    layers = ", ".join(name for row in known for name in row.layers)
    raise WorkspaceError(f"{known[0].name} has no layer {layer!r}. There are: {layers}.")


def _row(row: Any) -> BackboneRow:
    layers = json.loads(row.layers)
    return BackboneRow(
        row.name,
        row.fingerprint,
        tuple(layer["name"] for layer in layers),
        tuple(layer["width"] for layer in layers),
        tuple(layer["sees"] for layer in layers),
    )


def use_backbone(
    catalogue: Catalogue, path: Path, name: str, fingerprint: str, layers: Sequence[Layer]
) -> None:
    """Store the backbone at the first call; raise `WorkspaceError` when a later one differs."""
    _check_names(name, layers)
    with catalogue.read() as connection:
        known = read_backbone(connection)
    if known is None:
        with catalogue.write("items") as connection:
            known = read_backbone(connection)
            if known is None:
                connection.execute(insert(backbones), [_values(1, name, fingerprint, layers)])
                return
    if known.fingerprint != fingerprint:
        raise WorkspaceError(
            f"workspace {path} holds vectors of {known.name} ({known.fingerprint}); vectors of {name} "
            f"({fingerprint}) cannot be mixed with them. Go on with {known.name}, or map the pile "
            "--into another workspace."
        )
    if known.layers != tuple(layer.name for layer in layers):
        raise WorkspaceError(
            f"workspace {path} stores the layers {', '.join(known.layers)} of {name}, not "
            f"{', '.join(layer.name for layer in layers)}, though the fingerprint is the same. Map the pile "
            "--into another workspace."
        )


def add_backbone(catalogue: Catalogue, name: str, fingerprint: str, layers: Sequence[Layer]) -> None:
    """Add a backbone whose layers are stored beside the own one's; nothing happens when it is known.

    Raises `WorkspaceError` before the own one is known, and for layers whose names are taken.
    """
    _check_names(name, layers)
    with catalogue.write("items") as connection:
        known = read_backbones(connection)
        if not known:
            raise WorkspaceError(f"nothing is embedded yet that {name!r} could be added to: map first.")
        if fingerprint in {row.fingerprint for row in known}:
            return
        taken = {layer for row in known for layer in row.layers} & {layer.name for layer in layers}
        if taken:
            raise WorkspaceError(
                f"backbone {name!r} brings layers that there are: {', '.join(sorted(taken))}."
            )
        connection.execute(insert(backbones), [_values(len(known) + 1, name, fingerprint, layers)])


def _check_names(name: str, layers: Sequence[Layer]) -> None:
    if not layers or len({layer.name for layer in layers}) != len(layers):
        raise WorkspaceError(f"backbone {name!r} must have layers with different names, not {list(layers)}.")


def _values(id: int, name: str, fingerprint: str, layers: Sequence[Layer]) -> dict[str, object]:
    texts = [{"name": layer.name, "width": layer.width, "sees": layer.sees} for layer in layers]
    return {"id": id, "name": name, "fingerprint": fingerprint, "layers": json.dumps(texts)}
