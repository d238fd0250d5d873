"""What the stages of EfficientNet-Lite0 see, and how good each is: a picture and a table.

    python benchmarks/introspection.py [--classes FOLDER] [--no-picture]

The picture, docs/pictures/introspection.png: for a unit of each stage the image that it likes and the six
emoji that excite it most (the pile of `shoal demo emoji`, fetched as the demo does). With --classes (one
sub-folder of images per class) also introspection.md beside this file: probe accuracy and MAP@R by layer.
Vectors are kept in the cache folder, so that a second run begins where the first ended.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from shoal.backbones import torch_network
from shoal.demos import DEMOS
from shoal.folders import cache_folder
from shoal.images.decode import open_within
from shoal.indices import map_at_r
from shoal.introspection import Climb, layer_quality, most_exciting, preferred_images
from shoal.training import probe_accuracy
from shoal.workspace import Workspace

HERE = Path(__file__).parent
PICTURE = HERE.parent / "docs" / "pictures" / "introspection.png"
SIDE, EXAMPLES, GAP = 96, 6, 4
UNITS = {"stage1": 5, "stage2": 3, "stage3": 1, "stage4": 7, "stage5": 0, "stage6": 2, "head": 190}


def mapped(pile: Path, name: str) -> Path:
    """Return the workspace of a pile, kept in the cache."""
    target = (cache_folder() or Path.cwd()) / "benchmarks" / f"introspection-{name}.shoal"
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "shoal",
        "map",
        pile,
        "--into",
        target,
        "--projector",
        "pca",
        "--no-serve",
    ]
    subprocess.run(command, check=True)
    return target


def draw(pile: Path) -> None:
    """Write the picture."""
    network = torch_network("efficientnet_lite0")
    rows = []
    with Workspace.open(mapped(pile, "emoji")) as workspace:
        keys = workspace.items.keys
        for layer, unit in UNITS.items():
            began = time.perf_counter()
            found = preferred_images(network, layer, [unit], Climb(shape=(3, 128, 128)))
            seconds = time.perf_counter() - began
            said = f"{float(found.before[0]):.1f} to {float(found.after[0]):.1f}"
            print(f"{layer}, unit {unit}: from {said} in {seconds:.0f} s", flush=True)
            tiles = [Image.fromarray((found.images[0] * 255).round().astype(np.uint8))]
            best = most_exciting(workspace.embedding(layer), unit, count=EXAMPLES).items[0]
            tiles += [open_within((pile / os.fsdecode(keys[item])).read_bytes(), SIDE) for item in best]
            rows.append(tiles)
    sheet = Image.new("RGB", ((EXAMPLES + 1) * (SIDE + GAP) + GAP, len(rows) * (SIDE + GAP) + GAP), "white")
    for down, tiles in enumerate(rows):
        for right, tile in enumerate(tiles):
            place = (GAP + right * (SIDE + GAP), GAP + down * (SIDE + GAP))
            sheet.paste(tile.resize((SIDE, SIDE), Image.Resampling.LANCZOS), place)
    PICTURE.parent.mkdir(exist_ok=True)
    sheet.quantize(128).save(PICTURE, optimize=True)


def tabulate(classes: Path) -> None:
    """Write the table."""
    with Workspace.open(mapped(classes, "classes")) as workspace:
        layers = [workspace.embedding(name) for name in workspace.layers]
        keys = workspace.items.keys
    folders = [Path(os.fsdecode(keys[item])).parent.name for item in layers[0].ids]
    labels = np.unique(folders, return_inverse=True)[1]
    began = time.perf_counter()
    judged = layer_quality(layers, labels, {"probe accuracy": probe_accuracy, "MAP@R": map_at_r})
    seconds = time.perf_counter() - began
    lines = [
        "# How good is each layer?",
        "",
        f"Printed by `python benchmarks/introspection.py --classes FOLDER`: {len(labels):,} photographs of "
        f"{len(set(folders))} classes, EfficientNet-Lite0, {seconds:.0f} s for all layers. "
        "Probe: five folds, each item predicted by a probe fitted without it.",
        "",
        judged.table(),
    ]
    (HERE / "introspection.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def main() -> None:
    """Draw, and tabulate where there are classes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--classes", type=Path, help="a folder with a sub-folder per class")
    parser.add_argument("--no-picture", action="store_true", help="the table alone")
    arguments = parser.parse_args()
    if arguments.classes:
        tabulate(arguments.classes)
    if not arguments.no_picture:
        folder = (cache_folder() or Path.cwd()) / "demos"
        draw(DEMOS.load("emoji")().fetch(folder, print).path)


if __name__ == "__main__":
    main()
