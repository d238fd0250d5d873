"""The machine around a workspace: where things lie that are not in it, and who is at work."""

import getpass
import os
from pathlib import Path


def cache_folder() -> Path | None:
    """Return $SHOAL_CACHE, else $XDG_CACHE_HOME/shoal, else ~/.cache/shoal, else None (no home).

    It need not exist. Everything in it was costly to make or fetch and can always be had again.
    """
    if own := os.environ.get("SHOAL_CACHE"):
        return Path(own).expanduser().absolute()
    # the XDG rules tell to ignore a path that is not absolute
    xdg = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if xdg.is_absolute():
        return xdg / "shoal"
    try:
        return Path.home() / ".cache" / "shoal"
    except RuntimeError:
        return None


def user_name() -> str:
    """Return who is at work, for the label log; `uid-N` where the system has no name for the user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"
