"""Layers judged: right numbers in the right rows, and the measures see labelled items only."""

import numpy as np
import pytest

from shoal.indices import map_at_r
from shoal.introspection import IntrospectionError, layer_quality
from shoal.training import TrainingError, probe_accuracy
from shoal.types import Embedding

Y = np.array([0, 0, 1, 1, -1])
LINE = np.array([[0.0], [1.0], [5.0], [6.0], [np.nan]], np.float32)
MIXED = np.array([[0.0, 0.0], [5.0, 0.0], [1.0, 0.0], [6.0, 0.0], [0.0, 0.0]], np.float16)


def embedding(vectors: np.ndarray, layer: str, ids: np.ndarray | None = None) -> Embedding:
    return Embedding(vectors, np.arange(len(vectors)) if ids is None else ids, "net", "print", layer)


def test_known_values_by_layer():
    judged = layer_quality(
        {"mixed": MIXED, "line": LINE}, Y, {"MAP@R": map_at_r, "width": lambda x, _: x.shape[1]}
    )
    # R is 1 everywhere: the nearest other is of the class in `line` always, in `mixed` never
    assert judged.of("MAP@R") == {"mixed": 0.0, "line": 1.0}
    assert judged.values.tolist() == [[0.0, 2.0], [1.0, 1.0]]
    assert (judged.layers, judged.widths, judged.measures) == (("mixed", "line"), (2, 1), ("MAP@R", "width"))
    assert (judged.best("MAP@R"), judged.best("width")) == ("line", "mixed")
    assert judged.table(1).splitlines() == [
        "| layer | width | MAP@R | width |",
        "|---|---:|---:|---:|",
        "| mixed | 2 | 0.0 | **2.0** |",
        "| line | 1 | **1.0** | 1.0 |",
    ]


def test_embeddings_are_judged_by_their_layers_names():
    judged = layer_quality([embedding(MIXED, "early"), embedding(LINE, "late")], Y, {"MAP@R": map_at_r})
    assert judged.of("MAP@R") == {"early": 0.0, "late": 1.0}


def test_nan_never_wins():
    judged = layer_quality(
        {"a": MIXED, "b": LINE}, Y, {"odd": lambda x, _: np.nan if x.shape[1] == 2 else -1}
    )
    assert judged.best("odd") == "b"


def test_a_probe_finds_what_neighbours_do_not():
    random = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 40)
    loud = random.normal(size=(120, 30)) * 3
    loud[:, :3] = 2 * np.eye(3)[y] + 0.1 * random.normal(size=(120, 3))
    layers = {"noise": random.normal(size=(120, 30)), "classes": loud}
    probe = {"probe": lambda x, labels: probe_accuracy(x, labels, unit=False), "MAP@R": map_at_r}
    judged = layer_quality(layers, y, probe)
    assert judged.of("probe")["noise"] < 0.5
    assert judged.of("probe")["classes"] > 0.95
    assert judged.of("MAP@R")["classes"] < 0.5


def test_the_probe_is_asked_about_every_item_that_has_company_once():
    """A plain loop over the folds, with the probe by hand, gives the same number."""
    from shoal.training import LinearProbe
    from shoal.training.folds import deal

    random = np.random.default_rng(1)
    y = np.array([0] * 7 + [1] * 6 + [2] + [-1] * 3)
    x = random.normal(size=(17, 5)) + np.eye(5)[y % 3]
    fold, right = deal(y, 5, 0), []
    for k in range(5):
        probe = LinearProbe.fit(x, np.where(fold == k, -1, y))
        right += (probe.predict(x[fold == k]) == y[fold == k]).tolist()
    assert len(right) == 13
    assert probe_accuracy(x, y) == pytest.approx(np.mean(right))
    with pytest.raises(TrainingError, match="one item a class"):
        probe_accuracy(x[:2], np.array([0, 1]))


@pytest.mark.parametrize(
    ("layers", "labels", "message"),
    [
        ({"a": MIXED, "b": LINE[:4]}, Y, r"'b' of shape \(4, 1\)"),
        ({"a": np.zeros((5, 2, 3, 3))}, Y, "flatten"),
        ({"a": MIXED}, Y[:4], "for 5 items"),
        ({"a": MIXED}, np.zeros(5, int), "fewer than two classes"),
        ({"a": MIXED}, Y - 1, "unlabelled"),
        ({}, Y, "no layers"),
        ([embedding(MIXED, "a"), embedding(MIXED, "b", np.arange(5) + 1)], Y, "other items"),
        ([embedding(MIXED, "a"), embedding(LINE, "a")], Y, "one layer"),
    ],
)
def test_what_it_refuses(layers, labels, message):
    with pytest.raises(IntrospectionError, match=message):
        layer_quality(layers, labels, {"MAP@R": map_at_r})


def test_a_measure_that_there_is_not():
    with pytest.raises(IntrospectionError, match="There are: MAP@R"):
        layer_quality({"a": MIXED}, Y, {"MAP@R": map_at_r}).best("NMI")
