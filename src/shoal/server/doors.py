"""The doors to the other rooms: what the server asks for and does not know how to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from shoal.types import Map

if TYPE_CHECKING:
    from shoal.workspace import MapRow, Workspace

Ids = NDArray[np.int64]
Scores = NDArray[np.float32]


class Beyond(Protocol):
    """What a selection missed (`inside` 0) and took by mistake (1), and how far the map can be trusted."""

    @property
    def ids(self) -> Ids: ...  # noqa: D102

    @property
    def inside(self) -> NDArray[np.int32]: ...  # noqa: D102

    @property
    def share(self) -> Scores: ...  # noqa: D102

    @property
    def trust(self) -> float: ...  # noqa: D102


class Finders(Protocol):
    """Finding by likeness; `layer` None is the current map's. Best first, everywhere."""

    def layer(self, layer: str | None = None) -> str:
        """Return the layer that is searched."""
        ...

    def similar(self, ids: Ids, *, layer: str | None, how: str, count: int) -> tuple[Ids, Scores]:
        """Return items most alike to `ids`, and their cosines."""
        ...

    def beyond(self, ids: Ids, *, layer: str | None, drawn: Map, count: int) -> Beyond:
        """Return what belongs with `ids` and is not among them, and what of them does not belong."""
        ...

    def duplicates(self, *, layer: str | None) -> tuple[Ids, Ids, Scores]:
        """Return ids, the group of each, its cosine with the first of its group."""
        ...

    def outliers(self, *, layer: str | None) -> tuple[Ids, Scores]:
        """Return items that lie alone, and their robust z."""
        ...

    def odd(self, *, layer: str | None) -> tuple[Ids, Ids, Scores]:
        """Return items with a suspected label, the class their neighbours have, the share that says so."""
        ...


class Suggestion(Protocol):
    """A group to label next: its items, those that show it best, and why, in one sentence."""

    @property
    def ids(self) -> Ids: ...  # noqa: D102

    @property
    def exemplars(self) -> Ids: ...  # noqa: D102

    @property
    def reason(self) -> str: ...  # noqa: D102


class Suggester(Protocol):
    """What to label next, for the labels as they are now."""

    def suggestions(self) -> Sequence[Suggestion]:
        """Return the groups, the most useful first."""
        ...


class Column(Protocol):
    """One column of metadata; a category's values are places in `categories`."""

    @property
    def id(self) -> int: ...  # noqa: D102

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def kind(self) -> str: ...  # noqa: D102

    @property
    def categories(self) -> Sequence[str]: ...  # noqa: D102

    @property
    def origin(self) -> str: ...  # noqa: D102


class Columns(Protocol):
    """The columns of metadata."""

    def known(self) -> Sequence[Column]:
        """List every column."""
        ...

    def values(self, id: int) -> Scores:
        """Return a column's values by item id, NaN where nothing is known."""
        ...


@dataclass(frozen=True, slots=True)
class Doors:
    """What else the page can ask for: each is None (or empty) where this server cannot do it.

    `picture` gives an item's large picture, JPEG or WebP, `judge` the quality of a map by id, `layer_maps`
    each layer's map, `pull_apart` draws the map that tells two groups of items from each other.
    """

    finders: Finders | None = None
    columns: Columns | None = None
    picture: Callable[[int], bytes] | None = None
    judge: Callable[[int], Mapping[str, float | None]] | None = None
    layer_maps: Callable[[Workspace], Mapping[str, MapRow]] | None = None
    suggester: Suggester | None = None
    pull_apart: Callable[[Ids, Ids], int] | None = None
