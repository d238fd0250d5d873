import stat
import sys
from pathlib import Path

import pytest
from tests.demos.fake_clients import CLIENT, Machine


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Put the fake clients beside a fake Python, so that no test can reach the network."""
    box, bin_folder = tmp_path / "box", tmp_path / "bin"
    box.mkdir()
    bin_folder.mkdir()
    for client in ("npm", "node", "python"):
        script = bin_folder / client
        script.write_text(CLIENT.format(box=box))
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "executable", str(bin_folder / "python"))
    return Machine(box)
