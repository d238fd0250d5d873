"""What a person does on the page, and the server they do it with, for tests that read like what they mean."""

import math
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from playwright.sync_api import ConsoleMessage, Locator, Page, expect

TOKEN = "a-token-for-browser-tests"
PATIENCE_MS = 60_000
HEADER = 16
"""Bytes before the columns of a binary answer."""
DRAWN = """(wanted) => {
    const drawn = window.__shoal?.drawn;
    return drawn && Object.entries(wanted).every(([key, value]) => drawn[key] === value);
}"""
PLACES = """(ids) => {
    const { x, y } = document.querySelector(".map > canvas").getBoundingClientRect();
    return ids.map((id) => window.__shoal.screenOf(id)).map((at) => at && [x + at.x, y + at.y]);
}"""
FRAMES = """(count) => new Promise((done) => {
    const next = () => (count-- > 0 ? requestAnimationFrame(next) : done());
    next();
})"""
STILL = """(frames) => new Promise((done) => {
    let before = "", same = 0;
    const look = () => {
        const endless = (one) => one.effect?.getComputedTiming().iterations === Infinity;
        const moving = document.getAnimations().some((one) => one.playState === "running" && !endless(one));
        const { x, y, width, height } = document.querySelector(".map > canvas").getBoundingClientRect();
        const ends = [0, 1, 2, 3].map((id) => window.__shoal.screenOf(id));
        const now = JSON.stringify([x, y, width, height, ends]);
        same = now === before && !moving ? same + 1 : 0;
        before = now;
        if (same < frames) requestAnimationFrame(look);
        else done();
    };
    look();
})"""
STILL_FRAMES = 4


class Server:
    """`shoal serve` on a port of its own; may be killed and started again on the same one."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace
        self.process: subprocess.Popen[str] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        self.door = f"{self.base}/open?token={TOKEN}"

    def start(self) -> None:
        command = [sys.executable, "-m", "shoal", "serve", str(self.workspace), "--no-browser"]
        command += ["--port", str(self.port), "--token", TOKEN]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.base in self.process.stdout.readline()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()


class Eye:
    """One person before one page."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page = page
        self.server = server
        self.complaints: list[str] = []
        self.forgiven: tuple[str, ...] = ()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        page.set_default_timeout(PATIENCE_MS)

    def _hear(self, message: ConsoleMessage) -> None:
        # A driver's remarks on speed are no fault of the page.
        forgiven = ("GPU stall", *self.forgiven)
        if message.type in ("error", "warning") and not any(part in message.text for part in forgiven):
            self.complaints.append(f"{message.type}: {message.text}")

    def forgive(self, *parts: str) -> None:
        """Expect console lines with one of these in them: the browser's own words on what a test breaks."""
        self.forgiven += parts

    def open(self) -> Self:
        self.page.goto(self.server.door)
        return self

    def drawn(self, **wanted: int) -> dict[str, Any]:
        """Wait until a completed picture of the map has these numbers, and return all of them."""
        try:
            self.page.wait_for_function(DRAWN, arg=wanted, timeout=PATIENCE_MS)
        except Exception as error:
            last = self.page.evaluate("window.__shoal?.drawn")
            raise AssertionError(f"waited for {wanted}, the last picture has {last}") from error
        return dict(self.page.evaluate("window.__shoal.drawn"))

    def whole_map(self, points: int) -> dict[str, Any]:
        """Wait for the map with all its pictures loaded."""
        self.page.wait_for_function(
            "() => (window.__shoal?.drawn?.thumbnails ?? 0) > 20", timeout=PATIENCE_MS
        )
        return self.drawn(points=points)

    def still(self) -> None:
        """Wait until nothing moves: neither the map nor what a panel or a colour fades into."""
        self.page.evaluate(STILL, STILL_FRAMES)

    def frames(self, count: int) -> None:
        """Wait for so many frames: long enough for what should not happen to have happened."""
        self.page.evaluate(FRAMES, count)

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait until something holds that the page cannot tell."""
        end = time.monotonic() + PATIENCE_MS / 1000
        while not holds():
            assert time.monotonic() < end, f"waited {PATIENCE_MS} ms for {what}"
            self.frames(1)

    def settled(self, part: Locator) -> bytes:
        """Return the picture of a part of the page, once two in a row are the same."""
        before, now = b"", part.screenshot()
        while before != now:
            self.frames(STILL_FRAMES)
            before, now = now, part.screenshot()
        return now

    def beside(self) -> Locator:
        """Show another layer's map beside, which is there already; return its canvas once it is still."""
        self.press("Shift+B")
        expect(self.page.locator(".side[data-map]")).to_be_visible()
        side = self.page.locator(".side > canvas")
        self.settled(side)
        return side

    def zoom(self, id: int, notches: int) -> None:
        """Zoom in on an item by wheel, so many notches, and wait until the map is there."""
        for _ in range(notches):  # the pointer counts in whole px: it follows the item
            self.page.mouse.move(*self.place(id))
            self.page.mouse.wheel(0, -300)
            self.frames(2)
        self.still()

    def place(self, id: int) -> tuple[float, float]:
        """Where the item lies, in px of the window."""
        return self.places([id])[0]

    def places(self, ids: list[int]) -> list[tuple[float, float]]:
        """Where these items lie, in px of the window."""
        found = self.page.evaluate(PLACES, ids)
        assert None not in found, f"some of {ids} are not on the map"
        return [(x, y) for x, y in found]

    def loop(self, ids: list[int]) -> list[tuple[float, float]]:
        """Return a loop around these items, in px of the window; it ends where it begins."""
        places = self.places(ids)
        x = sum(p[0] for p in places) / len(places)
        y = sum(p[1] for p in places) / len(places)
        # The twelve corners lie on the circle: its sides come nearer to the middle than its corners.
        radius = (max(math.hypot(p[0] - x, p[1] - y) for p in places) + 4) / math.cos(math.pi / 12)
        angles = [step * math.pi / 6 for step in range(13)]
        return [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles]

    def lasso(self, ids: list[int], *, hold: str | None = None) -> None:
        """Draw a freeform loop around these items."""
        mouse = self.page.mouse
        start, *way = self.loop(ids)
        if hold:
            self.page.keyboard.down(hold)
        mouse.move(*start)
        mouse.down()
        for corner in way:
            mouse.move(*corner)
        mouse.up()
        if hold:
            self.page.keyboard.up(hold)

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def accept_any(self) -> None:
        """Let every prediction be accepted, however unsure, by the slider's key."""
        slider = self.page.get_by_label("How sure a prediction must be")
        slider.focus()
        slider.press("Home")

    def name(self, class_name: str) -> None:
        """Type a class name as a person does: Enter, the name, Enter."""
        self.press("Enter")
        self.page.keyboard.type(class_name)
        self.press("Enter")

    def saved(self) -> None:
        """Wait until the page says that nothing is pending."""
        expect(self.page.locator("[data-pending]")).to_have_attribute(
            "data-pending", "0", timeout=PATIENCE_MS
        )
        expect(self.page.get_by_text("Saved", exact=True)).to_be_visible(timeout=PATIENCE_MS)

    def state(self) -> dict[str, Any]:
        """What the server says."""
        return dict(self.page.request.get(f"{self.server.base}/api/state").json())

    def labels(self) -> dict[int, str]:
        """The class of every item that has one, by the server."""
        names = {one["id"]: one["name"] for one in self.state()["classes"]}
        body = self.page.request.get(f"{self.server.base}/api/labels").body()
        column = memoryview(body)[HEADER:].cast("i")
        return {id: names[of] for id, of in enumerate(column) if of >= 0}

    def counts(self) -> dict[str, int]:
        """How many items each class has, by the server."""
        return {one["name"]: one["count"] for one in self.state()["classes"]}
