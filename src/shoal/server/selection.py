"""From what the page drew to the items it means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shoal.server.errors import Refusal
from shoal.server.filters import passing
from shoal.server.lasso import inside
from shoal.server.schemas import Selection

if TYPE_CHECKING:
    from shoal.server.context import Context


def resolve(selection: Selection, context: Context) -> NDArray[np.int64]:
    """Return the ids inside the polygon that pass the filter, plus `ids`, less `without`.

    They are sorted, unique, and never none.

    Raise `Refusal`: 422 for a polygon without a map or a selection of nothing, 404 for an unknown map.
    """
    chosen = np.unique(np.array(selection.ids, dtype=np.int64))
    if selection.polygon is not None:
        if selection.map_id is None:
            raise Refusal(422, "selection.map_id: missing; say on which map the polygon was drawn")
        found = context.maps.get(selection.map_id)
        lassoed = found.ids[inside(found.xy, np.array(selection.polygon, dtype=np.float64))]
        if selection.filter is not None:
            lassoed = lassoed[passing(selection.filter, context)[lassoed]]
        # A map's ids ascend already: a lasso alone needs no sorting.
        chosen = np.union1d(chosen, lassoed) if chosen.size else lassoed
    if selection.without:
        chosen = chosen[np.isin(chosen, selection.without, invert=True)]
    if chosen.size == 0:
        raise Refusal(422, "selection: it names no item; draw around at least one picture")
    return chosen
