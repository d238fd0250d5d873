"""Does training the backbone itself pay? Retrieval of seen and unseen classes, frozen, with a head, trained.

    python benchmarks/tuning.py --classes FOLDER --name NAME [--size 96] [--seeds 3] [--steps 80]

FOLDER holds images in sub-folders; an image's class is its folder, and the classes below one top folder are
seen or unseen together (Omniglot: whole alphabets). Half of the top folders are seen; of at most 40 seen
classes 10 pictures each are labelled, another 10 judged; of at most 40 unseen classes 10 are judged. Every
seed is a file in the cache folder, its training has a checkpoint: a killed run goes on. Writes the part of
tuning.md beside this file that is NAME's.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from shoal.backbones import torch_network
from shoal.folders import cache_folder
from shoal.indices import map_at_r, recall_at_k
from shoal.introspection import activations
from shoal.losses import LOSSES
from shoal.training import Head, Plan, Tuning, train_backbone, train_head

HERE = Path(__file__).parent
EACH, CLASSES = 10, 40
LAYERS = ["stage3", "stage4", "stage5", "stage6", "stage7", "head"]
FROZEN = ("stem", "stage1", "stage2", "stage3", "stage4")
PARTS = ("labelled", "seen", "unseen")
Arrays = dict[str, tuple[np.ndarray, np.ndarray]]


def choose(folder: Path, size: int, seed: int) -> Arrays:
    """Return pictures (N, size, size, 3) uint8 and classes (N,) of each part."""
    random = np.random.default_rng(seed)
    tops = random.permutation(sorted(path.name for path in folder.iterdir() if path.is_dir()))
    found: Arrays = {}
    for part, chosen in (("seen", tops[: len(tops) // 2]), ("unseen", tops[len(tops) // 2 :])):
        folders = sorted({file.parent for top in chosen for file in (folder / top).rglob("*.*")})
        folders = [one for one in folders if len(list(one.glob("*.*"))) >= 2 * EACH]
        picked = random.permutation(len(folders))[:CLASSES]
        rows: dict[str, list[tuple[Path, int]]] = {name: [] for name in PARTS}
        for number in picked.tolist():
            files = random.permutation(sorted(folders[number].glob("*.*")))
            rows[part] += [(file, number) for file in files[:EACH]]
            if part == "seen":
                rows["labelled"] += [(file, number) for file in files[EACH : 2 * EACH]]
        for name, pairs in rows.items():
            if pairs:
                pixels = [
                    np.asarray(Image.open(file).convert("RGB").resize((size, size))) for file, _ in pairs
                ]
                found[name] = np.stack(pixels), np.array([number for _, number in pairs])
    return found


def judge(vectors: dict[str, np.ndarray], parts: Arrays) -> dict[str, float]:
    """Return MAP@R and Recall@1 of the seen and the unseen classes."""
    scores = {}
    for part in PARTS[1:]:
        scores[f"{part} MAP@R"] = map_at_r(vectors[part], parts[part][1])
        scores[f"{part} Recall@1"] = recall_at_k(vectors[part], parts[part][1])
    return scores


def measure(folder: Path, size: int, seed: int, steps: int, unfinished: Path) -> dict[str, dict[str, float]]:
    """Return the scores of every way for one seed."""
    parts, network = choose(folder, size, seed), torch_network("efficientnet_lite0")
    x, y = parts["labelled"]
    frozen = {part: activations(network, parts[part][0], LAYERS, pooled=True) for part in PARTS}
    rows = {
        f"frozen {layer}": judge({part: frozen[part][layer] for part in PARTS}, parts) for layer in LAYERS
    }
    build = LOSSES.load("supcon").build
    head = train_head(frozen["labelled"]["head"], y, build, plan=Plan(seed=seed))
    rows["a head on the frozen head, 16-d"] = judge(
        {part: head.embed(frozen[part]["head"]) for part in PARTS}, parts
    )
    began = time.process_time()
    trained = train_backbone(
        network,
        x,
        y,
        build,
        head=Head(1280, 16, depth=0),
        plan=Plan(steps=steps, classes=8, items=4, lr=1e-3, every=20, seed=seed),
        tuning=Tuning(frozen=FROZEN),
        checkpoint_at=unfinished,
        watch=lambda progress: print(f"seed {seed}: {progress.done} {progress.message}", flush=True),
    )
    seconds = time.process_time() - began
    rows["the backbone, 16-d"] = judge({part: trained.embed(parts[part][0]) for part in PARTS}, parts)
    after = {
        part: activations(trained.network, parts[part][0], ["head"], pooled=True)["head"] for part in PARTS
    }
    rows["the backbone's head layer"] = judge(after, parts)
    return {**rows, "cpu seconds": {"training": seconds}}


def main() -> None:
    """Measure every seed and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--classes", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=80)
    asked = parser.parse_args()
    cache = (cache_folder() or Path.cwd()) / "benchmarks" / "tuning"
    cache.mkdir(parents=True, exist_ok=True)
    results = []
    for seed in range(asked.seeds):
        stem = f"{asked.name}-{asked.size}-{asked.steps}-{seed}"
        file = cache / f"{stem}.json"
        if not file.exists():
            file.write_text(json.dumps(measure(asked.classes, asked.size, seed, asked.steps, cache / stem)))
        results.append(json.loads(file.read_text()))
        write(results, asked)


def write(results: list[dict[str, Any]], asked: argparse.Namespace) -> None:
    """Put the table of one set into tuning.md, in the place of an earlier one of its name."""
    seconds = np.mean([one.pop("cpu seconds")["training"] for one in map(dict, results)])
    ways = [way for way in results[0] if way != "cpu seconds"]
    measures = list(results[0][ways[0]])
    lines = [
        f"## {asked.name}",
        "",
        f"`python benchmarks/tuning.py --classes FOLDER --name {asked.name} --size {asked.size} --seeds "
        f"{len(results)} --steps {asked.steps}`: mean and range over {len(results)} seeds, in %. "
        f"Training the backbone took {seconds:,.0f} CPU-seconds (less where it went on from a checkpoint).",
        "",
        f"| vectors | {' | '.join(measures)} |",
        f"|---|{'---:|' * len(measures)}",
    ]
    for way in ways:
        cells = []
        for measure_name in measures:
            values = [100 * one[way][measure_name] for one in results]
            cells.append(f"{np.mean(values):.1f} ({min(values):.1f}-{max(values):.1f})")
        lines.append(f"| {way} | {' | '.join(cells)} |")
    target = HERE / "tuning.md"
    old = target.read_text() if target.exists() else "# Does training the backbone itself pay?\n"
    head, *sections = old.split("\n## ")
    kept = [one for one in sections if not one.startswith(f"{asked.name}\n")]
    text = "\n## ".join(
        [head.rstrip() + "\n", *[one.rstrip() + "\n" for one in kept], "\n".join(lines)[3:] + "\n"]
    )
    target.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
