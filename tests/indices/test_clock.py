"""What the benchmarks measure memory with, on calls that are known to take so much."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

_spec = importlib.util.spec_from_file_location("clock", Path(__file__).parents[2] / "benchmarks" / "clock.py")
clock = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(clock)
TOLD = (clock.PROCESS / "clear_refs").exists()


@pytest.mark.skipif(not TOLD, reason="this system does not tell a process's peak")
@pytest.mark.parametrize("mb", [8, 100])
def test_the_peak_is_what_the_call_took_whatever_was_held_and_freed_before(mb):
    kept, freed = np.ones(50 << 17), [np.ones(1 << 14) for _ in range(3_000)]
    del freed
    found, value = clock.peaked(lambda: float(np.ones(mb << 17)[0]))
    assert value == kept[0] == 1.0
    assert found == pytest.approx(mb, abs=1.5)


@pytest.mark.skipif(not TOLD, reason="this system does not tell a process's peak")
def test_a_call_that_takes_nothing_has_no_peak():
    np.ones(100 << 17)
    assert clock.peaked(lambda: 2)[0] < 1.5


def test_without_proc_the_peak_is_unknown(monkeypatch, tmp_path):
    monkeypatch.setattr(clock, "PROCESS", tmp_path / "none")
    assert clock.peaked(lambda: 3) == (None, 3)
