"""How fast is the map drawn? Ours against regl-scatterplot, deck.gl and embedding-atlas, in one Chromium.

Every side shows the same seeded points in the same 1280 x 800 px, then follows the same camera: 120 frames
from left to right and back with everything in view, 120 frames into the middle by a factor of 30 and out
again. A side is told one view per animation frame. What counts is the interval between frames: Chromium
lets a page run only a frame or two ahead of its graphics process, so that over a path the intervals are
those of the drawing; to be sure, the path's whole time, up to the moment when a pixel could be read back,
is divided by its frames too ("mean"). Animation frames in which a side drew nothing are no frames of it.
CPU time is that of the page's and the graphics process: it says least about what else the machine was
doing. A path ends early where a side takes more than `--patience` seconds for it, and a side is given up
where all takes more than `--most`. The first picture is the median of five fresh browsers.

Chromium runs with the software graphics interface (SwiftShader) unless `--gpu` is given: the machine of
most notebooks on a server, and the one that everybody can repeat. Ours then draws its dots by the processor
(see web/src/map/dots.ts); `shoal, WebGL2` is the same page told to use that interface all the same, for
comparison.

    pip install -e '.[benchmarks]' playwright    # the script installs the rivals by npm where missing
    python benchmarks/renderer/run.py [--sizes 10000 100000 1000000] [--sides shoal deck.gl ...]
        [--patience 20] [--most 180] [--gpu] [--no-pictures]

Writes `benchmarks/renderer.json` and `.md`.
"""

import argparse
import functools
import http.server
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from playwright.sync_api import Playwright, sync_playwright

HERE = Path(__file__).parent
RESULT = HERE.parent / "renderer.json"
SIDES = {
    "shoal": "shoal",
    "shoal, WebGL2": "shoal",
    "regl-scatterplot": "regl",
    "deck.gl": "deck",
    "embedding-atlas 0.23": "atlas",
}
SOFTWARE = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
FRAMES = 120
LONG_MS = 50
STARTS = 5
"""The first picture is the median of so many fresh browsers."""


def build() -> None:
    """Install the rivals where they are missing, and bundle every side's page into `dist`."""
    if not (HERE / "node_modules/.bin/esbuild").exists():
        subprocess.run(["npm", "install", "--no-package-lock", "--legacy-peer-deps"], cwd=HERE, check=True)
    pages = [f"pages/{name}.ts" for name in (*sorted(set(SIDES.values())), "pictures")]
    absent = [f"--alias:@uwdata/mosaic-{part}=./pages/absent.cjs" for part in ("core", "sql")]
    command = ["node_modules/.bin/esbuild", *pages, "--bundle", "--format=esm", "--minify", "--outdir=dist"]
    subprocess.run([*command, *absent, "--log-level=error"], cwd=HERE, check=True)
    for page in pages:
        name = Path(page).stem
        script = f'<script type="module" src="{name}.js"></script>'
        body = f'<!doctype html><meta charset="utf-8"><style>body{{margin:0}}</style><body>{script}'
        (HERE / "dist" / f"{name}.html").write_text(body)


def chromium() -> str:
    """Return the browser on PATH."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        raise SystemExit("renderer: no chromium on PATH; install it (Debian: apt-get install chromium)")
    return found


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves the pages and says nothing."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def serve() -> http.server.ThreadingHTTPServer:
    """Serve `dist` on a free port of this machine."""
    handler = functools.partial(Quiet, directory=str(HERE / "dist"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class Browser:
    """A fresh Chromium with one page, for as long as the `with` lasts."""

    def __init__(self, playwright: Playwright, address: str, side: str, gpu: bool) -> None:
        flags = ["--no-sandbox", "--enable-precise-memory-info", *(() if gpu else SOFTWARE)]
        self._before = set(_children(os.getpid()))
        self._launched = playwright.chromium.launch(executable_path=chromium(), args=flags)
        self.page = self._launched.new_page(viewport={"width": 1280, "height": 800})
        self.page.set_default_timeout(180_000)
        if side == "shoal, WebGL2":
            self.page.add_init_script("localStorage.setItem('shoal-renderer', 'webgl2')")
        self.page.goto(f"{address}/{SIDES.get(side, side)}.html")
        self.page.wait_for_function("window.bench")

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        self._launched.close()

    def cpu_seconds(self) -> float:
        """Return the processor time of the page's and the graphics process so far."""
        return sum(
            _seconds(pid)
            for pid in set(_children(os.getpid())) - self._before
            if _kind(pid) in ("renderer", "gpu-process")
        )

    def memory(self) -> dict[str, float]:
        """Return the page's JavaScript heap and the renderer and graphics processes' memory, in MB."""
        session = self.page.context.new_cdp_session(self.page)
        session.send("HeapProfiler.collectGarbage")
        usage = session.send("Runtime.getHeapUsage")
        parts = {kind: 0.0 for kind in ("renderer", "gpu-process")}
        for pid in set(_children(os.getpid())) - self._before:
            kind = _kind(pid)
            if kind in parts:
                parts[kind] += _megabytes(pid)
        heap = (usage["usedSize"] + usage.get("backingStorageSize", 0)) / 1e6
        return {"heap": heap, "renderer": parts["renderer"], "graphics": parts["gpu-process"]}


def _children(root: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue  # it has just ended
            parents.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry.name))
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = parents.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _kind(pid: int) -> str:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
    return command.partition("--type=")[2].partition(" ")[0]


def _seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _megabytes(pid: int) -> float:
    """Return what the process holds alone, in MB: shared libraries are not counted."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_")) / 1e3


def measure(
    playwright: Playwright, address: str, side: str, size: int, options: argparse.Namespace
) -> dict[str, Any]:
    """Draw `size` points by one side: first picture, pan, zoom, memory."""
    first = []
    for _ in range(STARTS - 1):
        with Browser(playwright, address, side, options.gpu) as browser:
            first.append(browser.page.evaluate("n => bench.start(n)", size))
    with Browser(playwright, address, side, options.gpu) as browser:
        first.append(browser.page.evaluate("n => bench.start(n)", size))
        paths = {path: _follow(browser, path, options.patience) for path in ("pan", "zoom")}
        return {
            "side": side,
            "size": size,
            "patience_s": options.patience,
            "first_ms": statistics.median(first),
            "starts": len(first),
            **paths,
            "memory_mb": browser.memory(),
        }


def _follow(browser: Browser, path: str, patience: float) -> dict[str, float]:
    before = browser.cpu_seconds()
    run = browser.page.evaluate(f"([n, ms]) => bench.{path}(n, ms)", [FRAMES, patience * 1000])
    spent = browser.cpu_seconds() - before
    intervals = sorted(run["intervals"])
    drawn = len(intervals)
    return {
        "p50_ms": intervals[drawn // 2],
        "p95_ms": intervals[min(drawn - 1, int(0.95 * drawn))],
        "mean_ms": run["total"] / drawn,
        "cpu_ms": spent * 1000 / drawn,
        "within_50_ms": sum(ms <= LONG_MS for ms in intervals) / drawn,
        "frames": run["frames"],
        "drawn": drawn,
    }


def pictures(playwright: Playwright, address: str, options: argparse.Namespace) -> dict[str, Any]:
    """Pan across 100,000 pictures, generated on the page as the server's mosaics would come; ours only."""
    with Browser(playwright, address, "pictures", options.gpu) as browser:
        before = browser.cpu_seconds()
        seen = dict(browser.page.evaluate("bench.pictures()"))
        return {**seen, "cpu_ms": 1000 * (browser.cpu_seconds() - before) / seen["frames"]}


def limited(side: str, size: int, options: argparse.Namespace) -> dict[str, Any]:
    """Measure one side in a process of its own, which ends after `--most` seconds whatever it is at."""
    command = [sys.executable, __file__, "--one", "--sides", side, "--sizes", str(size)]
    command += ["--patience", str(options.patience), *(["--gpu"] if options.gpu else [])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True, text=True)
    try:
        told, _ = process.communicate(timeout=options.most)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return {"side": side, "size": size, "gave_up_s": options.most}
    if process.returncode:
        raise SystemExit(f"renderer: measuring {side} at {size:,} failed; see above")
    return dict(json.loads(told))


def table(rows: list[dict[str, Any]]) -> str:
    """Write the comparison as a Markdown table, a ratio to ours behind every number."""
    lines = [
        "| points | side | first picture, ms | pan: median / 95 % / mean, ms "
        "| zoom: median / 95 % / mean, ms | CPU per frame, pan / zoom, ms "
        "| within 50 ms, pan / zoom | heap / renderer / graphics, MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for size in sorted({row["size"] for row in rows}):
        ours = next((row for row in rows if row["size"] == size and row["side"] == "shoal"), None)
        for row in (row for row in rows if row["size"] == size):
            lines.append(_line(row, ours))
    return "\n".join(lines)


def _line(row: dict[str, Any], ours: dict[str, Any] | None) -> str:
    def against(value: float, own: float | None) -> str:
        return f"{value:,.0f}" + (f" ({value / own:.1f}x)" if own and row is not ours else "")

    def path(name: str) -> str:
        run = row[name]
        mean = against(run["mean_ms"], ours and ours[name]["mean_ms"])
        return f"{run['p50_ms']:,.0f} / {run['p95_ms']:,.0f} / {mean}"

    if "gave_up_s" in row:
        gave_up = f"not done within {row['gave_up_s']:.0f} s: first picture, pan and zoom together"
        return f"| {row['size']:,} | {row['side']} | {gave_up} |" + " |" * 5
    share = " / ".join(f"{row[name]['within_50_ms']:.0%}" for name in ("pan", "zoom"))
    memory = row["memory_mb"]
    cells = [
        f"{row['size']:,}",
        row["side"],
        against(row["first_ms"], ours and ours["first_ms"]),
        path("pan"),
        path("zoom"),
        " / ".join(against(row[name]["cpu_ms"], ours and ours[name]["cpu_ms"]) for name in ("pan", "zoom")),
        share,
        f"{memory['heap']:,.0f} / {memory['renderer']:,.0f} / {memory['graphics']:,.0f}",
    ]
    return "| " + " | ".join(cells) + " |"


def page_of(result: dict[str, Any]) -> str:
    """Write the whole answer as Markdown."""
    seen = result.get("pictures")
    text = (
        "# How fast is the map drawn?\n\n"
        f"Printed by `python benchmarks/renderer/run.py` in {result['browser']}, {result['machine']}; the "
        "numbers in brackets are times ours. A path is at most 120 frames and ends early after the row's "
        "patience; `mean` counts the time until the last one was done, over the frames drawn.\n"
        "The method, and why the intervals are honest, is the script's first comment.\n\n"
        + table(result["rows"])
        + "\n"
    )
    if "note" in result:
        text += f"\n{result['note']}\n"
    if seen:
        text += (
            "\n## With pictures\n\n"
            f"Panning across {seen['items']:,} pictures (zoom {seen['zoom']}), mosaics generated on the page "
            f"after {seen['latency_ms']} ms each: {seen['over_50_ms']:.1%} of {seen['frames']} frames took "
            f"over 50 ms (median {seen['p50_ms']:.0f}, "
            f"95 % {seen['p95_ms']:.0f}; {seen.get('cpu_ms', 0):.0f} ms of processor time a frame); 95 % of "
            f"the {seen['wanted']:,} visible pictures "
            f"were sharp {seen['sharp_ms']:,.0f} ms after the movement began from an empty cache, and "
            f"{seen['settle_ms']:,.0f} ms after it ended.\n"
        )
    if "page" in result:
        text += "\n## A lasso among a million\n\n" + lasso_words(result["page"])
    return text


def lasso_words(seen: dict[str, Any]) -> str:
    """Say what `page.py` measured: medians over the lassos."""
    lassos = seen["lassos"]

    def middle(key: str) -> float:
        return statistics.median(lasso[key] for lasso in lassos)

    items = seen["items"]
    rows = {
        "the whole map is first drawn, after the address was opened": f"{seen['first_s']:.1f} s",
        "what the lasso would take is seen, after the pointer's event": f"{middle('seen_p50_ms'):.0f} ms",
        "the same, 95 %": f"{middle('seen_p95_ms'):.0f} ms",
        "the same, share within 50 ms": f"{middle('seen_within_50_ms'):.0%}",
        "the page's processor time for a move of the pointer": f"{middle('cpu_ms'):.0f} ms",
        "the label is saved, after the key": f"{middle('saved_ms'):,.0f} ms",
        "one undo has taken it back": f"{middle('back_ms'):,.0f} ms",
        "the page's JavaScript heap with its arrays": f"{seen['heap_mb']:.0f} MB",
        "with WebGL2: positions and styles, 20 bytes an item": f"{20 * items / 1e6:.0f} MB",
        "with WebGL2: each size of thumbnails that is in use": "67 MB",
    }
    return (
        "Printed by `python benchmarks/renderer/page.py`: the whole page with its server, medians of "
        f"{len(lassos)} lassos\naround {middle('items'):,.0f} of {items:,} items. The WebGL2 lines are "
        "counted, not measured; without a graphics\nprocessor nothing lies there.\n\n| | |\n|---|---|\n"
        + "".join(f"| {what} | {much} |\n" for what, much in rows.items())
    )


def main() -> None:
    """Measure what is asked for, keep what was measured before, write both files."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shape)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--sides", nargs="+", default=list(SIDES), choices=list(SIDES))
    parser.add_argument("--patience", type=float, default=20)
    parser.add_argument("--most", type=float, default=180, help="seconds that one side may take in all")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--gpu", action="store_true", help="use the machine's graphics processor")
    parser.add_argument("--no-pictures", action="store_true")
    options = parser.parse_args()
    if options.one:
        server = serve()
        address = f"http://127.0.0.1:{server.server_port}"
        with sync_playwright() as playwright:
            print(json.dumps(measure(playwright, address, options.sides[0], options.sizes[0], options)))
        return
    build()
    result: dict[str, Any] = json.loads(RESULT.read_text()) if RESULT.exists() else {"rows": []}
    graphics = "graphics processor" if options.gpu else "no graphics processor"
    result["machine"] = f"{os.cpu_count()} cores, {graphics}, {platform.system()}"
    result["browser"] = _version()
    for size in options.sizes:
        for side in options.sides:
            row = limited(side, size, options)
            print(_line(row, None), flush=True)
            kept = [r for r in result["rows"] if (r["side"], r["size"]) != (side, size)]
            result["rows"] = sorted([*kept, row], key=lambda r: (r["size"], list(SIDES).index(r["side"])))
            write(result)
    if not options.no_pictures:
        server = serve()
        with sync_playwright() as playwright:
            result["pictures"] = pictures(playwright, f"http://127.0.0.1:{server.server_port}", options)
        write(result)
    print(page_of(result))


def _version() -> str:
    told = subprocess.run([chromium(), "--version"], capture_output=True, text=True, check=False).stdout
    return told.split(" built")[0].strip()


def write(result: dict[str, Any]) -> None:
    """Write both files."""
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    RESULT.with_suffix(".md").write_text(page_of(result))


if __name__ == "__main__":
    main()
