"""The words of Shoal as data: what travels between the rooms. Imports nothing of ours."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Scalar = str | int | float | bool | None

UNLABELLED = -1
"""The class of an item that nobody has labelled, in every array of labels."""
NONE_OF_THESE = -2
"""The answer that an item belongs to none of the classes: a label that is no class."""
PUT_ASIDE = -3
"""The class of an item that somebody has skipped: seen, not labelled, not to be asked about again."""


class ShoalError(Exception):
    """A refusal whose message says who refuses, what came, what is allowed and what to do."""


class ItemError(ShoalError):
    """One item that cannot be read or decoded; it is listed with this reason and the run goes on."""


@dataclass(frozen=True, slots=True)
class Found:
    """One file that a source offers: its key within the source, its size in bytes, its time in ns."""

    key: bytes
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """One thing that cannot become an item, with a reason a person understands."""

    key: bytes
    reason: str


class Source(Protocol):
    """Where items come from. A source can be rebuilt in another process from its `uri` alone."""

    uri: str

    def scan(self) -> Iterator[Found | Skipped]:
        """List everything there is, in a stable order, opening no file."""
        ...

    def read(self, key: bytes) -> bytes:
        """Return the bytes of one item; raise `ItemError` with the reason where that is impossible."""
        ...


@dataclass(frozen=True, slots=True)
class ImageInput:
    """How a backbone wants images: the short side scaled to `resize` px, then the centre `size` px square."""

    size: int
    resize: int


@dataclass(frozen=True, slots=True)
class Decoded:
    """One decoded image: the network's input, its thumbnails, and facts. Both come from one decode.

    `pixels` is (size, size, 3) uint8 RGB; `thumbnails` maps the box in px to the bytes of a JPEG, or a WebP
    where the image is transparent, that fits into it with the image's aspect ratio; `width`, `height` are the
    upright original's.
    """

    pixels: NDArray[np.uint8]
    thumbnails: dict[int, bytes]
    width: int
    height: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Layer:
    """A named point inside a backbone that can be read: its width D and what it sees."""

    name: str
    width: int
    sees: str


@runtime_checkable
class Backbone(Protocol):
    """A frozen pretrained network that returns every layer of every image in one pass."""

    name: str
    fingerprint: str
    """Identifies the exact vectors: the weights, the preprocessing and the precision."""
    image_input: ImageInput

    def layers(self) -> list[Layer]:
        """List the layers, early to late."""
        ...

    def embed(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Map images (B, H, W, 3) to each layer's pooled activations (B, D)."""
        ...


@dataclass(frozen=True, slots=True)
class Embedding:
    """Vectors (N, D) of the items `ids` (N,) int64, and which layer of which backbone made them."""

    vectors: NDArray[np.float16] | NDArray[np.float32]
    ids: NDArray[np.int64]
    backbone: str
    fingerprint: str
    layer: str


ROUND = "round"
"""The projector of a map that a round drew."""
APART = "apart"
"""The projector of a map that tells two groups from each other."""
HEAD_OF = "head of round "
"""Before a round's number: the layer that its head makes of the one it learned on."""


@dataclass(frozen=True, slots=True)
class MapOrigin:
    """What made a map: stored beside it, so that a mismatch can be refused by name.

    `shard` is the newest shard whose items it shows, so that what was embedded later is known to be new to
    it; `fitted` is how many items the last real fit had, placing left out. `aside` marks a view beside the
    main map, such as another layer's: it is shown when asked for and nothing goes on from it.
    """

    projector: str
    parameters: dict[str, Scalar]
    seed: int
    backbone: str
    fingerprint: str
    layer: str
    parent: int | None = None
    label_seq: int | None = None
    shard: int = -1
    fitted: int = 0
    aside: bool = False


@dataclass(frozen=True, slots=True)
class Map:
    """Positions (N, 2) float32 in the unit square of the items `ids` (N,) int64, ids ascending."""

    xy: NDArray[np.float32]
    ids: NDArray[np.int64]
    origin: MapOrigin


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a piece of work has come; `seconds_left` is None while nobody can know."""

    done: int
    total: int
    message: str
    rate: float = 0.0
    seconds_left: float | None = None


Watch = Callable[[Progress], None]
"""Who hears how far a piece of work has come, and may raise to stop it."""


class Projector(Protocol):
    """A method that turns vectors into positions.

    Positions are in the projector's own units; `pipeline` brings them into the unit square.
    """

    name: str
    seed: int

    def parameters(self) -> dict[str, Scalar]:
        """Return everything besides the seed that decides the result."""
        ...

    def fit(
        self,
        vectors: NDArray[np.floating],
        *,
        start: NDArray[np.float32] | None = None,
        watch: Watch = lambda _: None,
    ) -> NDArray[np.float32]:
        """Place vectors (N, D) as (N, 2).

        With `start` (N, 2) the items begin there (NaN rows have none) and the result stays in its frame.
        `watch` hears how far each part of the fit is, as far as the method can say.
        """
        ...

    def place(
        self, vectors: NDArray[np.floating], placed: NDArray[np.floating], xy: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Place new vectors (M, D) among `placed` (N, D), which lie at `xy` (N, 2), without moving those."""
        ...


@dataclass(frozen=True, slots=True)
class Shard:
    """The items of one unit of embedding work; `number` orders them and decides the file it becomes."""

    number: int
    ids: NDArray[np.int64]
    keys: list[bytes]
    source: str


@dataclass(slots=True)
class ShardResult:
    """What embedding one shard gave. Row k of every array belongs to `ids[k]`; `failed` lists the others."""

    ids: NDArray[np.int64]
    vectors: dict[str, NDArray[np.float16]]
    thumbnails: dict[int, list[bytes]]
    sizes: NDArray[np.int32]
    digests: list[bytes]
    failed: list[tuple[int, str]] = field(default_factory=list)
