"""The main path in Firefox: see the map, lasso, type a class, undo; checked through the API."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.browser.conftest import program
from tests.browser.firefox import Fox
from tests.browser.page import Server
from tests.seeded import Seeded

SAVED = "document.querySelector('[data-pending]')?.dataset.pending === '0'"


@pytest.fixture
def fox() -> Iterator[Fox]:
    with Fox(program("firefox-esr", "firefox")) as started:
        yield started


def state(fox: Fox) -> dict[str, Any]:
    return dict(fox.evaluate("fetch('/api/state').then(response => response.json())"))


def counts(fox: Fox) -> dict[str, int]:
    return {one["name"]: one["count"] for one in state(fox)["classes"]}


def test_see_lasso_label_undo(fox: Fox, server: Server, seeded: Seeded) -> None:
    points = sum(map(len, seeded.ids))
    fox.open(server.door)
    fox.wait(f"window.__shoal?.drawn?.points === {points} && window.__shoal.drawn.thumbnails > 20")
    assert fox.evaluate("navigator.userAgent").find("Firefox/") > 0

    group = seeded.ids[1]
    box = fox.evaluate("document.querySelector('.map > canvas').getBoundingClientRect()")
    spots = fox.evaluate(f"{group}.map(id => window.__shoal.screenOf(id))")
    places = [(box["x"] + at["x"], box["y"] + at["y"]) for at in spots]
    fox.drag(around(places))
    fox.wait(f"window.__shoal.drawn.selected === {len(group)}")
    fox.press("Enter")
    fox.type("seen in firefox")
    fox.press("Enter")
    fox.wait(f"{SAVED} && window.__shoal.drawn.labelled === {len(group)}")
    assert counts(fox) == {"seen in firefox": len(group)}
    names = fox.evaluate(
        f"Promise.all({group}.map(id => fetch('/api/items/' + id).then(r => r.json()))).then(all => "
        "[...new Set(all.map(item => item.class_name))])"
    )
    assert names == ["seen in firefox"]

    fox.press("Control", "z")
    fox.wait(f"window.__shoal.drawn.labelled === 0 && {SAVED}")
    assert counts(fox) == {}
    assert fox.complaints == []


def around(places: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return a box with a margin around these places, closed."""
    x, y = zip(*places, strict=True)
    (x0, x1), (y0, y1) = (min(x) - 8, max(x) + 8), (min(y) - 8, max(y) + 8)
    return [(x0, y0), ((x0 + x1) / 2, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]
