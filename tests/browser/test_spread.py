"""Spread apart: no picture covers another, gestures mean what is seen, and one key leads back."""

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import expect
from tests.browser.conftest import Look
from tests.browser.page import Eye
from tests.seeded import Seeded, save_early

from shoal.workspace import Workspace


def places(eye: Eye, ids: list[int]) -> NDArray[np.float64]:
    return np.array(eye.places(ids))


def apart(at: NDArray[np.float64]) -> float:
    """Return how near, in px, the nearest two of these places (N, 2) are, in x or y, whichever is more."""
    gaps = np.abs(at[:, None] - at[None]).max(axis=2)
    return float(gaps[~np.eye(len(at), dtype=bool)].min())


def within(loop: NDArray[np.float64], at: NDArray[np.float64]) -> list[int]:
    """Return the places (N, 2) that lie on the same side of every edge of a convex loop (M, 2)."""
    edges = np.roll(loop, -1, axis=0) - loop
    sides = np.array(
        [
            edge[0] * (at[:, 1] - c[1]) - edge[1] * (at[:, 0] - c[0])
            for edge, c in zip(edges, loop, strict=True)
        ]
    )
    return np.flatnonzero((sides >= 0).all(axis=0)).tolist()


def test_no_picture_covers_another_and_the_lasso_takes_what_is_seen(look: Look, seeded: Seeded) -> None:
    eye = look()
    every = sorted(id for ids in seeded.ids for id in ids)
    eye.whole_map(len(every))
    before = places(eye, every)
    assert apart(before) < 20

    eye.press("w")
    eye.drawn(spread=True, points=len(every), thumbnails=len(every))
    expect(eye.page.get_by_role("button", name="Spread apart")).to_have_attribute("aria-pressed", "true")
    now = places(eye, every)
    assert apart(now) > 24

    # A loop around four that lie together now: by where they are seen, not by where the map has them.
    first = every.index(seeded.ids[0][0])
    near = np.argsort(np.hypot(*(now - now[first]).T), kind="stable")[:4]
    chosen = sorted(every[k] for k in near)
    start, *way = eye.loop(chosen)
    taken = within(np.array([start, *way]), now)
    eye.page.mouse.move(*start)
    eye.page.mouse.down()
    for corner in way:
        eye.page.mouse.move(*corner)
    eye.page.mouse.up()
    eye.drawn(selected=len(taken))
    eye.name("seen together")
    eye.saved()
    labelled = set(eye.labels())
    assert labelled == {every[k] for k in taken}
    assert labelled >= set(chosen)
    assert eye.state()["undo"]["how"] == "lasso"
    eye.press("Control+z")
    eye.drawn(labelled=0)

    eye.press("w")
    eye.drawn(spread=False)
    np.testing.assert_allclose(places(eye, every), before, atol=0.01)


def test_nothing_is_spread_while_a_lasso_is_drawn_and_both_maps_are_after_it(
    look: Look, seeded: Seeded
) -> None:
    with Workspace.open(seeded.path) as workspace:
        save_early(workspace, seeded)
    eye = look()
    eye.whole_map(sum(map(len, seeded.ids)))
    side = eye.beside()
    before = places(eye, seeded.ids[0])
    start, *way = eye.loop(seeded.ids[0])
    eye.page.mouse.move(*start)
    eye.page.mouse.down()
    for corner in way[:6]:
        eye.page.mouse.move(*corner)
    button = eye.page.get_by_role("button", name="Spread apart")
    eye.press("w")
    expect(eye.page.get_by_text("Not while something is drawn")).to_be_visible()
    expect(button).to_have_attribute("aria-pressed", "false")
    for corner in way[6:]:
        eye.page.mouse.move(*corner)
    eye.page.mouse.up()
    eye.drawn(selected=len(seeded.ids[0]), spread=False)
    np.testing.assert_allclose(places(eye, seeded.ids[0]), before, atol=0.01)
    eye.page.wait_for_load_state("networkidle")
    eye.frames(60)
    beside = eye.settled(side)
    eye.press("w")
    eye.drawn(spread=True)
    expect(button).to_have_attribute("aria-pressed", "true")
    eye.until(lambda: side.screenshot() != beside, "the map beside to be spread apart")
    eye.press("w")
    eye.drawn(spread=False)
    eye.until(lambda: side.screenshot() == beside, "it to lie as before")


def test_names_and_overview_go_along_and_come_back(look: Look, seeded: Seeded) -> None:
    with Workspace.open(seeded.path) as workspace:
        for group, name in enumerate(("north", "east", "south", "west")):
            workspace.label(seeded.ids[group], name)
    eye = look(reduced_motion="reduce")  # what moves is drawn anew at every step in any case
    eye.whole_map(sum(map(len, seeded.ids)))
    names, overview = eye.page.locator(".name[data-name]"), eye.page.locator(".minimap > canvas")

    def shown() -> tuple[str, object]:
        boxes = names.evaluate_all("(all) => all.map((one) => JSON.stringify(one.getBoundingClientRect()))")
        return overview.evaluate("(one) => one.toDataURL()"), boxes

    expect(names).to_have_count(4)
    eye.until(lambda: len(shown()[0]) > 1_000, "the overview")
    eye.page.wait_for_load_state("networkidle")
    eye.frames(60)  # by the pictures that came last names have found their free ground
    before = shown()
    eye.press("w")
    eye.drawn(spread=True)
    eye.until(lambda: all(now != old for now, old in zip(shown(), before, strict=True)), "both to follow")
    eye.press("w")
    eye.drawn(spread=False)
    eye.until(lambda: shown() == before, "both to come back")
