"""What the page can ask for beyond labels: finding, metadata, large pictures, quality, other layers."""

from collections.abc import Callable
from functools import lru_cache, partial

from shoal.columns import Columns
from shoal.finders import Finders
from shoal.images.enlarge import enlarge
from shoal.layer_maps import maps_by_layer
from shoal.pulling import draw_apart
from shoal.quality import judge_map
from shoal.reading import item_reader
from shoal.server.doors import Doors
from shoal.suggesting import Suggester
from shoal.workspace import Workspace

PICTURES_KEPT = 64


def open_doors(workspace: Workspace) -> Doors:
    """Return the doors that the server of this workspace leads through."""
    return Doors(
        finders=Finders(workspace),
        columns=Columns(workspace),
        picture=_pictures(workspace),
        judge=partial(judge_map, workspace),
        layer_maps=maps_by_layer,
        suggester=Suggester(workspace),
        pull_apart=partial(draw_apart, workspace),
    )


def _pictures(workspace: Workspace) -> Callable[[int], bytes]:
    read = item_reader(workspace)

    @lru_cache(maxsize=PICTURES_KEPT)
    def made(source: str, key: bytes, _file: tuple[int, int]) -> bytes:
        return enlarge(read(source, key))

    def picture(id: int) -> bytes:
        item = workspace.item(id)
        # Size as of the last scan: a file that changed is decoded anew once that is known.
        return made(item.source, item.key, (item.width, item.height))

    return picture
