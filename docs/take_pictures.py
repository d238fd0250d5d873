"""Take the pictures of `walkthrough.md`, and the README's first.

    pip install playwright
    python docs/take_pictures.py [NAME ...] [--workspace WORKSPACE.shoal] [--into FOLDER]

The workspace is made and taught by `teaching.py`; with `--workspace` it is kept, and taken again by the next
call, which copies it and never changes it. Look at every picture before it is committed.
"""

import argparse
import io
import math
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, Playwright, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from teaching import map_demo, teach  # noqa: E402
from tests.browser.conftest import NO_GL, QUIET, SOFTWARE_GL  # noqa: E402
from tests.browser.page import Eye, Server  # noqa: E402

INTO = ROOT / "docs/pictures"
DEMO = "emoji"
SIZE = {"width": 1440, "height": 900}
MOST_BYTES = 250_000
REST_MS = 2500
PATIENCE_MS = 90_000


def rest(eye: Eye) -> None:
    """Wait until all pictures are sharp and nothing moves."""
    eye.page.wait_for_function(
        "() => (window.__shoal?.drawn?.thumbnails ?? 0) > 0 && window.__shoal.drawn", timeout=PATIENCE_MS
    )
    eye.page.wait_for_load_state("networkidle")
    eye.page.wait_for_timeout(REST_MS)


def middle(page: Page) -> tuple[float, float]:
    """Return the middle of the map, in px of the window."""
    box = page.locator(".map > canvas").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def zoom(eye: Eye, id: int, steps: int) -> None:
    """Zoom in on an item by wheel, so many steps, until it lies in the middle of the view."""
    for _ in range(steps):
        eye.page.mouse.move(*eye.place(id))
        eye.page.mouse.wheel(0, -250)
        eye.page.wait_for_timeout(120)
    (x, y), (to_x, to_y) = eye.place(id), middle(eye.page)
    eye.page.keyboard.press("v")
    eye.page.mouse.move(x, y)
    eye.page.mouse.down()
    eye.page.mouse.move(to_x, to_y, steps=4)
    eye.page.mouse.up()
    eye.page.keyboard.press("l")
    eye.page.mouse.move(2, 2)


def draw(eye: Eye, id: int, radius: float, *, finish: bool) -> None:
    """Draw a loop of a hand around an item; leave it open at the end where it is not to be finished."""
    x, y = eye.place(id)
    hand = [radius * (1 + 0.12 * math.sin(3 * a + 1)) for a in (k / 48 * 2 * math.pi for k in range(49))]
    at = [
        (x + r * math.cos(k / 24 * math.pi), y + 0.8 * r * math.sin(k / 24 * math.pi))
        for k, r in enumerate(hand)
    ]
    eye.page.mouse.move(*at[0])
    eye.page.mouse.down()
    for place in at[1 : None if finish else -5]:
        eye.page.mouse.move(*place)
    if finish:
        eye.page.mouse.up()
        eye.page.mouse.move(2, 2)


def columns_of(eye: Eye, address: str) -> list[list[int]]:
    """Return the columns of an answer, each read as whole numbers."""
    body = eye.page.request.get(f"{eye.server.base}/api/{address}").body()
    values = memoryview(body)[16:].cast("i").tolist()
    n = int.from_bytes(body[8:12], "little")
    return [values[start : start + n] for start in range(0, len(values), n)]


def densest(eye: Eye, ids: list[int]) -> int:
    """Return the item that has a quarter of the others nearest around it."""
    places = {id: eye.place(id) for id in ids}
    return min(ids, key=lambda id: sorted(math.dist(places[id], at) for at in places.values())[len(ids) // 4])


def find(eye: Eye, name: str) -> int:
    """Return the first item on the map of this class, nearest to the middle of its densest place."""
    classes = {one["name"]: one["id"] for one in eye.state()["classes"]}
    return densest(eye, [id for id, of in enumerate(columns_of(eye, "labels")[0]) if of == classes[name]])


def far(eye: Eye) -> None:
    """Show the whole pile."""


def near(eye: Eye) -> None:
    """Show one neighbourhood."""
    zoom(eye, find(eye, "Smileys & Emotion"), 8)


def between(eye: Eye) -> None:
    """Show a region."""
    zoom(eye, find(eye, "Food & Drink"), 4)


def lasso(eye: Eye) -> None:
    """Show a loop that is being drawn."""
    id = find(eye, "Flags")
    zoom(eye, id, 3)
    rest(eye)
    draw(eye, id, 150, finish=False)


def tray(eye: Eye) -> None:
    """Show a selection in the tray, two strangers out."""
    id = find(eye, "Flags")
    zoom(eye, id, 3)
    rest(eye)
    draw(eye, id, 150, finish=True)
    cells = eye.page.locator(".cell")
    cells.first.wait_for()
    for place in (4, 8):
        cells.nth(place).click()
    cells.first.scroll_into_view_if_needed()
    eye.page.mouse.move(2, 2)


def poster(eye: Eye) -> None:
    """Show the whole pile with a group of it in the tray."""
    draw(eye, find(eye, "Flags"), 70, finish=True)
    eye.page.locator(".cell").first.wait_for()


def layers(eye: Eye) -> None:
    """Show two layers side by side: by meaning, and by texture."""
    eye.press("o")
    eye.page.get_by_label("Beside it").select_option("stage1")
    eye.page.wait_for_function("() => document.querySelector('.side')?.dataset.map", timeout=4 * PATIENCE_MS)


def history(eye: Eye) -> None:
    """Show who did what."""
    eye.press("h")


def confusion(eye: Eye) -> None:
    """Show labels against predictions, the whole matrix of them."""
    eye.press("q")
    matrix = eye.page.get_by_label("Confusion matrix")
    matrix.locator("tr").last.scroll_into_view_if_needed()


def spread(eye: Eye) -> None:
    """Show the pile with no picture covering another."""
    eye.press("w")
    eye.drawn(spread=True)


def learned(eye: Eye) -> None:
    """Show the panel of the rounds."""
    eye.press("r")


def found(eye: Eye) -> None:
    """Show what is most alike to one picture."""
    id = find(eye, "Flags")
    zoom(eye, id, 3)
    rest(eye)
    eye.page.mouse.move(*eye.place(id))
    eye.press("m")
    eye.page.locator("[data-found]").first.wait_for()
    eye.page.mouse.move(2, 2)


def viewer(eye: Eye) -> None:
    """Show one picture large."""
    id = find(eye, "Animals & Nature")
    zoom(eye, id, 6)
    rest(eye)
    eye.page.mouse.dblclick(*eye.place(id))
    eye.page.locator("dialog [data-large=there]").wait_for()
    eye.page.mouse.move(2, 2)


def predicted(eye: Eye, name: str) -> int:
    """Return the first unlabelled item that is taken for this class, where such lie densest."""
    state = eye.state()
    newest = eye.page.request.get(f"{eye.server.base}/api/rounds").json()[0]["id"]
    taken = columns_of(eye, f"rounds/{newest}/predictions")[0]
    labels = columns_of(eye, "labels")[0]
    wanted = next(one["id"] for one in state["classes"] if one["name"] == name)
    return densest(eye, [id for id, of in enumerate(taken) if of == wanted and labels[id] < 0])


def rejecting(eye: Eye) -> None:
    """Show a selection whose predictions can be accepted or rejected."""
    eye.press("r")
    id = predicted(eye, "Symbols")
    zoom(eye, id, 3)
    rest(eye)
    draw(eye, id, 150, finish=True)
    eye.page.get_by_role("button", name="Reject").scroll_into_view_if_needed()


Recipe = tuple[Callable[[Eye], None], str, tuple[str, ...]]
RECIPES: dict[str, Recipe] = {
    "map": (poster, "dark", SOFTWARE_GL),
    "far": (far, "light", SOFTWARE_GL),
    "middle": (between, "light", SOFTWARE_GL),
    "near": (near, "light", SOFTWARE_GL),
    "lasso": (lasso, "light", SOFTWARE_GL),
    "tray": (tray, "light", SOFTWARE_GL),
    "layers": (layers, "light", SOFTWARE_GL),
    "history": (history, "light", SOFTWARE_GL),
    "find": (found, "light", SOFTWARE_GL),
    "viewer": (viewer, "light", SOFTWARE_GL),
    "reject": (rejecting, "light", SOFTWARE_GL),
    "confusion": (confusion, "light", SOFTWARE_GL),
    "learn": (learned, "dark", SOFTWARE_GL),
    "spread": (spread, "light", SOFTWARE_GL),
    "dark": (far, "dark", SOFTWARE_GL),
    "fallback": (far, "dark", NO_GL),
}


def take(playwright: Playwright, server: Server, name: str, into: Path) -> None:
    """Take one picture and keep it as WebP, below what a page should weigh."""
    recipe, scheme, flags = RECIPES[name]
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with playwright.chromium.launch(executable_path=chromium, args=[*QUIET, *flags]) as browser:
        person = [{"name": "shoal/user", "value": "Mina"}]
        kept = {"cookies": [], "origins": [{"origin": server.base, "localStorage": person}]}
        context = browser.new_context(viewport=SIZE, color_scheme=scheme, storage_state=kept)  # type: ignore[arg-type]
        eye = Eye(context.new_page(), server)
        eye.page.set_default_timeout(PATIENCE_MS)
        eye.open()
        rest(eye)
        recipe(eye)
        if name != "lasso":
            rest(eye)
        shot = Image.open(io.BytesIO(eye.page.screenshot()))
    target = into / f"{name}.webp"
    for quality in range(90, 40, -6):
        shot.convert("RGB").save(target, quality=quality, method=6)
        if target.stat().st_size <= MOST_BYTES:
            break
    print(name, target.stat().st_size, "bytes, quality", quality)


def make(playwright: Playwright, workspace: Path) -> None:
    """Map the demo and teach it."""
    map_demo(workspace, DEMO)
    with Server(workspace) as server:
        teach(playwright, server)


def main() -> None:
    """Take those that are named, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*RECIPES, []], metavar="NAME", help=", ".join(RECIPES))
    parser.add_argument("--workspace", type=Path, help="where the taught workspace is, or is to be kept")
    parser.add_argument("--into", type=Path, default=INTO, help="the folder of the pictures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        workspace = (options.workspace or Path(folder) / "made.shoal").resolve()
        if not workspace.exists():
            make(playwright, workspace)
        copy = Path(folder) / f"{DEMO}.shoal"
        shutil.copytree(workspace, copy)
        with Server(copy) as server:
            for name in options.names or RECIPES:
                take(playwright, server, name, options.into)


if __name__ == "__main__":
    main()
