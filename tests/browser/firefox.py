"""Firefox by its own WebDriver BiDi: stock Firefox speaks it over one WebSocket, with no driver between.

Playwright drives only a Firefox of its own making; this needs nothing but the browser itself.
"""

import itertools
import json
import re
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from websockets.sync.client import ClientConnection, connect

START_S = 60
PATIENCE_S = 60
PREFERENCES = """\
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("app.update.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "");
"""
KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "Control": "\ue009", "Shift": "\ue008", "Alt": "\ue00a"}


class Fox:
    """One headless Firefox with one page."""

    def __init__(self, program: str, *, width: int = 1280, height: int = 800) -> None:
        self._folder = tempfile.TemporaryDirectory()
        (Path(self._folder.name) / "user.js").write_text(PREFERENCES)
        size = [f"--width={width}", f"--height={height}"]
        command = [program, "--headless", "--no-remote", "--profile", self._folder.name, *size]
        self._process = subprocess.Popen(
            [*command, "--remote-debugging-port", "0", "about:blank"],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        self._numbers = itertools.count(1)
        self.complaints: list[str] = []
        self._open = ExitStack()
        session = connect(f"{self._address()}/session", max_size=None)
        self._socket: ClientConnection = self._open.enter_context(session)
        self._tell("session.new", {"capabilities": {}})
        self._tell("session.subscribe", {"events": ["log.entryAdded"]})
        self._page = self._tell("browsingContext.getTree", {})["contexts"][0]["context"]
        viewport = {"width": width, "height": height}
        self._tell("browsingContext.setViewport", {"context": self._page, "viewport": viewport})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
        self._process.terminate()
        self._process.wait(timeout=30)
        assert self._process.stderr is not None
        self._process.stderr.close()
        self._folder.cleanup()

    def open(self, address: str) -> None:
        self._tell("browsingContext.navigate", {"context": self._page, "url": address, "wait": "complete"})

    def evaluate(self, script: str) -> Any:
        """Return what an expression, or the promise it gives, comes to, through JSON."""
        answer = self._tell(
            "script.evaluate",
            {
                "expression": f"Promise.resolve({script}).then(value => JSON.stringify(value ?? null))",
                "target": {"context": self._page},
                "awaitPromise": True,
            },
        )
        assert answer["type"] == "success", f"{script}: {answer}"
        return json.loads(answer["result"]["value"])

    def wait(self, script: str) -> Any:
        """Wait until an expression is true, and return it."""
        end = time.monotonic() + PATIENCE_S
        while not (value := self.evaluate(script)):
            assert time.monotonic() < end, f"waited {PATIENCE_S} s for {script}"
            time.sleep(0.1)
        return value

    def drag(self, places: list[tuple[float, float]]) -> None:
        """Press the left button at the first place, move through all, let go."""
        moves = [{"type": "pointerMove", "x": round(x), "y": round(y)} for x, y in places]
        down, up = {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}
        self._act({"type": "pointer", "id": "mouse", "actions": [moves[0], down, *moves[1:], up]})

    def press(self, *keys: str) -> None:
        """Press keys together, as Control and z; the names are the browser's."""
        values = [KEYS.get(key, key) for key in keys]
        down = [{"type": "keyDown", "value": value} for value in values]
        up = [{"type": "keyUp", "value": value} for value in reversed(values)]
        self._act({"type": "key", "id": "keyboard", "actions": down + up})

    def type(self, text: str) -> None:
        for letter in text:
            self.press(letter)

    def _act(self, source: dict[str, Any]) -> None:
        self._tell("input.performActions", {"context": self._page, "actions": [source]})

    def _address(self) -> str:
        """Read from Firefox's own words where it listens."""
        assert self._process.stderr is not None
        end = time.monotonic() + START_S
        said = []
        for line in self._process.stderr:
            said.append(line)
            found = re.search(r"WebDriver BiDi listening on (ws://\S+)", line)
            if found:
                return found[1]
            assert time.monotonic() < end, f"firefox did not say where it listens: {said}"
        raise AssertionError(f"firefox ended: {''.join(said)}")

    def _tell(self, method: str, parameters: dict[str, Any]) -> Any:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(timeout=PATIENCE_S))
            if answer.get("method") == "log.entryAdded":
                entry = answer["params"]
                if entry["level"] in ("error", "warn"):
                    self.complaints.append(f"{entry['level']}: {entry['text']}")
            elif answer.get("id") == number:
                assert answer["type"] == "success", f"{method}: {answer}"
                return answer["result"]
