"""AG News: titles and descriptions of four topics, and words as numbers."""

import csv
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.data.pictures import place

PADDING, UNKNOWN = 0, 1


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts, labels (N,) int64, and the topics' names (K,)."""

    texts: tuple[str, ...]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]


def ag_news(*, file: Path | None = None) -> Texts:
    """Return the 7,600 texts of the test part (all that is at hand); `NotHere` where there are none."""
    where = file or place("ag_news", "ag_news_test.csv", what="AG News, test part (Zhang et al. 2015)")
    with where.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    classes, labels = np.unique([row["label"] for row in rows], return_inverse=True)
    texts = tuple(f"{row['title']}. {row['description']}" for row in rows)
    return Texts(texts, labels.astype(np.int64), tuple(map(str, classes)))


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case, digits as one sign."""
    return re.findall(r"[a-z]+|0+", re.sub(r"[0-9]", "0", text.lower()))


def vocabulary(texts: list[str], *, least: int = 3) -> dict[str, int]:
    """Return a number from 2 on for every word that occurs `least` times in these texts."""
    counts = Counter(word for text in texts for word in words_of(text))
    kept = sorted(word for word, count in counts.items() if count >= least)
    return {word: number for number, word in enumerate(kept, start=2)}


def as_numbers(texts: list[str], known: dict[str, int], *, length: int) -> NDArray[np.int64]:
    """Return the first `length` words of every text as numbers (N, L), padded with 0; 1 is unknown."""
    numbers = np.full((len(texts), length), PADDING, dtype=np.int64)
    for row, text in enumerate(texts):
        found = [known.get(word, UNKNOWN) for word in words_of(text)[:length]]
        numbers[row, : len(found)] = found
    return numbers
