"""What we ship: the wheel holds the page, and serves it from an environment that was empty."""

import os
import re
import shutil
import subprocess
import sys
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest
from tests.pictures import paint_pile

ROOT = Path(__file__).parent.parent
pytestmark = [pytest.mark.wheel, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Build from a copy that has neither a page nor Node modules, as a fresh machine would."""
    target, fresh = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("tree") / "shoal"
    # The other worker may be writing into the caches while they would be copied.
    made = shutil.ignore_patterns(
        ".git", ".venv", ".hypothesis", "*_cache", "node_modules", "static", "*.shoal", "__pycache__"
    )
    shutil.copytree(ROOT, fresh, ignore=made)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(target),
        str(fresh),
    ]
    subprocess.run(command, check=True)
    return next(target.glob("*.whl"))


def test_the_page_is_in_the_wheel(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "shoal/server/static/index.html" in names
    assert any(re.fullmatch(r"shoal/server/static/assets/.*\.js", name) for name in names)
    assert any(re.fullmatch(r"shoal/server/static/assets/.*\.css", name) for name in names)
    assert "shoal/py.typed" in names
    assert not [name for name in names if name.startswith(("tests/", "web/"))]


def test_an_empty_environment_serves_the_page(wheel, tmp_path):
    home = tmp_path / "empty"
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    install = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--constraint",
        str(ROOT / "constraints.txt"),
        str(wheel),
    ]
    subprocess.run(install, check=True)
    pile = paint_pile(tmp_path / "pile", per_group=5)
    environment = {**os.environ, "PYTHONPATH": "", "PYTHONUNBUFFERED": "1"}
    command = [
        str(home / "bin" / "shoal"),
        "map",
        str(pile),
        "--backbone",
        "placeholder",
        "--no-browser",
        "--port",
        "0",
    ]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        try:
            address = next(
                found.group(0) for line in server.stdout if (found := re.search(r"http://\S+", line))
            )
            opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
            page = opener.open(address, timeout=20).read().decode()
            script = re.search(r'src="(/assets/[^"]+\.js)"', page).group(1)
            answer = opener.open(address.split("/open")[0] + script, timeout=20)
            assert "javascript" in answer.headers["content-type"]
        finally:
            server.terminate()
            server.wait(20)
