"""A seeded workspace, `shoal serve` in its own process, and Debian's Chromium looking at it."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright
from tests.browser.page import Eye, Server
from tests.seeded import Seeded, save_round, seed_workspace

from shoal.workspace import Workspace

QUIET = (
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# The page is put together by the processor, which is cheaper where a graphics processor is played by it too.
PLAIN = "--disable-gpu-compositing"
SOFTWARE_GL = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
NO_GL = ("--disable-gpu", "--disable-software-rasterizer")
REQUIRED = bool(os.environ.get("SHOAL_REQUIRE_BROWSER"))
"""Whether a browser test that lacks what it needs fails, and is not just left out."""
STATIC = Path(__file__).parents[2] / "src/shoal/server/static/index.html"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder, so that `-m "not browser"` leaves it out."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


def program(*names: str) -> str:
    """The first of these browsers on PATH; without one the test skips, or fails if one is required."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found and STATIC.exists():
        return found
    missing = "the page is not built: run `make`" if found else f"none of {', '.join(names)} is on PATH"
    if REQUIRED:
        pytest.fail(f"SHOAL_REQUIRE_BROWSER is set, but {missing}")
    pytest.skip(missing)


@pytest.fixture(scope="session")
def chromium() -> str:
    return program("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Playwright's sync API keeps an event loop running, so it must not outlive the browser tests."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(chromium: str, playwright: Playwright) -> Iterator[Browser]:
    """Chromium with WebGL2 on a CPU rasteriser."""
    with playwright.chromium.launch(executable_path=chromium, args=[*QUIET, PLAIN, *SOFTWARE_GL]) as launched:
        yield launched


@pytest.fixture
def blind_browser(chromium: str, playwright: Playwright) -> Iterator[Browser]:
    """Chromium with neither a GPU nor a rasteriser in its place: no WebGL at all."""
    with playwright.chromium.launch(executable_path=chromium, args=[*QUIET, *NO_GL]) as launched:
        yield launched


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Seeded:
    return seed_workspace(tmp_path_factory.mktemp("seeded") / "seeded.shoal")


def only_looks(request: pytest.FixtureRequest) -> bool:
    """Whether the test changes nothing in its workspace, as it says of itself."""
    return request.node.get_closest_marker("looks") is not None


def copied(template: Seeded, folder: Path) -> Seeded:
    path = folder / "seeded.shoal"
    shutil.copytree(template.path, path)
    return replace(template, path=path)


@pytest.fixture(scope="session")
def shared(template: Seeded, tmp_path_factory: pytest.TempPathFactory) -> Seeded:
    """The workspace of all tests that only look."""
    return copied(template, tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="session")
def shared_server(shared: Seeded) -> Iterator[Server]:
    with Server(shared.path) as started:
        yield started


@pytest.fixture(scope="module")
def learned(template: Seeded, tmp_path_factory: pytest.TempPathFactory) -> Seeded:
    """One workspace for all tests of a file, with a round, so that the panels are full."""
    made = copied(template, tmp_path_factory.mktemp("learned"))
    with Workspace.open(made.path) as workspace:
        save_round(workspace, made)
    return made


@pytest.fixture(scope="module")
def learned_server(learned: Seeded) -> Iterator[Server]:
    with Server(learned.path) as started:
        yield started


@pytest.fixture
def seeded(template: Seeded, request: pytest.FixtureRequest, tmp_path: Path) -> Seeded:
    """A workspace of its own for one test; one for all that only look, or for a file whose round they use."""
    if request.node.get_closest_marker("learned"):
        made: Seeded = request.getfixturevalue("learned")
        return made
    return request.getfixturevalue("shared") if only_looks(request) else copied(template, tmp_path)


@pytest.fixture
def server(seeded: Seeded, request: pytest.FixtureRequest) -> Iterator[Server]:
    if request.node.get_closest_marker("learned"):
        yield request.getfixturevalue("learned_server")
        return
    if not only_looks(request):
        with Server(seeded.path) as started:
            yield started
        return
    yield request.getfixturevalue("shared_server")
    with Workspace.open(seeded.path) as workspace:
        current = workspace.current_map()
        assert (workspace.log.seq(), current and current.id) == (0, seeded.map_id), "it did not only look"


Look = Callable[..., Eye]


@pytest.fixture
def look(server: Server, request: pytest.FixtureRequest) -> Iterator[Look]:
    """Open the page in a fresh context; at the end nothing may stand in the console that no test expects."""
    contexts: list[BrowserContext] = []
    eyes: list[Eye] = []

    def open_page(browser: Browser | None = None, **options: Any) -> Eye:
        launched: Browser = browser or request.getfixturevalue("browser")
        options.setdefault("viewport", {"width": 1280, "height": 800})
        context = launched.new_context(**options)
        contexts.append(context)
        eyes.append(Eye(context.new_page(), server))
        return eyes[-1].open()

    yield open_page
    complaints = [complaint for eye in eyes for complaint in eye.complaints]
    for context in contexts:
        context.close()
    assert complaints == []
