"""Maps of other layers beside the main one: by colour and texture early, by meaning late, then as learned."""

from dataclasses import replace

from shoal.growing import aligned, fit_from, origin_of, within
from shoal.projectors.registration import register
from shoal.refining import model_of
from shoal.types import APART, HEAD_OF, ROUND, Embedding, Map, Progress, Projector, ShoalError, Watch
from shoal.workspace import MapRow, Workspace


def draw_layer(workspace: Workspace, projector: Projector, *, layer: str, watch: Watch) -> int:
    """Draw the map of one layer from where the items lie now, save it beside the main map, return its id.

    "head of round 3" is a layer too: what the head of that round makes of the layer that it learned on.
    Where there is one of the same items already, nothing is drawn. Raises `ShoalError` when there is no map
    to start from, or no such layer.
    """
    row = workspace.main_map()
    main = workspace.map(row.id) if row else None
    if main is None:
        raise ShoalError(f"{workspace.path} has no map yet to show in another layer: `shoal map` makes it.")
    known = maps_by_layer(workspace).get(layer)
    if known is not None:
        return known.id
    embedding = _embedding(workspace, layer)
    drawing = f"drawing the map of {_said(layer)}"
    watch(Progress(0, 0, drawing))
    start, _ = aligned(workspace, main, embedding.ids)
    xy = register(fit_from(projector, embedding.vectors, start, within(drawing, watch)), onto=start)
    low, high = min(0.0, float(xy.min())), max(1.0, float(xy.max()))
    origin = origin_of(workspace, projector, embedding.ids, layer=layer, fitted=len(embedding.ids))
    origin = replace(origin, backbone=embedding.backbone, fingerprint=embedding.fingerprint, aside=True)
    drawn = Map((xy - low) / (high - low), embedding.ids, origin)
    return workspace.save_map(drawn, final=True)


def _embedding(workspace: Workspace, layer: str) -> Embedding:
    number = layer.removeprefix(HEAD_OF)
    if number == layer or not number.isdecimal():
        return workspace.embedding(layer)
    row, model = model_of(workspace, int(number))
    below = workspace.embedding(row.layer)
    return replace(below, vectors=model.embed(below.vectors), layer=layer)


def _said(layer: str) -> str:
    return f"the {layer}" if layer.startswith(HEAD_OF) else f"layer {layer}"


def maps_by_layer(workspace: Workspace) -> dict[str, MapRow]:
    """Return each layer's newest final map that shows what the main map shows; a layer may have none."""
    main = workspace.main_map()
    if main is None:
        return {}
    return {
        row.origin.layer: row
        for row in workspace.maps()
        if row.final
        and row.origin.projector not in (ROUND, APART)
        and row.items == main.items
        and row.origin.shard >= main.origin.shard
    }
