"""The sets of the COREL paper, and what stands in where one is not at hand."""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from experiments.corel.networks import Data, as_tensor
from experiments.data import fashion, mnist, stand_in
from experiments.data.texts import Texts, ag_news, as_numbers, vocabulary


@lru_cache(maxsize=2)
def load(name: str, train: int, validation: int, test: int) -> Data:
    """Return a set cut to so many items of each part; "stand-in" is made up."""
    sizes = (train, validation, test)
    if name == "news":
        return _news(ag_news(), *sizes)
    if name in ("fashion", "mnist"):
        read = fashion if name == "fashion" else mnist
        learned, asked = read("train"), read("test")
        pixels = np.concatenate([learned.pixels, asked.pixels])
        labels = np.concatenate([learned.labels, asked.labels])
        first = np.random.default_rng(0).permutation(len(learned))[: train + validation]
        order = np.concatenate([first, len(learned) + np.arange(test)])
        return _pictures(pixels[order], labels[order], *sizes)
    if name == "digits":
        from sklearn.datasets import load_digits

        digits = load_digits()
        order = np.random.default_rng(0).permutation(len(digits.target))
        pixels = (255 / 16 * digits.images).astype(np.uint8)[order]
        return _pictures(pixels, digits.target[order].astype(np.int64), *sizes)
    made = stand_in(4, 40, size=8)
    order = np.random.default_rng(0).permutation(len(made))
    return _pictures(made.pixels[order], made.labels[order], *sizes)


def _pictures(pixels: NDArray[np.uint8], labels: NDArray[np.int64], *sizes: int) -> Data:
    cuts = np.cumsum(sizes)
    parts = [slice(start, stop) for start, stop in zip([0, *cuts], cuts, strict=False)]
    x, y = as_tensor(pixels), torch.from_numpy(labels)
    train, validation, test = ((x[part], y[part]) for part in parts)
    return Data(train, validation, test, int(labels.max()) + 1)


def _news(texts: Texts, *sizes: int) -> Data:
    order = np.random.default_rng(0).permutation(len(texts.texts))
    words = [texts.texts[k] for k in order]
    known = vocabulary(words[: sizes[0]])
    x = torch.from_numpy(as_numbers(words, known, length=60))
    y = torch.from_numpy(texts.labels[order])
    cuts = np.cumsum(sizes)
    parts = [slice(start, stop) for start, stop in zip([0, *cuts], cuts, strict=False)]
    train, validation, test = ((x[part], y[part]) for part in parts)
    return Data(train, validation, test, len(texts.classes), words=len(known) + 2)
