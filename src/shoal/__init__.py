"""Shoal: a map of thumbnails for any pile of images. Look, lasso, label, learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from shoal.opened import OpenWorkspace

__all__ = ["__version__", "open"]
__version__ = "0.1.0"


def open(
    pile: str | Path,
    *,
    into: str | Path | None = None,
    backbone: str | None = None,
    layer: str | None = None,
    projector: str | None = None,
    fast: bool | None = None,
) -> OpenWorkspace:
    """Open a pile of images, or a workspace, with everything embedded and a map drawn.

    What is new in the pile is embedded first, with progress on standard error; a workspace named itself is
    opened as it is. Without `into` the workspace lies in the current folder, named after the pile. An option
    that is not given stays as the workspace was made. Raises `ShoalError` when the pile is not there, when
    nothing in it can be read, or when the workspace holds vectors of another backbone.
    """
    from shoal.opened import OpenWorkspace
    from shoal.pipeline import make_map, open_pile
    from shoal.recipe import Recipe, Task
    from shoal.report import Reporter

    workspace, piles = open_pile([pile], into=into, kind=OpenWorkspace)
    if piles:
        try:
            recipe = Recipe.of(workspace).changed(
                backbone=backbone, layer=layer, projector=projector, fast=fast
            )
            with Reporter(as_json=False) as reporter:
                make_map(workspace, Task(piles), recipe=recipe, watch=reporter.watch)
        except BaseException:
            workspace.close()
            raise
    return workspace
