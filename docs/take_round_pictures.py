"""Take the README's pictures of one pile before and after two rounds, the labels by the simulated annotator.

    pip install playwright; shoal map PICTURES --into WORKSPACE.shoal --no-serve
    python docs/take_round_pictures.py WORKSPACE.shoal TRUTH.json [--gestures 20]

TRUTH.json gives a class for each item's name, as beside a demo's pictures. The workspace is copied first and
never changed. Writes docs/pictures/rounds-before.webp and rounds-after.webp; look at them before you commit.
"""

import argparse
import io
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Playwright, sync_playwright
from take_pictures import INTO, PATIENCE_MS, QUIET, SOFTWARE_GL, Eye, Server, rest

from shoal.effort import Learned, measure_effort
from shoal.refining import Lesson, refine
from shoal.workspace import Workspace

SIZE = {"width": 1400, "height": 1000}
MOST_BYTES = 180_000
ROUNDS = 2


def learn_twice(path: Path, truth: dict[str, str], gestures: int) -> str:
    """Label by so many gestures, learn, and once more; return what was done, in words."""
    with Workspace.open(path) as workspace:
        drawn = workspace.map()
        assert drawn is not None
        names = sorted(set(truth.values()))
        known = [truth.get(workspace.items.names[id]) for id in drawn.ids]
        classes = np.array([names.index(name) if name else -1 for name in known])
        done: list[str] = []

        def learn(labels: NDArray[np.int64], gestures: NDArray[np.int64]) -> Learned:
            if len(done) < ROUNDS:
                given = workspace.log.current()[drawn.ids] >= 0
                for gesture in np.unique(gestures[(labels >= 0) & ~given]):
                    together = gestures == gesture
                    workspace.label(drawn.ids[together].tolist(), names[labels[together][0]])
                refine(workspace, Lesson())
                done.append(f"{gestures.max() + 1} gestures, {(labels >= 0).sum():,} labels")
            after = workspace.map()
            assert after is not None
            return Learned(after.xy, np.full(len(labels), -1), np.zeros(len(labels)))

        measure_effort(drawn.xy, classes, learn=learn, every=gestures, most=(ROUNDS + 1) * gestures)
        row = workspace.rounds.current()
        assert row is not None
        return f"rounds after {' and '.join(done)}; {row.report}"


def take(playwright: Playwright, server: Server, name: str, *, colour: str | None) -> None:
    """Take one picture of the map alone."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with playwright.chromium.launch(executable_path=chromium, args=[*QUIET, *SOFTWARE_GL]) as browser:
        eye = Eye(browser.new_context(viewport=SIZE, color_scheme="light").new_page(), server)  # type: ignore[arg-type]
        eye.page.set_default_timeout(PATIENCE_MS)
        eye.open()
        rest(eye)
        if colour:
            eye.press("o")
            eye.page.get_by_label("Colour by").select_option(colour)
            eye.press("o")
            rest(eye)
        box = eye.page.locator(".map > canvas").bounding_box()
        shot = Image.open(io.BytesIO(eye.page.screenshot(clip=box)))
    for quality in range(90, 40, -6):
        shot.convert("RGB").save(INTO / f"{name}.webp", quality=quality, method=6)
        if (INTO / f"{name}.webp").stat().st_size <= MOST_BYTES:
            break
    print(name, shot.size, (INTO / f"{name}.webp").stat().st_size, "bytes")


def main() -> None:
    """Take both pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--gestures", type=int, default=20)
    options = parser.parse_args()
    truth = json.loads(options.truth.read_text())
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        copy = Path(folder) / "pile.shoal"
        shutil.copytree(options.workspace, copy)
        for name in ("rounds-before", "rounds-after"):
            if name == "rounds-after":
                print(learn_twice(copy, truth, options.gestures))
            with Server(copy) as server:
                take(playwright, server, name, colour="prediction" if name == "rounds-after" else None)


if __name__ == "__main__":
    main()
