"""Download packages with the machine's own npm and pip, which know its mirrors and verify checksums."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from shoal.types import ShoalError

_PATIENCE_SECONDS = 1_800


def npm_pack(package: str, into: Path) -> Path:
    """Return the .tgz of an npm package "name@version", downloaded into the empty folder `into`.

    Raises `ShoalError` where there is no npm (with the line that installs one) or the download fails.
    """
    here = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    npm = shutil.which("npm", path=here)
    if npm is None or shutil.which("node", path=here) is None:
        raise ShoalError(
            f"the demo needs npm to download {package}, and there is none beside this Python or on PATH. "
            "Install it with: pip install 'shoal[demo]'"
        )
    into.mkdir(parents=True)
    command = [npm, "pack", package, "--ignore-scripts", "--fetch-retries=1", "--pack-destination", str(into)]
    return _download(command, package, into, path=here)


def pip_download(package: str, into: Path) -> Path:
    """Return the wheel of a Python package "name==version", downloaded into the empty folder `into`.

    Raises `ShoalError` where this Python has no pip or the download fails.
    """
    into.mkdir(parents=True)
    options = ["--no-deps", "--only-binary", ":all:", "--no-input", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(into), package]
    return _download(command, package, into, path=os.environ.get("PATH", os.defpath))


def _download(command: list[str], package: str, into: Path, *, path: str) -> Path:
    try:
        done = subprocess.run(
            command,
            cwd=into,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    except (subprocess.TimeoutExpired, OSError) as error:
        raise ShoalError(f"downloading {package} failed: {error}. Run the command again.") from error
    archives = [entry for entry in into.iterdir() if entry.suffix in (".tgz", ".whl")]
    if done.returncode != 0 or len(archives) != 1:
        raise ShoalError(
            f"downloading {package} failed ({' '.join(command[:4])} ... ended with {done.returncode}): "
            f"{_reason(done.stderr)} Look at the network and run the command again."
        )
    return archives[0]


def _reason(stderr: str) -> str:
    """Return the lines that say why; the clients surround them with warnings and log paths."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    faults = [line for line in lines if "error" in line.lower() or "no module named" in line.lower()]
    return " | ".join((faults or lines or ["it said nothing."])[:3])[:600]
