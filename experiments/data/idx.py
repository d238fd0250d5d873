"""Sets in the IDX format: Fashion-MNIST from Debian's package, MNIST where somebody has put it."""

import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.data.pictures import Pictures, place
from experiments.running import NotHere
from shoal.demos.fashion import CLASSES

FASHION = Path("/usr/share/datasets/fashion-mnist")
PREFIXES = {"train": "train", "test": "t10k"}


def fashion(part: str = "train", *, folder: Path = FASHION) -> Pictures:
    """Return Fashion-MNIST, "train" (60,000) or "test" (10,000); `NotHere` without Debian's package."""
    if not folder.is_dir():
        raise NotHere("Fashion-MNIST (apt install dataset-fashion-mnist)")
    return Pictures(*_both(folder, part), tuple(CLASSES))


def mnist(part: str = "train", *, folder: Path | None = None) -> Pictures:
    """Return MNIST, "train" (60,000) or "test" (10,000), from its four files; `NotHere` without them."""
    where = folder or place("mnist", what="MNIST (LeCun, Cortes, Burges): its four .gz files")
    return Pictures(*_both(where, part), tuple("0123456789"))


def read_idx(file: Path) -> NDArray[np.uint8]:
    """Return the array of one gzipped IDX file: magic, sizes, bytes, big endian."""
    data = gzip.decompress(file.read_bytes())
    rank = data[3]
    sizes = np.frombuffer(data, ">u4", count=rank, offset=4).tolist()
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(sizes)


def _both(folder: Path, part: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    prefix = PREFIXES[part]
    images = read_idx(folder / f"{prefix}-images-idx3-ubyte.gz")
    return images, read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz").astype(np.int64)
