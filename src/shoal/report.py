"""What the command line shows: a bar on a terminal, plain lines elsewhere, JSON for machines."""

import json
import sys
import time
from dataclasses import asdict
from typing import Any, Self

from shoal.types import Progress

LINE_EVERY_S = 5.0
JSON_EVERY_S = 1.0


class Reporter:
    """Show progress on standard error and results on standard output."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._bar: Any = None
        self._message = ""
        self._last = float("-inf")

    def __enter__(self) -> Self:
        """Return the reporter."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bar away, so that what is printed next has a line of its own."""
        self.close()

    def watch(self, progress: Progress) -> None:
        """Show how far the work is, not more often than is useful where it is shown."""
        if self.as_json or not sys.stderr.isatty():
            self._write_line(progress)
        else:
            self._move_bar(progress)

    def say(self, text: str) -> None:
        """Show one sentence to a person; machines do not get it."""
        self.close()
        if not self.as_json:
            print(text, file=sys.stderr, flush=True)

    def result(self, text: str, data: dict[str, Any]) -> None:
        """Print the result: `text` for a person, `data` as one JSON object for a machine."""
        self.close()
        print(json.dumps(data, sort_keys=True) if self.as_json else text, flush=True)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _write_line(self, progress: Progress) -> None:
        now = time.monotonic()
        every = JSON_EVERY_S if self.as_json else LINE_EVERY_S
        if now - self._last < every and progress.message == self._message:
            return
        self._last, self._message = now, progress.message
        line = json.dumps({"progress": asdict(progress)}) if self.as_json else sentence(progress)
        print(line, file=sys.stderr, flush=True)

    def _move_bar(self, progress: Progress) -> None:
        from tqdm import tqdm

        if progress.message != self._message or self._bar is None:
            self.close()
            self._message = progress.message
            self._bar = tqdm(
                total=progress.total or None,
                # what an earlier run has done is not this one's speed
                initial=progress.done,
                desc=progress.message,
                unit="",  # images, or the steps of a fit
                leave=False,
            )
        self._bar.n = progress.done
        self._bar.refresh()


def sentence(progress: Progress) -> str:
    """Say how far the work is in one line."""
    if not progress.total:
        return progress.message
    text = f"{progress.message}: {progress.done:,} of {progress.total:,}"
    if progress.rate:
        text += f", {progress.rate:.0f} a second"
    if progress.seconds_left is not None:
        text += f", {duration(progress.seconds_left)} left"
    return text


def duration(seconds: float) -> str:
    """Say a time span as a person would: 8 s, 3 min, 2 h 5 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
