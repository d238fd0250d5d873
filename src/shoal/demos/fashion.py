"""The large demo: Fashion-MNIST, 70,000 small pictures, from Debian's package."""

import gzip
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shoal.demos.pile import PICTURES, Draft, Pile, Say, kept
from shoal.types import ShoalError

CLASSES = [
    "T-shirt",
    "trousers",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
]
_PARTS = {"train": "train", "test": "t10k"}
_MAGIC = {"images": 2051, "labels": 2049}


class Fashion:
    """Fashion-MNIST as PNG files of 28 x 28 px; the truth is the kind of garment."""

    name = "fashion"
    licence = "MIT (Zalando SE)"
    description = "70,000 pictures of clothes, 28 px, 10 classes; from Debian's dataset-fashion-mnist"

    def __init__(self, package: Path = Path("/usr/share/datasets/fashion-mnist")) -> None:
        self._package = package

    def fetch(self, folder: Path, say: Say) -> Pile:
        """Return the pile, written into `folder` unless it is there.

        Raises `ShoalError` with the line that installs the package where its files are missing or damaged.
        """

        def build(draft: Draft) -> None:
            say(f"writing {self.description}; licence {self.licence}")
            self._build(draft)

        return kept(folder, "fashion", build)

    def _build(self, draft: Draft) -> None:
        truth = {}
        for part, prefix in _PARTS.items():
            images, labels = self._idx(prefix, "images"), self._idx(prefix, "labels")
            if len(images) != len(labels) or (labels >= len(CLASSES)).any():
                raise ShoalError(f"the images and labels of {self._package}/{prefix}-* do not fit together.")
            (draft.root / PICTURES / part).mkdir()
            for number, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
                name = f"{part}/{number:05d}.png"
                draft.add(name, _png(image))
                truth[name] = CLASSES[label]
        draft.finish(truth, self.licence + "\n")

    def _idx(self, prefix: str, kind: str) -> NDArray[np.uint8]:
        """Read images (N, H, W) or labels (N,) uint8 in the IDX format: magic, sizes, bytes, big endian."""
        rank = 3 if kind == "images" else 1
        path = self._package / f"{prefix}-{kind}-idx{rank}-ubyte.gz"
        try:
            data = gzip.decompress(path.read_bytes())
            head = np.frombuffer(data, ">u4", count=1 + rank).tolist()
            body = np.frombuffer(data, np.uint8, offset=4 * (1 + rank))
            if head[0] != _MAGIC[kind]:
                raise ValueError(f"magic number {head[0]} is not {_MAGIC[kind]}")
            return body.reshape(head[1:])
        except FileNotFoundError as error:
            raise ShoalError(
                f"the fashion demo needs {path}, which is not there. "
                "Install it with: apt install dataset-fashion-mnist"
            ) from error
        except (OSError, EOFError, ValueError, zlib.error) as error:
            raise ShoalError(
                f"{path} is damaged: {error}. Install it again: apt install --reinstall dataset-fashion-mnist"
            ) from error


def _png(image: NDArray[np.uint8]) -> bytes:
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
