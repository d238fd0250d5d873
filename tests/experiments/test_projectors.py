"""The projectors' experiment: a core for each case, a missing rival is told, a broken one is not hidden."""

import json

import pytest

from experiments import running, tables
from experiments.projectors import run as projectors
from experiments.statistics import paired_t


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOAL_CACHE", str(tmp_path))


def _case(**more):
    return {"items": 60, "layer": "grid", "projector": "pca", "seed": 0} | more


def test_no_two_cases_hold_the_same_core_while_one_is_free(monkeypatch):
    monkeypatch.setattr(projectors.os, "sched_getaffinity", lambda _: {3, 5}, raising=False)
    with projectors._a_core() as first, projectors._a_core() as second, projectors._a_core() as third:
        assert (first, second, third) == (3, 5, 3)
    with projectors._a_core() as again:
        assert again == 3


def test_a_rival_that_is_not_installed_is_left_out_by_name(monkeypatch):
    monkeypatch.setattr(projectors, "find_spec", lambda name: None)
    with pytest.raises(running.NotHere, match=r"umap .*\[benchmarks\]"):
        projectors.measure(_case(projector="umap"))


def test_a_projector_that_fails_is_no_missing_one(monkeypatch, tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text("import sys; print('out of luck', file=sys.stderr); sys.exit(3)")
    monkeypatch.setattr(projectors, "SCRIPT", broken)
    with pytest.raises(RuntimeError, match=r"ended with 3:\nout of luck"):
        projectors.measure(_case())


def test_a_projector_is_measured_on_one_core_with_one_thread(monkeypatch, tmp_path):
    teller = tmp_path / "teller.py"
    teller.write_text(
        "import json, os, sys\n"
        "print(json.dumps({'accuracy': float(os.environ['OMP_NUM_THREADS']), "
        "'gestures': float(sys.argv[sys.argv.index('--gestures') + 1])}))"
    )
    monkeypatch.setattr(projectors, "SCRIPT", teller)
    assert projectors.measure(_case()) == {"accuracy": 1.0, "gestures": float(projectors.SHOWN)}


def test_the_set_is_named_and_the_vectors_stand_first(tmp_path):
    numbers = dict.fromkeys(projectors.COLUMNS, 1.0)
    rows = [
        {"items": items, "layer": "head", "projector": name, "seed": seed, "seconds": 1.0, **numbers, **more}
        for items, more in ((30_000, {}), (3_000, {"accuracy": 0.5}))
        for name in ("umap", "tsne", "vectors")
        for seed in (0, 1)
    ]
    page = projectors.report(rows, tmp_path)
    assert page.index("3,000 items of CIFAR-100") < page.index("30,000 items of Fashion-MNIST")
    assert page.index("| vectors |") < page.index("| tsne |") < page.index("| umap |")
    assert (tmp_path / "projectors.png").exists()


def test_the_experiment_names_the_versions_of_its_rivals(tmp_path):
    running.run(projectors.EXPERIMENT, "smoke", into=tmp_path)
    known = json.loads((tmp_path / "results.json").read_text())["versions"]
    assert known == running.versions(projectors.EXPERIMENT.packages)
    assert running.versions(["numba", "no-such-package"]).keys() <= {*running.PACKAGES, "numba"}


def test_each_test_of_a_family_may_have_its_own_digits():
    tests = [paired_t([1.0, 2.1, 3.0], [0.0, 1.0, 2.0]), paired_t([10.0, 30.0, 20.0], [1.0, 2.0, 3.0])]
    first, second = tables.adjusted(tests, [3, 0])
    assert first.startswith("**+1.033 ± ")
    assert second.startswith("+18 ± ")
