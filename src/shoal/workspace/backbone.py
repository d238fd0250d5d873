"""Which backbone made the stored vectors; another one is refused by name."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, insert, select

from shoal.types import Layer
from shoal.workspace.catalogue import Catalogue, backbones
from shoal.workspace.errors import WorkspaceError


@dataclass(frozen=True, slots=True)
class BackboneRow:
    """What the stored vectors were made with; `layers` are names, early to late, `widths` their D."""

    name: str
    fingerprint: str
    layers: tuple[str, ...]
    widths: tuple[int, ...]
    sees: tuple[str, ...]


def read_backbone(connection: Connection) -> BackboneRow | None:
    """Return the workspace's backbone, or None before the first `use_backbone`."""
    row = connection.execute(select(backbones)).one_or_none()
    if row is None:
        return None
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
    if not layers or len({layer.name for layer in layers}) != len(layers):
        raise WorkspaceError(f"backbone {name!r} must have layers with different names, not {list(layers)}.")
    with catalogue.read() as connection:
        known = read_backbone(connection)
    if known is None:
        texts = json.dumps(
            [{"name": layer.name, "width": layer.width, "sees": layer.sees} for layer in layers]
        )
        with catalogue.write("items") as connection:
            known = read_backbone(connection)
            if known is None:
                row = {"id": 1, "name": name, "fingerprint": fingerprint, "layers": texts}
                connection.execute(insert(backbones), [row])
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
