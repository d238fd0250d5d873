"""Build the page into the wheel, so that an installed Shoal needs no Node."""

import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageHook(BuildHookInterface[Any]):
    """Run `npm ci` and `npm run build` once, unless the page is there or the install is editable."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: D102
        page = Path(self.root, "src/shoal/server/static/index.html")
        if version == "editable" or page.exists():
            return
        for command in (["npm", "ci"], ["npm", "run", "build"]):
            subprocess.run(command, cwd=Path(self.root, "web"), check=True)
