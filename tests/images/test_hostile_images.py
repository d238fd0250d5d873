"""Everything in the hostile folder is classified; nothing is fatal, hangs, or swells."""

import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from tests.hostile import make_hostile

from shoal.images.pool import DecodePool
from shoal.sources import open_source
from shoal.types import Decoded, Found, ImageInput


def tree_bytes(pid: int) -> int:
    """Return the resident bytes of a process and of all its children."""
    try:
        children = Path(f"/proc/{pid}/task").glob("*/children")
        below = sum(tree_bytes(int(child)) for path in children for child in path.read_text().split())
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") + below


class Scales:
    """Weighs this process and all below it until it is stopped."""

    def __init__(self) -> None:
        self.peak = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._weigh)

    def _weigh(self) -> None:
        while not self._over.wait(0.02):
            self.peak = max(self.peak, tree_bytes(os.getpid()))

    def __enter__(self) -> "Scales":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def test_everything_is_classified_in_less_than_a_gigabyte(tmp_path: Path) -> None:
    expected = make_hostile(tmp_path / "pile")
    assert len(expected) >= 40
    source = open_source(str(tmp_path / "pile"))
    verdicts: dict[bytes, str | None] = {}
    found = []
    for entry in source.scan():
        if isinstance(entry, Found):
            found.append(entry.key)
        else:
            assert entry.key not in verdicts
            verdicts[entry.key] = entry.reason
    before = tree_bytes(os.getpid())
    with Scales() as scales, DecodePool(source, ImageInput(224, 256)) as pool:
        for position, outcome in pool.decode(found):
            verdicts[found[position]] = None if isinstance(outcome, Decoded) else outcome
    assert verdicts.keys() == expected.keys()
    wrong = {key: (verdicts[key], want) for key, want in expected.items() if not fits(verdicts[key], want)}
    assert not wrong
    assert 50_000_000 < scales.peak - before < 900_000_000


def fits(reason: str | None, want: str | None) -> bool:
    return reason is None if want is None else reason is not None and want in reason


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user to be locked out")
def test_what_is_locked_is_listed_for_those_whom_it_locks_out(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import os, sys, tempfile, numpy.random
        from pathlib import Path
        sys.path.insert(0, sys.argv[1])
        from PIL import Image
        from hostile import make_hostile
        from shoal.sources import SOURCES, open_source
        from shoal.types import ItemError, Skipped
        Image.init()
        SOURCES.load("folder")
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)  # from here on no module of Python's may be within reach
        with tempfile.TemporaryDirectory() as folder:
            expected = make_hostile(Path(folder))
            seen = list(open_source(folder).scan())
            assert {entry.key for entry in seen} == set(expected), {e.key for e in seen} ^ set(expected)
            locked = [e.reason for e in seen if e.key == b"locked/folder/" and isinstance(e, Skipped)]
            assert "permission denied" in locked[0]
            try:
                open_source(folder).read(b"locked/file.jpg")
            except ItemError as error:
                assert "permission denied" in str(error)
            else:
                raise AssertionError("read")
            os.chmod(os.path.join(folder, "locked", "folder"), 0o700)
    """)
    subprocess.run([sys.executable, "-c", script, str(Path(__file__).parents[1])], check=True)
