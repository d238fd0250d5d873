"""A seeded workspace, a client in the same process, a server in another."""

import shutil
from contextlib import ExitStack

import pytest
from starlette.testclient import TestClient
from tests.seeded import Seeded, seed_workspace
from tests.server.live import Live

from shoal.server.app import create_app
from shoal.server.settings import ServerSettings
from shoal.workspace import Workspace

SETTINGS = ServerSettings(
    host="127.0.0.1", port=8765, token="launch-token", secret="cookie-secret", user="ada"
)


@pytest.fixture(scope="session")
def template(tmp_path_factory) -> Seeded:
    return seed_workspace(tmp_path_factory.mktemp("template") / "seeded.shoal")


@pytest.fixture
def seeded(template, tmp_path) -> Seeded:
    path = tmp_path / "seeded.shoal"
    shutil.copytree(template.path, path)
    return Seeded(path, template.ids, template.middles, template.map_id)


@pytest.fixture
def workspace(seeded):
    with Workspace.open(seeded.path) as opened:
        yield opened


def new_client(workspace, **parts) -> TestClient:
    return TestClient(
        create_app(workspace, settings=SETTINGS, **parts),
        base_url="http://127.0.0.1:8765",
        headers={"Authorization": "Bearer launch-token"},
        raise_server_exceptions=False,
    )


@pytest.fixture
def make_client():
    with ExitStack() as opened:
        yield lambda workspace, **parts: opened.enter_context(new_client(workspace, **parts))


@pytest.fixture
def client(workspace, make_client) -> TestClient:
    return make_client(workspace)


@pytest.fixture(scope="session")
def untouched(template, tmp_path_factory):
    """A client shared by tests that change nothing; those that would are found by its `label_seq`."""
    path = tmp_path_factory.mktemp("untouched") / "seeded.shoal"
    shutil.copytree(template.path, path)
    with Workspace.open(path) as opened, new_client(opened) as client:
        yield client


@pytest.fixture
def live(seeded):
    server = Live(seeded.path)
    yield server
    server.close()


@pytest.fixture(scope="module")
def running(template, tmp_path_factory):
    """One server for all probes of a module; they change nothing."""
    path = tmp_path_factory.mktemp("running") / "seeded.shoal"
    shutil.copytree(template.path, path)
    server = Live(path)
    server.start()
    yield server
    server.close()
