"""Frozen features and class splits of CIFAR-100 for this experiment, and pictures that stand in for it."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from experiments import features, splits
from experiments.data import cifar100, stand_in
from experiments.data.cifar import superclass_names, superclasses
from experiments.running import Case

Labels = NDArray[np.int64]
FLOWERS = "flowers"
"""Unseen as a whole in the hard split: the sunflower meets the orchid, and neither was seen."""


@dataclass(frozen=True)
class Part:
    """Every layer (N, D) of the pictures of one part, and their labels (N,)."""

    layers: features.Layers
    labels: Labels

    def of(self, classes: Labels) -> tuple[NDArray[np.bool_], Labels]:
        """Return which items are of these classes (N,) bool, and their labels."""
        rows = np.isin(self.labels, classes)
        return rows, self.labels[rows]


@lru_cache(maxsize=2)
def parts(train: int, test: int, *, smoke: bool) -> tuple[Part, Part, tuple[str, ...]]:
    """Return the training part, the test part, and the classes' names."""
    if smoke:
        learned, asked = stand_in(12, train, size=16, colours=True), stand_in(12, test, size=16, colours=True)
        backbone, name = "placeholder", "stand-in-12"
    else:
        learned, asked = cifar100("train").first(train), cifar100("test").first(test)
        backbone, name = "efficientnet_lite0", "cifar100"
    found = [
        Part(features.of_pictures(f"{name}-{part}-{size}", each, backbone=backbone), each.labels)
        for part, size, each in (("train", train, learned), ("test", test, asked))
    ]
    return found[0], found[1], learned.classes


def split_of(case: Case) -> splits.ClassSplit:
    """Return the split that a case names: "random" halves, or "hard" with whole superclasses unseen."""
    seed = int(case["seed"] or 0)
    if case["smoke"]:
        return splits.halves(12, seed, tuning=0.4)
    if case["split"] == "random":
        return splits.halves(100, seed)
    return splits.whole_groups(superclasses(), seed, unseen=superclass_names().index(FLOWERS))
