"""From what the page drew to the items it means."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shoal.server.errors import Refusal
from shoal.server.filters import passing
from shoal.server.lasso import brushed, inside
from shoal.server.schemas import Selection

if TYPE_CHECKING:
    from shoal.server.context import Context
    from shoal.types import Map


def resolve(selection: Selection, context: Context) -> NDArray[np.int64]:
    """Return the ids in the polygon and under the brush that pass the filter, plus `ids` and `bits`.

    Less `without`; sorted, unique, and never none. Raise `Refusal`: 422 for a polygon or brush without a map,
    bits that are no base64, or a selection of nothing; 404 for an unknown map.
    """
    chosen = np.unique(np.array(selection.ids, dtype=np.int64))
    if selection.bits is not None:
        chosen = np.union1d(chosen, _of_bits(selection.bits))
    if selection.polygon is not None or selection.brush is not None:
        if selection.map_id is None:
            raise Refusal(422, "selection.map_id: missing; say on which map the selection was drawn")
        drawn = _drawn(selection, context.maps.get(selection.map_id))
        if selection.filter is not None:
            drawn = drawn[passing(selection.filter, context)[drawn]]
        # A map's ids ascend already: a lasso alone needs no sorting.
        chosen = np.union1d(chosen, drawn) if chosen.size else drawn
    if selection.without:
        chosen = chosen[np.isin(chosen, selection.without, invert=True)]
    if chosen.size == 0:
        raise Refusal(422, "selection: it names no item; draw around at least one picture")
    return chosen


def _drawn(selection: Selection, found: Map) -> NDArray[np.int64]:
    covered = np.zeros(len(found.ids), dtype=np.bool_)
    if selection.polygon is not None:
        covered |= inside(found.xy, np.array(selection.polygon, dtype=np.float64))
    if selection.brush is not None:
        covered |= brushed(found.xy, np.array(selection.brush.path, dtype=np.float64), selection.brush.radius)
    return found.ids[covered]


def _of_bits(bits: str) -> NDArray[np.int64]:
    try:
        data = base64.b64decode(bits, validate=True)
    except binascii.Error as error:
        raise Refusal(422, "selection.bits: this is no base64") from error
    return np.flatnonzero(np.unpackbits(np.frombuffer(data, dtype=np.uint8), bitorder="little"))
