"""Every public function of the rooms that compute, and what people hand in by mistake: a value or a refusal.

No error comes from the depths: what is refused is refused by a `ShoalError` that names the function.
"""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import shoal.clustering
import shoal.indices
import shoal.introspection
from shoal import miners, samplers
from shoal.clustering import CLUSTERINGS
from shoal.indices import AGREEMENTS, INDICES, Clusters
from shoal.introspection import Climb
from shoal.losses import distance
from shoal.losses.silhouette import silhouette_samples
from shoal.types import ShoalError

N = 24
X = np.random.default_rng(0).normal(size=(N, 6)).astype(np.float32)
Y = np.arange(N) % 3
TRAINED = {"hidden": "8", "batch": 16}
QUICK = {
    "dec": TRAINED | {"width": 2, "pretraining": 1, "updates": 1, "every": 1},
    "idec": TRAINED | {"width": 2, "pretraining": 1, "updates": 1, "every": 1},
    "deepcluster": TRAINED | {"width": 4, "epochs": 1, "components": 2},
}


def _method(row: str) -> Any:
    kind = CLUSTERINGS.load(row)
    return kind(**QUICK.get(row, {})) if kind.finds_clusters else kind(3, **QUICK.get(row, {}))


def _fit(row: str, x: Any) -> Any:
    return _method(row).fit(x).labels


def _assign(row: str, x: Any) -> Any:
    method = _method(row)
    method.fit(X)
    return method.assign(x)


INSTALLED = [
    row for row in CLUSTERINGS.names() if find_spec(getattr(CLUSTERINGS.load(row), "package", "shoal"))
]
MAPS = nn.Sequential(nn.Conv2d(1, 4, 2))
NET = nn.Sequential(nn.Linear(6, 4), nn.ReLU())
OF_VECTORS: dict[str, Callable[[Any], Any]] = {
    **{row: lambda x, row=row: INDICES.load(row)(x, Y) for row in INDICES.names()},
    "Clusters": lambda x: Clusters.of(x, Y).means,
    **{
        name: lambda x, name=name: getattr(shoal.indices, name)(x, Y)
        for name in ("recall_at_k", "map_at_r", "r_precision", "knn_accuracy")
    },
    "nearest_neighbours": lambda x: shoal.indices.nearest_neighbours(x, 3),
    **{
        f"{name} of {what}": lambda x, name=name, turn=turn: getattr(shoal.indices, name)(
            *(X[:, :2], x)[::turn], 3
        )
        for name in ("neighbours_kept", "trustworthiness", "continuity")
        for what, turn in (("positions", 1), ("vectors", -1))
    },
    **{f"{row} fit": partial(_fit, row) for row in INSTALLED},
    **{f"{row} assign": partial(_assign, row) for row in INSTALLED},
    "most_exciting": lambda x: shoal.introspection.most_exciting(x, count=2).items,
    "flatten": lambda x: shoal.introspection.flatten(x, 2),
    "layer_quality": lambda x: (
        shoal.introspection.layer_quality({"a": x}, Y, {"mean": lambda rows, _: float(rows.mean())}).values
    ),
    "activations": lambda x: shoal.introspection.activations(NET, x, ["0"])["0"],
    "flattened": lambda x: shoal.introspection.flattened(NET, x, ["0"], 2)["0"],
}
OF_LABELS: dict[str, Callable[[Any], Any]] = {
    **{row: lambda y, row=row: INDICES.load(row)(X, y) for row in INDICES.names()},
    "Clusters": lambda y: Clusters.of(X, y).counts,
    **{
        name: lambda y, name=name: getattr(shoal.indices, name)(X, y)
        for name in ("recall_at_k", "map_at_r", "r_precision", "knn_accuracy")
    },
    **{row: lambda y, row=row: AGREEMENTS.load(row)(Y, y) for row in AGREEMENTS.names()},
    **{f"{row} turned": lambda y, row=row: AGREEMENTS.load(row)(y, Y) for row in AGREEMENTS.names()},
    **{
        f"{row} known": lambda y, row=row: _method(row).fit(X, known=y).labels
        for row in ("dec", "idec", "deepcluster")
    },
    "layer_quality": lambda y: (
        shoal.introspection.layer_quality(
            {"a": X}, y, {"classes": lambda _, of: float(len(np.unique(of)))}
        ).values
    ),
    "most_exciting": lambda y: shoal.introspection.most_exciting(X, y, count=2).items,
    "preferred_images": lambda y: (
        shoal.introspection.preferred_images(MAPS, "0", y, Climb(shape=(1, 4, 4), steps=1)).after
    ),
    "ClassBatches": lambda y: list(samplers.ClassBatches(y, classes=2, items=2)),
    "UniformOverClasses": lambda y: list(samplers.UniformOverClasses(y, size=8)),
    "Episodes": lambda y: list(samplers.Episodes(y, ways=2, shots=1, queries=1)),
}
TENSORS = {
    "batch_all": miners.batch_all,
    "batch_hard": miners.batch_hard,
    "semi_hard": miners.semi_hard,
    "hard": miners.hard,
    "distance_weighted": partial(miners.distance_weighted, width=3),
    "local_positives": miners.local_positives,
    "silhouette_samples": silhouette_samples,
}
"""Of a square tensor and labels."""

VECTORS: dict[str, Any] = {
    "NaN": np.full_like(X, np.nan),
    "one NaN": np.where(X[3, 2] == X, np.nan, X),
    "infinite": np.where(X[3, 2] == X, -np.inf, X),
    "immense": 1e300 * X.astype(np.float64),
    "empty": np.zeros((0, 6)),
    "one row": X[:1],
    "no width": np.zeros((N, 0)),
    "flat": X[0],
    "solid": X[None],
    "a number": 3.0,
    "None": None,
    "a word": "vectors",
    "words": np.full((N, 6), "a"),
    "objects": X.astype(object),
    "None in a list": [[None, 1.0]] * N,
    "ragged": [[1.0], [1.0, 2.0]] * (N // 2),
    "a dict": {"x": X},
    "a generator": (row for row in X),
    "complex": X + 1j,
    "bools": X > 0,
    "dates": X.astype("datetime64[s]"),
    "records": np.zeros(N, dtype=[("a", float)]),
    "masked": np.ma.masked_array(X, X > 1),
    "sparse": torch.from_numpy(X).to_sparse(),
    "on no device": torch.empty(N, 6, device="meta"),
    "tensors with gradients in a list": [torch.zeros(6, requires_grad=True)] * N,
}
SAME_VECTORS: dict[str, Any] = {
    "a list": X.tolist(),
    "columns first": np.asfortranarray(X),
    "every second": np.repeat(X, 2, axis=1)[:, ::2],
    "backwards twice": X[::-1].copy()[::-1],
    "the other byte order": X.astype(">f4"),
    "a tensor": torch.from_numpy(X),
    "a tensor that wants its gradient": torch.from_numpy(X).requires_grad_(),
    "a tensor not in a row": torch.from_numpy(np.repeat(X, 2, axis=1))[:, ::2],
}
LABELS: dict[str, Any] = {
    "floats": Y.astype(float),
    "NaN": np.full(N, np.nan),
    "bools": Y > 0,
    "words": Y.astype(str),
    "objects": Y.astype(object),
    "None": None,
    "a word": "labels",
    "Nones": [None] * N,
    "ragged": [[0], [0, 1]] * (N // 2),
    "a column": Y[:, None],
    "too few": Y[:5],
    "a number": 3,
    "empty": np.zeros(0, np.int64),
    "-1 alone": np.full(N, -1),
    "-2": np.where(Y == 2, -2, Y),
    "one class": np.zeros(N, np.int64),
    "beyond int64": np.where(Y == 2, 2**63 + 5, Y.astype(np.uint64)).astype(np.uint64),
    "the largest": np.where(Y == 2, 2**64 - 1, Y.astype(np.uint64)).astype(np.uint64),
    "2^70": [2**70, 0, 1] * (N // 3),
    "dates": Y.astype("datetime64[s]"),
    "masked": np.ma.masked_array(Y, Y == 1),
    "bfloat16": torch.from_numpy(Y).bfloat16(),
    "floats with gradients": torch.from_numpy(Y).float().requires_grad_(),
    "on no device": torch.zeros(N, dtype=torch.int64, device="meta"),
}
ALLOWED = {"empty", "-1 alone", "one class", "a number", "too few"}
"""Of these some functions make something; of all others none does."""
SAME_LABELS: dict[str, Any] = {
    "a list": Y.tolist(),
    "uint8": Y.astype(np.uint8),
    "uint64": Y.astype(np.uint64),
    "the other byte order": Y.astype(">i8"),
    "every second": np.repeat(Y, 2)[::2],
    "a tensor": torch.from_numpy(Y),
}


def called(name: str, call: Callable[[], Any]) -> Any:
    """Call, and return the refusal where there is one; every other error goes on."""
    try:
        return call()
    except ShoalError as refusal:
        said = str(refusal)
        assert len(said) > 20, said
        assert said.count("\n") == 0, said
        return refusal


def public(room: Any) -> set[str]:
    return {name for name in room._PLACES if isinstance(getattr(room, name), Callable)}


def test_every_public_function_is_walked():
    functions = {INDICES.load(row).name for row in INDICES.names()}
    functions |= {AGREEMENTS.load(row).__name__ for row in AGREEMENTS.names()}
    walked = {name.partition(" ")[0] for name in OF_VECTORS | OF_LABELS} | functions
    others = {"Index", "ValidityError"}
    assert public(shoal.indices) - others <= walked
    assert {CLUSTERINGS.load(row).__name__ for row in CLUSTERINGS.names()} | {
        "Clustering",
        "ClusteringError",
        "ClusteringMethod",
        "Epoch",
        "Sobel",
        "CropAndFlip",
    } == public(shoal.clustering)
    results = {"Exciting", "Climb", "Preferred", "LayerQuality", "IntrospectionError"}
    assert public(shoal.introspection) - results - {"watching", "preferred_image"} <= walked


@pytest.mark.parametrize("name", OF_VECTORS)
@pytest.mark.filterwarnings("ignore")
def test_strange_vectors_give_a_value_or_a_refusal(name):
    makes = {"immense", "one NaN", "NaN", "infinite", "one row", "bools", "solid", "empty"}
    for what, x in VECTORS.items():
        found = called(name, lambda x=x: OF_VECTORS[name](x))
        assert isinstance(found, ShoalError) or what in makes, what


@pytest.mark.parametrize("name", OF_VECTORS)
@pytest.mark.filterwarnings("ignore")
def test_the_same_vectors_in_another_dress_give_the_same(name):
    wanted = np.asarray(OF_VECTORS[name](X))
    for what, x in SAME_VECTORS.items():
        assert np.allclose(np.asarray(OF_VECTORS[name](x)), wanted, rtol=1e-5), what
    rounded = torch.from_numpy(X).bfloat16()
    wanted = np.asarray(OF_VECTORS[name](rounded.float().numpy()))
    assert np.allclose(np.asarray(OF_VECTORS[name](rounded)), wanted, rtol=1e-5)


@pytest.mark.parametrize("name", OF_LABELS)
@pytest.mark.filterwarnings("ignore")
def test_strange_labels_give_a_value_or_a_refusal(name):
    units = name in {"most_exciting", "preferred_images"}
    for what, y in LABELS.items():
        found = called(name, lambda y=y: OF_LABELS[name](y))
        free = ALLOWED | ({"None"} if units or name.endswith("known") else set())
        assert isinstance(found, ShoalError) or what in free, what


@pytest.mark.parametrize("name", OF_LABELS)
@pytest.mark.filterwarnings("ignore")
def test_the_same_labels_in_another_dress_give_the_same(name):
    wanted = np.asarray(OF_LABELS[name](Y))
    for what, y in SAME_LABELS.items():
        assert np.allclose(np.asarray(OF_LABELS[name](y)), wanted), what


@pytest.mark.parametrize("name", TENSORS)
def test_functions_of_tensors_refuse_what_is_strange(name):
    square = distance.pairwise(distance.unit(torch.from_numpy(X)))
    labels = torch.from_numpy(Y)
    assert len(TENSORS[name](square, labels)) in {3, N}
    for what, x in VECTORS.items():
        given = torch.from_numpy(x) if type(x) is np.ndarray and x.dtype.kind == "f" else x
        found = called(name, lambda x=given: TENSORS[name](x, labels))
        fits = name == "silhouette_samples" and what == "immense"
        assert isinstance(found, ShoalError) or (fits and bool(found.isfinite().all())), what
    for what, y in LABELS.items():
        given = torch.from_numpy(y) if type(y) is np.ndarray and y.dtype.kind in "fiub" else y
        found = called(name, lambda y=given: TENSORS[name](square, y))
        assert isinstance(found, ShoalError) or what in {"-1 alone", "one class"}, what
