"""The docs name every part and every verb; what they name exists."""

import re
from pathlib import Path

import pytest

from shoal.backbones import BACKBONES
from shoal.cli import build_parser
from shoal.clustering import CLUSTERINGS
from shoal.demos import DEMOS
from shoal.formats import EXPORTS, IMPORTS
from shoal.indices import AGREEMENTS, INDICES
from shoal.losses import LOSSES
from shoal.projectors import PROJECTORS
from shoal.sources import SOURCES

ROOT = Path(__file__).parent.parent
PARTS = (ROOT / "docs" / "parts.md").read_text()


@pytest.mark.parametrize(
    "rows", [BACKBONES, PROJECTORS, SOURCES, EXPORTS, IMPORTS, DEMOS], ids=lambda r: r.kind
)
def test_every_row_has_a_line(rows):
    for name in rows.names():
        assert f"| `{name}`" in PARTS, f"docs/parts.md has no line for the {rows.kind} {name!r}"


def test_every_loss_has_a_page():
    table = (ROOT / "docs" / "losses" / "README.md").read_text()
    for name in LOSSES.names():
        assert name in table
        assert (ROOT / "docs" / "losses" / f"{name}.md").exists()


def test_every_loss_has_a_picture_of_its_own():
    pages = ROOT / "docs" / "losses"
    pictures = {name: (pages / "pictures" / f"{name}.webp").read_bytes() for name in LOSSES.names()}
    assert len(set(pictures.values())) == len(pictures)
    assert {file.stem for file in (pages / "pictures").iterdir()} == set(pictures)
    for name, picture in pictures.items():
        assert picture[8:12] == b"WEBP"
        assert len(picture) < 60_000
        assert f"(pictures/{name}.webp)" in (pages / f"{name}.md").read_text()


def test_every_clustering_has_a_line():
    page = (ROOT / "docs" / "clustering.md").read_text()
    for name in CLUSTERINGS.names():
        assert f"| `{name}`" in page, f"docs/clustering.md has no line for the clustering {name!r}"
        assert f"\n## {name}\n" in page, f"docs/clustering.md has no section for the clustering {name!r}"


@pytest.mark.parametrize("rows", [INDICES, AGREEMENTS], ids=lambda r: r.kind)
def test_every_index_has_a_line(rows):
    page = (ROOT / "docs" / "indices.md").read_text()
    for name in rows.names():
        assert f"| `{name}` |" in page, f"docs/indices.md has no line for the {rows.kind} {name!r}"


def test_the_readme_names_every_verb():
    readme = (ROOT / "README.md").read_text()
    verbs = next(action.choices for action in build_parser()._actions if action.dest == "verb")
    for verb in verbs:
        assert f"shoal {verb}" in readme, f"README.md does not mention `shoal {verb}`"


def test_links_between_pages_lead_somewhere():
    for page in [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"
