"""The head: the small network that turns a backbone's vectors into the d numbers that training shapes."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shoal.arrays import is_number, unit_vectors
from shoal.training import storage
from shoal.training.checked import Floats, TrainingError, Vectors, checked_vectors, checked_whole
from shoal.training.scaling import scales_of
from shoal.training.tensors import as_arrays, as_tensors, put

if TYPE_CHECKING:
    from shoal.training.onnx import Graph

KIND = "head"
ROWS = 4096
"""How many vectors are embedded at once: 20 MB of float32 at 1,280 wide."""


class Head(nn.Module):
    """width -> hidden (`depth` times, ReLU) -> dimensions, on vectors standardised by the head itself.

    The mean (D,) and scale (D,) of its inputs are buffers, set by `standardise`, so that a head needs nothing
    but itself. `unit` first scales each vector to length 1 and then knows one scale for all directions: on
    pooled activations of a network, where the cosine is what counts, this is better than a scale for each.
    `normalise` scales the output to length 1: off, because on the plane it leaves a circle. depth=0 is a
    single linear layer. Raises `TrainingError` for sizes below 1 and dropout outside [0, 1).
    """

    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        width: int,
        dimensions: int = 16,
        *,
        hidden: int = 256,
        depth: int = 1,
        dropout: float = 0.0,
        unit: bool = True,
        normalise: bool = False,
    ) -> None:
        super().__init__()
        checked_whole("Head", width=width, dimensions=dimensions, hidden=hidden, at_least=1)
        checked_whole("Head", depth=depth, at_least=0)
        if not (is_number(dropout) and 0.0 <= dropout < 1.0):
            raise TrainingError(f"Head got dropout={dropout!r}; it lies in [0, 1).")
        self.width, self.dimensions, self.hidden, self.depth = map(int, (width, dimensions, hidden, depth))
        self.dropout, self.unit, self.normalise = float(dropout), bool(unit), bool(normalise)
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))
        self.body = _layers(self.width, self.dimensions, self.hidden, self.depth, self.dropout)

    @classmethod
    def linear(cls, mean: Floats, axes: Floats, scale: float, dimensions: int = 16) -> Self:
        """Return the head x -> scale * (x / |x| - mean) @ axes, from mean (D,) and axes (D, m), depth 0.

        The first `dimensions` axes count; where there are fewer, the other numbers are 0. With principal
        axes training begins at what the vectors themselves say, also of classes without a label.
        """
        head = cls(len(mean), dimensions, depth=0)
        kept = torch.from_numpy(np.ascontiguousarray(axes[:, :dimensions].T))
        last = cast(nn.Linear, head.body[-1])
        with torch.no_grad():
            head.mean.copy_(torch.from_numpy(mean))
            head.scale.fill_(scale)
            last.weight.zero_()
            last.weight[: len(kept)] = kept
            last.bias.zero_()
        return head

    def standardise(self, vectors: Vectors) -> None:
        """Take mean and scale from vectors (N, D): inputs like them then have mean 0 and deviation 1."""
        rows = checked_vectors("Head.standardise()", vectors, self.width)
        mean, deviation = _moments(rows, unit=self.unit)
        if self.unit:
            deviation = np.full_like(deviation, np.sqrt(np.mean(deviation**2)))
        self.mean.copy_(torch.from_numpy(mean))
        self.scale.copy_(torch.from_numpy(scales_of(mean, deviation)))

    def forward(self, x: Tensor) -> Tensor:
        """Map vectors (N, D) to (N, d)."""
        return self.after(self.before(x))

    def before(self, x: Tensor) -> Tensor:
        """Standardise vectors (N, D)."""
        return ((unit_rows(x) if self.unit else x) - self.mean) * self.scale

    def after(self, standardised: Tensor) -> Tensor:
        """Map vectors (N, D) that are standardised already to (N, d)."""
        z: Tensor = self.body(standardised)
        return unit_rows(z) if self.normalise else z

    @torch.no_grad()
    def embed(self, vectors: Vectors) -> Floats:
        """Map vectors (N, D) of any float type to (N, d) float32, without dropout, in blocks.

        Raises `TrainingError` where the width is another one.
        """
        given = checked_vectors("Head.embed()", vectors, self.width)
        training = self.training
        self.eval()
        try:
            out = np.empty((len(given), self.dimensions), np.float32)
            for start in range(0, len(given), ROWS):
                rows = np.ascontiguousarray(given[start : start + ROWS], dtype=np.float32)
                moved = torch.from_numpy(rows).to(self.mean)
                out[start : start + ROWS] = self(moved).float().cpu().numpy()
        finally:
            self.train(training)
        return out

    def settings(self) -> dict[str, Any]:
        """Return the arguments that make a head of this shape."""
        return {
            "width": self.width,
            "dimensions": self.dimensions,
            "hidden": self.hidden,
            "depth": self.depth,
            "dropout": self.dropout,
            "unit": self.unit,
            "normalise": self.normalise,
        }

    def to_bytes(self, facts: Mapping[str, Any] | None = None) -> bytes:
        """Return the head as one safetensors file; `facts` (JSON) say where it comes from."""
        return storage.pack(KIND, self.arrays(), self._card(facts))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Return the head of `to_bytes`; raises `TrainingError` for anything else."""
        return cls.of(*storage.unpack(KIND, data))

    def save(self, path: Path | str, facts: Mapping[str, Any] | None = None) -> None:
        """Write PATH.safetensors, and PATH.json: its shape, `facts` and SHA-256, for people to read."""
        storage.write(Path(path), KIND, self.arrays(), self._card(facts))

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Return the head that `save(path)` wrote; raises `TrainingError` where there is none."""
        return cls.of(*storage.read(Path(path), KIND))

    def to_onnx(self) -> bytes:
        """Return the head as an ONNX file: "vectors" (N, D) float32 -> "embedding" (N, d) float32."""
        from shoal.training.onnx import Graph

        graph = Graph()
        self.add_to(graph)
        return graph.serialise("head", ("vectors", self.width), [("embedding", self.dimensions)])

    def add_to(self, graph: "Graph") -> None:
        """Add the head to an ONNX graph, from its value "vectors" to "embedding"."""
        from shoal.training.onnx import add_head

        linear = [layer for layer in self.body if isinstance(layer, nn.Linear)]
        add_head(
            graph,
            _array(self.mean),
            _array(self.scale),
            [(_array(layer.weight), _array(layer.bias)) for layer in linear],
            unit=self.unit,
            normalise=self.normalise,
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return every number of the head by name."""
        return as_arrays(self.state_dict())

    def _card(self, facts: Mapping[str, Any] | None) -> dict[str, Any]:
        return {"settings": self.settings(), "facts": dict(facts or {})}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]], card: Mapping[str, Any]) -> Self:
        """Return the head of these numbers and the card's settings; `TrainingError` where they do not fit."""
        try:
            head = cls(**card["settings"])
            put(head, as_tensors(arrays))
        except (KeyError, TypeError, RuntimeError) as error:
            raise TrainingError(
                f"this head's numbers do not fit its card ({error}); train it again."
            ) from error
        return head.eval()


def unit_rows(x: Tensor) -> Tensor:
    """Return rows (N, D) scaled to length 1, whatever their size, as `unit_vectors` does; zeros stay zeros.

    Losses' `unit` keeps rows near zero as they are instead, lest their slope overflow.
    """
    largest = x.detach().abs().amax(dim=1, keepdim=True)
    wide = largest if largest.dtype == torch.float64 else largest.float()
    # a power of two costs no digit, and squares neither overflow nor vanish then; it has no slope
    most = math.frexp(torch.finfo(x.dtype).max)[1] - 2
    exponents = torch.frexp(wide).exponent.clamp(-most, most)
    x = x * torch.ldexp(torch.ones_like(wide), -exponents).to(x.dtype)
    length: Tensor = x.norm(dim=1, keepdim=True)
    return x / torch.where(length == 0.0, torch.ones_like(length), length)


def _layers(width: int, dimensions: int, hidden: int, depth: int, dropout: float) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [nn.Linear(width, hidden), nn.ReLU()]
        layers += [nn.Dropout(dropout)] if dropout else []
        width = hidden
    return nn.Sequential(*layers, nn.Linear(width, dimensions))


def _moments(vectors: NDArray[np.floating], *, unit: bool) -> tuple[Floats, Floats]:
    """Return mean (D,) and deviation (D,) of the finite rows of vectors (N, D), in blocks."""
    count, total, squares = 0, np.zeros(vectors.shape[1]), np.zeros(vectors.shape[1])
    shift = None
    for start in range(0, len(vectors), ROWS):
        rows = vectors[start : start + ROWS].astype(np.float32)
        rows = rows[np.isfinite(rows).all(axis=1)]
        if not len(rows):
            continue
        rows = unit_vectors(rows) if unit else rows
        # around a first guess of the mean, so that the squares keep their digits
        shift = rows.mean(axis=0, dtype=np.float64).astype(np.float32) if shift is None else shift
        rows -= shift
        count += len(rows)
        total += rows.sum(axis=0, dtype=np.float64)
        squares += np.einsum("nd,nd->d", rows, rows, dtype=np.float64)
    if shift is None:
        raise TrainingError(f"Head.standardise() got {len(vectors)} vectors, none of them finite.")
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
    return (mean + shift).astype(np.float32), deviation.astype(np.float32)


def _array(tensor: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = tensor.detach().float().cpu().numpy()
    return array
