"""Measure how soon a lasso among a million items is seen, saved, and taken back.

The whole page with its server, in Chromium without a graphics processor, on a workspace of a million places
(`tests/million.py`: no vectors, no pictures). "Seen" counts from the pointer's event to the end of the frame
that shows what the lasso would take; "saved" from the key that gives the class to the server's word that the
event is on the disk; "taken back" from Ctrl+Z to the same.

    python benchmarks/renderer/page.py [--items 1000000] [--repeat 5]

Writes its part of `benchmarks/renderer.json` and `.md`.
"""

import argparse
import json
import math
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page, sync_playwright

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]
import run  # noqa: E402
from tests.browser.conftest import QUIET, SOFTWARE_GL  # noqa: E402
from tests.browser.page import Server  # noqa: E402
from tests.million import seed_million  # noqa: E402

LONG_MS = 180_000
MOVES = 40
WATCH = """() => {
    window.seen = [];
    const channel = new MessageChannel();
    let from = 0;
    channel.port1.onmessage = () => { if (from) { seen.push(performance.now() - from); from = 0; } };
    addEventListener("pointermove", (event) => {
        if (!event.buttons || from) return;
        from = event.timeStamp;
        requestAnimationFrame(() => channel.port2.postMessage(0));
    }, { capture: true });
}"""
SAVED = "() => document.querySelector('[data-pending]')?.dataset.pending === '0'"


def drawn(page: Page, **wanted: int) -> None:
    """Wait until a completed picture of the map has these numbers."""
    page.wait_for_function(
        "wanted => Object.entries(wanted).every(([key, value]) => window.__shoal?.drawn?.[key] === value)",
        arg=wanted,
        timeout=LONG_MS,
    )


def loop(page: Page) -> list[tuple[float, float]]:
    """Return a loop around about a fifth of the items, in px of the window."""
    box = page.locator(".map > canvas").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    angles = [2 * math.pi * k / MOVES for k in range(MOVES + 1)]
    return [(x + 220 * math.cos(a), y + 160 * math.sin(a)) for a in angles]


def page_seconds() -> float:
    """Return the processor time of the page's process so far."""
    children = run._children(os.getpid())
    return sum(run._seconds(pid) for pid in children if run._kind(pid) == "renderer")


def one_lasso(page: Page, number: int) -> dict[str, float]:
    """Draw, label, undo; return ms."""
    page.evaluate("seen.length = 0")
    spent = page_seconds()
    start, *way = loop(page)
    page.mouse.move(*start)
    page.mouse.down()
    for place in way:
        page.mouse.move(*place)
    page.mouse.up()
    page.wait_for_function("() => window.__shoal.drawn.selected > 0", timeout=LONG_MS)
    seen = page.evaluate("seen")
    spent = page_seconds() - spent
    page.keyboard.press("Enter")
    page.keyboard.type(f"class {number}")
    begin = time.perf_counter()
    page.keyboard.press("Enter")
    page.wait_for_function(SAVED, polling=10, timeout=LONG_MS)
    saved = time.perf_counter() - begin
    page.wait_for_function("() => window.__shoal.drawn.labelled > 0", timeout=LONG_MS)
    count = page.evaluate("window.__shoal.drawn.labelled")
    begin = time.perf_counter()
    page.keyboard.press("Control+z")
    page.wait_for_function("() => window.__shoal.drawn.labelled === 0", polling=10, timeout=LONG_MS)
    page.wait_for_function(SAVED, polling=10, timeout=LONG_MS)
    back = time.perf_counter() - begin
    return {
        "items": count,
        "cpu_ms": 1000 * spent / MOVES,
        "seen_p50_ms": statistics.median(seen),
        "seen_p95_ms": sorted(seen)[int(0.95 * len(seen))],
        "seen_within_50_ms": sum(ms <= run.LONG_MS for ms in seen) / len(seen),
        "saved_ms": 1000 * saved,
        "back_ms": 1000 * back,
    }


def heap(session: CDPSession) -> float:
    """Return the page's JavaScript heap with its arrays, in MB."""
    session.send("HeapProfiler.collectGarbage")
    usage = session.send("Runtime.getHeapUsage")
    return float(usage["usedSize"] + usage.get("backingStorageSize", 0)) / 1e6


def measure(items: int, repeat: int) -> dict[str, Any]:
    """Open the page on a new workspace and draw `repeat` lassos."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        seeded = seed_million(Path(folder) / "million.shoal", n=items)
        server = Server(seeded.path)
        server.start()
        try:
            with playwright.chromium.launch(
                executable_path=run.chromium(), args=[*QUIET, *SOFTWARE_GL]
            ) as browser:
                page = browser.new_page(viewport={"width": 1280, "height": 800})
                page.set_default_timeout(LONG_MS)
                page.evaluate("0")
                begin = time.perf_counter()
                page.goto(server.door)
                drawn(page, points=items)
                first = time.perf_counter() - begin
                page.wait_for_load_state("networkidle")
                page.evaluate(WATCH)
                lassos = [one_lasso(page, number) for number in range(repeat)]
                session = page.context.new_cdp_session(page)
                return {"items": items, "first_s": first, "lassos": lassos, "heap_mb": heap(session)}
        finally:
            server.stop()


def main() -> None:
    """Measure, and write the page's part of both files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    measured = measure(options.items, options.repeat)
    result = json.loads(run.RESULT.read_text())
    result["page"] = measured
    run.write(result)
    print(run.lasso_words(measured))


if __name__ == "__main__":
    main()
