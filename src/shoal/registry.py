"""Name -> "module:Class", loaded on use: one file and one row for every replaceable part."""

from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from shoal.types import ShoalError


class Registry:
    """A table of names, each with the place of its class; third parties add rows by entry points.

    The entry-point group is `shoal.` and the plural of the kind, e.g. `shoal.backbones`; `many` is that
    plural where it is not `<kind>s`. Nothing is imported until `load`.
    """

    def __init__(self, kind: str, rows: dict[str, str], *, many: str | None = None) -> None:
        self.kind = kind
        self.group = f"shoal.{many or f'{kind}s'}"
        self._rows = rows

    def names(self) -> list[str]:
        """List every name, ours first, in the order of the table."""
        return list(self._all())

    def require(self, name: str) -> str:
        """Return the place behind `name` without importing it; raise `ShoalError` naming the choices."""
        rows = self._all()
        if name not in rows:
            near = get_close_matches(name, rows, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ShoalError(f"no {self.kind} {name!r}.{hint} There are: {', '.join(rows)}.")
        return rows[name]

    def load(self, name: str) -> Any:
        """Return the class (or factory) behind `name`; raise `ShoalError` naming the choices."""
        module, _, attribute = self.require(name).partition(":")
        return getattr(import_module(module), attribute)

    def _all(self) -> dict[str, str]:
        plugins = {point.name: point.value for point in entry_points(group=self.group)}
        return {**plugins, **self._rows} if plugins else self._rows
