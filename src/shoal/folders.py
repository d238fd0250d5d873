"""Where things lie that are not in a workspace."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return $SHOAL_CACHE, else $XDG_CACHE_HOME/shoal, else ~/.cache/shoal; it need not exist.

    Everything in it was costly to make or fetch and can always be had again.
    """
    if own := os.environ.get("SHOAL_CACHE"):
        return Path(own).expanduser()
    # the XDG rules tell to ignore a path that is not absolute
    xdg = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (xdg if xdg.is_absolute() else Path("~/.cache").expanduser()) / "shoal"
