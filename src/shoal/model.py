"""The model that a round leaves: vectors of one layer to a class and a confidence, and through the head."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from shoal.arrays import unit_vectors
from shoal.learning.confidence import probabilities
from shoal.learning.novelty import STRANGE_BELOW, Steps
from shoal.training import storage
from shoal.types import UNLABELLED, ShoalError

if TYPE_CHECKING:
    from shoal.rounds import RoundResult
    from shoal.training.head import Head

KIND = "model"
ROWS = 8_192
FILES = ("model.safetensors", "model.onnx", "card.json")
NETWORK = "backbone.safetensors"
"""The file in a model's folder that holds the backbone, where it is one that was trained on."""


@dataclass(frozen=True, slots=True)
class Model:
    """Scores are unit vectors (N, D) times `weights` (D, K) plus `bias` (K,); the head is apart.

    `card` says what the numbers mean: class names and ids in the order of the scores, backbone, layer,
    temperature, how likely an item of such a score has a named class, metrics, and the data's fingerprint.
    `network` is the file of a backbone that was trained on, None for one that ships.
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    head: "Head"
    card: Mapping[str, Any]
    network: Path | None = None

    @classmethod
    def of(
        cls,
        result: "RoundResult",
        *,
        names: Sequence[str],
        facts: Mapping[str, Any],
    ) -> Self:
        """Return the model of a round; `names` (K,) are its classes'."""
        guess, reduction = result.guess, result.prepared.reduction
        probe = guess.probe
        weights = reduction.axes @ (probe.weights * np.float32(result.prepared.scale))
        named = {"score": guess.named.edges.tolist(), "probability": guess.named.heights.tolist()}
        card = {
            "classes": list(names),
            "class_ids": probe.classes.tolist(),
            "temperature": guess.temperature,
            "named": named,
            "none_below": float(STRANGE_BELOW),
            **facts,
        }
        return cls(weights, probe.bias - reduction.mean @ weights, result.head, card)

    @property
    def classes(self) -> list[str]:
        """Return the names of the classes, in the order of the scores."""
        return list(self.card["classes"])

    def predict(self, vectors: NDArray[np.floating]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return each vector's place among the classes (N,), -1 for none of them, and its confidence (N,).

        Raises `ShoalError` where vectors are not (N, D) of the layer that the model was learned on.
        """
        self._check(vectors)
        places = np.empty(len(vectors), dtype=np.int64)
        confidence = np.empty(len(vectors), dtype=np.float32)
        named, none_below = self._named()
        for start in range(0, len(vectors), ROWS):
            block = slice(start, start + ROWS)
            scores = unit_vectors(vectors[block]) @ self.weights + self.bias
            shares = probabilities(scores, self.card["temperature"])
            likely = named.at(scores.max(axis=1))
            places[block] = np.where(likely < none_below, UNLABELLED, shares.argmax(axis=1))
            confidence[block] = shares.max(axis=1) * likely
        return places, confidence

    def embed(self, vectors: NDArray[np.floating]) -> NDArray[np.float32]:
        """Map vectors (N, D) through the head to (N, d)."""
        self._check(vectors)
        return self.head.embed(vectors)

    def to_bytes(self) -> bytes:
        """Return the model as one safetensors file that carries its card."""
        arrays = {f"head.{name}": array for name, array in self.head.arrays().items()}
        card = {"card": dict(self.card), "head": self.head.settings()}
        return storage.pack(KIND, {"weights": self.weights, "bias": self.bias, **arrays}, card)

    @classmethod
    def from_bytes(cls, data: bytes, network: Path | None = None) -> Self:
        """Return the model of `to_bytes`, and its backbone's file; raises `ShoalError` for anything else."""
        from shoal.training.head import Head

        arrays, card = storage.unpack(KIND, data)
        parts = {name.removeprefix("head."): array for name, array in arrays.items() if "." in name}
        head = Head.of(parts, {"settings": card["head"]})
        return cls(arrays["weights"], arrays["bias"], head, card["card"], network)

    def save(self, folder: Path) -> list[str]:
        """Write model.safetensors, model.onnx and card.json into a folder; return the names of the files.

        A backbone that was trained on goes with them, as backbone.safetensors: the folder needs nothing else.
        Raises `ShoalError` where that file is gone, and on failure.
        """
        import json

        leaving = self if self.network is None else replace(self, card={**self.card, "backbone": NETWORK})
        network = None if self.network is None else _bytes_of(self.network)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ShoalError(f"cannot make the folder {folder}: {error.strerror or error}.") from error
        text = json.dumps(dict(leaving.card), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        written = dict(zip(FILES, (leaving.to_bytes(), leaving.to_onnx(), text.encode()), strict=True))
        if network is not None:
            written[NETWORK] = network
        for name, data in written.items():
            storage.replace(folder / name, data)
        return list(written)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the model of a folder that `save` wrote, or of its safetensors file; else `ShoalError`."""
        file = path / FILES[0] if path.is_dir() else path
        try:
            model = cls.from_bytes(file.read_bytes())
        except OSError as error:
            raise ShoalError(
                f"{file} cannot be read: {error.strerror or error}. "
                "`shoal model WORKSPACE --to FOLDER` writes a model."
            ) from error
        own = model.card.get("backbone") == NETWORK
        return replace(model, network=file.with_name(NETWORK)) if own else model

    def to_onnx(self) -> bytes:
        """Return the model as ONNX: "vectors" (N, D) -> "probabilities" (N, K), "named" (N, 1), "embedding".

        Each row of "probabilities" sums to "named", the probability that one of the classes is right; where
        it is below `card["none_below"]`, the answer is none of them.
        """
        from shoal.training.onnx import Graph

        graph = Graph()
        unit = graph.unit("vectors", "vector")
        scored = graph.node("MatMul", [unit, graph.constant("class_weights", self.weights)], "raw_scores")
        scores = graph.node("Add", [scored, graph.constant("class_bias", self.bias)], "scores")
        best = graph.node("ReduceMax", [scores], "score", axes=[1], keepdims=1)
        steps, _ = self._named()
        graph.steps(best, steps.edges, steps.heights, "named")
        heat = graph.constant("temperature", np.float32(self.card["temperature"]))
        shares = graph.node("Softmax", [graph.node("Div", [scores, heat], "logits")], "shares", axis=1)
        graph.node("Mul", [shares, "named"], "probabilities")
        self.head.add_to(graph)
        width, classes = self.weights.shape
        ends = [("probabilities", classes), ("named", 1), ("embedding", self.head.dimensions)]
        return graph.serialise("model", ("vectors", width), ends)

    def _named(self) -> tuple[Steps, np.float32]:
        if "named" in self.card:
            table, none_below = self.card["named"], self.card["none_below"]
        else:  # a card of an older Shoal: all or nothing by the least score
            table, none_below = {"score": [self.card["least"]], "probability": [0, 1]}, 0.5
        steps = Steps(np.array(table["score"], np.float32), np.array(table["probability"], np.float32))
        return steps, np.float32(none_below)

    def _check(self, vectors: NDArray[np.floating]) -> None:
        if vectors.ndim != 2 or vectors.shape[1] != len(self.weights):
            raise ShoalError(
                f"the model got vectors of shape {vectors.shape}; it takes (N, {len(self.weights)}): "
                f"layer {self.card.get('layer')!r} of {self.card.get('backbone')!r}."
            )


def _bytes_of(network: Path) -> bytes:
    try:
        return network.read_bytes()
    except OSError as error:
        raise ShoalError(
            f"the model needs its backbone {network}, which cannot be read: {error.strerror or error}."
        ) from error


def data_fingerprint(labels: Iterable[tuple[bytes, str]], vectors: str) -> str:
    """Return the SHA-256 of what was learned from: (key, class name) pairs, and which vectors they have."""
    digest = hashlib.sha256(vectors.encode())
    for key, name in sorted(labels):
        digest.update(b"%d:%b%d:%b" % (len(key), key, len(name.encode()), name.encode()))
    return digest.hexdigest()
