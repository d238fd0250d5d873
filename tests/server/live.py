"""A real server in its own process, for tests that kill it or speak to its socket.

`python -m tests.server.live WORKSPACE PORT` serves with a fixed token and says its address on one line.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from shoal.types import Scalar

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-for-tests-only"
# Burns one core and beats every tenth of a second, as the embedding job does.
JOB = """
import sys, time
from shoal.types import Progress
from shoal.workspace import Workspace
with Workspace.open(sys.argv[1]) as workspace:
    id, end, k, beat = int(sys.argv[2]), time.time() + 240, 0, 0.0
    while time.time() < end and not workspace.jobs.cancel_requested(id):
        k += 1
        workspace.jobs.heartbeat(id, Progress(k, 1000, "working"))
        beat = time.time()
        while time.time() < beat + 0.1:
            sum(range(1000))
    workspace.jobs.finish(id, "cancelled", "stopped")
"""


class Live:
    """Start the server on a free port; kill it, stop it, start it again on the same one."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process: subprocess.Popen[str] | None = None

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {TOKEN}"}

    def start(self) -> str:
        command = [sys.executable, "-m", "tests.server.live", str(self.workspace), str(self.port)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        address = self.process.stdout.readline().strip()
        assert address == f"{self.base}/open?token={TOKEN}", f"the server said {address!r}"
        return address

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=20)

    def close(self) -> None:
        if self.process is not None:
            self.kill()
            self.process.stdout.close()


def main(path: str, port: int) -> None:
    from shoal.server.run import serve
    from shoal.workspace import Workspace

    jobs = []

    def start_job(kind: str, parameters: Mapping[str, Scalar]) -> int:
        id = workspace.jobs.create(kind, parameters)
        jobs.append(subprocess.Popen([sys.executable, "-c", JOB, path, str(id)]))
        return id

    def ready(address: str) -> None:
        print(address, flush=True)

    exporters = {
        "csv": lambda workspace: b"path,class\n",
        "jsonl": lambda workspace: iter([b"{}\n", b"{}\n"]),
    }
    with Workspace.open(path) as workspace:
        serve(
            workspace,
            port=port,
            token=TOKEN,
            user="tester",
            start_job=start_job,
            exporters=exporters,
            on_ready=ready,
        )
    for job in jobs:
        job.kill()
    print("closed", flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main(sys.argv[1], int(sys.argv[2]))
