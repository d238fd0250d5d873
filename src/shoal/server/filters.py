"""Which items pass a filter: one rule, for the page and for the lassos that are resolved here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shoal.server.errors import Refusal, absent_is_404
from shoal.server.schemas import ColumnFilter, Filter
from shoal.types import UNLABELLED

if TYPE_CHECKING:
    from shoal.server.context import Context

Mask = NDArray[np.bool_]


def passing(wanted: Filter, context: Context) -> Mask:
    """Return by item id (N,) whether the item passes; refuse with 404 for a column that is not there."""
    items = context.workspace.items
    mask = np.ones(len(items), dtype=np.bool_)
    if wanted.labelled is not None or wanted.classes:
        labels = np.full(len(items), UNLABELLED, dtype=np.int64)
        current = context.workspace.log.current()[: len(items)]
        labels[: len(current)] = current
        if wanted.labelled is not None:
            mask &= (labels != UNLABELLED) == wanted.labelled
        if wanted.classes:
            mask &= np.isin(labels, wanted.classes)
    for column in wanted.columns:
        mask &= _holds(column, context)
    text = wanted.text.casefold()
    if text:
        named = np.flatnonzero(mask)
        mask[named] = [text in items.names[id].casefold() for id in named.tolist()]
    return mask


def _holds(wanted: ColumnFilter, context: Context) -> Mask:
    if context.doors.columns is None:
        raise Refusal(409, "this server has no columns of metadata to filter by")
    with absent_is_404():
        values = context.doors.columns.values(wanted.column)
    mask: Mask = np.isfinite(values)
    if wanted.categories is not None:
        mask &= np.isin(values, wanted.categories)
    if wanted.low is not None:
        mask &= values >= wanted.low
    if wanted.high is not None:
        mask &= values <= wanted.high
    return mask
