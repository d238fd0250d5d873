"""A million items on the map: one lasso takes exactly what lies in it, one undo gives it back.

Nothing here depends on how fast it is; `benchmarks/renderer` measures that.
"""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import expect
from tests.browser.conftest import Look
from tests.browser.page import Eye, Server
from tests.million import Million, seed_million

pytestmark = pytest.mark.alone
N = 1_000_000
LONG_MS = 120_000
HEADER = 16


@pytest.fixture(scope="module")
def million(tmp_path_factory: pytest.TempPathFactory) -> Million:
    return seed_million(tmp_path_factory.mktemp("million") / "million.shoal", n=N)


@pytest.fixture
def seeded(million: Million) -> Million:
    """In place of the seeded workspace: what the server serves."""
    return million


def inside(polygon: list[list[float]], xy: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the rows of xy (N, 2) round which the polygon winds: by the angles, summed in float64."""
    corners = np.array(polygon)
    turns = np.zeros(len(xy))
    x, y = xy.astype(np.float64).T
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        cross = (ax - x) * (by - y) - (ay - y) * (bx - x)
        dot = (ax - x) * (bx - x) + (ay - y) * (by - y)
        turns += np.arctan2(cross, dot)
    return np.flatnonzero(np.abs(turns) > np.pi)


def shown(eye: Eye, **wanted: int) -> dict[str, Any]:
    eye.page.wait_for_function(
        "wanted => Object.entries(wanted).every(([key, value]) => window.__shoal?.drawn?.[key] === value)",
        arg=wanted,
        timeout=LONG_MS,
    )
    return dict(eye.page.evaluate("window.__shoal.drawn"))


def test_a_lasso_among_a_million_is_exact_and_one_undo_takes_it_back(
    look: Look, server: Server, million: Million
) -> None:
    eye = look()
    eye.forgive("404")  # the tray's pictures: these items have none
    shown(eye, points=N, visible=N, selected=0)

    box = eye.page.locator(".map > canvas").bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    angles = np.linspace(0, 2 * np.pi, 24)
    corners = [(middle[0] + 260 * np.cos(a), middle[1] + 180 * np.sin(2 * a + 0.3)) for a in angles]
    mouse = eye.page.mouse
    mouse.move(*corners[0])
    mouse.down()
    for corner in corners[1:]:
        mouse.move(*corner)
    mouse.up()
    expect(eye.page.get_by_role("status").filter(has_text="items").first).to_be_visible(timeout=LONG_MS)

    with eye.page.expect_request(lambda request: request.url.endswith("/api/labels")) as sent:
        eye.name("crossing loop")
    body = sent.value.post_data_json
    polygon = body["selection"]["polygon"]
    assert polygon, "more than 100,000 items are said by their lasso"
    expected = inside(polygon, million.xy)
    assert len(expected) > 100_000
    eye.page.wait_for_function(
        "() => document.querySelector('[data-pending]')?.dataset.pending === '0'", timeout=LONG_MS
    )
    shown(eye, labelled=len(expected), selected=0)
    assert eye.counts() == {"crossing loop": len(expected)}
    np.testing.assert_array_equal(labelled(eye), expected)
    [event] = history(eye)
    assert (event["how"], event["count"]) == ("lasso", len(expected))

    eye.press("Control+z")
    shown(eye, labelled=0)
    eye.page.wait_for_function(
        "() => document.querySelector('[data-pending]')?.dataset.pending === '0'", timeout=LONG_MS
    )
    assert eye.counts() == {}  # its class went with the label that brought it
    assert len(labelled(eye)) == 0


def labelled(eye: Eye) -> NDArray[np.int64]:
    """The ids of all that have a label, by the server."""
    body = eye.page.request.get(f"{eye.server.base}/api/labels", timeout=LONG_MS).body()
    return np.flatnonzero(np.frombuffer(body, "<i4", offset=HEADER) >= 0)


def history(eye: Eye) -> list[dict[str, Any]]:
    return list(eye.page.request.get(f"{eye.server.base}/api/history").json())
