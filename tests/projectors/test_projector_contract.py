"""One contract over every row: what a projector takes, gives and refuses."""

import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from shoal.projectors import PROJECTORS
from shoal.projectors.checked import Floats, ProjectorError
from shoal.types import Progress, Projector

NAMES = PROJECTORS.names()
SAY_STEPS = ("tsne", "opentsne")


def _package(name: str) -> str | None:
    """Return what would have to be installed for this row, None where nothing is missing."""
    module = getattr(PROJECTORS.load(name), "module", None)
    return PROJECTORS.load(name).package if module and find_spec(module) is None else None


@pytest.fixture(params=[name for name in NAMES if not _package(name)])
def projector(request: pytest.FixtureRequest) -> Projector:
    """Every projector of the registry whose package is installed."""
    made: Projector = PROJECTORS.load(request.param)(seed=3)
    return made


@pytest.mark.parametrize("name", [name for name in NAMES if _package(name)])
def test_the_contract_is_not_tested_here_for(name: str) -> None:
    pytest.skip(f"{_package(name)} is not installed")


def _vectors(items: int, width: int = 24) -> Floats:
    return np.random.default_rng(items).standard_normal((items, width)).astype(np.float32)


def test_the_row_is_the_name_and_the_seed_is_kept(projector: Projector) -> None:
    assert projector.name in NAMES
    assert projector.seed == 3
    factory: Any = PROJECTORS.load(projector.name)
    assert factory(seed=3, **projector.parameters()).parameters() == projector.parameters()


@pytest.mark.parametrize("items", [0, 1, 2, 3, 4, 10, 40])
def test_every_number_of_items_gets_positions(projector: Projector, items: int) -> None:
    xy = projector.fit(_vectors(items))
    assert xy.shape == (items, 2)
    assert xy.dtype == np.float32
    assert np.isfinite(xy).all()


def test_a_fit_says_how_far_it_is_and_nothing_depends_on_who_hears_it(projector: Projector) -> None:
    heard: list[Progress] = []
    vectors = _vectors(120)
    np.testing.assert_array_equal(projector.fit(vectors, watch=heard.append), projector.fit(vectors))
    assert bool(heard) == (projector.name != "pca")
    steps = [step.done for step in heard if step.total]
    assert steps == sorted(steps)
    assert all(step.done <= step.total for step in heard if step.total)
    assert bool(steps) == (projector.name in SAY_STEPS)


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("name", [name for name in SAY_STEPS if not _package(name)])
def test_whoever_hears_of_a_step_may_stop_the_fit(name: str, known: bool) -> None:
    class Stopped(Exception):
        pass

    def stop(step: Progress) -> None:
        if step.total and step.done >= 7:
            raise Stopped

    vectors = _vectors(120)
    with pytest.raises(Stopped):
        PROJECTORS.load(name)().fit(vectors, start=vectors[:, :2] if known else None, watch=stop)


@pytest.mark.parametrize("width", [1, 2, 3])
def test_narrow_vectors(projector: Projector, width: int) -> None:
    assert np.isfinite(projector.fit(_vectors(50, width))).all()


def test_equal_vectors(projector: Projector) -> None:
    for vectors in (np.ones((40, 5)), np.zeros((40, 5)), np.repeat(_vectors(4), 25, axis=0)):
        xy = projector.fit(vectors)
        assert xy.shape == (len(vectors), 2)
        assert np.isfinite(xy).all()


def test_the_same_seed_gives_the_same_map_and_the_input_stays(projector: Projector) -> None:
    vectors = _vectors(120)
    before = vectors.copy()
    np.testing.assert_array_equal(projector.fit(vectors), projector.fit(vectors))
    np.testing.assert_array_equal(vectors, before)


def test_half_precision_is_taken(projector: Projector) -> None:
    vectors = _vectors(120).astype(np.float16)
    np.testing.assert_array_equal(projector.fit(vectors), projector.fit(vectors.astype(np.float32)))


@pytest.mark.parametrize("known", [0, 1, 2, 60, 120])
def test_a_start_with_and_without_gaps(projector: Projector, known: int) -> None:
    vectors = _vectors(120)
    start = np.random.default_rng(0).random((120, 2)).astype(np.float32)
    start[known:] = np.nan
    before = start.copy()
    xy = projector.fit(vectors, start=start)
    assert xy.shape == (120, 2)
    assert np.isfinite(xy).all()
    np.testing.assert_array_equal(start, before)


@pytest.mark.parametrize("items", [0, 1, 2, 3, 4, 10])
def test_a_start_for_few_items(projector: Projector, items: int) -> None:
    start = np.random.default_rng(0).random((items, 2)).astype(np.float32)
    assert np.isfinite(projector.fit(_vectors(items), start=start)).all()


def test_a_start_on_one_point(projector: Projector) -> None:
    assert np.isfinite(projector.fit(_vectors(60), start=np.full((60, 2), 0.5, np.float32))).all()


@pytest.mark.parametrize(("new", "placed"), [(0, 0), (0, 30), (5, 0), (1, 1), (5, 2), (30, 30)])
def test_placing_any_number_among_any_number(projector: Projector, new: int, placed: int) -> None:
    xy = np.random.default_rng(0).random((placed, 2)).astype(np.float32)
    before = xy.copy()
    found = projector.place(_vectors(new), _vectors(placed), xy)
    assert found.shape == (new, 2)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(xy, before)
    np.testing.assert_array_equal(found, projector.place(_vectors(new), _vectors(placed), xy))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_vectors_that_are_not_finite_are_refused_by_row(projector: Projector, bad: float) -> None:
    vectors = _vectors(20)
    vectors[7, 3] = bad
    with pytest.raises(ProjectorError, match=rf"{projector.name} got 1 vectors.*row 7"):
        projector.fit(vectors)
    with pytest.raises(ProjectorError, match="row 7"):
        projector.place(vectors, _vectors(20), np.zeros((20, 2), np.float32))


@pytest.mark.parametrize("bad", [np.zeros(5), np.zeros((2, 3, 4)), np.array([["a"]]), np.zeros((5, 0))])
def test_other_shapes_and_types_are_refused(projector: Projector, bad: Any) -> None:
    with pytest.raises(ProjectorError, match=projector.name):
        projector.fit(bad)


def test_a_start_of_another_length_is_refused(projector: Projector) -> None:
    with pytest.raises(ProjectorError, match=r"\(9, 2\) for 10 items"):
        projector.fit(_vectors(10), start=np.zeros((9, 2), np.float32))


def test_placing_refuses_what_does_not_fit(projector: Projector) -> None:
    with pytest.raises(ProjectorError, match="24 wide among placed ones 7 wide"):
        projector.place(_vectors(5), _vectors(5, 7), np.zeros((5, 2), np.float32))
    with pytest.raises(ProjectorError, match=r"\(4, 2\) for 5 placed"):
        projector.place(_vectors(5), _vectors(5), np.zeros((4, 2), np.float32))


@pytest.mark.parametrize("name", [n for n in NAMES if n not in {"tsne", "pca"}])
def test_a_missing_package_is_named_with_its_install_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    guest = PROJECTORS.load(name)
    monkeypatch.setitem(sys.modules, guest.module, None)
    with pytest.raises(ProjectorError, match=f"pip install {guest.package}"):
        guest().fit(_vectors(40))


@pytest.mark.parametrize("name", [n for n in NAMES if n != "pca"])
def test_too_few_neighbours_are_refused(name: str) -> None:
    with pytest.raises(ProjectorError, match="neighbours=1; it takes 2 or more"):
        PROJECTORS.load(name)(neighbours=1)


def test_the_default_loads_nothing_heavy_and_repeats_itself_in_a_fresh_process() -> None:
    code = (
        "import sys, numpy as np; from shoal.projectors import PROJECTORS;"
        "v = np.random.default_rng(0).standard_normal((400, 64));"
        "xy = PROJECTORS.load('tsne')(seed=5).fit(v);"
        "heavy = [m for m in ('torch', 'numba', 'sklearn', 'onnx') if m in sys.modules];"
        "print(xy.tobytes().hex()[:4000], heavy)"
    )
    run = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert run[0] == run[1]
    assert run[0].strip().endswith("[]")
