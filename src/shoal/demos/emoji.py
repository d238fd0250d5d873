"""The default demo: 3,391 emoji pictures, drawn in 3-D."""

import json
import re
from pathlib import Path, PurePosixPath

from shoal.demos.archives import files
from shoal.demos.clients import npm_pack
from shoal.demos.pile import Draft, Pile, Say, kept
from shoal.types import ShoalError

_PICTURES = "@lobehub/fluent-emoji-3d@1.1.0"
_CATEGORIES = "unicode-emoji-json@0.9.0"
_SKIN_TONES = {"1f3fb", "1f3fc", "1f3fd", "1f3fe", "1f3ff"}
_UNSEEN = {"fe0f", "e007f"}
"""The variation selector and the end of a flag sequence: file names have or lack them at will."""


class Emoji:
    """Emoji as 256 px renders; the truth is Unicode's category, for the pictures of neutral skin tone.

    The variants of skin tone have no truth: six near-copies of one picture find each other on any map and
    would flatter every measure of quality. Measured: 1,871 of 3,391 pictures have one of 9 categories.
    """

    name = "emoji"
    licence = "MIT (pictures: Fluent Emoji by Microsoft, packed by LobeHub; categories: unicode-emoji-json)"
    description = "3,391 emoji in 3-D, 9 categories; 16 MB to download"

    def fetch(self, folder: Path, say: Say) -> Pile:
        """Return the pile, fetched into `folder` unless it is there; raise `ShoalError` where that fails."""

        def build(draft: Draft) -> None:
            say(f"downloading {self.description} (npm {_PICTURES}); licence {self.licence}")
            self._build(draft)

        return kept(folder, "emoji-1.1.0", build)

    def _build(self, draft: Draft) -> None:
        table = _table(npm_pack(_CATEGORIES, draft.downloads / "categories"))
        truth = {}
        for path, data in files(npm_pack(_PICTURES, draft.downloads / "pictures")):
            stem = PurePosixPath(path).stem
            if not re.fullmatch(r"package/assets/[0-9a-f_-]+\.webp", path):
                continue
            slug, category = table.get(identity(stem), ("", ""))
            name = f"{slug}.{stem}.webp" if slug else f"{stem}.webp"
            draft.add(name, data)
            if category and not _SKIN_TONES.intersection(_code_points(stem)):
                truth[name] = category
        if not truth:
            raise ShoalError(f"the npm package {_PICTURES} holds no emoji pictures where they were expected.")
        draft.finish(truth, self.licence + "\n")


def identity(stem: str) -> str:
    """Return what makes an emoji that emoji: its code points without skin tone and invisible signs.

    `stem` is a file name such as "0023-fe0f-20e3" or "1f3f4-e0067_e0062": hex, with leading zeros or not.
    """
    return "-".join(point for point in _code_points(stem) if point not in _SKIN_TONES | _UNSEEN)


def _code_points(stem: str) -> list[str]:
    return [point.lstrip("0") for point in re.split(r"[-_]", stem.lower())]


def _table(archive: Path) -> dict[str, tuple[str, str]]:
    """Return (readable name, category) by identity."""
    for path, data in files(archive):
        if path == "package/data-by-emoji.json":
            emoji = json.loads(data)
            return {
                identity("-".join(f"{ord(sign):x}" for sign in signs)): (
                    re.sub(r"[^a-z0-9]+", "_", row["slug"].lower()).strip("_"),
                    row["group"],
                )
                for signs, row in emoji.items()
            }
    raise ShoalError(f"the npm package {_CATEGORIES} holds no table of categories where it was expected.")
